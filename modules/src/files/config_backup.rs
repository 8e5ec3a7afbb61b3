//! Module `config_backup`.

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::contract::{Contract, Order, Privilege, Recovery};
use crate::digest::sha256;
use crate::ground;
use crate::host::{Command, Exit, FileKind, RunAs};
use crate::job_run;
use crate::memory;
use crate::module::{Change, Cx, Effect, Failure, Finding, Module, Outcome};
use crate::opennebula::onedb::LOOK;

/// Backs a front-end's configuration up as a tar file, owners, modes and times kept, and compares it with what is there.
///
/// A backup that is there already is kept for `keep_hours` whatever the configuration has become since: the one made before an
/// upgrade is the one that is needed. An older one is renamed, never overwritten. Never below `/var/lib/one/remotes`, where the
/// documented copy breaks `onehost sync`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ConfigBackup {
    /// Absolute path of the tar file; root's alone, as its directory if that is made. Refused where somebody else could put a link in
    /// its place: going back unpacks it as root.
    #[serde(default = "default_dest")]
    dest: String,
    /// What is backed up. One that is not there is left out, unless it is the first.
    #[serde(default = "default_paths")]
    paths: Vec<String>,
    /// How long a backup counts although the configuration has changed since.
    #[serde(default = "two_days")]
    keep_hours: u32,
}

fn two_days() -> u32 {
    48
}

fn default_dest() -> String {
    "/var/lib/nebplay/backups/config.tar".to_owned()
}

fn default_paths() -> Vec<String> {
    ["/etc/one", "/var/lib/one/remotes/etc"]
        .map(str::to_owned)
        .to_vec()
}

/// What is remembered of a backup of ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Record {
    /// SHA-256 (hex) of the file; `None`: it was begun and never compared.
    sha256: Option<String>,
}

/// `$1` dest, then paths. Written beside its place and moved there when it is whole.
const SAVE: &str = r#"# nebplay: back the configuration up
umask 077
dest=$1
shift
directory=$(dirname -- "$dest")
[ -d "$directory" ] || install -d -m 0700 -o root -g root -- "$directory" || exit
rm -f -- "$dest.nebplay-part" || exit
first=$1
for path; do
    shift
    if [ -e "$path" ]; then set -- "$@" "${path#/}"; elif [ "$path" = "$first" ]; then echo "$path is not there" >&2; exit 1; fi
done
set -C
tar --create --numeric-owner --acls --xattrs --file=- -C / -- "$@" > "$dest.nebplay-part" || exit
sync -- "$dest.nebplay-part" && mv -T -- "$dest.nebplay-part" "$dest" && sync -- "$directory"
"#;

/// `$1` tar file. Answers its digest, then how many things are in it, then how it differs from what is there.
const COMPARE: &str = r#"# nebplay: compare a backup of the configuration
sha256sum < "$1" || exit
tar --list --file="$1" | wc -l || exit
LC_ALL=C tar --compare --numeric-owner --file="$1" -C / 2>&1
status=$?
[ $status -le 1 ] && exit 0
exit $status
"#;

/// What a look at a backup said.
struct Compared {
    sha256: String,
    entries: u64,
    differences: Vec<String>,
}

impl ConfigBackup {
    fn key(&self) -> String {
        format!("config-{}", &sha256(&self.dest)[..16])
    }

    fn check(&self) -> Result<(), Failure> {
        let absolute = |path: &String| {
            path.starts_with('/') && !path.ends_with('/') && !path.split('/').any(|part| part == "..")
        };
        if let Some(wrong) = self.paths.iter().chain([&self.dest]).find(|path| !absolute(path)) {
            return Err(Failure::failed(format!("{wrong:?} is no absolute path")));
        }
        if self.paths.is_empty() {
            return Err(Failure::failed("`paths` is empty"));
        }
        let remotes = "/var/lib/one/remotes".to_owned();
        let inside = self.paths.iter().chain([&remotes]).find(|path| {
            self.dest
                .strip_prefix(path.as_str())
                .is_some_and(|rest| rest.starts_with('/'))
        });
        match inside {
            None => Ok(()),
            Some(path) => Err(Failure::failed(format!("the backup must not be inside {path}"))
                .hint("what lies below remotes is copied to every hypervisor host, and root's files there break onehost sync")),
        }
    }

    async fn compare(&self, cx: &Cx<'_>) -> Result<Compared, Failure> {
        let command = Command::script(COMPARE, [self.dest.as_str()])
            .as_root()
            .deadline(LOOK);
        let output = cx.host.run(&command).await?;
        let text = output.text();
        let mut lines = text.lines();
        let sha256 = lines
            .next()
            .and_then(|line| line.split(' ').next())
            .unwrap_or_default();
        let entries = lines.next().and_then(|line| line.trim().parse().ok());
        match entries {
            Some(entries) if output.exit.success() && sha256.len() == 64 => Ok(Compared {
                sha256: sha256.to_owned(),
                entries,
                differences: lines.map(str::to_owned).collect(),
            }),
            _ => Err(Failure::not_verified(format!(
                "{}: {} cannot be read as a backup: {} ({})",
                cx.host.name(),
                self.dest,
                output.exit,
                text.lines().last().unwrap_or_default()
            ))),
        }
    }
}

#[async_trait]
impl Module for ConfigBackup {
    const NAME: &'static str = "config_backup";
    const CONTRACT: Contract = Contract::serial(Order::Inventory, Recovery::Job, Privilege::Root);
    const EXAMPLE: &'static str = "- name: Back the configuration up\n  config_backup:\n    \
        dest: /var/lib/nebplay/backups/config-before-7.2.tar\n";

    async fn inspect(&self, cx: &Cx<'_>) -> Result<Finding, Failure> {
        self.check()?;
        ground::only_root(cx.host, &self.dest).await?;
        job_run::settle(cx, Self::NAME).await?;
        let host = cx.host.name();
        let save = || Finding::change(format!("back {} up to {}", self.paths.join(" and "), self.dest));
        let Some(stat) = cx.host.stat(&self.dest, &RunAs::root()).await? else {
            return Ok(save());
        };
        let record: Option<Record> = memory::recall(cx.host, &self.key()).await?;
        let Some(record) = record.filter(|_| stat.kind == FileKind::File) else {
            return Err(Failure::unsafe_to_go_on(format!(
                "{host}: {} is there already and nebplay did not write it",
                self.dest
            ))
            .hint("give another dest, or move that file away"));
        };
        let Some(sha256) = record.sha256 else {
            return Ok(save());
        };
        let found = self.compare(cx).await?;
        if found.sha256 != sha256 {
            return Err(Failure::unsafe_to_go_on(format!(
                "{host}: {} is not any more what nebplay wrote (sha256 {}, was {sha256})",
                self.dest, found.sha256
            ))
            .hint("give another dest; find out what changed that file before it is relied on"));
        }
        let mut outcome = Outcome::unchanged(format!("{} is kept, {} entries", self.dest, found.entries))
            .with("path", self.dest.as_str())
            .with("sha256", sha256)
            .with("entries", found.entries);
        let age = cx.host.clock().now() - stat.mtime;
        if !found.differences.is_empty() && age > i64::from(self.keep_hours) * 3600 {
            return Ok(Finding::Change(
                Change::new(format!(
                    "write {} anew, and keep the older one beside it",
                    self.dest
                ))
                .seen(json!({"older": format!("{}.old-{}", self.dest, stat.mtime)})),
            ));
        }
        if !found.differences.is_empty() {
            outcome = outcome.warn(format!(
                "the configuration has changed since {} was made, in {} points: {}",
                self.dest,
                found.differences.len(),
                found.differences[0]
            ));
        }
        Ok(Finding::NoChange(outcome))
    }
}

#[async_trait]
impl Effect for ConfigBackup {
    async fn apply(&self, cx: &Cx<'_>, change: &Change) -> Result<Outcome, Failure> {
        let older = change.seen.get("older").and_then(Value::as_str);
        if let Some(older) = older {
            let aside = Command::new(["mv", "-nT", "--", &self.dest, older]).as_root();
            let output = cx.host.run(&aside).await?;
            if !output.exit.success() {
                return Err(Failure::failed(format!(
                    "{}: failed to move {} aside: {}",
                    cx.host.name(),
                    self.dest,
                    output.err_text().trim()
                )));
            }
        }
        memory::overwrite(cx.host, &self.key(), &Record { sha256: None }).await?;
        let words = std::iter::once(&self.dest).chain(&self.paths).cloned();
        let command = Command::script(SAVE, words).as_root().deadline(LOOK);
        let end = job_run::run(cx, Self::NAME, command).await?;
        if end.exit == Some(Exit::Code(0)) {
            return Ok(Outcome::changed(format!("wrote {}", self.dest))
                .with("path", self.dest.as_str())
                .with("older", older));
        }
        Err(Failure::failed(format!(
            "{}: failed to back the configuration up: {}",
            cx.host.name(),
            end.text().trim()
        ))
        .state("the configuration is untouched")
        .hint("make room, or correct `paths`"))
    }

    async fn verify(&self, cx: &Cx<'_>, _: &Change, outcome: &mut Outcome) -> Result<(), Failure> {
        let host = cx.host.name();
        let found = self.compare(cx).await?;
        if !found.differences.is_empty() || found.entries == 0 {
            return Err(Failure::not_verified(format!(
                "{host}: {} does not hold what is there: {} entries; {}",
                self.dest,
                found.entries,
                found.differences.join("; ")
            ))
            .hint("something writes to the configuration, or the disk is full: look, and run again"));
        }
        let stat = cx.host.stat(&self.dest, &RunAs::root()).await?;
        if stat.is_none_or(|stat| stat.mode & 0o077 != 0) {
            return Err(Failure::not_verified(format!(
                "{host}: others can read {}, and passwords are in it",
                self.dest
            )));
        }
        let record = Record {
            sha256: Some(found.sha256.clone()),
        };
        memory::overwrite(cx.host, &self.key(), &record).await?;
        outcome.message = Some(format!(
            "wrote {}: {} entries, compared",
            self.dest, found.entries
        ));
        outcome.result.insert("sha256".to_owned(), found.sha256.into());
        outcome.result.insert("entries".to_owned(), found.entries.into());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::module::FailureKind;
    use crate::testing::FakeWorld;
    use crate::testing_local::LocalHost;

    const DEST: &str = "/var/lib/nebplay/backups/config.tar";

    async fn run(host: &LocalHost) -> Result<Outcome, Failure> {
        let world = FakeWorld::default();
        let cx = world.cx_of(host);
        let module: ConfigBackup = serde_json::from_value(json!({})).unwrap();
        match module.inspect(&cx).await? {
            Finding::NoChange(outcome) => Ok(outcome),
            Finding::Change(change) | Finding::CannotTell(change) => {
                let mut outcome = module.apply(&cx, &change).await?;
                module.verify(&cx, &change, &mut outcome).await?;
                Ok(outcome)
            }
        }
    }

    fn front_end() -> LocalHost {
        let host = LocalHost::new("m");
        host.write("/etc/one/oned.conf", "PORT = 2633\n");
        host.write("/etc/one/a 'name'\nof $(two) lines", "x");
        host.write("/var/lib/one/remotes/etc/x.conf", "y");
        host
    }

    #[tokio::test]
    async fn the_first_backup_is_kept_whatever_comes_later() {
        let host = front_end();
        let first = run(&host).await.unwrap();
        assert!(first.changed && first.result["entries"].as_u64().unwrap() >= 5);
        assert!(!run(&host).await.unwrap().changed);
        host.write("/etc/one/oned.conf", "PORT = 2644\n");
        let kept = run(&host).await.unwrap();
        assert!(
            !kept.changed && kept.warnings[0].contains("oned.conf"),
            "{kept:?}"
        );
        assert_eq!(kept.result["sha256"], first.result["sha256"]);
    }

    #[tokio::test]
    async fn one_of_another_night_is_kept_beside_the_new_one() {
        let host = front_end();
        run(&host).await.unwrap();
        let made = std::fs::File::open(host.mapped(DEST)).unwrap();
        made.set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000))
            .unwrap();
        assert!(!run(&host).await.unwrap().changed);
        host.write("/etc/one/oned.conf", "PORT = 2644\n");
        let outcome = run(&host).await.unwrap();
        let older = outcome.result["older"].as_str().unwrap();
        assert!(outcome.changed && host.read(older).is_some() && host.read(DEST).is_some());
    }

    #[tokio::test]
    async fn a_cut_tar_is_not_believed_and_a_foreign_file_not_overwritten() {
        let host = front_end();
        host.program(
            "tar",
            "case $1 in --create) /usr/bin/tar \"$@\" | head -c 900 ;; *) exec /usr/bin/tar \"$@\" ;; esac",
        );
        assert_eq!(run(&host).await.unwrap_err().kind, FailureKind::NotVerified);
        host.program("tar", "exec /usr/bin/tar \"$@\"");
        assert!(
            run(&host).await.unwrap().changed,
            "a leftover of ours is replaced"
        );
        let other = front_end();
        other.write(DEST, "somebody's");
        assert_eq!(run(&other).await.unwrap_err().kind, FailureKind::Unsafe);
    }

    #[tokio::test]
    async fn places_that_break_something_are_refused() {
        for dest in [
            "/var/lib/one/remotes/etc.2026",
            "/etc/one/x.tar",
            "x.tar",
            "/a/../etc/one/x",
        ] {
            let module: ConfigBackup = serde_json::from_value(json!({"dest": dest})).unwrap();
            assert!(module.check().is_err(), "{dest}");
        }
        let host = LocalHost::new("m");
        std::fs::remove_dir(host.mapped("/etc/one")).unwrap();
        assert!(run(&host).await.unwrap_err().message.contains("is not there"));
    }

    #[tokio::test]
    async fn where_a_link_could_be_planted_nothing_is_written() {
        let host = front_end();
        std::os::unix::fs::symlink(host.mapped("/etc/one"), host.mapped("/var/lib/one/planted")).unwrap();
        for dest in ["/var/lib/one/backup.tar", "/var/lib/one/planted/backup.tar"] {
            let module: ConfigBackup = serde_json::from_value(json!({"dest": dest})).unwrap();
            let failure = module
                .inspect(&FakeWorld::default().cx_of(&host))
                .await
                .unwrap_err();
            assert_eq!(failure.kind, FailureKind::Unsafe);
            assert!(
                failure.message.contains("oneadmin could put a link"),
                "{}",
                failure.message
            );
        }
        assert!(!host.asked().iter().any(|line| line.starts_with("job")));
    }
}
