//! `reboot`: a host goes down and comes up again.

use std::time::Duration;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::contract::{Contract, Privilege, Recovery};
use crate::host::{Command, HostError, RunAs};
use crate::memory;
use crate::module::{Change, Cx, Effect, Failure, FailureKind, Finding, Module, Outcome};

/// Reboots the host, and waits until it is back and what starts at boot has been started.
///
/// That it went down is told by the kernel's boot id, which is another after each boot. A run that is cut off meanwhile, or resumed, does
/// not reboot it twice. The machine that nebplay runs on is refused. Units that failed to start are a warning, and registered as `failed_units`. What runs on the host is stopped as
/// systemd stops it: on a front-end stop OpenNebula first (`service_stop` with `mask: false`), which waits for what is under way.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Reboot {
    /// Seconds that it may take to be back.
    #[serde(rename = "reboot_timeout", default = "ten_minutes")]
    timeout: u64,
    /// Seconds until it goes down, for those who are logged in.
    #[serde(default)]
    pre_reboot_delay: u64,
    /// Seconds to wait once it answers, before anything is asked of it.
    #[serde(default)]
    post_reboot_delay: u64,
    /// What those who are logged in are told.
    #[serde(default = "announcement")]
    msg: String,
    /// A command that must succeed before it counts as back.
    test_command: Option<String>,
}

fn ten_minutes() -> u64 {
    600
}

fn announcement() -> String {
    "Reboot initiated by nebplay".to_owned()
}

/// The note that tells a step which was cut off whether its reboot has happened.
const NOTE: &str = "reboot";

/// Between two looks whether it is back.
const INTERVAL: Duration = Duration::from_secs(2);

/// How long a look may take: a host that goes down may take a connection and never answer.
const LOOK: Duration = Duration::from_secs(15);

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Note {
    run: String,
    step: String,
    /// The boot id before.
    boot: String,
}

/// `$1` boot id, `$2` seconds, `$3` message. The timer is systemd's own, so that the answer gets home before the connection goes. A host
/// that has gone down since it was looked at has had its reboot.
const GO: &str = r#"# nebplay: reboot
[ "$(cat /proc/sys/kernel/random/boot_id)" = "$1" ] || exit 0
exec systemd-run --quiet --on-active="$2" --timer-property=AccuracySec=100ms -- systemctl reboot --message="$3"
"#;

/// Where the kernel tells its boot id.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// Whether all is well does not matter to it, only that the boot is over; which units failed is what it prints.
const FAILED: &str = r"# nebplay: units that failed
systemctl is-system-running --wait > /dev/null
systemctl list-units --failed --no-legend --plain | cut -d ' ' -f 1
";

/// The kernel's id of this boot.
async fn boot_id(cx: &Cx<'_>) -> Result<String, HostError> {
    let output = cx
        .host
        .run(&Command::new(["cat", BOOT_ID]).deadline(LOOK))
        .await?;
    let id = output.text().trim().to_owned();
    if output.exit.success() && id.len() == 36 {
        Ok(id)
    } else {
        Err(HostError::Refused {
            host: cx.host.name().to_owned(),
            what: format!("cat {BOOT_ID}"),
            why: output.err_text().trim().to_owned(),
        })
    }
}

/// Refuses to reboot the machine that nebplay runs on: nobody would be left to wait for it.
async fn is_another(cx: &Cx<'_>, boot: &str) -> Result<(), Failure> {
    let own = tokio::fs::read_to_string(BOOT_ID).await.unwrap_or_default();
    if own.trim() != boot {
        return Ok(());
    }
    Err(Failure::unsafe_to_go_on(format!(
        "{} is the machine that nebplay itself runs on: rebooted, it would end the run",
        cx.host.name()
    ))
    .hint("run nebplay from another machine; or leave this host out with -l and reboot it by hand"))
}

/// The boot id that inspect saw.
fn before(change: &Change) -> &str {
    change.seen.as_str().unwrap_or_default()
}

impl Reboot {
    fn done(elapsed: Duration) -> Outcome {
        let seconds = elapsed.as_secs();
        Outcome::changed(format!("rebooted, and back after {seconds} s"))
            .with("rebooted", true)
            .with("elapsed", seconds)
    }

    /// Whether it has come up again since it had this boot id, and does what is to be done before it counts as back.
    async fn is_back(&self, cx: &Cx<'_>, before: &str) -> Result<(), String> {
        let boot = boot_id(cx).await.map_err(|error| error.to_string())?;
        if boot == before {
            return Err("it has not gone down".to_owned());
        }
        let Some(test) = &self.test_command else {
            return Ok(());
        };
        let command = cx.script(test, [""; 0]).deadline(LOOK);
        match cx.host.run(&command).await {
            Ok(output) if output.exit.success() => Ok(()),
            Ok(output) => Err(format!("`{test}`: {}", output.exit)),
            Err(error) => Err(error.to_string()),
        }
    }

    async fn wait(&self, cx: &Cx<'_>, before: &str, since: Duration) -> Result<(), Failure> {
        let clock = cx.host.clock();
        let limit = Duration::from_secs(self.pre_reboot_delay + self.timeout);
        // Whatever a host says that goes down, or comes up, is no failure yet.
        while let Err(why) = self.is_back(cx, before).await {
            if clock.monotonic().saturating_sub(since) >= limit {
                return Err(Failure::new(
                    FailureKind::TimedOut,
                    format!("{} is not back after {limit:?}: {why}", cx.host.name()),
                )
                .state("it was told to reboot")
                .hint("look at its console; then resume the run: the step looks again, and does not reboot it twice"));
            }
            clock.sleep(INTERVAL).await;
        }
        Ok(())
    }
}

#[async_trait]
impl Module for Reboot {
    const NAME: &'static str = "reboot";
    const CONTRACT: Contract = Contract {
        privilege: Privilege::Root,
        ..Contract::general(Recovery::Inspect)
    };
    const EXAMPLE: &'static str = "- name: The new kernel\n  reboot:\n    reboot_timeout: 900\n";

    async fn inspect(&self, cx: &Cx<'_>) -> Result<Finding, Failure> {
        let boot = boot_id(cx).await?;
        is_another(cx, &boot).await?;
        if cx.in_doubt
            && let Some(note) = memory::recall::<Note>(cx.host, NOTE).await?
            && (note.run.as_str(), note.step.as_str()) == (cx.run, cx.step)
            && note.boot != boot
        {
            let outcome = Outcome::unchanged("it was rebooted").with("rebooted", true);
            return Ok(Finding::NoChange(outcome));
        }
        Ok(Finding::Change(
            Change::new(format!("reboot {}", cx.host.name())).seen(boot.into()),
        ))
    }
}

#[async_trait]
impl Effect for Reboot {
    async fn apply(&self, cx: &Cx<'_>, change: &Change) -> Result<Outcome, Failure> {
        let note = Note {
            run: cx.run.to_owned(),
            step: cx.step.to_owned(),
            boot: before(change).to_owned(),
        };
        memory::overwrite(cx.host, NOTE, &note).await?;
        let since = cx.host.clock().monotonic();
        let delay = (self.pre_reboot_delay + 1).to_string();
        let go = Command::script(GO, [&note.boot, &delay, &self.msg]).run_as(RunAs::root());
        let output = cx.host.run(&go).await?;
        if !output.exit.success() {
            return Err(Failure::failed(format!(
                "{}: systemd does not reboot: {}",
                cx.host.name(),
                output.err_text().trim()
            ))
            .hint(
                "see there as root why `systemd-run` or `systemctl reboot` is refused, then resume the run",
            ));
        }
        self.wait(cx, &note.boot, since).await?;
        cx.host
            .clock()
            .sleep(Duration::from_secs(self.post_reboot_delay))
            .await;
        Ok(Self::done(cx.host.clock().monotonic().saturating_sub(since)))
    }

    async fn verify(&self, cx: &Cx<'_>, change: &Change, outcome: &mut Outcome) -> Result<(), Failure> {
        if boot_id(cx).await? == before(change) {
            return Err(Failure::not_verified(format!(
                "{} was not rebooted: its boot id is as before",
                cx.host.name()
            )));
        }
        let look = Command::script::<&str>(FAILED, []).deadline(Duration::from_secs(self.timeout.max(1)));
        let failed = cx.host.run(&look).await?.text();
        let failed: Vec<&str> = failed.lines().filter(|unit| !unit.is_empty()).collect();
        if !failed.is_empty() {
            let units = failed.join(", ");
            outcome
                .warnings
                .push(format!("{}: units failed to start: {units}", cx.host.name()));
        }
        outcome.result.insert("failed_units".to_owned(), json!(failed));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{FakeHost, FakeWorld};

    const BEFORE: &str = "11111111-0000-4000-8000-000000000000";
    const AFTER: &str = "22222222-0000-4000-8000-000000000000";

    fn gone() -> HostError {
        HostError::Unreachable {
            host: "m".to_owned(),
            why: "connection refused".to_owned(),
            sent: false,
        }
    }

    fn host() -> FakeHost {
        FakeHost::new("m")
            .on("^cat /proc", 0, BEFORE)
            .on("# nebplay: reboot", 0, "")
            .on("# nebplay: units that failed", 0, "apache2.service\n")
            .on("^install", 0, "")
    }

    fn rebooted(host: &FakeHost) -> usize {
        let asked = host.asked();
        asked.iter().filter(|line| line.contains("systemd-run")).count()
    }

    #[tokio::test]
    async fn it_waits_until_the_host_is_another_boot_s_and_says_what_did_not_start() {
        let host = host()
            .on("^cat /proc", 0, BEFORE)
            .on_error("^cat /proc", gone())
            .on_error("^cat /proc", gone())
            .on("^cat /proc", 0, AFTER);
        let outcome = FakeWorld::default()
            .run(&host, "reboot", json!({}))
            .await
            .unwrap();
        assert_eq!((rebooted(&host), outcome.changed), (1, true));
        assert_eq!(outcome.result["elapsed"], 6);
        assert_eq!(outcome.result["failed_units"], json!(["apache2.service"]));
        assert_eq!(outcome.warnings, ["m: units failed to start: apache2.service"]);
    }

    #[tokio::test]
    async fn one_that_does_not_go_down_or_does_not_come_back_is_told_apart() {
        for (host, why) in [
            (host(), "it has not gone down"),
            (host().on_error("^cat /proc", gone()), "connection refused"),
        ] {
            let args = json!({"reboot_timeout": 10});
            let failure = FakeWorld::default().run(&host, "reboot", args).await.unwrap_err();
            assert_eq!(failure.kind, FailureKind::TimedOut);
            assert!(failure.message.ends_with(why), "{}", failure.message);
        }
    }

    #[tokio::test]
    async fn the_machine_that_nebplay_runs_on_is_not_rebooted() {
        let host = FakeHost::new("m").on("^cat /proc", 0, &std::fs::read_to_string(BOOT_ID).unwrap());
        let failure = FakeWorld::default()
            .run(&host, "reboot", json!({}))
            .await
            .unwrap_err();
        assert_eq!(failure.kind, FailureKind::Unsafe);
        assert_eq!(rebooted(&host), 0);
    }

    #[tokio::test]
    async fn one_that_was_cut_off_is_not_rebooted_twice_and_another_run_reboots_again() {
        let host = host().on("^cat /proc", 0, BEFORE).on("^cat /proc", 0, AFTER);
        let mut world = FakeWorld::default();
        world.run(&host, "reboot", json!({})).await.unwrap();
        world.in_doubt = true;
        let outcome = world.run(&host, "reboot", json!({})).await.unwrap();
        assert_eq!(outcome.result["rebooted"], true);
        assert_eq!(rebooted(&host), 1);
        world.run = "tomorrow".to_owned();
        let failure = world
            .run(&host, "reboot", json!({"reboot_timeout": 3}))
            .await
            .unwrap_err();
        assert!(failure.message.contains("it has not gone down"));
        assert_eq!(rebooted(&host), 2);
    }
}
