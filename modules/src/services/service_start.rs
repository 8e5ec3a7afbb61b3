//! `service_start`: starts what `service_stop` stopped, and waits until it answers.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::service_stop::{Before, NOTE};
use super::snapshot::{self, Scope, Snapshot, done, in_short};
use crate::contract::{Contract, Order, Privilege, Recovery};
use crate::host::{Command, Exit};
use crate::job_run;
use crate::memory;
use crate::module::{Change, Cx, Effect, Failure, Finding, Module, Outcome};
use crate::opennebula::auth::read_auth;
use crate::opennebula::command::opennebula;
use crate::opennebula::conf::read_conf;
use crate::opennebula::endpoint::Endpoint;
use crate::opennebula::version::{self, Version};
use crate::opennebula::xmlrpc::Client;

/// Starts OpenNebula's services on a front-end, until the API answers at the version of the binaries.
///
/// Starts and unmasks what `service_stop` remembered, and nothing else; without such a note, oned, and the related units that are
/// enabled. Refuses to start oned unless `onedb version` says that the database is of its version: on an empty database it would
/// bootstrap a new cloud, and on an old one it restarts for ever.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ServiceStart {
    /// Which part to start. Start `core` first, and what is `related` when the zone is open again.
    #[serde(default)]
    scope: Scope,
    /// How long it may take until the API answers, in seconds.
    #[serde(default = "two_minutes")]
    timeout: u64,
}

fn two_minutes() -> u64 {
    120
}

const ONED: &str = "opennebula.service";

/// What is to be done.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Work {
    unmask: Vec<String>,
    /// What could not be masked and was disabled instead.
    enable: Vec<String>,
    start: Vec<String>,
    /// All that was noted is in place again after this.
    forget: bool,
}

/// oned first: the others need its API.
const START: &str = r#"
limit=$1; unmask=$2; enable=$3; shift 3
[ -z "$unmask" ] || systemctl unmask -- $unmask
[ -z "$enable" ] || systemctl enable -- $enable
[ $# -eq 0 ] || systemctl reset-failed -- "$@" 2>/dev/null
for unit in "$@"; do
  echo "starting $unit"
  timeout "$limit" systemctl start -- "$unit" || failed="$failed $unit"
done
[ -z "$failed" ] || { echo "failed to start:$failed" >&2; exit 1; }
"#;

impl ServiceStart {
    fn work(&self, snapshot: &Snapshot, note: Option<&BTreeMap<String, Before>>) -> Work {
        let mut work = Work::default();
        for (name, unit) in snapshot.units.iter().filter(|(name, _)| self.scope.covers(name)) {
            let before = note.and_then(|note| note.get(name));
            let was_up = match (note, before) {
                (Some(_), before) => before.is_some_and(|before| before.up),
                (None, _) => name == ONED || unit.file == "enabled",
            };
            if unit.masked() && before.is_some_and(|before| !before.masked) {
                work.unmask.push(name.clone());
            } else if unit.own && !unit.enabled() && before.is_some_and(|before| before.enabled) {
                work.enable.push(name.clone());
            }
            if was_up && !unit.up() {
                work.start.push(name.clone());
            }
        }
        work.start.sort_by_key(|name| name != ONED);
        work.forget = note.is_some() && self.scope != Scope::Core;
        work
    }
}

#[async_trait]
impl Module for ServiceStart {
    const NAME: &'static str = "service_start";
    const CONTRACT: Contract = Contract::serial(Order::MasterFirst, Recovery::Job, Privilege::Root);
    const EXAMPLE: &'static str = "\
- name: start the upgraded zone, still kept out
  service_start:
    scope: core
";

    async fn inspect(&self, cx: &Cx<'_>) -> Result<Finding, Failure> {
        job_run::settle(cx, Self::NAME).await?;
        let snapshot = snapshot::look(cx, &[]).await?;
        let note: Option<BTreeMap<String, Before>> = memory::recall(cx.host, NOTE).await?;
        // A proxy stands in the note under its unit's name and not in what systemd lists for OpenNebula.
        let also: Vec<String> = note.iter().flat_map(BTreeMap::keys).cloned().collect();
        let snapshot = if also.iter().all(|unit| snapshot.units.contains_key(unit)) {
            snapshot
        } else {
            snapshot::look(cx, &also).await?
        };
        let work = self.work(&snapshot, note.as_ref());
        let mut what = Vec::new();
        for (verb, units) in [
            ("start", &work.start),
            ("unmask", &work.unmask),
            ("enable", &work.enable),
        ] {
            if !units.is_empty() {
                what.push(format!("{verb} {}", in_short(units.iter().map(String::as_str))));
            }
        }
        if what.is_empty() && work.forget {
            what.push("forget which services were stopped".to_owned());
        }
        if what.is_empty() {
            return Ok(Finding::no_change("all of it runs"));
        }
        if work.start.iter().any(|unit| unit == ONED) {
            refuse_wrong_database(cx).await?;
        }
        Ok(Finding::Change(Change {
            what,
            seen: json!(work),
            diff: None,
        }))
    }
}

#[async_trait]
impl Effect for ServiceStart {
    async fn apply(&self, cx: &Cx<'_>, change: &Change) -> Result<Outcome, Failure> {
        let work: Work = read_work(change)?;
        let (unmask, enable) = (work.unmask.join(" "), work.enable.join(" "));
        let limit = self.timeout.to_string();
        let words = [limit.as_str(), unmask.as_str(), enable.as_str()]
            .into_iter()
            .chain(work.start.iter().map(String::as_str));
        let command = Command::script(START, words).as_root();
        let count = u64::try_from(work.start.len())
            .unwrap_or(u64::MAX)
            .saturating_add(1);
        let command = command.deadline(Duration::from_secs(self.timeout.saturating_mul(count)));
        let end = job_run::run(cx, Self::NAME, command).await?;
        if !end.exit.is_some_and(Exit::success) {
            return Err(explain(cx, end.text().trim()).await);
        }
        Ok(Outcome::changed(done(&change.what))
            .with("started", work.start)
            .with("unmasked", work.unmask)
            .with("enabled", work.enable))
    }

    async fn verify(&self, cx: &Cx<'_>, change: &Change, outcome: &mut Outcome) -> Result<(), Failure> {
        let work = read_work(change)?;
        let names = work.start.iter().chain(&work.unmask).chain(&work.enable);
        let names: Vec<String> = names.cloned().collect();
        let snapshot = snapshot::look(cx, &names).await?;
        let unit = |name: &String| snapshot.units.get(name);
        let down = work
            .start
            .iter()
            .filter(|name| unit(name).is_none_or(|unit| unit.active != "active"));
        let masked = work
            .unmask
            .iter()
            .filter(|name| unit(name).is_some_and(super::snapshot::Unit::masked));
        let disabled = work
            .enable
            .iter()
            .filter(|name| !unit(name).is_some_and(super::snapshot::Unit::enabled));
        let wrong: Vec<String> = down
            .map(|name| {
                format!(
                    "{name} is {}",
                    unit(name).map_or("not there", |unit| unit.active.as_str())
                )
            })
            .chain(masked.map(|name| format!("{name} is still masked")))
            .chain(disabled.map(|name| format!("{name} is not enabled")))
            .collect();
        if !wrong.is_empty() {
            return Err(explain(cx, &wrong.join(", ")).await);
        }
        // One that was down before nebplay came stays down, and nobody answers.
        if self.scope != Scope::Related && snapshot.units.get(ONED).is_some_and(super::snapshot::Unit::up) {
            let answered = self.answers(cx).await?;
            outcome.result.insert("version".to_owned(), answered.into());
        }
        if work.forget {
            memory::forget(cx.host, NOTE).await?;
        }
        Ok(())
    }
}

impl ServiceStart {
    /// Waits until the API answers, and at the version of the binary.
    async fn answers(&self, cx: &Cx<'_>) -> Result<String, Failure> {
        let expected = version::of_oned(cx.host).await?;
        let end = cx.host.clock().monotonic() + Duration::from_secs(self.timeout);
        loop {
            let said = match said_by_api(cx).await? {
                Ok(said) if said == expected => return Ok(said.to_string()),
                Ok(said) => format!("the API answers as {said} and the binary is {expected}"),
                Err(why) => why,
            };
            if cx.host.clock().monotonic() >= end {
                return Err(explain(cx, &said).await);
            }
            cx.host.clock().sleep(Duration::from_millis(500)).await;
        }
    }
}

/// The version that the zone's own API gives, or why it gives none.
async fn said_by_api(cx: &Cx<'_>) -> Result<Result<Version, String>, Failure> {
    let conf = read_conf(cx).await?;
    let auth = read_auth(cx.host, cx.secrets).await?;
    let client = Client::new(cx.host, Endpoint::local(&conf), &auth);
    let said = client
        .text("one.system.version", &[])
        .await
        .map_err(|error| error.to_string());
    Ok(said.and_then(|said| {
        said.parse()
            .map_err(|_| format!("the API answers as `{said}`, which is no version"))
    }))
}

fn read_work(change: &Change) -> Result<Work, Failure> {
    serde_json::from_value(change.seen.clone())
        .map_err(|error| Failure::failed(format!("what is to be started cannot be read back: {error}")))
}

/// `onedb version` exits 0 only when the database is there and of the binaries' version.
async fn refuse_wrong_database(cx: &Cx<'_>) -> Result<(), Failure> {
    let port = read_conf(cx).await?.port;
    let output = cx.host.run(&opennebula(port, ["onedb", "version"])).await?;
    let why = match output.exit.rc() {
        0 => return Ok(()),
        1 => "the database is empty or not there: oned would bootstrap a new cloud on it",
        2 => "the database needs `onedb upgrade` first",
        3 => "the database is newer than the binaries: an upgrade of the packages, or a restore, is missing",
        _ => "`onedb version` cannot tell",
    };
    let words = format!("{}{}", output.text(), output.err_text());
    let words: Vec<&str> = words.lines().filter(|line| !line.trim().is_empty()).collect();
    Err(Failure::unsafe_to_go_on(format!(
        "{}: oned is not started, since {why} ({})",
        cx.host.name(),
        words.join("; ")
    )))
}

/// Why oned does not run, from its own log.
const LOG: &str = "tail -n 40 /var/log/one/oned.log 2>/dev/null | grep -E '\\[E\\]|mismatch|onedb|federation' | tail -n 4; exit 0";

async fn explain(cx: &Cx<'_>, what: &str) -> Failure {
    let log = cx
        .host
        .run(&Command::script::<&str>(LOG, []).as_root())
        .await
        .map(|output| output.text());
    let log = log.unwrap_or_default();
    let host = cx.host.name();
    let failure = Failure::not_verified(format!("{host}: {what}")).with("log", log.as_str());
    if log.contains("Database version mismatch") {
        return failure
            .state("oned is in a restart loop every 5 s: its database is of another version; nothing was written to it")
            .hint("`onedb version -v` on the host says which; stop it with `service_stop` before anything else")
            .hint(format!("oned.log: {}", log.lines().next_back().unwrap_or_default()));
    }
    let failure = failure.state("stopped or not answering; the zone serves nobody");
    match log.lines().next_back() {
        Some(last) => failure.hint(format!("oned.log says: {last}")),
        None => failure.hint("look at /var/log/one/oned.log and `journalctl -u opennebula` on the host"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::snapshot::tests::printed;
    use super::super::snapshot::{Lock, Unit};
    use super::*;
    use crate::module::FailureKind;
    use crate::opennebula::fake::{Reply, oned};
    use crate::testing::{FakeHost, FakeWorld};

    fn snapshot(units: &[(&str, &str, &str)]) -> Snapshot {
        let unit = |(name, active, file): &(&str, &str, &str)| {
            let unit = Unit {
                load: "loaded".into(),
                active: (*active).into(),
                file: (*file).into(),
                own: false,
            };
            ((*name).to_owned(), unit)
        };
        Snapshot {
            units: units.iter().map(unit).collect(),
            processes: vec![],
            onedb: vec![],
            lock: Lock::None,
        }
    }

    fn start(scope: Scope) -> ServiceStart {
        ServiceStart { scope, timeout: 1 }
    }

    #[test]
    fn exactly_what_was_before_comes_back() {
        let before = |up, masked| Before {
            up,
            masked,
            enabled: false,
        };
        let note = BTreeMap::from([
            ("opennebula.service".to_owned(), before(true, false)),
            ("opennebula-flow.service".to_owned(), before(false, false)),
            ("opennebula-gate.service".to_owned(), before(true, false)),
            ("opennebula-hem.service".to_owned(), before(true, false)),
            ("opennebula-x.service".to_owned(), before(false, true)),
        ]);
        let now = snapshot(&[
            ("opennebula-flow.service", "inactive", "masked"),
            ("opennebula-form.service", "inactive", "enabled"),
            ("opennebula-gate.service", "inactive", "masked"),
            ("opennebula-hem.service", "inactive", "masked"),
            ("opennebula-x.service", "inactive", "masked"),
            ("opennebula.service", "inactive", "masked"),
        ]);
        let core = start(Scope::Core).work(&now, Some(&note));
        assert_eq!(core.start, ["opennebula.service", "opennebula-hem.service"]);
        assert_eq!(core.unmask, ["opennebula-hem.service", "opennebula.service"]);
        assert!(!core.forget, "the related ones are still to come");
        let related = start(Scope::Related).work(&now, Some(&note));
        assert_eq!(related.start, ["opennebula-gate.service"]);
        assert_eq!(
            related.unmask,
            ["opennebula-flow.service", "opennebula-gate.service"]
        );
        assert!(related.forget);
    }

    #[test]
    fn what_could_not_be_masked_is_enabled_again() {
        let note = BTreeMap::from([(
            "own.service".to_owned(),
            Before {
                up: true,
                masked: false,
                enabled: true,
            },
        )]);
        let mut now = snapshot(&[("own.service", "inactive", "disabled")]);
        now.units.values_mut().for_each(|unit| unit.own = true);
        let work = start(Scope::Related).work(&now, Some(&note));
        assert_eq!(
            (work.start, work.enable),
            (vec!["own.service".to_owned()], vec!["own.service".to_owned()])
        );
        assert!(work.unmask.is_empty());
    }

    #[test]
    fn without_a_note_what_is_enabled_is_started_and_no_mask_is_taken_off() {
        let now = snapshot(&[
            ("opennebula-flow.service", "inactive", "masked"),
            ("opennebula-gate.service", "inactive", "enabled"),
            ("opennebula.service", "inactive", "disabled"),
        ]);
        let work = start(Scope::All).work(&now, None);
        assert_eq!(work.start, ["opennebula.service", "opennebula-gate.service"]);
        assert!(work.unmask.is_empty() && !work.forget);
    }

    const CONF: &str = "DB = [ BACKEND = \"sqlite\" ]\nFEDERATION = [ MODE = \"MASTER\", ZONE_ID = 0 ]\n";

    fn host(after: &str, version: i32, api: Reply) -> FakeHost {
        FakeHost::new("m")
            .file("/etc/one/oned.conf", CONF)
            .file("/var/lib/one/.one/one_auth", "oneadmin:secret\n")
            .file(
                "/var/lib/nebplay/memory/services.json",
                r#"{"opennebula.service":{"up":true,"masked":false}}"#,
            )
            .on(
                "list-unit-files",
                0,
                &printed(&[("opennebula.service", "inactive", "masked")], "", ""),
            )
            .on(
                "list-unit-files",
                0,
                &printed(&[("opennebula.service", after, "enabled")], "", ""),
            )
            .on("^onedb version", version, "")
            .on("systemctl start", 0, "starting opennebula.service\n")
            .on("^oned --version", 0, "OpenNebula 7.2.0 ()\n")
            .on(
                "oned.log",
                0,
                "[E]: Database version mismatch ( local_db_versioning).\n",
            )
            .on("^rm -f", 0, "")
            .listener(oned(move |_| api.clone()))
    }

    async fn run(host: &FakeHost) -> Result<Outcome, Failure> {
        let world = FakeWorld::default();
        world.run(host, "service_start", json!({"timeout": 3})).await
    }

    #[tokio::test]
    async fn it_is_up_when_the_api_answers_at_the_binary_s_version() {
        let outcome = run(&host("active", 0, Reply::text("7.2.0"))).await.unwrap();
        assert_eq!(outcome.result["version"], "7.2.0");
    }

    #[tokio::test]
    async fn a_start_that_only_claims_to_have_worked_is_found_out() {
        for (after, api) in [
            ("activating", Reply::text("7.2.0")),
            ("active", Reply::text("7.0.0")),
            ("active", Reply::NoConnection),
        ] {
            let failure = run(&host(after, 0, api)).await.unwrap_err();
            assert_eq!(failure.kind, FailureKind::NotVerified);
            assert!(
                failure.state.unwrap().contains("restart loop"),
                "{}",
                failure.message
            );
        }
    }

    #[tokio::test]
    async fn oned_is_never_started_on_a_database_that_is_not_its_own() {
        for (code, word) in [
            (1, "new cloud"),
            (2, "onedb upgrade"),
            (3, "newer"),
            (255, "cannot tell"),
        ] {
            let host = host("active", code, Reply::text("7.2.0"));
            let failure = run(&host).await.unwrap_err();
            assert_eq!(failure.kind, FailureKind::Unsafe);
            assert!(failure.message.contains(word), "{}", failure.message);
            assert!(!host.asked().iter().any(|line| line.contains("systemctl start")));
        }
    }
}
