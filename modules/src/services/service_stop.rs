//! `service_stop`: stops what a zone consists of, until nothing is left.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::snapshot::{self, Lock, Scope, Snapshot, done, in_short};
use crate::contract::{Contract, Order, Privilege, Recovery};
use crate::host::{Command, Exit};
use crate::job_run;
use crate::memory;
use crate::module::{Change, Cx, Effect, Failure, Finding, Module, Outcome};

/// Stops OpenNebula's services on a front-end, and masks them, until no unit, process or lock is left.
///
/// Takes every unit that systemd knows as `opennebula*`, not a list, and Apache or Nginx where their configuration points at FireEdge.
/// What ran and what was masked before is remembered on the host, and `service_start` restores exactly that.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ServiceStop {
    /// Which part to stop. Stop what is `related` before a zone is kept out: it writes through loopback.
    #[serde(default)]
    scope: Scope,
    /// Further units that talk to OpenNebula.
    #[serde(default)]
    also: Vec<String>,
    /// Mask the units, so that neither a package nor a reboot starts them.
    #[serde(default = "yes")]
    mask: bool,
    /// How long everything may take to stop, in seconds.
    #[serde(default = "two_minutes")]
    timeout: u64,
}

fn yes() -> bool {
    true
}

fn two_minutes() -> u64 {
    120
}

/// How a unit was before nebplay stopped it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Before {
    /// It ran.
    pub up: bool,
    /// Nothing started it.
    pub masked: bool,
    /// It was started at boot.
    #[serde(default)]
    pub enabled: bool,
}

/// The note on the host that `service_start` reads: of units, by their names.
pub(crate) const NOTE: &str = "services";

/// Stops, masks, and stops again what came back meanwhile. Masking first would lose the units' own way of stopping.
const STOP: &str = r#"
limit=$1; mask=$2; lock=$3; shift 3
echo "stopping $*"
timeout "$limit" systemctl stop -- "$@"
if [ "$mask" = yes ]; then
  for unit in "$@"; do
    systemctl mask -- "$unit" && continue
    # Where the administrator's own file stands, no mask can be put: it must at least not be started at boot. Where a mask fails for
    # another reason, as on a full disk, nothing would remember that it is to be enabled again.
    own=/etc/systemd/system/$unit
    [ ! -f "$own" ] || [ -L "$own" ] || systemctl disable -- "$unit"
  done
  timeout "$limit" systemctl stop -- "$@"
fi
systemctl reset-failed -- "$@" 2>/dev/null
if [ "$lock" = remove ] && [ -e /var/lock/one/one ] && ! pgrep -x oned >/dev/null; then
  # As oneadmin, whose directory it is: root would follow a link of theirs.
  { setpriv --reuid=oneadmin --regid=oneadmin --clear-groups rm -f /var/lock/one/one || runuser -u oneadmin -- rm -f /var/lock/one/one; } &&
    echo 'removed the lock of a oned that is gone'
fi
exit 0
"#;

/// The documented check, word for word, beside the process table and the lock.
const LEFT: &str = r#"
export LC_ALL=C
systemctl list-units --plain --no-legend --full | grep opennebula
for comm in /proc/[0-9]*/comm; do
  read -r name < "$comm" 2>/dev/null || continue
  case $name in oned|onemonitord) echo "process ${comm#/proc/}: $name" ;; esac
done
[ ! -e /var/lock/one/one ] || echo 'lock file /var/lock/one/one'
exit 0
"#;

impl ServiceStop {
    /// Units to stop or mask, in words and by name.
    fn work(&self, snapshot: &Snapshot) -> (Vec<String>, Vec<String>) {
        let (mut stop, mut mask) = (Vec::new(), Vec::new());
        for (name, unit) in snapshot.units.iter().filter(|(name, _)| self.scope.covers(name)) {
            if unit.listed() {
                stop.push(name.as_str());
            } else if self.mask && !unit.held_down() {
                mask.push(name.as_str());
            }
        }
        let mut what = Vec::new();
        if !stop.is_empty() {
            what.push(format!("stop {}", in_short(stop.iter().copied())));
        }
        if !mask.is_empty() {
            what.push(format!("mask {}", in_short(mask.iter().copied())));
        }
        let units = stop.into_iter().chain(mask).map(str::to_owned).collect();
        if self.scope == Scope::All && snapshot.lock == Lock::Stale {
            what.push("remove the lock of a oned that is gone".to_owned());
        }
        (what, units)
    }

    async fn left(&self, cx: &Cx<'_>) -> Result<Vec<String>, Failure> {
        let snapshot = snapshot::look(cx, &self.also).await?;
        let in_scope = snapshot.units.iter().filter(|(name, _)| self.scope.covers(name));
        let mut left: Vec<String> = in_scope
            .clone()
            .filter(|(_, unit)| unit.listed())
            .map(|(name, unit)| format!("{name} is {}", unit.active))
            .collect();
        if self.mask {
            left.extend(
                in_scope
                    .filter(|(_, unit)| !unit.held_down())
                    .map(|(name, _)| format!("{name} is not masked")),
            );
        }
        if self.scope == Scope::All {
            left.extend(snapshot.processes);
            let output = cx.host.run(&Command::script::<&str>(LEFT, []).as_root()).await?;
            left.extend(output.text().lines().map(str::to_owned));
        }
        Ok(left)
    }
}

/// What was before, from a note and from what is seen now: what the note says wins.
fn merged(note: Option<BTreeMap<String, Before>>, seen: &Snapshot) -> BTreeMap<String, Before> {
    let mut before = note.unwrap_or_default();
    for (name, unit) in &seen.units {
        before.entry(name.clone()).or_insert(Before {
            up: unit.up(),
            masked: unit.masked(),
            enabled: unit.enabled(),
        });
    }
    before
}

#[async_trait]
impl Module for ServiceStop {
    const NAME: &'static str = "service_stop";
    const CONTRACT: Contract = Contract::serial(Order::MasterLast, Recovery::Job, Privilege::Root);
    const EXAMPLE: &'static str = "\
- name: stop OpenNebula in all zones
  service_stop:
";

    async fn inspect(&self, cx: &Cx<'_>) -> Result<Finding, Failure> {
        job_run::settle(cx, Self::NAME).await?;
        let snapshot = snapshot::look(cx, &self.also).await?;
        if let Some(onedb) = snapshot.onedb.first() {
            return Err(
                Failure::unsafe_to_go_on(format!("{}: onedb is at work ({onedb})", cx.host.name()))
                    .hint("wait for it, or find out who started it; an interrupted migration loses data"),
            );
        }
        let (what, units) = self.work(&snapshot);
        if what.is_empty() {
            return Ok(Finding::no_change("nothing of it runs"));
        }
        Ok(Finding::Change(Change {
            what,
            seen: json!(units),
            diff: None,
        }))
    }
}

#[async_trait]
impl Effect for ServiceStop {
    async fn apply(&self, cx: &Cx<'_>, change: &Change) -> Result<Outcome, Failure> {
        let note = memory::recall(cx.host, NOTE).await?;
        let before = merged(note, &snapshot::look(cx, &self.also).await?);
        memory::overwrite(cx.host, NOTE, &before).await?;
        let limit = self.timeout.to_string();
        let head = [
            limit.as_str(),
            if self.mask { "yes" } else { "no" },
            if self.scope == Scope::All {
                "remove"
            } else {
                "keep"
            },
        ];
        let units = change
            .seen
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|unit| unit.as_str());
        let command = Command::script(STOP, head.into_iter().chain(units)).as_root();
        let command = command.deadline(Duration::from_secs(
            self.timeout.saturating_mul(2).saturating_add(60),
        ));
        let end = job_run::run(cx, Self::NAME, command).await?;
        if !end.exit.is_some_and(Exit::success) {
            return Err(Failure::failed(format!(
                "{}: failed to stop: {}",
                cx.host.name(),
                end.text().trim()
            )));
        }
        Ok(Outcome::changed(done(&change.what)).with("units", change.seen.clone()))
    }

    async fn verify(&self, cx: &Cx<'_>, _: &Change, _: &mut Outcome) -> Result<(), Failure> {
        let end = cx.host.clock().monotonic() + Duration::from_secs(self.timeout);
        loop {
            let left = self.left(cx).await?;
            if left.is_empty() {
                return Ok(());
            }
            if cx.host.clock().monotonic() >= end {
                return Err(Failure::not_verified(format!("{}: still there: {}", cx.host.name(), left.join("; ")))
                    .state("stopped in part; masked units do not come back")
                    .hint("look at what is left with `systemctl status` and `ps`, stop it, and run the playbook again"));
            }
            cx.host.clock().sleep(Duration::from_secs(1)).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::super::snapshot::tests::printed;
    use super::*;
    use crate::module::FailureKind;
    use crate::testing::{FakeHost, FakeWorld};

    const RUNNING: [(&str, &str, &str); 4] = [
        ("opennebula.service", "active", "enabled"),
        ("opennebula-flow.service", "failed", "enabled"),
        ("opennebula-hem.service", "active", "disabled"),
        ("opennebula-fireedge.service", "active", "masked"),
    ];
    const STOPPED: [(&str, &str, &str); 4] = [
        ("opennebula.service", "inactive", "masked"),
        ("opennebula-flow.service", "inactive", "masked"),
        ("opennebula-hem.service", "inactive", "masked"),
        ("opennebula-fireedge.service", "inactive", "masked"),
    ];

    fn host(before: &str, after: &str, left: &str) -> FakeHost {
        FakeHost::new("m")
            .on("list-unit-files", 0, before)
            .on("list-unit-files", 0, before)
            .on("list-unit-files", 0, after)
            .on("reset-failed", 0, "")
            .on("grep opennebula", 0, left)
            .on("^install -d", 0, "")
    }

    async fn run(host: &FakeHost, args: Value) -> Result<Outcome, Failure> {
        FakeWorld::default().run(host, "service_stop", args).await
    }

    #[tokio::test]
    async fn everything_systemd_knows_is_stopped_and_what_was_is_remembered() {
        let (before, after) = (
            printed(&RUNNING, "9 /usr/bin/oned -f\n", "live\n"),
            printed(&STOPPED, "", ""),
        );
        let host = host(&before, &after, "");
        assert!(run(&host, json!({})).await.unwrap().changed);
        let note = host.content("/var/lib/nebplay/memory/services.json").unwrap();
        let note: BTreeMap<String, Before> = serde_json::from_slice(&note).unwrap();
        assert_eq!(
            note["opennebula.service"],
            Before {
                up: true,
                masked: false,
                enabled: true
            }
        );
        assert_eq!(
            note["opennebula-flow.service"],
            Before {
                up: false,
                masked: false,
                enabled: true
            }
        );
        assert_eq!(
            note["opennebula-fireedge.service"],
            Before {
                up: true,
                masked: true,
                enabled: false
            }
        );
        assert!(
            !run(&host, json!({})).await.unwrap().changed,
            "a second run changes nothing"
        );
    }

    #[tokio::test]
    async fn a_unit_that_no_mask_can_be_put_on_must_not_be_enabled() {
        let own = |file: &str| {
            format!(
                "FragmentPath=/etc/systemd/system/own.service\n{}",
                printed(&[("own.service", "inactive", file)], "", "")
            )
        };
        let before = own("enabled").replace("inactive", "active");
        let args = || json!({"scope": "related"});
        assert!(
            run(&host(&before, &own("disabled"), ""), args())
                .await
                .unwrap()
                .changed
        );
        let failure = run(&host(&before, &own("enabled"), ""), args())
            .await
            .unwrap_err();
        assert!(
            failure.message.contains("own.service is not masked"),
            "{}",
            failure.message
        );
    }

    #[tokio::test]
    async fn what_is_related_is_stopped_alone() {
        let before = printed(&RUNNING, "", "");
        let host = host(&before, &printed(&STOPPED, "9 /usr/bin/oned -f\n", "live\n"), "");
        run(&host, json!({"scope": "related"})).await.unwrap();
        let job = host
            .asked()
            .into_iter()
            .find(|line| line.starts_with("job"))
            .unwrap();
        assert!(
            job.contains("opennebula-fireedge.service") && job.contains("opennebula-flow.service"),
            "{job}"
        );
        assert!(
            !job.contains("opennebula.service") && !job.contains("opennebula-hem.service"),
            "{job}"
        );
    }

    #[tokio::test]
    async fn a_host_that_says_stopped_and_is_not_is_found_out() {
        let before = printed(&RUNNING, "", "");
        for (after, left, word) in [
            (printed(&RUNNING, "", ""), "", "opennebula.service is active"),
            (
                printed(&STOPPED, "9 /usr/bin/oned -f\n", ""),
                "",
                "9 /usr/bin/oned -f",
            ),
            (
                printed(&STOPPED, "", ""),
                "lock file /var/lock/one/one\n",
                "lock file",
            ),
            (
                printed(&[("opennebula.service", "inactive", "enabled")], "", ""),
                "",
                "is not masked",
            ),
        ] {
            let failure = run(&host(&before, &after, left), json!({})).await.unwrap_err();
            assert_eq!(failure.kind, FailureKind::NotVerified);
            assert!(failure.message.contains(word), "{}", failure.message);
        }
    }

    #[test]
    fn what_was_stopped_is_known_as_to_be_put_back() {
        assert!(memory::TO_PUT_BACK.contains(&NOTE));
    }

    #[tokio::test]
    async fn a_running_onedb_stops_the_night() {
        let host = host(
            &printed(&RUNNING, "960 ruby /usr/bin/onedb upgrade\n", ""),
            "",
            "",
        );
        assert_eq!(run(&host, json!({})).await.unwrap_err().kind, FailureKind::Unsafe);
    }
}
