//! `package_save`: keeps the packages that are installed now, for the way back.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::apt::{self, Package};
use super::package_download::patterns;
use super::saved;
use crate::contract::{Contract, Recovery};
use crate::host::{Command, Exit};
use crate::job_run;
use crate::module::{Change, Cx, Effect, Failure, Finding, Module, Outcome};

/// Saves the exact packages that are installed now, so that there is a way back when the repository has moved on.
///
/// Run it before `package_repo` points the host elsewhere. A package is taken from apt's cache or from the repository.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PackageSave {
    /// Names of installed packages to save, with wildcards.
    #[serde(default = "patterns")]
    packages: Vec<String>,
}

const SAVE: &str = r#"
set -e
dir=$1; shift
install -d -m 0700 /var/lib/nebplay /var/lib/nebplay/packages "$dir"
cd "$dir"
for package in "$@"; do
  file=$(printf '%s' "$package" | sed 's/:/%3a/; s/=/_/')
  if cached=$(ls "/var/cache/apt/archives/${file}"_*.deb 2>/dev/null); then
    cp -- $cached .
  else
    echo "fetching $package"
    apt-get -q -o APT::Sandbox::User=root download "$package" || echo "not to be had: $package" >&2
  fi
done
sync
"#;

impl PackageSave {
    /// The version that is installed, and which of its packages are not saved.
    async fn missing(&self, cx: &Cx<'_>) -> Result<(String, Vec<Package>), Failure> {
        let installed = apt::packages(cx, &self.packages).await?;
        let version = installed
            .get("opennebula")
            .or(installed.values().next())
            .map(|package| package.version.clone());
        let Some(version) = version else {
            return Err(Failure::failed(format!(
                "{}: none of {} is installed",
                cx.host.name(),
                self.packages.join(", ")
            )));
        };
        let kept = saved::kept(cx, &saved::directory(&version)).await?;
        let is_saved = |package: &Package| kept.packages.iter().any(|saved| saved.is(package));
        let missing = installed.into_values().filter(|package| !is_saved(package));
        Ok((version, missing.collect()))
    }
}

#[async_trait]
impl Module for PackageSave {
    const NAME: &'static str = "package_save";
    const CONTRACT: Contract = Contract::general(Recovery::Inspect);
    const EXAMPLE: &'static str = "\
- name: the way back
  package_save:
  parallel: all
";

    async fn inspect(&self, cx: &Cx<'_>) -> Result<Finding, Failure> {
        job_run::settle(cx, Self::NAME).await?;
        let (version, missing) = self.missing(cx).await?;
        let directory = saved::directory(&version);
        if missing.is_empty() && saved::before(cx.host).await?.as_ref() == Some(&version) {
            let outcome = Outcome::unchanged(format!("saved in {directory}")).with("directory", directory);
            return Ok(Finding::NoChange(outcome));
        }
        let words: Vec<String> = missing
            .iter()
            .map(|package| format!("{}={}", package.name, package.version))
            .collect();
        let what = if words.is_empty() {
            format!("remember {directory} as the way back")
        } else {
            format!("save {} in {directory}", words.join(", "))
        };
        let seen = json!({"directory": directory, "packages": words});
        Ok(Finding::Change(Change::new(what).seen(seen)))
    }
}

#[async_trait]
impl Effect for PackageSave {
    async fn apply(&self, cx: &Cx<'_>, change: &Change) -> Result<Outcome, Failure> {
        let directory = change.seen["directory"].as_str().unwrap_or(saved::ROOT);
        let packages = change.seen["packages"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|word| word.as_str());
        let packages: Vec<&str> = packages.collect();
        // Where all of them are saved, only the note is missing.
        if !packages.is_empty() {
            let command = Command::script(SAVE, std::iter::once(directory).chain(packages)).as_root();
            let end = job_run::run(cx, Self::NAME, command.deadline(Duration::from_secs(1800))).await?;
            if !end.exit.is_some_and(Exit::success) {
                return Err(Failure::failed(format!(
                    "{}: failed to save: {}",
                    cx.host.name(),
                    end.text().trim()
                )));
            }
        }
        Ok(Outcome::changed(format!("saved in {directory}")).with("directory", directory))
    }

    async fn verify(&self, cx: &Cx<'_>, _: &Change, _: &mut Outcome) -> Result<(), Failure> {
        let (version, missing) = self.missing(cx).await?;
        let directory = saved::directory(&version);
        if missing.is_empty() {
            return saved::note(cx.host, &version).await;
        }
        let files: BTreeMap<&str, &str> = missing
            .iter()
            .map(|p| (p.name.as_str(), p.version.as_str()))
            .collect();
        let list = files
            .iter()
            .map(|(name, version)| format!("{name} {version}"))
            .collect::<Vec<_>>()
            .join(", ");
        Err(Failure::not_verified(format!("{}: not saved: {list}", cx.host.name())).hint(format!(
            "the repository no longer offers them: put the .deb files into {directory} by hand; without them there is no way back"
        )))
    }
}
