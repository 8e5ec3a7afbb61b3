//! Which packages an upgrade to a version is made of, and what apt would do for it. Read-only.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::apt::{self, Action, Package};
use crate::host::Command;
use crate::module::{Cx, Failure};
use crate::opennebula::version::compare_packages;

/// What is looked at when the author names no packages: OpenNebula's own and the bindings it is released with.
pub(super) const PATTERNS: [&str; 2] = ["opennebula*", "python3-pyone"];

/// The packages that bring the database migrators, by preference: the second is the name up to 6.10.
const MIGRATORS: [&str; 2] = ["opennebula-migration", "opennebula-migration-community"];

/// An upgrade, worked out.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Selection {
    /// `name=version`, as apt takes them.
    pub(super) install: Vec<String>,
    /// What apt would do, dependencies included.
    pub(super) actions: Vec<Action>,
    /// What is installed now.
    pub(super) installed: BTreeMap<String, Package>,
}

impl Selection {
    /// Whether apt has to unpack them also where it takes them for installed.
    pub(super) fn again(&self) -> bool {
        any_torn(&self.installed)
    }

    /// The packages whose last attempt was cut off.
    pub(super) fn incomplete(&self) -> Vec<&Package> {
        self.installed
            .values()
            .filter(|package| !package.complete())
            .collect()
    }
}

const OFFERS: &str = r#"export LC_ALL=C; apt-cache madison -- "$@""#;

/// Works out what it takes to bring everything installed to the newest offered release of `wanted` (`7.2`, `7.2.0`).
pub(super) async fn select(cx: &Cx<'_>, wanted: &str, patterns: &[String]) -> Result<Selection, Failure> {
    let installed = apt::packages_and_torn(cx, patterns).await?;
    if installed.is_empty() {
        return Err(Failure::failed(format!(
            "{}: none of {} is installed",
            cx.host.name(),
            patterns.join(", ")
        )));
    }
    let names = installed.keys().map(String::as_str).chain(MIGRATORS);
    let output = cx.host.run(&Command::script(OFFERS, names).as_root()).await?;
    let offered = apt::read_madison(&output.text());
    let mut install = choose(cx.host.name(), &installed, &offered, wanted)?;
    let again = any_torn(&installed);
    if again {
        install.retain(|word| !is_there(word, &installed));
    }
    let (install, actions) = simulate(cx, install, again).await?;
    Ok(Selection {
        install,
        actions,
        installed,
    })
}

fn any_torn(installed: &BTreeMap<String, Package>) -> bool {
    installed.values().any(Package::torn)
}

/// Whether `name=version` is installed, and unpacked whole.
fn is_there(word: &str, installed: &BTreeMap<String, Package>) -> bool {
    let (name, version) = word.split_once('=').unwrap_or((word, ""));
    installed
        .get(name)
        .is_some_and(|package| package.version == version && !package.torn())
}

fn choose(
    host: &str,
    installed: &BTreeMap<String, Package>,
    offered: &BTreeMap<String, Vec<String>>,
    wanted: &str,
) -> Result<Vec<String>, Failure> {
    let newest = |name: &str| {
        let versions = offered
            .get(name)
            .into_iter()
            .flatten()
            .filter(|version| apt::is_of(version, wanted));
        versions.max_by(|a, b| compare_packages(a, b))
    };
    let has = |name: &str| {
        installed
            .get(name)
            .filter(|package| apt::is_of(&package.version, wanted))
    };
    let mut install = Vec::new();
    for package in installed.values() {
        match newest(&package.name) {
            Some(version) if compare_packages(version, &package.version).is_ge() => {
                install.push(format!("{}={version}", package.name));
            }
            // Something else that came along, in whatever version it is offered.
            _ if package.torn() => install.push(package.name.clone()),
            _ => {}
        }
    }
    if let Some(main) = installed.get("opennebula") {
        let current = has("opennebula").is_some();
        if !current && newest("opennebula").is_none() {
            let known = offered.get("opennebula").map(|versions| versions.join(", "));
            let known = known
                .filter(|known| !known.is_empty())
                .unwrap_or_else(|| "nothing".to_owned());
            return Err(Failure::failed(format!(
                "{host}: no repository offers opennebula {wanted} (installed: {}, offered: {known})",
                main.version
            ))
            .hint("point the host at the repository of the new version with `package_repo`, or set another target version"));
        }
        let chosen = |name: &&str| {
            install.iter().any(|word| word.split('=').next() == Some(name)) || has(name).is_some()
        };
        if !MIGRATORS.iter().any(chosen) {
            let brought = MIGRATORS
                .iter()
                .find_map(|name| newest(name).map(|version| format!("{name}={version}")));
            let missing = || {
                Failure::failed(format!(
                    "{host}: no repository offers the database migrators of {wanted}"
                ))
                .hint("without opennebula-migration, `onedb upgrade` cannot migrate the database")
            };
            install.push(brought.ok_or_else(missing)?);
        }
    }
    Ok(install)
}

/// What apt would do, and what it has to be asked for. Where a power cut left packages unpacked beside older ones that they do not
/// go with, apt adds no dependency by itself: it names what it lacks, and is asked for that too.
async fn simulate(
    cx: &Cx<'_>,
    mut install: Vec<String>,
    again: bool,
) -> Result<(Vec<String>, Vec<Action>), Failure> {
    let flag = if again { " --reinstall" } else { "" };
    let script = format!("{}apt_quiet -s install{flag} \"$@\"", apt::QUIET);
    let mut refused = None;
    while !install.is_empty() {
        let command = Command::script(&script, install.iter().map(String::as_str)).as_root();
        let output = cx.host.run(&command).await?;
        if output.exit.success() {
            return Ok((install, apt::read_simulation(&output.text())));
        }
        let mut lacking = apt::read_lacking(&output.text());
        lacking.retain(|word| !install.contains(word));
        let first = || {
            apt::apt_failed(
                &format!("{}: apt cannot work out the upgrade", cx.host.name()),
                &output,
            )
        };
        let why = refused.get_or_insert_with(first);
        if lacking.is_empty() {
            return Err(why.clone());
        }
        install.extend(lacking);
    }
    Ok((install, Vec::new()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn installed(list: &[(&str, &str)]) -> BTreeMap<String, Package> {
        let text: String = list
            .iter()
            .map(|(name, version)| format!("{name}\t{version}\tamd64\tii \n"))
            .collect();
        apt::read_packages(&text)
    }

    fn offered(list: &[(&str, &str)]) -> BTreeMap<String, Vec<String>> {
        let text: String = list
            .iter()
            .map(|(name, version)| format!("{name} | {version} | repo Packages\n"))
            .collect();
        apt::read_madison(&text)
    }

    #[test]
    fn everything_installed_goes_to_the_target_and_the_migrators_come_along() {
        let now = installed(&[
            ("opennebula", "7.0.0-1"),
            ("opennebula-flow", "7.0.0-1"),
            ("opennebula-own", "3"),
        ]);
        let offers = offered(&[
            ("opennebula", "7.4.0-1"),
            ("opennebula", "7.2.0-1"),
            ("opennebula", "7.2.1-1"),
            ("opennebula-flow", "7.2.1-1"),
            ("opennebula-migration", "7.2.1-1"),
        ]);
        let chosen = choose("m", &now, &offers, "7.2").unwrap();
        assert_eq!(
            chosen,
            [
                "opennebula=7.2.1-1",
                "opennebula-flow=7.2.1-1",
                "opennebula-migration=7.2.1-1"
            ]
        );
    }

    #[test]
    fn a_target_nobody_offers_says_what_is_offered() {
        let now = installed(&[("opennebula", "7.0.0-1")]);
        let failure = choose("m", &now, &offered(&[("opennebula", "7.0.0-1")]), "7.2").unwrap_err();
        assert!(
            failure
                .message
                .contains("no repository offers opennebula 7.2 (installed: 7.0.0-1, offered: 7.0.0-1)")
        );
        let failure = choose("m", &now, &offered(&[("opennebula", "7.2.0-1")]), "7.2").unwrap_err();
        assert!(failure.message.contains("migrators"));
    }
}
