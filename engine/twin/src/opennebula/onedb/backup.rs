//! `onedb backup`. The dumps are piped by a shell whose failure nobody looks at: a full disk leaves a cut file and exit 0.

use std::fmt::Write as _;

use nebplay_model::onedb::backup_suffix;
use nebplay_model::schema::FEDERATED_TABLES;

use super::{Stop, Tool};
use crate::deeds::{Act, content_of};
use crate::files::{Content, Node, parent};
use crate::opennebula::database::Database;

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
    let file = named.unwrap_or_else(|| format!("{}{suffix}.bck", tool.file));
    let path = tool.process.path(&file);
    if tool.process.machine().files.at(&path).is_some() && !tool.options.has("force") {
        return Err(Stop::new(format!(
            "File {file} exists, backup aborted. Use -f to overwrite."
        )));
    }
    let of = if federated { " of federated tables" } else { "" };
    tool.say(&format!("Sqlite database backup{of} stored in {file}\n"));
    let directory = tool.process.machine().files.followed(parent(&path));
    if !matches!(directory, Some(Node::Directory(_))) {
        return Err(Stop::new(format!(
            "No such file or directory @ rb_sysopen - {file}"
        )));
    }
    let sizes = tool.process.machine().sizes;
    let (text, bytes) = if federated {
        (federated_dump(tool)?, sizes.federated)
    } else {
        (full_dump(tool), sizes.database)
    };
    let rate = tool.process.federation.rates.dump;
    let done = tool.process.works_through(bytes, rate);
    if federated && done >= 1.0 {
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
    let written = tool.process.write(&file, Content::text(&text[..end]));
    tool.process.machine_mut().files.full = full;
    if written.is_err() {
        return Err(Stop::new(format!(
            "No such file or directory @ rb_sysopen - {file}"
        )));
    }
    let versions = tool.both();
    tool.process.did(Act::Dumped {
        path,
        content: content_of(&text[..end]),
        federated,
        whole: end == text.len(),
        versions,
    });
    tool.say("Use 'onedb restore' to restore the DB.\n");
    Ok(file)
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
