//! `fed_index_check`.

use std::time::Duration;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::contract::{Contract, Order, Privilege, Recovery};
use crate::federation::everywhere::{STUCK_AFTER, state_in};
use crate::federation::guard;
use crate::federation::same_data::compare_zones;
use crate::federation_map::{Role, Zone};
use crate::module::{Change, Cx, Effect, Failure, FailureKind, Finding, Module, Outcome};
use crate::opennebula::local::LocalOned;
use crate::opennebula::survey::{Distance, Look, Verdict, look};
use crate::opennebula::xmlrpc::RpcError;
use crate::opennebula::zone::{self, ZoneState};

/// Waits until all zones have the same federated index, and prints the table of zones. Runs on the master's front-end.
///
/// Every zone's endpoint is asked by XML-RPC; where that is impossible the table of `onezone list --csv` is taken. Indices are equal
/// when two looks in a row say so. A zone that does not answer, has no federated log (2^64-1) or is ahead of its master is never
/// equal. A slave that fell behind while the master was restarted stays behind until the next federated write: `nudge` makes one by
/// setting the master zone's state to what it is. Equal indices do not prove equal data: `data` compares the federated tables.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FedIndexCheck {
    /// Seconds to wait, counted from the last progress: a slave far behind takes minutes.
    #[serde(default = "default_timeout")]
    timeout: u64,
    /// Repeat the master zone's present state if slaves are stuck behind. This is a write, and opens nothing.
    #[serde(default)]
    nudge: bool,
    /// Prove that a federated write arrives in every zone, without leaving test data behind: repeat the master zone's present state
    /// though nothing is stuck, and see every index move. Wakes slaves that are stuck, as `nudge` does.
    #[serde(default)]
    write: bool,
    /// Compare the federated tables of all zones too: the seven pools row by row, `db_versioning` by its newest version.
    #[serde(default)]
    data: bool,
}

fn default_timeout() -> u64 {
    300
}

/// Between two looks.
const INTERVAL: Duration = Duration::from_secs(1);

/// How the waiting ended, unless it failed.
enum Settled {
    Equal(Look, u64),
    Stuck(Look, Vec<String>),
}

/// What is asked, and of whom.
struct Watch<'a> {
    cx: &'a Cx<'a>,
    oned: LocalOned,
    master: &'a Zone,
    limit: Duration,
}

impl<'a> Watch<'a> {
    async fn of(cx: &'a Cx<'a>, timeout: u64) -> Result<Self, Failure> {
        let master = guard::zone_of(cx)?;
        if master.role != Role::Master {
            return Err(Failure::unsafe_to_go_on(format!(
                "{} is a front-end of zone {}, a slave: the master's front-end asks all zones",
                cx.host.name(),
                master.id
            ))
            .hint("run this task on the master: hosts: master"));
        }
        let oned = LocalOned::of(cx.host, cx.secrets).await?;
        guard::agrees(cx.host.name(), master, &oned.conf)?;
        Ok(Self {
            cx,
            oned,
            master,
            limit: cx.timeout.unwrap_or(Duration::from_secs(timeout)),
        })
    }

    /// Looks until the zones are equal, stuck (where `may_be_stuck`), hopeless, or the deadline passes without progress.
    async fn settle(&self, may_be_stuck: bool) -> Result<Settled, Failure> {
        let clock = self.cx.host.clock();
        let expected: Vec<u32> = self.cx.federation.zones.iter().map(|zone| zone.id).collect();
        let mut best: Option<Distance> = None;
        let mut progress = clock.monotonic();
        let mut before: Option<Verdict> = None;
        loop {
            let seen = look(self.cx.host, &self.oned, self.master.id).await;
            let waited = |since| clock.monotonic().saturating_sub(since);
            let (look, verdict) = match seen {
                Ok(look) => {
                    let verdict = look.verdict(&expected);
                    (look, verdict)
                }
                // The master's oned may be starting.
                Err(failure) if failure.kind != FailureKind::Unreachable && waited(progress) < self.limit => {
                    before = None;
                    clock.sleep(INTERVAL).await;
                    continue;
                }
                Err(failure) => return Err(failure),
            };
            let distance = look.distance();
            if best.is_none_or(|best| distance < best) {
                best = Some(distance);
                progress = clock.monotonic();
                look.table()
                    .lines()
                    .for_each(|line| self.cx.progress.line(line, false));
            }
            let twice = before.as_ref() == Some(&verdict);
            match &verdict {
                Verdict::Equal(index) if twice => return Ok(Settled::Equal(look, *index)),
                Verdict::Hopeless(why) if twice => return Err(hopeless(&look, why)),
                Verdict::Behind(why) if may_be_stuck && waited(progress) >= STUCK_AFTER.min(self.limit) => {
                    return Ok(Settled::Stuck(look, why.clone()));
                }
                Verdict::Behind(why) | Verdict::Unknown(why) | Verdict::Hopeless(why)
                    if waited(progress) >= self.limit =>
                {
                    return Err(never_equal(&look, why, self.limit));
                }
                _ => {}
            }
            before = Some(verdict);
            clock.sleep(INTERVAL).await;
        }
    }

    /// Sets the master zone's state to what it is, at the master.
    async fn write(&self, state: ZoneState) -> Result<(), Failure> {
        let client = self.oned.client(self.cx.host).limit(Duration::from_secs(30));
        match zone::enable(&client, self.master.id, state == ZoneState::Enabled).await {
            // A lost answer: repeating is harmless, and the waiting that follows tells.
            Ok(())
            | Err(RpcError::TimedOut { .. } | RpcError::Broken { .. } | RpcError::Malformed { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// The one write there is, and what was seen before it.
    fn repeat(&self, look: &Look, why: &str) -> Finding {
        let state = look
            .zone(self.master.id)
            .map_or(ZoneState::Enabled, |zone| zone.state);
        Finding::Change(
            Change::new(format!("set zone {} {state}, as it is, {why}", self.master.id))
                .seen(json!({ "state": state, "index": look.master_index() })),
        )
    }

    async fn finish(&self, look: &Look, index: u64, data: bool) -> Result<Outcome, Failure> {
        let outcome = Outcome::unchanged(look.table())
            .with("equal", true)
            .with("fed_index", index)
            .with("zones", json!(look.zones));
        if !data {
            return Ok(outcome);
        }
        let compared = compare_zones(self.cx, &self.oned.conf).await?;
        Ok(Outcome {
            warnings: compared.warnings,
            ..outcome
                .with("data", "same")
                .with("compared_zones", compared.zones)
        })
    }
}

/// Zones that are not in sync after a write.
fn unproven(failure: Failure) -> Failure {
    let kind = match failure.kind {
        FailureKind::Failed => FailureKind::NotVerified,
        other => other,
    };
    Failure { kind, ..failure }
}

fn hopeless(look: &Look, why: &[String]) -> Failure {
    Failure::unsafe_to_go_on(format!(
        "waiting cannot bring the zones in sync: {}",
        why.join("; ")
    ))
    .state(look.table())
    .with("equal", false)
    .with("zones", json!(look.zones))
    .hint("restore the federated backup of the master in that zone (onedb_restore), or correct the inventory")
}

fn never_equal(look: &Look, why: &[String], limit: Duration) -> Failure {
    Failure::failed(format!("zones are not in sync, and nothing moved for {limit:?}: {}", why.join("; ")))
        .state(look.table())
        .with("equal", false)
        .with("zones", json!(look.zones))
        .hint("a zone that does not answer: start its oned, and see that nothing filters its endpoint from the master")
        .hint("a zone that stays behind: nudge: true makes the one federated write it waits for")
}

#[async_trait]
impl Module for FedIndexCheck {
    const NAME: &'static str = "fed_index_check";
    const CONTRACT: Contract = Contract::serial(Order::MasterFirst, Recovery::Inspect, Privilege::Root);
    const EXAMPLE: &'static str = "- name: All zones in sync, with the same data\n  fed_index_check:\n    nudge: true\n    data: true\n";

    async fn inspect(&self, cx: &Cx<'_>) -> Result<Finding, Failure> {
        let watch = Watch::of(cx, self.timeout).await?;
        match watch.settle(self.nudge || self.write).await? {
            Settled::Equal(look, index) if !self.write => {
                Ok(Finding::NoChange(watch.finish(&look, index, self.data).await?))
            }
            Settled::Equal(look, _) => Ok(watch.repeat(&look, "to see a write arrive in every zone")),
            Settled::Stuck(look, why) => Ok(watch.repeat(&look, &format!("to wake up: {}", why.join("; ")))),
        }
    }
}

#[async_trait]
impl Effect for FedIndexCheck {
    async fn apply(&self, cx: &Cx<'_>, change: &Change) -> Result<Outcome, Failure> {
        let watch = Watch::of(cx, self.timeout).await?;
        let client = watch.oned.client(cx.host).limit(Duration::from_secs(30));
        let state = state_in(&zone::pool(&client).await?, watch.master.id)?;
        if json!(state) != change.seen["state"] {
            return Err(Failure::unsafe_to_go_on(format!(
                "somebody set zone {} {state} in the meantime",
                watch.master.id
            ))
            .hint("see that nobody else works on the zones, then run this task again"));
        }
        watch.write(state).await?;
        // The master may have been restarted before slaves heard of that write: then they wait for another one.
        if let Settled::Stuck(..) = watch.settle(true).await.map_err(unproven)? {
            watch.write(state).await?;
        }
        Ok(Outcome::changed(change.what.join("; ")).with("nudged", true))
    }

    async fn verify(&self, cx: &Cx<'_>, change: &Change, outcome: &mut Outcome) -> Result<(), Failure> {
        let watch = Watch::of(cx, self.timeout).await?;
        let (look, index) = match watch.settle(false).await.map_err(unproven)? {
            Settled::Equal(look, index) => (look, index),
            // Not asked for above; a look that is stuck is one that is behind.
            Settled::Stuck(look, why) => return Err(never_equal(&look, &why, STUCK_AFTER)),
        };
        let state = look
            .zone(watch.master.id)
            .map_or(Value::Null, |zone| json!(zone.state));
        if state != change.seen["state"] {
            return Err(Failure::not_verified(format!(
                "zone {} changed its state from {} to {state}",
                watch.master.id, change.seen["state"]
            )));
        }
        if change.seen["index"]
            .as_u64()
            .is_some_and(|before| index <= before)
        {
            return Err(Failure::not_verified(format!(
                "the write did not move the index: all zones are at {index}, as before it"
            )));
        }
        let read = watch.finish(&look, index, self.data).await?;
        outcome.result.extend(read.result);
        outcome.warnings.extend(read.warnings);
        let lines: Vec<String> = outcome.message.take().into_iter().chain(read.message).collect();
        outcome.message = Some(lines.join("\n"));
        Ok(())
    }
}

#[cfg(test)]
mod tests;
