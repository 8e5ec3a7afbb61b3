//! `package_save`: keeps the packages that are installed now, for the way back.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::apt::{self, Package};
use super::package_download::patterns;
use crate::contract::{Contract, Recovery};
use crate::host::{Command, Exit};
use crate::job_run;
use crate::module::{Change, Cx, Effect, Failure, Finding, Module, Outcome};

/// Where saved packages are, a directory for each version of `opennebula`.
pub(super) const ROOT: &str = "/var/lib/nebplay/packages";

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

/// What is in the directory and readable to its last byte: NAME, version, architecture.
const SAVED: &str = r#"
cd "$1" 2>/dev/null || exit 0
for file in *.deb; do
  [ -f "$file" ] || continue
  dpkg-deb --fsys-tarfile "$file" >/dev/null 2>&1 || continue
  dpkg-deb --show --showformat='${Package}\t${Version}\t${Architecture}\n' "$file"
done
"#;

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
    /// The packages to be saved, where, and which of them are not there.
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
        let directory = format!("{ROOT}/{version}");
        let output = cx
            .host
            .run(&Command::script(SAVED, [directory.as_str()]).as_root())
            .await?;
        let saved = output.text();
        let is_saved = |package: &Package| {
            let line = format!("{}\t{}\t{}", package.name, package.version, package.arch);
            saved.lines().any(|saved| saved == line)
        };
        Ok((
            directory,
            installed
                .into_values()
                .filter(|package| !is_saved(package))
                .collect(),
        ))
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
        let (directory, missing) = self.missing(cx).await?;
        if missing.is_empty() {
            let outcome = Outcome::unchanged(format!("saved in {directory}")).with("directory", directory);
            return Ok(Finding::NoChange(outcome));
        }
        let words: Vec<String> = missing
            .iter()
            .map(|package| format!("{}={}", package.name, package.version))
            .collect();
        let change = Change::new(format!("save {} in {directory}", words.join(", ")));
        Ok(Finding::Change(
            change.seen(json!({"directory": directory, "packages": words})),
        ))
    }
}

#[async_trait]
impl Effect for PackageSave {
    async fn apply(&self, cx: &Cx<'_>, change: &Change) -> Result<Outcome, Failure> {
        let directory = change.seen["directory"].as_str().unwrap_or(ROOT);
        let packages = change.seen["packages"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|word| word.as_str());
        let command = Command::script(SAVE, std::iter::once(directory).chain(packages)).as_root();
        let end = job_run::run(cx, Self::NAME, command.deadline(Duration::from_secs(1800))).await?;
        if !end.exit.is_some_and(Exit::success) {
            return Err(Failure::failed(format!(
                "{}: failed to save: {}",
                cx.host.name(),
                end.text().trim()
            )));
        }
        Ok(Outcome::changed(format!("saved in {directory}")).with("directory", directory))
    }

    async fn verify(&self, cx: &Cx<'_>, _: &Change, _: &mut Outcome) -> Result<(), Failure> {
        let (directory, missing) = self.missing(cx).await?;
        if missing.is_empty() {
            return Ok(());
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
