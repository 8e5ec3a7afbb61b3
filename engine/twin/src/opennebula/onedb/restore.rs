//! `onedb restore`: on SQLite it never fails, whatever becomes of the database; on MySQL it fails with the client, which takes a dump that
//! is cut between two statements for a whole one.

use nebplay_model::onedb::{RESTORE_USAGE, Stop, mysql};
use nebplay_model::rows::Dialect;

use super::backup::exists;
use super::{Tool, running};
use crate::deeds::{Act, content_of};
use crate::opennebula::database::{Database, Ran};
use crate::opennebula::place::Place;
use crate::programs::access;

pub(super) fn command(tool: &mut Tool<'_, '_>) -> Result<u8, Stop> {
    let Some(file) = tool.options.words.get(1).cloned() else {
        tool.say(RESTORE_USAGE);
        return Err(Stop::new("Command restore requires one parameter to run"));
    };
    if !exists(tool, &file) {
        return Err(Stop::new(format!(
            "File {file} doesn't exist, backup restoration aborted."
        )));
    }
    tool.guard()?;
    let federated = tool.options.has("federated");
    if !federated && !tool.options.has("force") {
        match &tool.place {
            Place::Sqlite(target) if exists(tool, target) => {
                return Err(Stop::new(format!("File {target} exists, use -f to overwrite.")));
            }
            Place::Mysql(login) => return Err(mysql::is_there(login)),
            Place::Sqlite(_) => {}
        }
    }
    put_back(tool, &file, federated)?;
    Ok(0)
}

/// Puts a backup back and says so. It is piped in by a shell; neither its exit code nor sqlite3's is looked at, MySQL's client's is.
pub(super) fn put_back(tool: &mut Tool<'_, '_>, file: &str, federated: bool) -> Result<(), Stop> {
    let path = tool.process.path(file);
    let readable = access::may_read(tool.process.machine(), tool.process.user, &path).is_ok();
    let text = if readable {
        tool.process.machine().files.text(&path)
    } else {
        String::new()
    };
    let sizes = tool.process.machine().sizes;
    let (bytes, rate) = (
        if federated {
            sizes.federated
        } else {
            sizes.database
        },
        tool.process.federation.rates.load,
    );
    let part = tool.process.works_through(bytes, rate);
    let mut database: Database = tool
        .database()
        .map(|database| (*database).clone())
        .unwrap_or_default();
    let before = database.clone();
    let full = tool.process.machine().files.full;
    let failed = |why: String| Ran {
        errors: vec![why],
        ..Ran::default()
    };
    let dialect = tool.place.dialect();
    let ran = if full {
        failed(full_disk(&tool.place).to_owned())
    } else if !readable && dialect == Dialect::Mysql {
        failed(format!("sh: 1: cannot open {file}: Permission denied"))
    } else {
        database.run(&text, part, false, dialect)
    };
    // The second part of MySQL's federated dump is the log.
    let is_all = !federated || text.contains("logdb");
    let whole = ran.whole && is_all;
    let changed = database != before;
    for why in &ran.errors {
        tool.process.complain(format!("{why}\n"));
    }
    if changed && !full {
        tool.put(database)?;
    }
    let running = running(tool.process);
    // Where nothing was touched, nothing was restored.
    if changed || whole {
        tool.process.did(Act::Restored {
            path,
            content: content_of(&text),
            federated,
            whole,
            running,
        });
    }
    let said = match &tool.place {
        Place::Sqlite(file) => format!("Sqlite database backup restored in {file}\n"),
        Place::Mysql(login) if ran.errors.is_empty() => mysql::restored(login),
        Place::Mysql(login) => return Err(mysql::not_restored(login)),
    };
    tool.say(&said);
    Ok(())
}

/// What the client says where nothing can be written.
fn full_disk(place: &Place) -> &'static str {
    match place {
        Place::Sqlite(_) => "Runtime error near line 1: database or disk is full (13)",
        Place::Mysql(_) => "ERROR 1114 (HY000) at line 1: The table is full",
    }
}
