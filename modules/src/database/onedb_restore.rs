//! Module `onedb_restore`.

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::guard::{absolute, room, stillness};
use super::task;
use crate::contract::{Concurrency, Contract, Order, Privilege, Recovery};
use crate::module::{Change, Cx, Effect, Failure, Finding, Module, Outcome};
use crate::opennebula::conf::Mode;
use crate::opennebula::dump;
use crate::opennebula::fingerprint::{Fingerprints, federated_tables};
use crate::opennebula::onedb::{Access, GivenDatabase, version};

/// Restores the master's federated backup in a stopped slave, in all slaves at once.
///
/// Believed only when the eight federated tables and the federated log equal what is in the dump: onedb says "restored" and exits 0
/// for a dump that is cut, empty or unreadable, for a full disk and when it is killed. Restoring the same dump again is harmless and
/// heals an interrupted restore. For a full backup see `onedb_restore_full`, which is never done in parallel.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OnedbRestore {
    /// Absolute path of the federated dump on this host.
    src: String,
    /// What the dump must hold: `fingerprints` as `onedb_backup` registered them. Without it, what is in the dump.
    #[serde(default)]
    expect: Option<Fingerprints>,
    /// The dump's SHA-256 (hex), as `onedb_backup` registered it.
    #[serde(default)]
    sha256: Option<String>,
    /// As in the documented command; a full backup is restored by `onedb_restore_full`.
    #[serde(default = "yes")]
    federated: bool,
    /// Connection parameters instead of those of oned.conf.
    #[serde(default)]
    database: Option<GivenDatabase>,
}

fn yes() -> bool {
    true
}

impl OnedbRestore {
    /// The dump's content, after everything that can be said against the dump was looked for. `None`: there is no dump.
    async fn dump(&self, cx: &Cx<'_>, access: &Access) -> Result<Option<(u64, Fingerprints)>, Failure> {
        let host = cx.host.name();
        let Some((dump, prints)) = dump::proven(cx.host, access, &self.src, true).await? else {
            return Ok(None);
        };
        if let Some(wanted) = &self.sha256
            && !wanted.eq_ignore_ascii_case(&dump.sha256)
        {
            return Err(Failure::unsafe_to_go_on(format!(
                "{host}: {} is not the dump that was asked for: its sha256 is {}, not {wanted}",
                self.src, dump.sha256
            ))
            .hint("bring it again with distribute"));
        }
        let differences = match &self.expect {
            Some(expected) => prints.differences(&expected.federated()),
            None => Vec::new(),
        };
        if differences.is_empty() {
            let wanted = match &self.expect {
                Some(expected) => expected.federated(),
                None if prints.only_counted() => {
                    return Err(Failure::unsafe_to_go_on(format!(
                        "{host}: the rows of {} can only be counted here, which does not prove a restore",
                        self.src
                    ))
                    .hint("give `expect`: the fingerprints onedb_backup registered on the master"));
                }
                None => prints,
            };
            Ok(Some((dump.size, wanted)))
        } else {
            Err(Failure::unsafe_to_go_on(format!(
                "{host}: {} does not hold what was recorded when it was made: {}",
                self.src,
                differences.join("; ")
            ))
            .hint("bring it again with distribute, or make it again on the master"))
        }
    }
}

#[async_trait]
impl Module for OnedbRestore {
    const NAME: &'static str = "onedb_restore";
    const CONTRACT: Contract = Contract {
        concurrency: Concurrency::Parallel {
            allowed_by: "Upgrading a Federation: the federated backup is restored in the slave zones, with all zones stopped; \
                         no slave needs another for it",
        },
        order: Order::Inventory,
        recovery: Recovery::Job,
        privilege: Privilege::Oneadmin,
        expressions: &[],
    };
    const EXAMPLE: &'static str = "- name: Restore the federated backup in the slaves\n  onedb_restore:\n    \
        src: /var/lib/one/nebplay/federated.bck\n    expect: \"{{ hostvars[groups.master[0]].federated.fingerprints }}\"\n";

    async fn inspect(&self, cx: &Cx<'_>) -> Result<Finding, Failure> {
        absolute("src", &self.src)?;
        let host = cx.host.name();
        if !self.federated {
            return Err(Failure::failed("onedb_restore restores only federated backups")
                .hint("use onedb_restore_full: a full restore is done on one host at a time"));
        }
        let access = Access::of(cx, self.database.as_ref()).await?;
        task::settle(cx, &access, "onedb-restore").await?;
        if access.mode != Mode::Slave {
            return Err(Failure::unsafe_to_go_on(format!(
                "{host}: refused to restore federated tables: FEDERATION/MODE in oned.conf is {}, not SLAVE",
                access.mode
            ))
            .hint("run this on the slaves only; the master owns these tables"));
        }
        stillness(cx, &access, "restore the federated tables").await?;
        let Some((size, wanted)) = self.dump(cx, &access).await? else {
            return Ok(Finding::CannotTell(Change::new(format!(
                "restore {}, which is not there yet",
                self.src
            ))));
        };
        // A restore that was killed leaves an open transaction, which no reader can look through; onedb undoes it.
        let _ = version::read(cx.host, &access).await;
        let differences = federated_tables(cx.host, &access).await?.differences(&wanted);
        if differences.is_empty() {
            return Ok(Finding::NoChange(registered(
                Outcome::unchanged(format!("the federated tables are those of {}", self.src)),
                &wanted,
            )));
        }
        room(cx, &[(access.room(), size * 2)]).await?;
        let mut change = Change::new(format!("restore {} into {}", self.src, access.describe()));
        change.what.extend(differences);
        Ok(Finding::Change(
            change.seen(json!({"expected": wanted.to_value()})),
        ))
    }
}

fn registered(outcome: Outcome, prints: &Fingerprints) -> Outcome {
    outcome
        .with("rows", prints.rows())
        .with("fingerprints", prints.to_value())
}

#[async_trait]
impl Effect for OnedbRestore {
    async fn apply(&self, cx: &Cx<'_>, change: &Change) -> Result<Outcome, Failure> {
        let access = Access::of(cx, self.database.as_ref()).await?;
        // Whatever inspect could not see yet has to be true now.
        if change.seen.is_null() && self.dump(cx, &access).await?.is_none() {
            return Err(
                Failure::failed(format!("{}: there is no dump {}", cx.host.name(), self.src))
                    .hint("bring it with distribute"),
            );
        }
        let command = access.onedb(&["restore", "-v", "--federated"], Some(&self.src));
        let end = task::run(cx, &access, "onedb-restore", command).await?;
        task::succeeded(cx, &access, "onedb restore", &end).map_err(|failure| failure.state(HALF))?;
        Ok(Outcome::changed(format!("restored {}", self.src)))
    }

    async fn verify(&self, cx: &Cx<'_>, change: &Change, outcome: &mut Outcome) -> Result<(), Failure> {
        let access = Access::of(cx, self.database.as_ref()).await?;
        let host = cx.host.name();
        let seen = change.seen.get("expected").cloned();
        let wanted = match seen.and_then(|seen| serde_json::from_value::<Fingerprints>(seen).ok()) {
            Some(wanted) => wanted,
            None => match self.dump(cx, &access).await? {
                Some((_, wanted)) => wanted,
                None => {
                    return Err(Failure::not_verified(format!("{host}: {} is gone", self.src)).state(HALF));
                }
            },
        };
        let not_there = |why: String| {
            Failure::not_verified(format!(
                "{host}: onedb says that {} is restored, and it is not: {why}",
                self.src
            ))
            .state(HALF)
            .hint("look at the room and the rights of the database's directory, then run again: the dump is restored whole")
        };
        let now = federated_tables(cx.host, &access)
            .await
            .map_err(|failure| match failure.kind {
                crate::module::FailureKind::Failed => not_there(failure.message),
                _ => failure,
            })?;
        let differences = now.differences(&wanted);
        if !differences.is_empty() {
            return Err(not_there(differences.join("; ")));
        }
        let mut proven = registered(std::mem::take(outcome), &wanted);
        proven.message = Some(format!(
            "restored {}: {} rows in {} tables, equal to the dump",
            self.src,
            wanted.rows(),
            wanted.tables.len()
        ));
        *outcome = proven;
        Ok(())
    }
}

/// What a slave is after a restore that is not proven.
const HALF: &str = "this slave's federated tables may be old, new or partly missing; its own tables are untouched. \
    It must not be started before a whole restore";

#[cfg(test)]
mod tests;
