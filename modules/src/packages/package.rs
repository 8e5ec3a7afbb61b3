//! `package`: any package of the distribution.

use std::time::Duration;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::apt;
use crate::contract::{Contract, Recovery};
use crate::host::{Command, Exit};
use crate::job_run;
use crate::module::{Change, Cx, Effect, Failure, Finding, Module, Outcome};

/// Installs or removes packages of the distribution. For OpenNebula itself use `package_upgrade`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Package {
    /// One package, or several.
    name: Names,
    /// What they should be.
    #[serde(default)]
    state: State,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
struct Names(#[serde(deserialize_with = "one_or_many")] Vec<String>);

fn one_or_many<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    match serde_json::Value::deserialize(deserializer)? {
        serde_json::Value::String(one) => Ok(one.split(',').map(|name| name.trim().to_owned()).collect()),
        many => serde_json::from_value(many).map_err(serde::de::Error::custom),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum State {
    /// Installed, in whatever version.
    #[default]
    Present,
    /// Not installed; configuration files stay.
    Absent,
}

impl Package {
    async fn missing(&self, cx: &Cx<'_>) -> Result<Vec<String>, Failure> {
        let plain = |name: &String| !name.starts_with('-') && !name.is_empty();
        if let Some(bad) = self.name.0.iter().find(|name| !plain(name)) {
            return Err(Failure::failed(format!(
                "`{bad}` cannot be the name of a package"
            )));
        }
        let installed = apt::packages(cx, &self.name.0).await?;
        let is_wrong = |name: &&String| {
            let there = installed.get(*name).is_some_and(apt::Package::complete);
            there != (self.state == State::Present)
        };
        Ok(self.name.0.iter().filter(is_wrong).cloned().collect())
    }
}

#[async_trait]
impl Module for Package {
    const NAME: &'static str = "package";
    const CONTRACT: Contract = Contract::general(Recovery::Inspect);
    const EXAMPLE: &'static str = "\
- name: what distribute compresses with
  become: true
  package:
    name: zstd
";

    async fn inspect(&self, cx: &Cx<'_>) -> Result<Finding, Failure> {
        job_run::settle(cx, Self::NAME).await?;
        let missing = self.missing(cx).await?;
        if missing.is_empty() {
            return Ok(Finding::no_change("all as it should be"));
        }
        let verb = if self.state == State::Present {
            "install"
        } else {
            "remove"
        };
        Ok(Finding::change(format!("{verb} {}", missing.join(", "))))
    }
}

#[async_trait]
impl Effect for Package {
    async fn apply(&self, cx: &Cx<'_>, change: &Change) -> Result<Outcome, Failure> {
        let verb = if self.state == State::Present {
            "install"
        } else {
            "remove"
        };
        let script = format!("{}apt_quiet {verb} -- \"$@\"", apt::QUIET);
        let missing = self.missing(cx).await?;
        let command = Command::script(&script, missing)
            .as_root()
            .deadline(Duration::from_secs(1800));
        let end = job_run::run(cx, Self::NAME, command).await?;
        if end.exit.is_some_and(Exit::success) {
            return Ok(Outcome::changed(change.what.join(", ")));
        }
        Err(Failure::failed(format!(
            "{}: apt failed: {}",
            cx.host.name(),
            end.text().trim()
        )))
    }

    async fn verify(&self, cx: &Cx<'_>, _: &Change, _: &mut Outcome) -> Result<(), Failure> {
        let missing = self.missing(cx).await?;
        if missing.is_empty() {
            return Ok(());
        }
        Err(Failure::not_verified(format!(
            "{}: apt exited 0, but not for {}",
            cx.host.name(),
            missing.join(", ")
        )))
    }
}
