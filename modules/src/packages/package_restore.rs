//! `package_restore`: brings the packages back that `package_save` saved.

use std::time::Duration;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::apt::{self, Action};
use super::install;
use super::saved::{self, Saved};
use crate::contract::{Contract, Order, Privilege, Recovery};
use crate::host::Command;
use crate::job_run;
use crate::module::{Change, Cx, Effect, Failure, Finding, Module, Outcome};

/// Brings the packages back that `package_save` saved: the first half of the way back, before `onedb_restore_full`.
///
/// Installed are exactly the saved files, without a question and without starting anything; configuration files stay as they are, for
/// `config_backup` kept them as they were. What the upgrade brought and the old packages do not go with is removed, if it is
/// OpenNebula's. Registers `version` (of `opennebula`, as it was before), `differs` (whether anything is not as it was) and
/// `directory`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PackageRestore {
    /// The version to go back to, which names a directory below `/var/lib/nebplay/packages`. Without it, what was installed before
    /// the upgrade that is under way.
    version: Option<String>,
    /// Only look. Where no upgrade is under way, nothing differs.
    #[serde(default)]
    dry: bool,
    /// Packages that are not OpenNebula's and may be removed on the way.
    #[serde(default)]
    may_remove: Vec<String>,
    /// How long apt may take, in seconds.
    #[serde(default = "install::half_an_hour")]
    timeout: u64,
}

/// What apt is told.
#[derive(Serialize, Deserialize)]
struct Plan {
    flags: String,
    packages: Vec<String>,
}

/// What is not as it was.
struct Way {
    version: String,
    directory: String,
    saved: Vec<Saved>,
    /// In words.
    differs: Vec<String>,
    /// One of the saved was cut off while it was unpacked, and has to be unpacked once more.
    again: bool,
    /// What the upgrade brought, and was cut off while it was unpacked.
    torn: Vec<String>,
}

impl Way {
    fn register(&self, outcome: Outcome) -> Outcome {
        outcome
            .with("version", self.version.as_str())
            .with("directory", self.directory.as_str())
            .with("differs", !self.differs.is_empty())
    }

    /// What apt is told: its guards are loosened only as far as this way needs it.
    fn plan(&self) -> Plan {
        // Where old and new packages are mixed, dependencies are broken, and apt begins only if told to mend them or given the name of
        // a package: files are none.
        let mut flags = vec!["--allow-downgrades", "--fix-broken"];
        if self.again {
            flags.push("--reinstall");
        }
        if !self.torn.is_empty() {
            flags.push("-o Dpkg::Options::=--force-remove-reinstreq");
        }
        let file = |saved: &Saved| format!("{}/{}", self.directory, saved.file);
        // A minus behind a name: it is to be removed.
        let removed = self.torn.iter().map(|name| format!("{name}-"));
        Plan {
            flags: flags.join(" "),
            packages: self.saved.iter().map(file).chain(removed).collect(),
        }
    }
}

impl PackageRestore {
    async fn way(&self, cx: &Cx<'_>) -> Result<Option<Way>, Failure> {
        let host = cx.host.name();
        let version = match &self.version {
            Some(version) if version.contains('/') || version.starts_with('.') || version.is_empty() => {
                return Err(Failure::failed(format!("`{version}` is no version of a package")));
            }
            Some(version) => version.clone(),
            None => match saved::before(cx.host).await? {
                Some(version) => version,
                None => return Ok(None),
            },
        };
        let directory = saved::directory(&version);
        let kept = saved::kept(cx, &directory).await?;
        if !kept.damaged.is_empty() {
            return Err(Failure::unsafe_to_go_on(format!(
                "{host}: {directory} holds files that cannot be read to their end: {}",
                kept.damaged.join(", ")
            ))
            .hint("put whole ones in their place: without them there is no way back"));
        }
        if kept.packages.is_empty() {
            return Err(
                Failure::failed(format!("{host}: no package is saved in {directory}")).hint(format!(
                    "`ls {}` shows the versions that are; package_save saves them before an upgrade",
                    saved::ROOT
                )),
            );
        }
        let installed = apt::packages(cx, &["*".to_owned()]).await?;
        let mut differs = Vec::new();
        for saved in &kept.packages {
            let (name, wanted) = (&saved.name, &saved.version);
            match installed.get(name) {
                None => differs.push(format!("{name} is not installed")),
                Some(package) if package.version != *wanted => {
                    differs.push(format!("{name} is {}", package.version));
                }
                Some(package) if !package.complete() => differs.push(package.flaw()),
                Some(_) => {}
            }
        }
        let is_saved = |package: &apt::Package| kept.packages.iter().any(|saved| saved.name == package.name);
        let torn = installed.values().filter(|package| package.torn());
        let (again, mut brought): (Vec<_>, Vec<_>) = torn.partition(|package| is_saved(package));
        brought.retain(|package| self.may_go(&package.name));
        differs.extend(brought.iter().map(|package| package.flaw()));
        Ok(Some(Way {
            version,
            directory,
            again: !again.is_empty(),
            torn: brought.into_iter().map(|package| package.name.clone()).collect(),
            saved: kept.packages,
            differs,
        }))
    }

    /// Whether a package may be removed: what the upgrade brought is OpenNebula's, or was named.
    fn may_go(&self, name: &str) -> bool {
        name.starts_with("opennebula") || self.may_remove.iter().any(|may| may == name)
    }

    /// What apt would do.
    async fn actions(&self, cx: &Cx<'_>, way: &Way) -> Result<Vec<Action>, Failure> {
        let Plan { flags, packages } = way.plan();
        let script = format!("{}apt_quiet -s {flags} install \"$@\"", apt::QUIET);
        let output = cx.host.run(&Command::script(&script, packages).as_root()).await?;
        let host = cx.host.name();
        if !output.exit.success() {
            let what = format!("{host}: apt cannot work out the way back");
            return Err(apt::apt_failed(&what, &output).hint(format!(
                "see that {} holds every package that was replaced, and what the old ones depend on",
                way.directory
            )));
        }
        let actions = apt::read_simulation(&output.text());
        let lost: Vec<&str> = actions
            .iter()
            .filter(|action| action.to.is_none())
            .map(|action| action.name.as_str())
            .filter(|name| !self.may_go(name))
            .collect();
        if lost.is_empty() {
            return Ok(actions);
        }
        Err(
            Failure::unsafe_to_go_on(format!("{host}: going back would remove {}", lost.join(", "))).hint(
                format!("if that is meant, say so: may_remove: [{}]", lost.join(", ")),
            ),
        )
    }
}

#[async_trait]
impl Module for PackageRestore {
    const NAME: &'static str = "package_restore";
    const CONTRACT: Contract = Contract::serial(Order::Inventory, Recovery::Job, Privilege::Root);
    const EXAMPLE: &'static str = "\
- name: the old packages
  package_restore:
";

    async fn inspect(&self, cx: &Cx<'_>) -> Result<Finding, Failure> {
        job_run::settle(cx, Self::NAME).await?;
        let host = cx.host.name();
        let Some(way) = self.way(cx).await? else {
            if self.dry {
                let outcome = Outcome::unchanged("no upgrade is under way here").with("differs", false);
                return Ok(Finding::NoChange(outcome));
            }
            return Err(Failure::failed(format!(
                "{host}: no upgrade is under way here, so nothing says what was installed before"
            ))
            .hint(format!(
                "name the version to go back to, one of those below {}",
                saved::ROOT
            )));
        };
        if way.differs.is_empty() {
            let outcome = Outcome::unchanged(format!("the packages are those of {}", way.version));
            return Ok(Finding::NoChange(way.register(outcome)));
        }
        if self.dry {
            let outcome = Outcome::unchanged(format!(
                "not as it was at {}: {}",
                way.version,
                way.differs.join(", ")
            ));
            return Ok(Finding::NoChange(way.register(outcome)));
        }
        install::refuse_under_oned(cx).await?;
        let actions = self.actions(cx, &way).await?;
        let mut what = apt::in_short(&actions);
        if what.is_empty() {
            what.push(format!("heal packages: {}", way.differs.join(", ")));
        }
        Ok(Finding::Change(Change {
            what,
            seen: json!(way.plan()),
            diff: None,
        }))
    }
}

#[async_trait]
impl Effect for PackageRestore {
    async fn apply(&self, cx: &Cx<'_>, change: &Change) -> Result<Outcome, Failure> {
        let plan: Plan = serde_json::from_value(change.seen.clone())
            .map_err(|error| Failure::failed(format!("what was worked out cannot be read: {error}")))?;
        let deadline = Duration::from_secs(self.timeout);
        install::install(cx, Self::NAME, &plan.flags, &plan.packages, deadline).await?;
        Ok(Outcome::changed(change.what.join("; ")))
    }

    async fn verify(&self, cx: &Cx<'_>, _: &Change, outcome: &mut Outcome) -> Result<(), Failure> {
        let host = cx.host.name();
        let Some(way) = self.way(cx).await? else {
            return Err(Failure::not_verified(format!(
                "{host}: what was installed before is not known any more"
            )));
        };
        if !way.differs.is_empty() {
            return Err(Failure::not_verified(format!(
                "{host}: apt exited 0, but {}",
                way.differs.join(", ")
            ))
            .hint("run the playbook again: it heals such packages itself"));
        }
        if let Some(main) = way.saved.iter().find(|saved| saved.name == "opennebula") {
            install::verify_binary(cx, apt::upstream(&main.version)).await?;
        }
        if install::oned_runs(cx).await? {
            return Err(Failure::not_verified(format!(
                "{host}: the packages started oned, before the database was put back"
            ))
            .hint("stop it with `service_stop`"));
        }
        *outcome = way.register(std::mem::take(outcome));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::module::FailureKind;
    use crate::testing::{FakeHost, FakeWorld};

    const OLD: &str = "opennebula\t7.0.0-1\tamd64\tii \n--- held\n";
    const NEW: &str = "opennebula\t7.2.0-1\tamd64\tii \nopennebula-form\t7.2.0-1\tamd64\tii \n--- held\n";
    const KEPT: &str = "opennebula\t7.0.0-1\tamd64\topennebula_7.0.0-1_amd64.deb\n";
    const NOTE: &str = "/var/lib/nebplay/memory/packages-before.json";
    const PLAN: &str =
        "Remv opennebula-form [7.2.0-1]\nInst opennebula [7.2.0-1] (7.0.0-1 local-deb [amd64])\n";

    fn host(kept: &str, plan: &str, after: &str, binary: &str) -> FakeHost {
        FakeHost::new("m")
            .file(NOTE, r#"{"version": "7.0.0-1"}"#)
            .on("packages that are kept", 0, kept)
            .on("apt_quiet -s", 0, plan)
            .on("policy-rc.d", 0, "Setting up opennebula (7.0.0-1) ...\n")
            .on("dpkg-query", 0, NEW)
            .on("dpkg-query", 0, after)
            .on("^oned --version", 0, binary)
            .on("^pgrep", 1, "")
    }

    async fn run(host: &FakeHost, args: serde_json::Value) -> Result<Outcome, Failure> {
        FakeWorld::default().run(host, "package_restore", args).await
    }

    #[tokio::test]
    async fn what_was_saved_comes_back_and_what_the_upgrade_brought_goes() {
        let host = host(KEPT, PLAN, OLD, "OpenNebula 7.0.0 ()\n");
        let outcome = run(&host, json!({})).await.unwrap();
        assert_eq!(
            outcome.message.as_deref(),
            Some("opennebula 7.2.0-1 → 7.0.0-1; removed: opennebula-form")
        );
        assert_eq!(
            (&outcome.result["version"], &outcome.result["differs"]),
            (&json!("7.0.0-1"), &json!(false))
        );
        let files = "/var/lib/nebplay/packages/7.0.0-1/opennebula_7.0.0-1_amd64.deb";
        assert!(host.asked().iter().any(|line| line.contains(files)));
    }

    #[tokio::test]
    async fn what_lost_power_while_it_was_unpacked_is_unpacked_again_or_goes_by_force() {
        let torn = |brought: &str| {
            let before = format!("opennebula\t7.0.0-1\tamd64\tiHR\n{brought}\t7.2.0-1\tall\trHR\n--- held\n");
            FakeHost::new("m")
                .file(NOTE, r#"{"version": "7.0.0-1"}"#)
                .on("packages that are kept", 0, KEPT)
                .on("apt_quiet -s --allow-downgrades --fix-broken --reinstall", 0, "")
                .on("policy-rc.d", 0, "")
                .on("dpkg-query", 0, &before)
                .on("dpkg-query", 0, OLD)
                .on("^oned --version", 0, "OpenNebula 7.0.0 ()\n")
                .on("^pgrep", 1, "")
        };
        let host = torn("opennebula-form");
        let outcome = run(&host, json!({})).await.unwrap();
        assert_eq!(
            outcome.message.as_deref(),
            Some(
                "heal packages: opennebula is half-installed (iHR), opennebula-form is half-installed (rHR)"
            )
        );
        let job = host.asked().into_iter().find(|line| line.starts_with("job"));
        let words = "'--allow-downgrades --fix-broken --reinstall -o Dpkg::Options::=--force-remove-reinstreq' \
            /var/lib/nebplay/packages/7.0.0-1/opennebula_7.0.0-1_amd64.deb opennebula-form-";
        assert!(job.as_ref().is_some_and(|job| job.contains(words)), "{job:?}");
        // What is not OpenNebula's is not ours to remove by force: apt says what it thinks of it.
        let host = torn("libxml2");
        run(&host, json!({})).await.unwrap();
        assert!(!host.asked().iter().any(|line| line.contains("libxml2-")));
    }

    #[tokio::test]
    async fn a_look_tells_what_differs_and_changes_nothing() {
        let outcome = run(&host(KEPT, PLAN, NEW, ""), json!({"dry": true}))
            .await
            .unwrap();
        assert!(!outcome.changed);
        assert_eq!(outcome.result["differs"], true);
        let nothing_under_way = FakeHost::new("m");
        let outcome = run(&nothing_under_way, json!({"dry": true})).await.unwrap();
        assert_eq!(outcome.result["differs"], false);
        assert!(
            run(&nothing_under_way, json!({}))
                .await
                .unwrap_err()
                .message
                .contains("no upgrade is under way")
        );
    }

    #[tokio::test]
    async fn a_host_that_lies_is_not_believed() {
        let unpacked = OLD.replace("amd64\tii ", "amd64\tiU ");
        for (after, binary, word) in [
            (NEW, "OpenNebula 7.0.0 ()\n", "opennebula is 7.2.0-1"),
            (&unpacked, "OpenNebula 7.0.0 ()\n", "half-configured"),
            (OLD, "OpenNebula 7.2.0 ()\n", "`oned --version` says"),
        ] {
            let failure = run(&host(KEPT, PLAN, after, binary), json!({}))
                .await
                .unwrap_err();
            assert_eq!(failure.kind, FailureKind::NotVerified);
            assert!(failure.message.contains(word), "{}", failure.message);
        }
    }

    #[tokio::test]
    async fn what_would_be_no_way_back_is_refused_before_anything_is_done() {
        let others = format!("{PLAN}Remv apache2 [2.4]\n");
        for (kept, plan, word) in [
            ("damaged\topennebula_7.0.0-1_amd64.deb\n", PLAN, "to their end"),
            ("", PLAN, "no package is saved"),
            (KEPT, others.as_str(), "would remove apache2"),
        ] {
            let host = host(kept, plan, OLD, "");
            let failure = run(&host, json!({})).await.unwrap_err();
            assert!(failure.message.contains(word), "{}", failure.message);
            assert!(!host.asked().iter().any(|line| line.starts_with("job")));
        }
        assert!(
            run(&FakeHost::new("m"), json!({"version": "../etc"}))
                .await
                .is_err()
        );
    }
}
