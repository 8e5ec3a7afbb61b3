//! `onedb backup`. SQLite's dumps are piped by a shell whose failure nobody looks at: a full disk leaves a cut file and exit 0. MySQL's end
//! with the dumper.

use std::fmt::Write as _;

use nebplay_model::config::Mysql;
use nebplay_model::onedb::{Stop, backup_suffix, mysql};
use nebplay_model::rows::Dialect;
use nebplay_model::schema::FEDERATED_TABLES;

use super::Tool;
use crate::deeds::{Act, content_of};
use crate::files::{Content, Node, parent};
use crate::opennebula::database::Database;
use crate::opennebula::place::Place;

/// The copy of the log that is dumped in its place. A backup that was killed leaves it, and it is in the way of the next one.
const LOG_COPY: &str = "logdb_tmp";

pub(super) fn command(tool: &mut Tool<'_, '_>) -> Result<u8, Stop> {
    let named = tool.options.words.get(1).cloned();
    let federated = tool.options.has("federated");
    make(tool, named, federated)?;
    Ok(0)
}

/// Makes a backup at the place named, or at the one onedb chooses, and says so. Gives that place.
pub(super) fn make(tool: &mut Tool<'_, '_>, named: Option<String>, federated: bool) -> Result<String, Stop> {
    let suffix = backup_suffix(federated, tool.process.seconds());
    let file = named.unwrap_or_else(|| match &tool.place {
        Place::Sqlite(file) => format!("{file}{suffix}.bck"),
        Place::Mysql(login) => mysql::default_file(login, &suffix),
    });
    let path = tool.process.path(&file);
    if tool.process.machine().files.at(&path).is_some() && !tool.options.has("force") {
        return Err(Stop::new(format!(
            "File {file} exists, backup aborted. Use -f to overwrite."
        )));
    }
    let is_sqlite = tool.place.dialect() == Dialect::Sqlite;
    if is_sqlite {
        let of = if federated { " of federated tables" } else { "" };
        tool.say(&format!("Sqlite database backup{of} stored in {file}\n"));
    }
    let directory = tool.process.machine().files.followed(parent(&path));
    if !matches!(directory, Some(Node::Directory(_))) {
        return Err(cannot_create(tool, &file, federated));
    }
    let sizes = tool.process.machine().sizes;
    let bytes = if federated {
        sizes.federated
    } else {
        sizes.database
    };
    let text = match &tool.place {
        Place::Mysql(login) => mysql_dump(tool, &login.database, federated),
        Place::Sqlite(_) if federated => federated_dump(tool)?,
        Place::Sqlite(_) => full_dump(tool),
    };
    let rate = tool.process.federation.rates.dump;
    let done = tool.process.works_through(bytes, rate);
    if federated && is_sqlite && done >= 1.0 {
        tool.change(|database| database.drop(LOG_COPY))?;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a part of a text"
    )]
    let end = (text.len() as f64 * done) as usize;
    let mut end = end.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let full = tool.process.machine().files.full;
    if full {
        // The name is there, and nothing in it.
        tool.process.machine_mut().files.full = false;
        end = 0;
    }
    let written = tool
        .process
        .write(&file, Content::Bytes(text.as_bytes()[..end].into()));
    tool.process.machine_mut().files.full = full;
    if written.is_err() {
        return Err(cannot_create(tool, &file, federated));
    }
    let versions = tool.both();
    tool.process.did(Act::Dumped {
        path,
        content: content_of(&text[..end]),
        federated,
        whole: end == text.len(),
        versions,
    });
    match &tool.place {
        Place::Sqlite(_) => tool.say("Use 'onedb restore' to restore the DB.\n"),
        Place::Mysql(login) if full => {
            tool.process.complain("mysqldump: Got errno 28 on write\n");
            return Err(not_dumped(login, &file, federated));
        }
        Place::Mysql(_) => tool.say(&mysql::stored(&file)),
    }
    Ok(file)
}

/// What becomes of a backup whose file cannot be made: the one opens it itself, for the other a shell does.
fn cannot_create(tool: &mut Tool<'_, '_>, file: &str, federated: bool) -> Stop {
    match &tool.place {
        Place::Sqlite(_) => Stop::new(format!("No such file or directory @ rb_sysopen - {file}")),
        Place::Mysql(login) => {
            let stop = not_dumped(login, file, federated);
            tool.process
                .complain(format!("sh: 1: cannot create {file}: Directory nonexistent\n"));
            stop
        }
    }
}

/// The first of its dumps failed.
fn not_dumped(login: &Mysql, file: &str, federated: bool) -> Stop {
    let commands = mysql::dumps(login, file, federated);
    mysql::not_dumped(commands.first().map_or("", String::as_str))
}

/// Two dumps into one file where it is a federated one: the tables, then the log.
fn mysql_dump(tool: &Tool<'_, '_>, schema: &str, federated: bool) -> String {
    let Some(database) = tool.database() else {
        return String::new();
    };
    let now = tool.process.seconds();
    if !federated {
        return database.mysqldump(schema, None, now);
    }
    let tables = database.mysqldump(schema, Some(&FEDERATED_TABLES), now);
    tables + &database.mysqldump(schema, Some(&["logdb"]), now)
}

fn drop_all<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().fold(String::new(), |mut text, name| {
        let _ = writeln!(text, "DROP TABLE IF EXISTS \"{name}\";");
        text
    })
}

fn full_dump(tool: &Tool<'_, '_>) -> String {
    let Some(database) = tool.database() else {
        return String::new();
    };
    let names = database.order.iter().map(AsRef::as_ref);
    drop_all(names) + &database.dump(None)
}

/// Eight tables, then the log as `CREATE TABLE … AS SELECT` leaves it: without key and indexes.
fn federated_dump(tool: &mut Tool<'_, '_>) -> Result<String, Stop> {
    let Some(database) = tool.database() else {
        return Ok(String::new());
    };
    if database.table(LOG_COPY).is_some() {
        return Err(Stop::new(format!(
            "SQLite3::SQLException: table {LOG_COPY} already exists"
        )));
    }
    let mut database = Database::clone(&database);
    database.copy("logdb", LOG_COPY);
    let mut text = String::from("-- FEDERATED\n") + &drop_all(FEDERATED_TABLES.into_iter().chain(["logdb"]));
    for name in FEDERATED_TABLES {
        text.push_str(&database.dump(Some(name)));
    }
    text.push_str(&database.dump(Some(LOG_COPY)).replace(LOG_COPY, "logdb"));
    tool.put(database)?;
    Ok(text)
}

/// Whether a path names a file, or anything else that can be tried to be read.
pub(super) fn exists(tool: &Tool<'_, '_>, file: &str) -> bool {
    let path = tool.process.path(file);
    tool.process.machine().files.followed(&path).is_some()
}
