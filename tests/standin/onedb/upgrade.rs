//! `onedb upgrade`: a backup, the migrators, and the backup back if it did not work out.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nebplay_model::onedb::upgrade::{
    LOCAL_STEPS, Quotas, Step, UP_TO_DATE, USER_QUOTAS, WILL_BE_RESTORED, comment, heading, is_needed,
    migrated_quotas, migrator_versions, missing_migrators, nothing_for, part_heading, parts,
};
use nebplay_model::onedb::{FAILED, Part};
use nebplay_model::schema::INDEXES;
use nebplay_model::version::Version;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use super::{Stop, Tool, backup, failed, guard, restore};
use crate::database::{Database, DatabaseError};
use crate::host::now;
use crate::{faults, output};

/// What ended a migration.
enum Broken {
    /// A signal of this name.
    Signal(&'static str),
    /// Something of the database.
    Stop(Stop),
}

impl From<Stop> for Broken {
    fn from(stop: Stop) -> Self {
        Self::Stop(stop)
    }
}

pub(super) fn command(tool: &Tool) -> Result<u8, Stop> {
    let versions = tool.versions()?;
    guard::check(tool)?;
    let required = tool.host.tools_version();
    if !is_needed(&versions, required) {
        output::say(&format!("{UP_TO_DATE}\n"));
        return Ok(0);
    }
    let say = |text: &str| {
        if tool.verbose() {
            output::say(text);
        }
    };
    say(&heading(&versions));
    let _alone = faults::alone(tool.host);
    faults::record(tool.host, "upgrade started");
    let kept = backup::make(tool, tool.options.get("backup"), false)?;
    say("\n");
    let signals = Signals::watch();
    let began = Instant::now();
    for part in parts(&versions) {
        say(&part_heading(*part));
        let from = match part {
            Part::Shared => versions.shared.version,
            Part::Local => versions.local.version,
        };
        if let Err(broken) = migrate(tool, *part, from, versions.is_slave, &signals, &say) {
            match broken {
                Broken::Signal(name) => output::say(&format!("\n{name}\n\n")),
                Broken::Stop(stop) => output::say(&format!("\n{}\n\n", stop.line)),
            }
            return give_up(tool, &kept);
        }
        say("\n");
    }
    say(&format!("Total time: {}\n", seconds(began.elapsed())));
    let ended = tool.versions()?;
    if is_needed(&ended, required) {
        output::error(missing_migrators(ended.local.version, ended.shared.version).trim_end());
        return give_up(tool, &kept);
    }
    faults::record(tool.host, "upgrade completed");
    Ok(0)
}

fn give_up(tool: &Tool, kept: &Path) -> Result<u8, Stop> {
    output::say(WILL_BE_RESTORED);
    faults::record(tool.host, "upgrade given up");
    restore::put_back(tool, kept)?;
    Ok(FAILED)
}

/// Runs the migrators of a part one after the other, each one where the last one ended.
fn migrate(
    tool: &Tool,
    part: Part,
    from: Version,
    is_slave: bool,
    signals: &Signals,
    say: &impl Fn(&str),
) -> Result<(), Broken> {
    let directory = tool.host.migrators(part.name());
    let mut at = from;
    loop {
        let next = std::fs::read_dir(&directory)
            .into_iter()
            .flatten()
            .flatten()
            .find_map(|entry| {
                let (from, to) = migrator_versions(&entry.file_name().to_string_lossy())?;
                (from == at).then(|| (entry.path(), to))
            });
        let Some((file, to)) = next else {
            if at == from {
                say(&nothing_for(at));
            }
            return Ok(());
        };
        say(&format!("  > Running migrator {}\n", file.display()));
        let began = Instant::now();
        faults::record(tool.host, &format!("{} migrator started", part.name()));
        if part == Part::Local {
            local_migrator(tool, signals)?;
        }
        let comment = comment(at, to);
        record_version(tool, part, to, &comment, is_slave)?;
        faults::record(tool.host, &format!("{} migrator completed", part.name()));
        say(&format!(
            "  > Done in {}\n\n{comment}\n",
            seconds(began.elapsed())
        ));
        at = to;
    }
}

fn record_version(tool: &Tool, part: Part, to: Version, comment: &str, is_slave: bool) -> Result<(), Stop> {
    let table = part.table();
    let oid = tool
        .database
        .number(&format!("SELECT MAX(oid) FROM {table}"))
        .map_err(failed)?
        .unwrap_or(-1)
        + 1;
    let flag = if part == Part::Local {
        format!(", {}", i32::from(is_slave))
    } else {
        String::new()
    };
    let now = now();
    tool.database
        .script(&format!(
            "INSERT INTO {table} VALUES ({oid}, '{to}', {now}, '{comment}'{flag});\n"
        ))
        .map_err(failed)
}

/// Each step is on the disk before the next one begins.
fn local_migrator(tool: &Tool, signals: &Signals) -> Result<(), Broken> {
    for step in LOCAL_STEPS {
        if step == Step::Rewrite(USER_QUOTAS) {
            faults::slow(tool.host, "upgrade", || signals.seen().is_some());
            faults::hang(tool.host, "before-local-migrator", || signals.seen().is_some());
        }
        if let Some(name) = signals.seen() {
            return Err(Broken::Signal(name));
        }
        do_step(tool, step).map_err(failed)?;
    }
    Ok(())
}

fn do_step(tool: &Tool, step: Step) -> Result<(), DatabaseError> {
    let database = &tool.database;
    match step {
        Step::DropIndexes => {
            for index in INDEXES
                .iter()
                .filter(|index| database.has_index(index.table, index.name))
            {
                let on = match database {
                    Database::Sqlite(_) => String::new(),
                    Database::Mysql(_) => format!(" ON {}", index.table),
                };
                database.script(&format!("DROP INDEX {}{on};\n", index.name))?;
            }
            Ok(())
        }
        Step::SetAside(Quotas { table, key }) => database.script(&format!(
            "DROP TABLE IF EXISTS old_{table};\nALTER TABLE {table} RENAME TO old_{table};\n\
             CREATE TABLE {table} ({key} INTEGER PRIMARY KEY, body MEDIUMTEXT);\n"
        )),
        Step::Rewrite(Quotas { table, key }) => {
            let rows = database.query(&format!("SELECT {key}, body FROM old_{table}"))?;
            let insert = |row: &Vec<String>| {
                let (id, body) = (row.first()?, database.quote(&migrated_quotas(row.get(1)?)));
                Some(format!("INSERT INTO {table} VALUES ({id}, {body})"))
            };
            database.transaction(&rows.iter().filter_map(insert).collect::<Vec<_>>())?;
            database.script(&format!("DROP TABLE old_{table};\n"))
        }
        Step::MakeIndexes => INDEXES
            .iter()
            .try_for_each(|index| database.script(&format!("{};\n", index.create()))),
    }
}

fn seconds(time: Duration) -> String {
    format!("{:.2}s", time.as_secs_f64())
}

/// The signals that make onedb put its backup back.
struct Signals {
    seen: [(Arc<AtomicBool>, &'static str); 3],
}

impl Signals {
    fn watch() -> Self {
        let watched = |signal, name| {
            let seen = Arc::new(AtomicBool::new(false));
            // Without the watch the signal ends the process, as it would anyway.
            let _ = signal_hook::flag::register(signal, Arc::clone(&seen));
            (seen, name)
        };
        Self {
            seen: [
                watched(SIGTERM, "SIGTERM"),
                watched(SIGHUP, "SIGHUP"),
                watched(SIGINT, "SIGINT"),
            ],
        }
    }

    fn seen(&self) -> Option<&'static str> {
        self.seen
            .iter()
            .find(|(seen, _)| seen.load(Ordering::Relaxed))
            .map(|(_, name)| *name)
    }
}
