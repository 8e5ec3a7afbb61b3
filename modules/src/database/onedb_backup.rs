//! Module `onedb_backup`.

use std::collections::BTreeMap;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::guard::{Running, absolute, room, what_runs};
use super::record::{self, Proof, Record};
use super::task;
use crate::contract::{Contract, Order, Privilege, Recovery};
use crate::ground;
use crate::host::{Command, RunAs};
use crate::module::{Change, Cx, Effect, Failure, Finding, Module, Outcome};
use crate::opennebula::command::USER;
use crate::opennebula::conf::Backend;
use crate::opennebula::dump::{self, Dump};
use crate::opennebula::fingerprint::{Fingerprints, all_tables, federated_tables, mysql};
use crate::opennebula::onedb::version::{self, Standing};
use crate::opennebula::onedb::{Access, GivenDatabase};

/// Backs a zone's database up and proves the dump: loaded into a scratch database it holds what the database holds.
///
/// Where the user of a MySQL database may not make a scratch database, rows are only counted in the dump, with a warning.
///
/// The zone must be stopped. Registers `path`, `size`, `sha256`, `rows` and `fingerprints` (what `onedb_restore` takes as `expect`).
/// A dump of nebplay's that holds what the database holds now is left alone; a file that is not nebplay's is never overwritten.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OnedbBackup {
    /// Absolute path of the dump. It will belong to oneadmin, mode 0600; a missing directory is made, oneadmin's alone.
    dest: String,
    /// Only the federated tables and the federated log: what slaves are restored from.
    #[serde(default)]
    federated: bool,
    /// An earlier full backup of nebplay's at `dest` counts although the database was migrated since. One from before the zone ran on
    /// is renamed and kept, and a new one written.
    #[serde(default)]
    keep: bool,
    /// Back up although the zone runs. The dump is then proven whole, but not equal to a database that moves.
    #[serde(default)]
    while_running: bool,
    /// Connection parameters instead of those of oned.conf.
    #[serde(default)]
    database: Option<GivenDatabase>,
}

/// How many times the database's size must be free: the dump, a scratch database, and what a migration adds.
pub(super) const ROOM_FACTOR: u64 = 3;

/// `$1` dest, `$2` `federated` or `full`, `$3` `replace` or `new`, `$4` SQLite file or nothing; onedb's options follow.
const SCRIPT: &str = r#"# nebplay: onedb backup
umask 077
dest=$1 extent=$2 leftover=$3 sqlite=$4
shift 4
if [ "$leftover" = replace ]; then rm -f -- "$dest" || exit; fi
if [ "$extent" = federated ]; then set -- --federated "$@"; fi
# An interrupted federated backup leaves its scratch table in the database, and the next one fails on it in silence.
if [ -n "$sqlite" ] && [ "$extent" = federated ]; then
    sqlite3 -batch -init /dev/null -bail "$sqlite" 'drop table if exists logdb_tmp' || exit
fi
onedb backup -v "$@" "$dest"
status=$?
sync -- "$dest"
exit $status
"#;

/// `$1` directory, `$2` its owner.
const MAKE_FOR: &str = r#"# nebplay: a directory for dumps
[ -d "$1" ] || install -d -m 0700 -o "$2" -g "$2" -- "$1""#;
const MAKE_OWN: &str = r#"# nebplay: a directory for dumps
umask 077; mkdir -p -- "$1""#;

fn oneadmin() -> RunAs {
    RunAs::User(USER.to_owned())
}

impl OnedbBackup {
    fn word(&self) -> &'static str {
        if self.federated { "federated" } else { "full" }
    }

    async fn database_prints(&self, cx: &Cx<'_>, access: &Access) -> Result<Fingerprints, Failure> {
        if self.federated {
            federated_tables(cx.host, access).await
        } else {
            all_tables(cx.host, access).await
        }
    }

    /// What is to be done about a file that is there already.
    async fn existing(
        &self,
        cx: &Cx<'_>,
        access: &Access,
        found: &Dump,
        running: &Running,
    ) -> Result<Finding, Failure> {
        let dest = &self.dest;
        let host = cx.host.name();
        let Some(record) = record::recall(cx.host, dest).await? else {
            return Err(Failure::unsafe_to_go_on(format!(
                "{host}: {dest} is there already and nebplay did not write it"
            ))
            .hint("give another dest, or move that file away"));
        };
        let Some(proof) = &record.proven else {
            self.still(cx, running)?;
            return Ok(change(
                format!("replace {dest}, which an interrupted backup of nebplay's left behind"),
                Leftover::Replace,
            ));
        };
        if found.sha256 != proof.sha256 {
            return Err(Failure::unsafe_to_go_on(format!(
                "{host}: {dest} is not any more what nebplay wrote and proved (sha256 {}, was {})",
                found.sha256, proof.sha256
            ))
            .hint("give another dest; find out what changed that file before it is relied on"));
        }
        let now = self.database_prints(cx, access).await?;
        let differences = now.differences(&proof.fingerprints);
        let same_extent = record.federated == self.federated;
        if same_extent && differences.is_empty() {
            return Ok(Finding::NoChange(register(
                Outcome::unchanged(format!("{dest} already holds what the database holds")),
                dest,
                proof,
            )));
        }
        let kept = || {
            let outcome = Outcome::unchanged(format!("kept {dest}, proven when it was made"));
            let outcome = outcome.warn(format!(
                "the database has changed since {dest} was made: {}",
                differences.join("; ")
            ));
            Ok(Finding::NoChange(register(outcome, dest, proof)))
        };
        if same_extent && self.federated {
            // What a started master wrote since reaches the slaves by its log, once they are restored from this.
            if !running.is_nothing() && now.shared_version == proof.fingerprints.shared_version {
                return kept();
            }
            self.still(cx, running)?;
            return Ok(change(
                format!("replace {dest}; since it was made, {}", differences.join("; ")),
                Leftover::Replace,
            ));
        }
        if same_extent && self.keep {
            // No migrator touches the log: if it is as it was, nobody but a migrator wrote, and this is the way back.
            let written = now.tables.get("logdb") != proof.fingerprints.tables.get("logdb");
            let standing = version::read(cx.host, access).await?.state;
            if !(written && standing == Standing::Current) {
                return kept();
            }
            self.still(cx, running)?;
            return Ok(change(
                format!("write {dest} anew, and keep the one from before the zone ran on beside it"),
                Leftover::Keep,
            ));
        }
        // The database as it was before a migration may exist nowhere else.
        Err(Failure::unsafe_to_go_on(format!(
            "{host}: {dest} holds another state of the database: {}",
            differences.join("; ")
        ))
        .hint("give another dest, or `keep: true` if this is the backup to go back to"))
    }

    fn still(&self, cx: &Cx<'_>, running: &Running) -> Result<(), Failure> {
        if self.while_running || running.is_nothing() {
            return Ok(());
        }
        Err(running.refuse(cx.host.name(), "back the database up while it moves"))
    }

    /// Moves a proven backup of another day out of the way, with what is remembered of it.
    async fn put_aside(&self, cx: &Cx<'_>) -> Result<String, Failure> {
        let older = format!("{}.old-{}", self.dest, cx.host.clock().now());
        if let Some(record) = record::recall(cx.host, &self.dest).await? {
            let record = Record {
                path: older.clone(),
                ..record
            };
            record::note(cx.host, &record).await?;
        }
        let output = cx
            .host
            .run(&Command::new(["mv", "-nT", "--", &self.dest, &older]).run_as(oneadmin()))
            .await?;
        if output.exit.success() && cx.host.stat(&self.dest, &RunAs::root()).await?.is_none() {
            return Ok(older);
        }
        Err(Failure::failed(format!(
            "{}: failed to move {} aside: {}",
            cx.host.name(),
            self.dest,
            output.err_text().trim()
        )))
    }
}

/// What is done with a file that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Leftover {
    /// There is none.
    None,
    /// It is removed.
    Replace,
    /// It is renamed.
    Keep,
}

fn change(what: String, leftover: Leftover) -> Finding {
    Finding::Change(Change::new(what).seen(json!({ "leftover": leftover })))
}

fn register(outcome: Outcome, path: &str, proof: &Proof) -> Outcome {
    outcome
        .with("path", path)
        .with("size", proof.size)
        .with("sha256", proof.sha256.as_str())
        .with("rows", proof.fingerprints.rows())
        .with("fingerprints", proof.fingerprints.to_value())
}

pub(super) fn parent(path: &str) -> &str {
    match path.rsplit_once('/') {
        Some((parent, _)) if !parent.is_empty() => parent,
        _ => "/",
    }
}

pub(super) async fn database_size(cx: &Cx<'_>, access: &Access) -> Result<u64, Failure> {
    match &access.db {
        Backend::Sqlite { path } => {
            let stat = cx.host.stat(path, &RunAs::root()).await?;
            stat.map(|stat| stat.size).ok_or_else(|| {
                Failure::unsafe_to_go_on(format!("{}: there is no database at {path}", cx.host.name()))
            })
        }
        Backend::Mysql { .. } => mysql::size(cx.host, access).await,
    }
}

#[async_trait]
impl Module for OnedbBackup {
    const NAME: &'static str = "onedb_backup";
    const CONTRACT: Contract = Contract::serial(Order::Inventory, Recovery::Job, Privilege::Oneadmin);
    const EXAMPLE: &'static str = "- name: Back the upgraded master's federated tables up\n  onedb_backup:\n    \
        dest: /var/lib/one/nebplay/federated.bck\n    federated: true\n  register: federated\n";

    async fn inspect(&self, cx: &Cx<'_>) -> Result<Finding, Failure> {
        absolute("dest", &self.dest)?;
        let access = Access::of(cx, self.database.as_ref()).await?;
        task::settle(cx, &access, "onedb-backup").await?;
        let running = what_runs(cx, &access).await?;
        if let Some(found) = dump::look(cx.host, &access, &self.dest).await? {
            return self.existing(cx, &access, &found, &running).await;
        }
        self.still(cx, &running)?;
        let need = database_size(cx, &access).await? * ROOM_FACTOR;
        room(cx, &[(parent(&self.dest), need), (access.room(), need)]).await?;
        Ok(Finding::Change(
            Change::new(format!(
                "write a {} backup of {} to {}",
                self.word(),
                access.describe(),
                self.dest
            ))
            .seen(json!({ "leftover": Leftover::None })),
        ))
    }
}

#[async_trait]
impl Effect for OnedbBackup {
    async fn apply(&self, cx: &Cx<'_>, change: &Change) -> Result<Outcome, Failure> {
        let access = Access::of(cx, self.database.as_ref()).await?;
        let directory = parent(&self.dest);
        // Where oneadmin could plant a link it makes the directory itself.
        let (make, who) = match ground::writer(cx.host, directory, USER).await? {
            who if who == oneadmin() => (MAKE_OWN, who),
            root => (MAKE_FOR, root),
        };
        let made = cx
            .host
            .run(&Command::script(make, [directory, USER]).run_as(who))
            .await?;
        if !made.exit.success() {
            return Err(Failure::failed(format!(
                "{}: failed to make {directory}: {}",
                cx.host.name(),
                made.err_text().trim()
            )));
        }
        let leftover = change.seen.get("leftover").cloned();
        let leftover = leftover.and_then(|seen| serde_json::from_value(seen).ok());
        let leftover = leftover.unwrap_or(Leftover::None);
        let older = match leftover {
            Leftover::Keep => Some(self.put_aside(cx).await?),
            Leftover::None | Leftover::Replace => None,
        };
        let begun = Record {
            path: self.dest.clone(),
            federated: self.federated,
            proven: None,
            closed: BTreeMap::new(),
        };
        record::note(cx.host, &begun).await?;
        let word = if leftover == Leftover::Replace {
            "replace"
        } else {
            "new"
        };
        let sqlite = match &access.db {
            Backend::Sqlite { path } => path.as_str(),
            Backend::Mysql { .. } => "",
        };
        let command = access.script_with_options(SCRIPT, &[&self.dest, self.word(), word, sqlite]);
        let end = task::run(cx, &access, "onedb-backup", command).await?;
        task::succeeded(cx, &access, "onedb backup", &end).map_err(|failure| {
            failure.state(format!(
                "the database is untouched; {} may be there in part and will be replaced",
                self.dest
            ))
        })?;
        Ok(Outcome::changed(format!("wrote {}", self.dest)).with("older", older))
    }

    async fn verify(&self, cx: &Cx<'_>, _: &Change, outcome: &mut Outcome) -> Result<(), Failure> {
        let access = Access::of(cx, self.database.as_ref()).await?;
        let host = cx.host.name();
        let cut = |why: String| {
            Failure::not_verified(format!(
                "{host}: onedb claims to have written {}, but {why}",
                self.dest
            ))
            .state("the database is untouched; there is no backup that could be relied on")
            .hint("free room on the dump's file system, then run again: the dump is replaced")
        };
        let (dump, prints) = match dump::proven(cx.host, &access, &self.dest, self.federated).await {
            Ok(Some(proven)) => proven,
            Ok(None) => return Err(cut("it is not there".to_owned())),
            Err(failure) if failure.kind == crate::module::FailureKind::Unsafe => {
                return Err(cut(failure.message));
            }
            Err(failure) => return Err(failure),
        };
        if let Some(why) = dump.exposed() {
            return Err(cut(why));
        }
        let now = self.database_prints(cx, &access).await?;
        let differences = prints.differences(&now);
        if !differences.is_empty() && !self.while_running {
            return Err(cut(format!(
                "it does not hold what the database holds: {}",
                differences.join("; ")
            )));
        }
        let counted = prints.only_counted();
        let proof = Proof {
            size: dump.size,
            sha256: dump.sha256,
            // A dump whose rows could only be counted is the database's, which stands still; its restore is compared with this.
            fingerprints: if counted { now } else { prints },
        };
        let record = Record {
            path: self.dest.clone(),
            federated: self.federated,
            proven: Some(proof.clone()),
            closed: if self.federated {
                BTreeMap::new()
            } else {
                record::closed(cx.host).await?
            },
        };
        record::note(cx.host, &record).await?;
        let rows = proof.fingerprints.rows();
        let mut proven = register(std::mem::take(outcome), &self.dest, &proof);
        proven.message = Some(format!(
            "wrote {}: {rows} rows in {} tables, {}",
            self.dest,
            proof.fingerprints.tables.len(),
            if counted {
                "counted in its text, not loaded"
            } else {
                "loaded and compared"
            }
        ));
        if counted {
            proven = proven.warn(format!(
                "{} was never loaded: the database's user may not make a scratch database, so its rows were only counted, and a row \
                 that is damaged and still counts would not be seen; grant it CREATE and DROP, and write the backup anew",
                self.dest
            ));
        }
        if !differences.is_empty() {
            proven = proven.warn(format!(
                "the database moved meanwhile: {}",
                differences.join("; ")
            ));
        }
        *outcome = proven;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
