//! `package_download`: brings the new packages to the host before the window opens.

use std::time::Duration;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::apt::{self, Action};
use super::selection::{self, PATTERNS, Selection};
use super::way_back;
use crate::contract::{Contract, Recovery};
use crate::host::Command;
use crate::job_run;
use crate::module::{Change, Cx, Effect, Failure, Finding, Module, Outcome};

/// Downloads the packages of the new version, so that nothing has to come over the network in the window.
///
/// Installs nothing. Also shows what the upgrade will do, and refuses what `package_upgrade` would refuse.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PackageDownload {
    /// The version to upgrade to: `7.2` takes the newest release of 7.2, `7.2.0` exactly that.
    version: String,
    /// Names of installed packages to bring there, with wildcards.
    #[serde(default = "patterns")]
    packages: Vec<String>,
    /// Packages that may be removed on the way.
    #[serde(default)]
    may_remove: Vec<String>,
    /// Let apt work out the way back, too: that everything replaced could be put back from what `package_save` saved.
    #[serde(default)]
    way_back: bool,
}

pub(super) fn patterns() -> Vec<String> {
    PATTERNS.map(str::to_owned).to_vec()
}

/// Refuses an upgrade that would take away what nobody said may go.
pub(super) fn refuse_removals(host: &str, actions: &[Action], may_remove: &[String]) -> Result<(), Failure> {
    let lost = actions
        .iter()
        .filter(|action| action.to.is_none() && !may_remove.contains(&action.name));
    let lost: Vec<&str> = lost.map(|action| action.name.as_str()).collect();
    if lost.is_empty() {
        return Ok(());
    }
    Err(
        Failure::unsafe_to_go_on(format!("{host}: the upgrade would remove {}", lost.join(", "))).hint(
            format!("if that is meant, say so: may_remove: [{}]", lost.join(", ")),
        ),
    )
}

/// Lists what would still have to come over the network; what a local repository offers is at hand.
const MISSING: &str = r#"apt_quiet --print-uris install "$@" | grep -E "^'https?:" | cut -d' ' -f2; exit 0"#;

async fn missing(cx: &Cx<'_>, install: &[String]) -> Result<Vec<String>, Failure> {
    let script = format!("{}{MISSING}", apt::QUIET);
    let output = cx
        .host
        .run(&Command::script(&script, install.iter().map(String::as_str)).as_root())
        .await?;
    Ok(output.text().lines().map(str::to_owned).collect())
}

#[async_trait]
impl Module for PackageDownload {
    const NAME: &'static str = "package_download";
    const CONTRACT: Contract = Contract::general(Recovery::Inspect);
    const EXAMPLE: &'static str = "\
- name: the new packages are here before the window
  package_download:
    version: \"{{ target_version }}\"
  parallel: all
";

    async fn inspect(&self, cx: &Cx<'_>) -> Result<Finding, Failure> {
        job_run::settle(cx, Self::NAME).await?;
        let selection = selection::select(cx, &self.version, &self.packages).await?;
        refuse_removals(cx.host.name(), &selection.actions, &self.may_remove)?;
        let missing = missing(cx, &selection.install).await?;
        let actions: Vec<String> = selection.actions.iter().map(ToString::to_string).collect();
        if missing.is_empty() {
            if self.way_back {
                way_back::simulate(cx, &selection).await?;
            }
            let outcome =
                Outcome::unchanged("every package of the upgrade is at hand").with("actions", actions);
            return Ok(Finding::NoChange(outcome));
        }
        let change = Change::new(format!("download {} packages", missing.len()));
        Ok(Finding::Change(change.seen(json!(selection))))
    }
}

#[async_trait]
impl Effect for PackageDownload {
    async fn apply(&self, cx: &Cx<'_>, change: &Change) -> Result<Outcome, Failure> {
        let selection = seen(change)?;
        let flag = if selection.again() { " --reinstall" } else { "" };
        let script = format!("{}apt_quiet install --download-only{flag} \"$@\"", apt::QUIET);
        let command = Command::script(&script, selection.install.iter().map(String::as_str)).as_root();
        let end = job_run::run(cx, Self::NAME, command.deadline(Duration::from_secs(3600))).await?;
        if !end.exit.is_some_and(crate::host::Exit::success) {
            return Err(Failure::failed(format!(
                "{}: the download failed: {}",
                cx.host.name(),
                end.text().trim()
            )));
        }
        let actions: Vec<String> = selection.actions.iter().map(ToString::to_string).collect();
        Ok(
            Outcome::changed(format!("downloaded {} packages", selection.install.len()))
                .with("actions", actions),
        )
    }

    async fn verify(&self, cx: &Cx<'_>, change: &Change, _: &mut Outcome) -> Result<(), Failure> {
        let selection = seen(change)?;
        let missing = missing(cx, &selection.install).await?;
        if missing.is_empty() {
            if self.way_back {
                way_back::simulate(cx, &selection).await?;
            }
            return Ok(());
        }
        Err(Failure::not_verified(format!(
            "{}: still not downloaded: {}",
            cx.host.name(),
            missing.join(", ")
        )))
    }
}

/// What inspect worked out.
pub(super) fn seen(change: &Change) -> Result<Selection, Failure> {
    serde_json::from_value(change.seen.clone())
        .map_err(|error| Failure::failed(format!("the plan of the upgrade cannot be read back: {error}")))
}
