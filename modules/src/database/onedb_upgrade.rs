//! Module `onedb_upgrade`.

mod anew;
mod signs;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;

use super::guard::{absolute, stillness, what_runs};
use super::migration::{self, Migration, Stage};
use super::{full, task};
use crate::contract::{Contract, Order, Privilege, Recovery};
use crate::host::{Command, RunAs};
use crate::module::{Change, Cx, Effect, Failure, FailureKind, Finding, Module, Outcome};
use crate::opennebula::command::USER;
use crate::opennebula::conf::Mode;
use crate::opennebula::fingerprint::{Fingerprints, all_tables};
use crate::opennebula::onedb::version::{self, DbVersion, Standing};
use crate::opennebula::onedb::{Access, GivenDatabase, output};
use signs::{drift, half_migrated, signs};

/// Migrates a zone's database to the installed version, exactly once.
///
/// A migration that was cut off and is simply run again exits 0 and has lost rows in silence. So the number of rows of every table is
/// recorded before, a mark is left while the migration runs, and where one was cut off the database is first put back from `backup`,
/// proven, and only then migrated. Afterwards every table is compared with what was recorded. A slave's federated tables must be
/// the master's already (`onedb_restore`), and must not change here.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OnedbUpgrade {
    /// Absolute path of this zone's full backup, made by `onedb_backup` before anything was upgraded.
    backup: String,
    /// On a slave: absolute path of the federated dump it was restored from; needed only to begin again after an interruption.
    #[serde(default)]
    federated_backup: Option<String>,
    /// On a slave: what its federated tables must hold, `fingerprints` as `onedb_backup` registered them on the master.
    #[serde(default)]
    expect: Option<Fingerprints>,
    /// Tables that this version's migrators are known to empty or drop.
    #[serde(default)]
    may_lose: Vec<String>,
    /// Connection parameters instead of those of oned.conf.
    #[serde(default)]
    database: Option<GivenDatabase>,
}

/// `$1` file for onedb's own backup; onedb's options follow. A name of ours: onedb's own has colons, and one second's resolution.
const SCRIPT: &str = "# nebplay: onedb upgrade\numask 077\nbackup=$1\nshift\nexec onedb upgrade -v --backup \"$backup\" \"$@\"";

const JOB: &str = "onedb-upgrade";

impl OnedbUpgrade {
    /// What the database held before anything was upgraded, as recorded with the backup.
    async fn recorded(&self, cx: &Cx<'_>) -> Result<Option<Fingerprints>, Failure> {
        let record = super::record::recall(cx.host, &self.backup).await?;
        Ok(record
            .and_then(|record| record.proven)
            .map(|proof| proof.fingerprints))
    }

    /// What the backup recorded, where the zone has not run since: its own work deletes rows too.
    async fn comparable(
        &self,
        cx: &Cx<'_>,
        access: &Access,
        now: &Fingerprints,
    ) -> Result<Option<Fingerprints>, Failure> {
        let recorded = self.recorded(cx).await?;
        Ok(match access.mode {
            // The log of a slave is the master's by now and does not tell.
            Mode::Slave if what_runs(cx, access).await?.is_nothing() => recorded.map(|prints| prints.local()),
            Mode::Slave => None,
            // No migrator touches the log, and a zone that runs writes to it.
            Mode::Master | Mode::Standalone => {
                recorded.filter(|prints| prints.tables.get("logdb") == now.tables.get("logdb"))
            }
        })
    }

    /// How a slave's federated tables differ from what they must hold.
    fn foreign(&self, access: &Access, now: &Fingerprints) -> Vec<String> {
        match &self.expect {
            Some(expected) if access.mode == Mode::Slave => {
                now.federated().differences(&expected.federated())
            }
            _ => Vec::new(),
        }
    }

    /// A database that is at the target already: nothing to do, if nothing was lost on the way.
    async fn current(
        &self,
        cx: &Cx<'_>,
        access: &Access,
        now: &Fingerprints,
        mark: Option<&Migration>,
        version: &DbVersion,
    ) -> Result<Finding, Failure> {
        let before = match mark {
            Some(mark) if mark.stage == Stage::Migrating => Some(mark.before.clone()),
            _ => self.comparable(cx, access, now).await?,
        };
        let mut lost = before
            .as_ref()
            .map(|before| now.lost_rows(before, &self.may_lose))
            .unwrap_or_default();
        lost.extend(
            now.leftovers()
                .iter()
                .map(|name| format!("{name} was left behind by a migrator")),
        );
        if !lost.is_empty() {
            return Err(lost_rows(cx, &self.backup, &lost));
        }
        let mut foreign = self.foreign(access, now);
        if access.mode == Mode::Slave
            && let Some(mark) = mark.filter(|mark| mark.stage == Stage::Migrating)
        {
            foreign.extend(now.federated().differences(&mark.before.federated()));
        }
        if !foreign.is_empty() {
            return Err(not_the_masters(cx, &foreign));
        }
        if mark.is_some() {
            // Ended while nobody was looking, and proven just now: only the mark is left to be removed.
            return Ok(Finding::Change(Change::new(
                "take note that the migration ended well",
            )));
        }
        Ok(Finding::NoChange(
            Outcome::unchanged(format!("the database is up to date: {}", version.describe()))
                .with("rows_proven", before.is_some()),
        ))
    }
}

fn not_the_masters(cx: &Cx<'_>, differences: &[String]) -> Failure {
    Failure::unsafe_to_go_on(format!(
        "{}: this slave's federated tables are not those of the master's federated backup: {}",
        cx.host.name(),
        differences.join("; ")
    ))
    .state("it must not be started: it would join with data of its own")
    .hint("restore the master's federated backup (onedb_restore), then run this again")
}

fn lost_rows(cx: &Cx<'_>, backup: &str, lost: &[String]) -> Failure {
    Failure::not_verified(format!(
        "{}: the database says it is migrated, and rows are missing: {}",
        cx.host.name(),
        lost.join("; ")
    ))
    .state("the zone's data is not whole. Never start oned on it")
    .hint(format!(
        "put {backup} back with onedb_restore_full, then run this again; if a migrator drops them on purpose, name them in may_lose"
    ))
}

#[async_trait]
impl Module for OnedbUpgrade {
    const NAME: &'static str = "onedb_upgrade";
    const CONTRACT: Contract = Contract::serial(Order::MasterFirst, Recovery::Job, Privilege::Oneadmin);
    const EXAMPLE: &'static str = "- name: Migrate the master's database\n  onedb_upgrade:\n    \
        backup: /var/lib/one/nebplay/full.bck\n";

    async fn inspect(&self, cx: &Cx<'_>) -> Result<Finding, Failure> {
        absolute("backup", &self.backup)?;
        if let Some(path) = &self.federated_backup {
            absolute("federated_backup", path)?;
        }
        let host = cx.host.name();
        let access = Access::of(cx, self.database.as_ref()).await?;
        task::settle(cx, &access, JOB).await?;
        let version = version::read(cx.host, &access).await?;
        let standing = version.describe();
        let mark = migration::pending(cx, &version).await?;
        match version.state {
            Standing::Current | Standing::UpgradeNeeded => {}
            // onedb was putting its own backup back when it was killed: there is nothing left, but there is the proven backup.
            Standing::NotBootstrapped if mark.is_some() => {}
            Standing::Newer => {
                return Err(Failure::unsafe_to_go_on(format!(
                    "{host}: the database is newer than the installed programs: {standing}"
                ))
                .hint("upgrade the packages first; on a slave this is normal between restore and packages"));
            }
            Standing::NotBootstrapped => {
                return Err(Failure::unsafe_to_go_on(format!(
                    "{host}: there is no database, or an empty one"
                ))
                .state("oned started on it would begin a new cloud")
                .hint("restore the full backup with onedb_restore_full"));
            }
        }
        let now = match version.state {
            Standing::NotBootstrapped => Fingerprints::default(),
            _ => all_tables(cx.host, &access).await?,
        };
        if version.state == Standing::Current {
            return self.current(cx, &access, &now, mark.as_ref(), &version).await;
        }
        stillness(cx, &access, "migrate the database").await?;
        let Some((size, backed_up)) = full::trusted(cx, &access, &self.backup, None).await? else {
            return Err(
                Failure::unsafe_to_go_on(format!("{host}: there is no backup {}", self.backup))
                    .hint("make it with onedb_backup: no backup, no further"),
            );
        };
        let mut change = Change::default();
        let half = half_migrated(&access, &version, &backed_up);
        if !half.is_empty() {
            return Err(Failure::unsafe_to_go_on(format!(
                "{host}: {} was made of a database whose migration had been cut off: {}",
                self.backup,
                half.join("; ")
            ))
            .state("migrated as it is, the database would lose rows in silence. Never start oned on it")
            .hint("find the backup from before that migration, and put it back with onedb_restore_full"));
        }
        let signs = signs(&access, &now, mark.as_ref(), &version, &backed_up);
        let signs_are_none = signs.is_empty();
        let drift = drift(&access, &now, &backed_up);
        if !signs.is_empty() {
            self.can_begin_again(cx, &access, mark.as_ref(), &now, &backed_up, &signs)
                .await?;
            change.what.push(format!(
                "put {} back, since an earlier migration was cut off",
                self.backup
            ));
            change.what.extend(signs);
        } else if !drift.is_empty() {
            return Err(Failure::unsafe_to_go_on(format!(
                "{host}: the database is not the one that was backed up to {}: {}",
                self.backup,
                drift.join("; ")
            ))
            .hint("make a new full backup with onedb_backup, and give that one"));
        } else if access.mode == Mode::Slave && version.shared != version.required_shared {
            // With is_slave 0, which is what slaves made as the docs say have, onedb would migrate these tables here.
            return Err(Failure::unsafe_to_go_on(format!(
                "{host}: this slave's federated tables are not the upgraded master's: {standing}"
            ))
            .hint("restore the master's federated backup first (onedb_restore)"));
        }
        let foreign = self.foreign(&access, &now);
        if signs_are_none && !foreign.is_empty() {
            return Err(not_the_masters(cx, &foreign));
        }
        full::enough_room(cx, &access, size).await?;
        let begin_again = !change.what.is_empty();
        change
            .what
            .push(format!("migrate {}: {standing}", access.describe()));
        Ok(Finding::Change(
            change.seen(serde_json::json!({"begin_again": begin_again})),
        ))
    }
}

#[async_trait]
impl Effect for OnedbUpgrade {
    async fn apply(&self, cx: &Cx<'_>, change: &Change) -> Result<Outcome, Failure> {
        let access = Access::of(cx, self.database.as_ref()).await?;
        let version = version::read(cx.host, &access).await?;
        let mark = migration::pending(cx, &version).await?;
        if version.state == Standing::Current {
            // Ended before the run was cut off; verify compares every table.
            return Ok(Outcome::changed("the migration had ended before"));
        }
        let begin_again = change
            .seen
            .get("begin_again")
            .and_then(serde_json::Value::as_bool)
            == Some(true);
        if mark.is_some() && !begin_again {
            return Err(Failure::unsafe_to_go_on(format!(
                "{}: another run of nebplay has begun this migration in the meantime",
                cx.host.name()
            ))
            .hint("let that run end, then run the playbook again"));
        }
        // Where the database is gone, onedb does not say it, and the mark does.
        let target = version
            .required_local
            .or_else(|| mark.and_then(|mark| mark.target));
        if begin_again {
            let target = target.clone();
            migration::begin(cx, target, Stage::PuttingBack, Fingerprints::default(), "").await?;
            self.begin_again(cx, &access).await?;
        }
        let before = all_tables(cx.host, &access).await?;
        // Beside the backup that was proven, which is what this one is not.
        let directory = self
            .backup
            .rsplit_once('/')
            .map_or("/", |(directory, _)| directory);
        let name = format!("{directory}/before-migration-{}.bck", cx.host.clock().now());
        let mark = migration::begin(cx, target, Stage::Migrating, before, &name).await?;
        let command = access.script_with_options(SCRIPT, &[&mark.own_backup]);
        let end = task::run(cx, &access, JOB, command).await?;
        let said = end.text();
        if let Err(failure) = task::succeeded(cx, &access, "onedb upgrade", &end) {
            return Err(self.failed(cx, &access, &mark, failure, &said).await);
        }
        let said = output::upgrade(&said);
        Ok(Outcome::changed("migrated").with("migrators", said.migrators))
    }

    async fn verify(&self, cx: &Cx<'_>, _: &Change, outcome: &mut Outcome) -> Result<(), Failure> {
        let access = Access::of(cx, self.database.as_ref()).await?;
        let host = cx.host.name();
        let version = version::read(cx.host, &access).await?;
        if version.state != Standing::Current {
            return Err(Failure::not_verified(format!(
                "{host}: onedb upgrade exited 0 and the database is not at the target: {}",
                version.describe()
            ))
            .state("the database may be half migrated. Never start oned on it")
            .hint(format!(
                "run again: the database is first put back from {}",
                self.backup
            )));
        }
        let Some(mark) = migration::pending(cx, &version).await? else {
            return Err(Failure::new(
                FailureKind::NotVerified,
                format!("{host}: the note of what the database held before the migration is gone"),
            ));
        };
        let now = all_tables(cx.host, &access).await?;
        let mut wrong = now.lost_rows(&mark.before, &self.may_lose);
        wrong.extend(
            now.leftovers()
                .iter()
                .map(|name| format!("{name} was left behind by a migrator")),
        );
        if let Some(recorded) = self.recorded(cx).await? {
            let mut also = now.lost_rows(&recorded, &self.may_lose);
            if access.mode == Mode::Slave {
                // These were replaced by the master's, on purpose.
                also = now.local().lost_rows(&recorded.local(), &self.may_lose);
            }
            wrong.extend(
                also.into_iter()
                    .filter(|line| !wrong.contains(line))
                    .collect::<Vec<_>>(),
            );
        }
        if access.mode == Mode::Slave {
            wrong.extend(now.federated().differences(&mark.before.federated()));
            wrong.extend(self.foreign(&access, &now));
        }
        if !wrong.is_empty() {
            return Err(lost_rows(cx, &self.backup, &wrong));
        }
        migration::forget(cx).await?;
        // onedb's own backup is the state that `backup` holds, proven. As oneadmin, whose directory it is in.
        let own = Command::new(["rm", "-f", "--", &mark.own_backup]).run_as(RunAs::User(USER.to_owned()));
        if mark.own_backup.starts_with('/') {
            cx.host.run(&own).await?;
        }
        for name in mark.before.indexes.difference(&now.indexes) {
            outcome
                .warnings
                .push(format!("the migrators dropped the index {name}"));
        }
        outcome.message = Some(format!(
            "migrated: {}; {} rows in {} tables, none lost",
            version.describe(),
            now.rows(),
            now.tables.len()
        ));
        outcome.result.insert("rows".to_owned(), now.rows().into());
        outcome.result.insert("fingerprints".to_owned(), now.to_value());
        Ok(())
    }
}

#[cfg(test)]
mod tests;
