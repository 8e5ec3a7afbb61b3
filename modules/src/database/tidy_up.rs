//! Module `tidy_up`.

use std::collections::BTreeMap;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::guard::absolute;
use super::record;
use crate::contract::{Contract, Order, Privilege, Recovery};
use crate::host::{Command, RunAs};
use crate::job::JobState;
use crate::memory;
use crate::module::{Change, Cx, Effect, Failure, Finding, Module, Outcome};
use crate::opennebula::command::USER;
use crate::opennebula::onedb::LOOK;
use crate::packages::saved;

/// Removes what an upgrade leaves behind on a host, and lists what is kept for the way back, with its digests.
///
/// Removed: dumps that were needed only in between, records of ended jobs, what held services off while packages were installed, notes
/// that lost power before they were written to their end, and the note that an upgrade is under way.
/// Kept: full backups, the configuration, and the packages of before. Fails where something has still to be put back (a service, a
/// zone, a hypervisor host, a block), or where a backup is not any more what was proven. Registers `kept`: a digest (SHA-256) for
/// each path.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TidyUp {
    /// Absolute path of the directory of the dumps.
    dumps: String,
    /// Absolute paths of dumps of nebplay's that are not needed any more.
    #[serde(default)]
    temporary: Vec<String>,
}

/// `$1` directory of the dumps, `$2` that of the notes, `$3` how the name of half a note begins, then files that are in the way.
const LOOK_SCRIPT: &str = r#"# nebplay: what an upgrade left behind
dumps=$1 notes=$2 half=$3; shift 3
for path in "$@" "$dumps"/before-migration-*.bck; do [ ! -f "$path" ] || printf 'file %s\n' "$path"; done
grep -qs 'put here by nebplay' /usr/sbin/policy-rc.d && echo 'guard /usr/sbin/policy-rc.d'
[ ! -e /etc/systemd/system/nebplay-api-block.service ] || echo 'back the block of the API'
for note in "$notes/$half"*; do [ ! -e "$note" ] || echo "half a note"; done
for note in "$notes"/*.json; do
  name=$(basename -- "$note" .json)
  [ ! -e "$note" ] || printf 'note %s\n' "$name"
done
echo end
"#;

/// Directories. Answers `DIGEST  PATH`, each with a NUL at its end: a name may hold a newline.
const KEPT: &str = r#"# nebplay: what is kept
for directory; do
  [ ! -d "$directory" ] || find "$directory" -type f -print0
done | sort -zu | xargs -0 -r sha256sum -bz --
"#;

/// What is there that should not be.
#[derive(Debug, Default, PartialEq, Eq)]
struct Left {
    files: Vec<String>,
    guard: bool,
    /// How many notes were not written to their end.
    halves: usize,
    /// Something says that an upgrade is under way.
    under_way: bool,
    back: Vec<String>,
    jobs: Vec<String>,
    running: Vec<String>,
}

impl TidyUp {
    async fn left(&self, cx: &Cx<'_>) -> Result<Left, Failure> {
        let words = [self.dumps.as_str(), memory::DIRECTORY, memory::HALF];
        let words = words.into_iter().chain(self.temporary.iter().map(String::as_str));
        let output = cx
            .host
            .run(&Command::script(LOOK_SCRIPT, words).as_root())
            .await?;
        let text = output.text();
        if !text.ends_with("end\n") {
            return Err(Failure::failed(format!(
                "{}: failed to see what is left: {} {}",
                cx.host.name(),
                output.exit,
                output.err_text().trim()
            )));
        }
        let mut left = Left::default();
        for line in text.lines() {
            match line.split_once(' ') {
                Some(("file", path)) => left.files.push(path.to_owned()),
                Some(("guard", _)) => left.guard = true,
                Some(("half", _)) => left.halves += 1,
                Some(("back", what)) => left.back.push(what.to_owned()),
                Some(("note", key)) if memory::TO_PUT_BACK.contains(&key) => left.back.push(key.to_owned()),
                Some(("note", saved::NOTE)) => left.under_way = true,
                _ => {}
            }
        }
        for job in cx.host.list_jobs().await? {
            match job.state {
                JobState::Running => left.running.push(job.name),
                JobState::Ended(_) | JobState::Lost => left.jobs.push(job.name),
            }
        }
        Ok(left)
    }

    /// What is kept, each with its digest; a backup that is not what was proven is a failure.
    async fn kept(&self, cx: &Cx<'_>) -> Result<BTreeMap<String, String>, Failure> {
        let places = [
            self.dumps.as_str(),
            "/var/lib/nebplay/backups",
            "/var/lib/nebplay/packages",
        ];
        let command = Command::script(KEPT, places).as_root().deadline(LOOK);
        let output = cx.host.run(&command).await?;
        if !output.exit.success() {
            return Err(Failure::failed(format!(
                "{}: failed to read the backups: {}",
                cx.host.name(),
                output.err_text().trim()
            )));
        }
        let text = output.text();
        let entry = |line: &str| {
            let (digest, path) = line.split_at_checked(64)?;
            Some((path.get(2..)?.to_owned(), digest.to_owned()))
        };
        let kept: BTreeMap<String, String> = text.split('\0').filter_map(entry).collect();
        for (path, digest) in &kept {
            let proven = record::recall(cx.host, path)
                .await?
                .and_then(|record| record.proven);
            if let Some(proof) = proven
                && proof.sha256 != *digest
            {
                return Err(Failure::not_verified(format!(
                    "{}: {path} is not any more what nebplay wrote and proved (sha256 {digest}, was {})",
                    cx.host.name(),
                    proof.sha256
                ))
                .hint("find out what changed it; it is no way back"));
            }
        }
        Ok(kept)
    }
}

/// Backups one a line with their digests; of saved packages only how many there are, since apt knows them by their names.
fn listed(outcome: Outcome, kept: &BTreeMap<String, String>) -> Outcome {
    let mut packages: BTreeMap<&str, usize> = BTreeMap::new();
    let mut lines = Vec::new();
    for (path, digest) in kept {
        match path.rsplit_once('/') {
            Some((directory, name)) if name.strip_suffix(".deb").is_some() => {
                *packages.entry(directory).or_default() += 1;
            }
            _ => lines.push(format!("{digest}  {path}")),
        }
    }
    let saved = packages.iter().map(|(directory, count)| {
        format!(
            "{count} package{} in {directory}",
            if *count == 1 { "" } else { "s" }
        )
    });
    lines.extend(saved);
    Outcome {
        message: Some(format!("kept {} files\n{}", kept.len(), lines.join("\n"))),
        ..outcome.with("kept", json!(kept))
    }
}

#[async_trait]
impl Module for TidyUp {
    const NAME: &'static str = "tidy_up";
    const CONTRACT: Contract = Contract::serial(Order::Inventory, Recovery::Inspect, Privilege::Root);
    const EXAMPLE: &'static str = "- name: Nothing is left but the way back\n  tidy_up:\n    \
        dumps: /var/lib/one/nebplay\n    temporary: [/var/lib/one/nebplay/federated.bck]\n";

    async fn inspect(&self, cx: &Cx<'_>) -> Result<Finding, Failure> {
        for path in self.temporary.iter().chain([&self.dumps]) {
            absolute("a path", path)?;
        }
        let host = cx.host.name();
        let left = self.left(cx).await?;
        if !left.back.is_empty() {
            return Err(Failure::unsafe_to_go_on(format!(
                "{host}: something has still to be put back as it was: {}",
                left.back.join(", ")
            ))
            .hint("run the playbook again: it opens what it closed"));
        }
        if !left.running.is_empty() {
            return Err(Failure::unsafe_to_go_on(format!(
                "{host}: jobs of nebplay still run: {}",
                left.running.join(", ")
            ))
            .hint("wait for them, then run the playbook again"));
        }
        let files = left.files.iter().map(|path| format!("remove {path}"));
        let jobs = left.jobs.iter().map(|name| format!("forget the job {name}"));
        let guard = left.guard.then(|| "remove /usr/sbin/policy-rc.d".to_owned());
        let halves = (left.halves > 0).then(|| "remove what was not written to its end".to_owned());
        let under_way = left
            .under_way
            .then(|| "forget that an upgrade is under way".to_owned());
        let rest = guard.into_iter().chain(halves).chain(under_way);
        let what: Vec<String> = files.chain(jobs).chain(rest).collect();
        if what.is_empty() {
            let kept = self.kept(cx).await?;
            return Ok(Finding::NoChange(listed(Outcome::default(), &kept)));
        }
        Ok(Finding::Change(Change {
            what,
            ..Change::default()
        }))
    }
}

#[async_trait]
impl Effect for TidyUp {
    async fn apply(&self, cx: &Cx<'_>, change: &Change) -> Result<Outcome, Failure> {
        let left = self.left(cx).await?;
        if !left.files.is_empty() {
            // First, because what is not there any more is not looked for.
            for path in &left.files {
                record::forget(cx.host, path).await?;
            }
            // As oneadmin, whose directory it is: what it puts there in their place is not removed by root.
            let words = ["rm", "-f", "--"].map(str::to_owned).into_iter();
            let command = Command::new(words.chain(left.files.iter().cloned()));
            cx.host.run(&command.run_as(RunAs::User(USER.to_owned()))).await?;
        }
        for name in &left.jobs {
            cx.host.forget_job(name).await?;
        }
        if left.guard {
            cx.host
                .run(&Command::new(["rm", "-f", "--", "/usr/sbin/policy-rc.d"]).as_root())
                .await?;
        }
        if left.halves > 0 {
            memory::forget_halves(cx.host).await?;
        }
        if left.under_way {
            saved::forget(cx.host).await?;
        }
        Ok(Outcome::changed(change.what.join(", ")))
    }

    async fn verify(&self, cx: &Cx<'_>, _: &Change, outcome: &mut Outcome) -> Result<(), Failure> {
        let left = self.left(cx).await?;
        if left != Left::default() {
            return Err(Failure::not_verified(format!(
                "{}: still there: {left:?}",
                cx.host.name()
            )));
        }
        *outcome = listed(std::mem::take(outcome), &self.kept(cx).await?);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::module::FailureKind;
    use crate::testing::FakeWorld;
    use crate::testing_local::LocalHost;

    const FULL: &str = "/var/lib/one/nebplay/full.bck";
    const FEDERATED: &str = "/var/lib/one/nebplay/federated.bck";

    async fn run(host: &LocalHost) -> Result<Outcome, Failure> {
        let world = FakeWorld::default();
        let cx = world.cx_of(host);
        let module: TidyUp =
            serde_json::from_value(json!({"dumps": "/var/lib/one/nebplay", "temporary": [FEDERATED]}))
                .unwrap();
        match module.inspect(&cx).await? {
            Finding::NoChange(outcome) => Ok(outcome),
            Finding::Change(change) | Finding::CannotTell(change) => {
                let mut outcome = module.apply(&cx, &change).await?;
                module.verify(&cx, &change, &mut outcome).await?;
                Ok(outcome)
            }
        }
    }

    #[tokio::test]
    async fn what_is_temporary_goes_and_the_way_back_is_listed() {
        let host = LocalHost::new("m");
        host.write(FULL, "full");
        host.write(FEDERATED, "federated");
        host.write("/var/lib/one/nebplay/before-migration-17.bck", "x");
        host.write("/var/lib/nebplay/memory/repository.json", "{}");
        host.write("/var/lib/nebplay/memory/packages-before.json", "{}");
        host.write("/var/lib/nebplay/memory/.nebplay.EfG2z4cmA7", "{");
        host.write("/var/lib/nebplay/packages/7.0.0-1/a b.deb", "deb");
        let outcome = run(&host).await.unwrap();
        assert!(outcome.changed);
        let kept = outcome.result["kept"].as_object().unwrap();
        assert_eq!(kept.len(), 2, "{kept:?}");
        assert!(host.read(FEDERATED).is_none() && host.read(FULL).is_some());
        assert!(
            host.read("/var/lib/nebplay/memory/packages-before.json")
                .is_none()
        );
        let half = host.read("/var/lib/nebplay/memory/.nebplay.EfG2z4cmA7");
        assert!(half.is_none(), "the host lost power while it wrote that");
        assert!(outcome.message.unwrap().contains("\n1 package in "));
        assert!(!run(&host).await.unwrap().changed);
    }

    #[tokio::test]
    async fn what_has_still_to_be_put_back_and_what_will_not_go_are_found_out() {
        let host = LocalHost::new("m");
        host.write("/var/lib/nebplay/memory/services.json", "{}");
        let failure = run(&host).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Unsafe);
        assert!(failure.message.contains("services"), "{}", failure.message);

        let host = LocalHost::new("m");
        host.write(FEDERATED, "federated");
        host.program("rm", "exit 0");
        assert_eq!(run(&host).await.unwrap_err().kind, FailureKind::NotVerified);
    }

    #[tokio::test]
    async fn a_backup_that_is_another_than_the_proven_one_is_named() {
        let (world, host) = (FakeWorld::default(), LocalHost::new("m"));
        host.write(FULL, "cut");
        let path = host.mapped(FULL);
        let proof = json!({"path": path, "federated": false, "proven":
            {"size": 9, "sha256": "00", "fingerprints": {"tables": {}, "indexes": []}}});
        record::note(world.cx_of(&host).host, &serde_json::from_value(proof).unwrap())
            .await
            .unwrap();
        assert!(run(&host).await.unwrap_err().message.contains("not any more"));
    }
}
