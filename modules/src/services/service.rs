//! `service`: one unit of systemd.

use std::time::Duration;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::contract::{Contract, Recovery};
use crate::module::{Change, Cx, Effect, Failure, Finding, Module, Outcome};

/// Starts, stops, enables or masks one unit of systemd. Its other names are `systemd` and `systemd_service`.
///
/// For OpenNebula itself use `service_stop` and `service_start`: they know what belongs to it and what must not be started.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Service {
    /// The unit; `.service` is added where it has no suffix. Only with `daemon_reload` there may be none.
    #[serde(alias = "unit", alias = "service")]
    #[schemars(extend("x-aliases" = ["unit", "service"]))]
    name: Option<String>,
    /// What it should be.
    state: Option<State>,
    /// Whether it starts when the host boots.
    enabled: Option<bool>,
    /// Whether it is masked: nothing can start it then.
    masked: Option<bool>,
    /// Let systemd read its unit files anew before anything else. By itself that is no change.
    #[serde(default)]
    daemon_reload: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum State {
    /// Running.
    Started,
    /// Not running.
    Stopped,
    /// Started anew, whatever it was.
    Restarted,
    /// Told to read its configuration again; started if it was not running.
    Reloaded,
}

struct Seen {
    active: String,
    enabled: String,
}

impl Service {
    /// The unit's whole name, if one is meant.
    fn unit(&self) -> Result<Option<String>, Failure> {
        match &self.name {
            Some(name) if name.contains('.') => Ok(Some(name.clone())),
            Some(name) => Ok(Some(format!("{name}.service"))),
            None if self.state.is_none()
                && self.enabled.is_none()
                && self.masked.is_none()
                && self.daemon_reload =>
            {
                Ok(None)
            }
            None => Err(Failure::failed("no unit: give its `name`")),
        }
    }

    async fn look(&self, cx: &Cx<'_>, unit: &str) -> Result<Seen, Failure> {
        let words = [
            "systemctl",
            "show",
            "--property=LoadState,ActiveState,UnitFileState",
            "--",
            unit,
        ];
        let output = cx.host.run(&cx.command(words)).await?;
        let text = output.text();
        let value = |name: &str| {
            let found = text
                .lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
            found.unwrap_or_default().to_owned()
        };
        if value("LoadState") == "not-found" || !output.exit.success() {
            return Err(Failure::failed(format!(
                "{}: there is no unit {unit}",
                cx.host.name()
            )));
        }
        Ok(Seen {
            active: value("ActiveState"),
            enabled: value("UnitFileState"),
        })
    }

    /// The verbs that bring it where it should be.
    fn verbs(&self, seen: &Seen) -> Vec<&'static str> {
        let up = matches!(seen.active.as_str(), "active" | "reloading" | "activating");
        let is_enabled = seen.enabled.starts_with("enabled");
        let is_masked = seen.enabled.starts_with("masked");
        let mut verbs = Vec::new();
        match self.masked {
            Some(true) if !is_masked => verbs.push("mask"),
            Some(false) if is_masked => verbs.push("unmask"),
            _ => {}
        }
        match self.enabled {
            Some(true) if !is_enabled => verbs.push("enable"),
            Some(false) if is_enabled => verbs.push("disable"),
            _ => {}
        }
        match self.state {
            Some(State::Started) if !up => verbs.push("start"),
            Some(State::Stopped) if seen.active != "inactive" => verbs.push("stop"),
            Some(State::Restarted) => verbs.push("restart"),
            Some(State::Reloaded) => verbs.push("reload-or-restart"),
            _ => {}
        }
        verbs
    }
}

#[async_trait]
impl Module for Service {
    const NAME: &'static str = "service";
    const CONTRACT: Contract = Contract::general(Recovery::Inspect);
    const EXAMPLE: &'static str = "\
- name: the proxy reads its configuration again
  service:
    name: nginx
    state: reloaded
";

    async fn inspect(&self, cx: &Cx<'_>) -> Result<Finding, Failure> {
        let mut what = Vec::new();
        let mut verbs = Vec::new();
        let mut outcome = Outcome::unchanged("nothing to do");
        if let Some(unit) = self.unit()? {
            let seen = self.look(cx, &unit).await?;
            verbs = self.verbs(&seen);
            what.extend(verbs.iter().map(|verb| format!("{verb} {unit}")));
            outcome = Outcome::unchanged(format!("{unit} is {}", seen.active))
                .with("name", self.name.as_deref().unwrap_or_default())
                .with("state", seen.active);
        }
        if verbs.is_empty() && !self.daemon_reload {
            return Ok(Finding::NoChange(outcome));
        }
        if self.daemon_reload {
            what.insert(0, "read unit files anew".to_owned());
        }
        Ok(Finding::Change(Change {
            what,
            seen: json!(verbs),
            diff: None,
        }))
    }
}

impl Service {
    async fn systemctl(&self, cx: &Cx<'_>, verb: &str, unit: Option<&str>) -> Result<(), Failure> {
        let words = ["systemctl", verb].into_iter();
        let command = cx
            .command(words.chain(unit.into_iter().flat_map(|unit| ["--", unit])))
            .deadline(Duration::from_secs(300));
        let output = cx.host.run(&command).await?;
        if output.exit.success() {
            return Ok(());
        }
        let of = unit.map(|unit| format!(" {unit}")).unwrap_or_default();
        let failure = Failure::failed(format!(
            "{}: failed to {verb}{of}: {}",
            cx.host.name(),
            output.err_text().trim()
        ));
        Err(match unit {
            Some(unit) => failure.hint(format!("journalctl -u {unit} on the host tells why")),
            None => failure,
        })
    }
}

#[async_trait]
impl Effect for Service {
    async fn apply(&self, cx: &Cx<'_>, change: &Change) -> Result<Outcome, Failure> {
        let unit = self.unit()?;
        if self.daemon_reload {
            self.systemctl(cx, "daemon-reload", None).await?;
        }
        let verbs = change.seen.as_array().into_iter().flatten();
        let verbs: Vec<&str> = verbs.filter_map(|verb| verb.as_str()).collect();
        for verb in &verbs {
            self.systemctl(cx, verb, unit.as_deref()).await?;
        }
        let done = change.what.join(", ");
        let outcome = if verbs.is_empty() {
            Outcome::unchanged(done)
        } else {
            Outcome::changed(done)
        };
        Ok(outcome.with("name", self.name.as_deref().unwrap_or_default()))
    }

    async fn verify(&self, cx: &Cx<'_>, _: &Change, outcome: &mut Outcome) -> Result<(), Failure> {
        let Some(unit) = self.unit()? else {
            return Ok(());
        };
        let seen = self.look(cx, &unit).await?;
        let left: Vec<&str> = self
            .verbs(&seen)
            .into_iter()
            .filter(|verb| !verb.contains("restart"))
            .collect();
        let down = matches!(self.state, Some(State::Restarted | State::Reloaded)) && seen.active != "active";
        outcome
            .result
            .insert("state".to_owned(), seen.active.as_str().into());
        if left.is_empty() && !down {
            return Ok(());
        }
        Err(Failure::not_verified(format!(
            "{}: systemctl exited 0, but {unit} is {} and {}",
            cx.host.name(),
            seen.active,
            seen.enabled
        )))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::module::FailureKind;
    use crate::testing::{FakeHost, FakeWorld};

    fn show(active: &str, enabled: &str) -> String {
        format!("LoadState=loaded\nActiveState={active}\nUnitFileState={enabled}\n")
    }

    async fn run(args: Value, before: &str, after: &str) -> (Result<Outcome, Failure>, Vec<String>) {
        let host = FakeHost::new("m")
            .on("^systemctl show", 0, before)
            .on("^systemctl show", 0, after)
            .on("^systemctl", 0, "");
        let task = crate::registry::find("service").unwrap().task(args).unwrap();
        let world = FakeWorld::default();
        let cx = world.cx(&host);
        let result = match task.inspect(&cx).await {
            Err(failure) => Err(failure),
            Ok(Finding::NoChange(outcome)) => Ok(outcome),
            Ok(Finding::Change(change) | Finding::CannotTell(change)) => {
                let mut outcome = task.apply(&[(&cx, &change)]).await.pop().unwrap().unwrap();
                task.verify(&cx, &change, &mut outcome).await.map(|()| outcome)
            }
        };
        let verbs = host
            .asked()
            .into_iter()
            .filter(|line| !line.contains(" show "))
            .collect();
        (result, verbs)
    }

    #[tokio::test]
    async fn only_what_is_missing_is_done() {
        let (off, on) = (show("inactive", "disabled"), show("active", "enabled"));
        for (args, before, after, expected) in [
            (json!({"name": "nginx", "state": "started"}), &on, &on, vec![]),
            (
                json!({"name": "nginx", "state": "started"}),
                &off,
                &on,
                vec!["systemctl start -- nginx.service"],
            ),
            (
                json!({"name": "a.timer", "state": "restarted"}),
                &on,
                &on,
                vec!["systemctl restart -- a.timer"],
            ),
            (
                json!({"name": "nginx", "masked": true, "state": "stopped"}),
                &off,
                &show("inactive", "masked"),
                vec!["systemctl mask -- nginx.service"],
            ),
            (
                json!({"unit": "nginx", "masked": false, "enabled": true, "state": "started", "daemon_reload": true}),
                &show("inactive", "masked-runtime"),
                &on,
                vec![
                    "systemctl daemon-reload",
                    "systemctl unmask -- nginx.service",
                    "systemctl enable -- nginx.service",
                    "systemctl start -- nginx.service",
                ],
            ),
            (
                json!({"name": "nginx", "state": "stopped", "enabled": false}),
                &on,
                &off,
                vec![
                    "systemctl disable -- nginx.service",
                    "systemctl stop -- nginx.service",
                ],
            ),
        ] {
            let (result, verbs) = run(args.clone(), before, after).await;
            assert_eq!(verbs, expected, "{args}");
            assert_eq!(result.unwrap().changed, !expected.is_empty());
        }
    }

    #[tokio::test]
    async fn unit_files_are_read_anew_without_a_change() {
        let on = show("active", "enabled");
        for args in [
            json!({"daemon_reload": true}),
            json!({"name": "nginx", "state": "started", "daemon_reload": true}),
        ] {
            let (result, verbs) = run(args, &on, &on).await;
            assert_eq!(verbs, ["systemctl daemon-reload"]);
            assert!(!result.unwrap().changed);
        }
        let (result, _) = run(json!({"state": "started"}), &on, &on).await;
        assert!(result.unwrap_err().message.contains("`name`"));
    }

    #[tokio::test]
    async fn a_start_that_did_not_happen_is_not_believed() {
        let (off, failed) = (show("inactive", "enabled"), show("failed", "enabled"));
        let (result, _) = run(json!({"name": "nginx", "state": "started"}), &off, &failed).await;
        assert_eq!(result.unwrap_err().kind, FailureKind::NotVerified);
    }
}
