//! `package_upgrade`: installs the packages of the new version.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::package_download::{patterns, refuse_removals, seen};
use super::selection::{self, Selection};
use super::{apt, conffiles, install};
use crate::contract::{Contract, Order, Privilege, Recovery};
use crate::job_run;
use crate::module::{Change, Cx, Effect, Failure, Finding, Module, Outcome};
use crate::services::newcomers;

/// Upgrades OpenNebula's packages to a version, without ever asking a question.
///
/// What is installed is upgraded; the database migrators and new dependencies are installed; a removal is refused unless
/// allowed. Edited configuration files are kept and the differences to the new ones reported. A package that an earlier attempt left
/// half-installed or half-configured is healed. Nothing is started: units stay masked, what packages would start by themselves is held
/// off, and units that are new are masked where `service_stop` masked the others, until `service_start` takes the masks off.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PackageUpgrade {
    /// The version to upgrade to: `7.2` takes the newest release of 7.2, `7.2.0` exactly that.
    version: String,
    /// Names of installed packages to bring there, with wildcards.
    #[serde(default = "patterns")]
    packages: Vec<String>,
    /// Packages that may be removed on the way.
    #[serde(default)]
    may_remove: Vec<String>,
    /// Upgrade packages that are held back.
    #[serde(default)]
    allow_held: bool,
    /// Upgrade although oned runs on the host.
    #[serde(default)]
    while_running: bool,
    /// How long apt may take, in seconds.
    #[serde(default = "install::half_an_hour")]
    timeout: u64,
}

impl PackageUpgrade {
    fn refuse_held(&self, host: &str, selection: &Selection) -> Result<(), Failure> {
        let held = selection.actions.iter().filter(|action| {
            selection
                .installed
                .get(&action.name)
                .is_some_and(|package| package.held)
        });
        let held: Vec<&str> = held.map(|action| action.name.as_str()).collect();
        if held.is_empty() || self.allow_held {
            return Ok(());
        }
        Err(
            Failure::unsafe_to_go_on(format!("{host}: held back: {}", held.join(", "))).hint(format!(
                "apt-mark unhold {}, or set allow_held: true",
                held.join(" ")
            )),
        )
    }

    /// apt's own guards, loosened only as far as the author said.
    fn flags(&self, selection: &Selection) -> String {
        let mut flags = Vec::new();
        if selection.again() {
            flags.push("--reinstall");
        }
        if self.may_remove.is_empty() {
            flags.push("--no-remove");
        }
        if self.allow_held {
            flags.push("--allow-change-held-packages");
        }
        flags.join(" ")
    }
}

#[async_trait]
impl Module for PackageUpgrade {
    const NAME: &'static str = "package_upgrade";
    const CONTRACT: Contract = Contract::serial(Order::MasterFirst, Recovery::Job, Privilege::Root);
    const EXAMPLE: &'static str = "\
- name: new packages
  package_upgrade:
    version: \"{{ target_version }}\"
  register: upgraded
";

    async fn inspect(&self, cx: &Cx<'_>) -> Result<Finding, Failure> {
        job_run::settle(cx, Self::NAME).await?;
        let selection = selection::select(cx, &self.version, &self.packages).await?;
        let host = cx.host.name();
        refuse_removals(host, &selection.actions, &self.may_remove)?;
        self.refuse_held(host, &selection)?;
        let incomplete = selection.incomplete();
        // An earlier attempt may have been cut off right after the packages.
        let newcomers = newcomers::newcomers(cx).await?;
        if selection.actions.is_empty() && incomplete.is_empty() && newcomers.is_empty() {
            let version = selection
                .installed
                .get("opennebula")
                .map(|package| package.version.clone());
            let outcome = Outcome::unchanged(format!("already at {}", version.clone().unwrap_or_default()));
            return Ok(Finding::NoChange(outcome.with("version", version)));
        }
        if !self.while_running {
            install::refuse_under_oned(cx).await?;
        }
        let mut what: Vec<String> = incomplete
            .iter()
            .map(|package| format!("heal {}", package.name))
            .collect();
        what.extend(apt::in_short(&selection.actions));
        what.extend(newcomers::in_words(&newcomers));
        Ok(Finding::Change(Change {
            what,
            seen: json!(selection),
            diff: None,
        }))
    }
}

#[async_trait]
impl Effect for PackageUpgrade {
    async fn apply(&self, cx: &Cx<'_>, change: &Change) -> Result<Outcome, Failure> {
        let selection = seen(change)?;
        install::install(
            cx,
            Self::NAME,
            &self.flags(&selection),
            &selection.install,
            Duration::from_secs(self.timeout),
        )
        .await?;
        let newcomers = newcomers::newcomers(cx).await?;
        if !newcomers.is_empty() {
            newcomers::hold_down(cx, &newcomers).await?;
        }
        let actions: Vec<String> = selection.actions.iter().map(ToString::to_string).collect();
        let mut done: Vec<String> = change.what.clone();
        // Which units are new was not known before the packages came.
        done.retain(|what| !what.starts_with("mask "));
        done.extend(newcomers::in_words(&newcomers).map(|what| what.replacen("mask", "masked", 1)));
        Ok(Outcome::changed(done.join("; "))
            .with("actions", actions)
            .with("masked", newcomers))
    }

    async fn verify(&self, cx: &Cx<'_>, change: &Change, outcome: &mut Outcome) -> Result<(), Failure> {
        let host = cx.host.name();
        let selection = seen(change)?;
        let now = apt::packages(cx, &["*".to_owned()]).await?;
        let mut wrong = Vec::new();
        for action in &selection.actions {
            let version = now.get(&action.name).map(|package| package.version.clone());
            if version != action.to {
                wrong.push(format!(
                    "{} is {}",
                    action.name,
                    version.as_deref().unwrap_or("not installed")
                ));
            }
        }
        let of_ours = |name: &str| {
            selection.installed.contains_key(name) || selection.actions.iter().any(|a| a.name == name)
        };
        let incomplete = now
            .values()
            .filter(|package| of_ours(&package.name) && !package.complete());
        wrong.extend(incomplete.map(apt::Package::flaw));
        if !wrong.is_empty() {
            return Err(
                Failure::not_verified(format!("{host}: apt exited 0, but {}", wrong.join(", ")))
                    .hint("run the playbook again: it heals such packages itself"),
            );
        }
        if now.contains_key("opennebula") {
            install::verify_binary(cx, &self.version).await?;
        }
        if !self.while_running && install::oned_runs(cx).await? {
            return Err(Failure::not_verified(format!(
                "{host}: the packages started oned, before the database was migrated"
            ))
            .hint("stop it with `service_stop`; oned refuses a database of another version by itself"));
        }
        let newcomers = newcomers::newcomers(cx).await?;
        if let Some(not_done) = newcomers::in_words(&newcomers) {
            return Err(Failure::not_verified(format!(
                "{host}: units that are new are not masked, and a reboot would start them: systemctl failed to {not_done}"
            ))
            .hint("mask them by hand, then run the playbook again"));
        }
        let left = conffiles::left(cx).await?;
        for (path, _) in &left {
            outcome.warnings.push(format!(
                "{path} was kept as edited; the packager's new one is beside it"
            ));
        }
        outcome
            .result
            .insert("conffiles".to_owned(), conffiles::value(&left));
        let versions: BTreeMap<&str, &str> = selection
            .actions
            .iter()
            .filter_map(|action| Some((action.name.as_str(), action.to.as_deref()?)))
            .collect();
        outcome.result.insert(
            "version".to_owned(),
            now.get("opennebula")
                .map(|package| package.version.clone())
                .into(),
        );
        outcome.result.insert("packages".to_owned(), json!(versions));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::module::FailureKind;
    use crate::testing::{FakeHost, FakeWorld};

    const OLD: &str = "opennebula\t7.0.0-1\tamd64\tii \n--- held\n";
    const NEW: &str = "opennebula\t7.2.0-1\tamd64\tii \nopennebula-migration\t7.2.0-1\tall\tii \n--- held\n";
    const OFFERS: &str =
        "opennebula | 7.2.0-1 | repo Packages\nopennebula-migration | 7.2.0-1 | repo Packages\n";
    const PLAN: &str =
        "Inst opennebula [7.0.0-1] (7.2.0-1 x [amd64])\nInst opennebula-migration (7.2.0-1 x [all])\n";

    fn host(after: &str, binary: &str) -> FakeHost {
        FakeHost::new("m")
            .on("madison", 0, OFFERS)
            .on("apt_quiet -s install", 0, PLAN)
            .on("policy-rc.d", 0, "Setting up opennebula (7.2.0-1) ...\n")
            .on("dpkg-query", 0, OLD)
            .on("dpkg-query", 0, after)
            .on("^oned --version", 0, binary)
            .on("^pgrep", 1, "")
            .on("dpkg-dist", 0, "=== /etc/one/oned.conf\n-a\n+b\n")
    }

    async fn run(host: &FakeHost, args: serde_json::Value) -> Result<Outcome, Failure> {
        FakeWorld::default().run(host, "package_upgrade", args).await
    }

    #[tokio::test]
    async fn an_upgrade_is_read_back_and_kept_files_are_reported() {
        let host = host(NEW, "OpenNebula 7.2.0 ()\nCopyright\n");
        let outcome = run(&host, json!({"version": "7.2"})).await.unwrap();
        assert_eq!(outcome.result["version"], "7.2.0-1");
        assert_eq!(outcome.result["conffiles"][0]["path"], "/etc/one/oned.conf");
        assert!(host.asked().iter().any(|line| line.contains("--no-remove")));
    }

    #[tokio::test]
    async fn a_host_that_lies_is_not_believed() {
        let unpacked = NEW.replace("amd64\tii ", "amd64\tiU ");
        for (after, binary, word) in [
            (OLD, "OpenNebula 7.2.0 ()\n", "opennebula is 7.0.0-1"),
            (&unpacked, "OpenNebula 7.2.0 ()\n", "half-configured"),
            (NEW, "OpenNebula 7.0.0 ()\n", "`oned --version` says"),
        ] {
            let failure = run(&host(after, binary), json!({"version": "7.2"}))
                .await
                .unwrap_err();
            assert_eq!(failure.kind, FailureKind::NotVerified);
            assert!(failure.message.contains(word), "{}", failure.message);
        }
    }

    #[tokio::test]
    async fn what_an_earlier_attempt_left_half_configured_is_healed_without_a_question() {
        let unpacked = NEW.replace("amd64\tii ", "amd64\tiU ");
        let half = |after: &str| {
            FakeHost::new("m")
                .on("madison", 0, OFFERS)
                .on("apt_quiet -s install", 0, "")
                .on("dpkg --configure -a", 0, "Setting up opennebula (7.2.0-1) ...\n")
                .on("dpkg-query", 0, &unpacked)
                .on("dpkg-query", 0, after)
                .on("^oned --version", 0, "OpenNebula 7.2.0 ()\n")
                .on("^pgrep", 1, "")
                .on("dpkg-dist", 0, "")
        };
        let host = half(NEW);
        let outcome = run(&host, json!({"version": "7.2"})).await.unwrap();
        assert_eq!(outcome.message.as_deref(), Some("heal opennebula"));
        let jobs: Vec<String> = host
            .asked()
            .into_iter()
            .filter(|line| line.starts_with("job"))
            .collect();
        let [job] = &jobs[..] else { panic!("{jobs:?}") };
        // dpkg is told what to do with an edited file: nobody is there to be asked.
        assert!(
            job.contains("dpkg --configure -a --force-confdef --force-confold"),
            "{job}"
        );
        // dpkg exits 0, and the package is as it was.
        let failure = run(&half(&unpacked), json!({"version": "7.2"}))
            .await
            .unwrap_err();
        assert_eq!(failure.kind, FailureKind::NotVerified);
        assert!(
            failure.message.contains("half-configured (iU)"),
            "{}",
            failure.message
        );
    }

    #[tokio::test]
    async fn what_lost_power_half_unpacked_is_brought_together_with_its_new_dependencies() {
        let torn = "You might want to run 'apt --fix-broken install' to correct these.\n\
            The following packages have unmet dependencies:\n \
            opennebula-fireedge : Depends: opennebula-form (= 7.2.0-1) but it is not going to be installed\n";
        let host = FakeHost::new("m")
            .on("madison", 0, OFFERS)
            .on("apt_quiet -s install", 100, torn)
            .on("apt_quiet -s install", 0, PLAN)
            .on("policy-rc.d", 0, "")
            .on("dpkg-query", 0, OLD)
            .on("dpkg-query", 0, NEW)
            .on("^oned --version", 0, "OpenNebula 7.2.0 ()\n")
            .on("^pgrep", 1, "")
            .on("dpkg-dist", 0, "");
        run(&host, json!({"version": "7.2"})).await.unwrap();
        let job = host.asked().into_iter().find(|line| line.starts_with("job"));
        assert!(job.unwrap().contains("opennebula-form=7.2.0-1"));
    }

    /// Seen on a real host: apt takes it for the newest version, exits 0, and does nothing.
    #[tokio::test]
    async fn what_lost_power_while_it_was_unpacked_is_unpacked_again() {
        let torn = "opennebula\t7.2.0-1\tamd64\tii \nopennebula-migration\t7.2.0-1\tall\tiHR\n\
            libxml2\t2.9\tamd64\tiHR\n--- held\n";
        let plan =
            "Inst opennebula-migration [7.2.0-1] (7.2.0-1 x [all])\nInst libxml2 [2.9] (2.9 y [amd64])\n";
        let half = |after: &str| {
            FakeHost::new("m")
                .on("madison", 0, OFFERS)
                .on("apt_quiet -s install --reinstall", 0, plan)
                .on(
                    "policy-rc.d",
                    0,
                    "Setting up opennebula-migration (7.2.0-1) ...\n",
                )
                .on("dpkg-query", 0, torn)
                .on("dpkg-query", 0, after)
                .on("^oned --version", 0, "OpenNebula 7.2.0 ()\n")
                .on("^pgrep", 1, "")
                .on("dpkg-dist", 0, "")
        };
        let host = half(&NEW.replace("---", "libxml2\t2.9\tamd64\tii \n---"));
        let outcome = run(&host, json!({"version": "7.2"})).await.unwrap();
        assert_eq!(
            outcome.message.as_deref(),
            Some("heal libxml2; heal opennebula-migration")
        );
        let job = host.asked().into_iter().find(|line| line.starts_with("job"));
        // What is whole is not named: it would be unpacked again as well.
        let words = "'--reinstall --no-remove' libxml2 opennebula-migration=7.2.0-1";
        assert!(job.as_ref().is_some_and(|job| job.contains(words)), "{job:?}");
        let failure = run(&half(torn), json!({"version": "7.2"})).await.unwrap_err();
        let words = "libxml2 is half-installed (iHR), opennebula-migration is half-installed (iHR)";
        assert!(failure.message.contains(words), "{}", failure.message);
    }

    /// `NAME FILE` of each unit as `systemctl show` prints it.
    fn units(units: &[(&str, &str)]) -> String {
        let unit = |(name, file): &(&str, &str)| {
            format!("Id={name}\nLoadState=loaded\nActiveState=inactive\nUnitFileState={file}\n")
        };
        let units: Vec<String> = units.iter().map(unit).collect();
        format!("{}=== processes\n=== lock\n", units.join("\n"))
    }

    const NOTE: &str = "/var/lib/nebplay/memory/services.json";
    const STOPPED: &str = r#"{"opennebula.service": {"up": true, "masked": false, "enabled": true}}"#;

    #[tokio::test]
    async fn a_unit_that_is_new_is_held_down_as_the_others_are_and_remembered() {
        let one = ("opennebula.service", "masked");
        let before = units(&[one]);
        let brought = units(&[one, ("opennebula-form.service", "enabled")]);
        let held = units(&[one, ("opennebula-form.service", "masked")]);
        let stopped = |looks: &[&str]| {
            let host = host(NEW, "OpenNebula 7.2.0 ()\n").file(NOTE, STOPPED);
            let host = host.on("^systemctl mask", 0, "").on("^install -d", 0, "");
            looks
                .iter()
                .fold(host, |host, look| host.on("list-unit-files", 0, look))
        };
        let host = stopped(&[&before, &brought, &brought, &held]);
        let outcome = run(&host, json!({"version": "7.2"})).await.unwrap();
        assert!(outcome.message.unwrap().ends_with("; masked opennebula-form"));
        let note: serde_json::Value = serde_json::from_slice(&host.content(NOTE).unwrap()).unwrap();
        assert_eq!(
            note["opennebula-form.service"],
            json!({"up": false, "masked": false, "enabled": true})
        );
        // One that systemctl only claims to have masked is found out.
        let lying = stopped(&[&before, &brought]);
        let failure = run(&lying, json!({"version": "7.2"})).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::NotVerified);
        // Cut off right after the packages, the next run finds it.
        let again = FakeHost::new("m")
            .file(NOTE, STOPPED)
            .on("madison", 0, OFFERS)
            .on("apt_quiet -s install", 0, "")
            .on("list-unit-files", 0, &brought)
            .on("dpkg-query", 0, NEW)
            .on("^pgrep", 1, "");
        let task = crate::registry::find("package_upgrade")
            .unwrap()
            .task(json!({"version": "7.2"}))
            .unwrap();
        match task.inspect(&FakeWorld::default().cx(&again)).await.unwrap() {
            Finding::Change(change) => assert_eq!(change.what, ["mask opennebula-form"]),
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn where_nothing_is_masked_a_new_unit_is_left_alone() {
        let all = units(&[
            ("opennebula.service", "enabled"),
            ("opennebula-form.service", "enabled"),
        ]);
        let host = host(NEW, "OpenNebula 7.2.0 ()\n")
            .file(NOTE, STOPPED)
            .on("list-unit-files", 0, &all);
        run(&host, json!({"version": "7.2"})).await.unwrap();
        assert!(!host.asked().iter().any(|line| line.contains("systemctl mask")));
    }

    #[tokio::test]
    async fn what_would_do_harm_is_refused_before_anything_is_done() {
        let removal = format!("{PLAN}Remv opennebula-flow [7.0.0-1]\n");
        let cases = [
            (FakeHost::new("m").on("pgrep", 0, "12\n"), "oned is running"),
            (
                FakeHost::new("m").on("apt_quiet -s install", 0, &removal),
                "would remove opennebula-flow",
            ),
            (
                FakeHost::new("m").on("dpkg-query", 0, &OLD.replace("held\n", "held\nopennebula\n")),
                "held back: opennebula",
            ),
        ];
        for (host, word) in cases {
            let host = host
                .on("madison", 0, OFFERS)
                .on("apt_quiet -s install ", 0, PLAN)
                .on("dpkg-query -W", 0, OLD)
                .on("^pgrep -x", 1, "");
            let failure = run(&host, json!({"version": "7.2"})).await.unwrap_err();
            assert_eq!(failure.kind, FailureKind::Unsafe);
            assert!(failure.message.contains(word), "{}", failure.message);
            assert!(!host.asked().iter().any(|line| line.starts_with("job")));
        }
    }
}
