//! `sqlite3`, as scripts call it.

use std::sync::Arc;

use nebplay_model::rows::Dialect;

use super::database::{Database, Ran, Reads, Wrong, execute, fingerprint, only_reads};
use super::onedb::running;
use super::place::Place;
use crate::deeds::{Act, content_of};
use crate::files::{Content, Node, text_of};
use crate::process::Process;

/// What it was called with.
#[derive(Default)]
struct Asked {
    file: Option<String>,
    /// Statements among the arguments; otherwise they come on standard input.
    statements: Vec<String>,
    readonly: bool,
    bail: bool,
}

impl Asked {
    fn of(words: &[String]) -> Self {
        let mut asked = Self::default();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match word.as_str() {
                "-init" | "-cmd" | "-separator" => {
                    words.next();
                }
                "-readonly" => asked.readonly = true,
                "-bail" => asked.bail = true,
                word if word.starts_with('-') => {}
                word if asked.file.is_none() => asked.file = Some(word.to_owned()),
                word => asked.statements.push(word.to_owned()),
            }
        }
        asked
    }
}

pub(super) fn sqlite3(process: &mut Process<'_>) -> i32 {
    let asked = Asked::of(process.args);
    let Some(file) = &asked.file else { return 1 };
    let path = process.path(file);
    let found = match process.machine().files.followed(&path) {
        Some(Node::File(_, Content::Database(database))) => Some(Arc::clone(database)),
        Some(Node::File(_, content)) if content.bytes().is_empty() => None,
        Some(_) => {
            process.complain("Error: file is not a database\n");
            return 26;
        }
        None if asked.readonly => {
            process.complain(format!(
                "Error: unable to open database \"{file}\": unable to open database file\n"
            ));
            return 1;
        }
        None => None,
    };
    let mut database = found
        .as_ref()
        .map(|database| (**database).clone())
        .unwrap_or_default();
    let status = work(process, &mut database, &asked, &path);
    if !asked.readonly && found.as_deref().is_none_or(|found| *found != database) && !database.is_empty() {
        let written = process.write(file, Content::Database(Arc::new(database)));
        if written.is_err() {
            process.complain("Error: stepping, database or disk is full (13)\n");
            return 13;
        }
    }
    status
}

/// Runs the statements; gives the exit status.
fn work(process: &mut Process<'_>, database: &mut Database, asked: &Asked, path: &str) -> i32 {
    for text in &asked.statements {
        for statement in split(text) {
            let result = if asked.readonly && !only_reads(statement) {
                let why = "attempt to write a readonly database";
                Err(Wrong::Runtime(why.to_owned(), 8))
            } else {
                execute(database, statement)
            };
            match result {
                Ok(printed) => process.say(printed),
                Err(Wrong::Parse(why)) => {
                    process.complain(format!("Error: in prepare, {why}\n"));
                    return 1;
                }
                Err(Wrong::Runtime(why, code)) => {
                    process.complain(format!("Error: stepping, {why} ({code})\n"));
                    return code;
                }
            }
        }
    }
    if !asked.statements.is_empty() {
        return 0;
    }
    let stdin = process.stdin;
    let text = text_of(stdin);
    let rates = process.federation.rates;
    if let Some((answer, reads)) = fingerprint(database, &text) {
        let sizes = process.machine().sizes;
        let bytes = match reads {
            Reads::Nothing => 0,
            Reads::Federated => sizes.federated,
            Reads::All => sizes.database,
        };
        process.works_through(bytes, rates.read);
        process.say(answer);
        return 0;
    }
    let sizes = process.machine().sizes;
    let federated = text.starts_with("-- FEDERATED");
    let is_dump = federated || text.contains("\nINSERT INTO ");
    let bytes = match (is_dump, federated) {
        (_, true) => sizes.federated,
        (true, false) => sizes.database,
        // A few statements.
        (false, false) => 0,
    };
    let part = process.works_through(bytes, rates.load);
    let Ran { out, errors, whole } = database.run(&text, part, asked.bail, Dialect::Sqlite);
    if is_dump && matches!(Place::of(process.machine()), Place::Sqlite(its) if its == path) {
        let running = running(process);
        process.did(Act::Restored {
            path: "standard input".to_owned(),
            content: content_of(&text),
            federated,
            whole,
            running,
        });
    }
    process.say(out);
    for error in &errors {
        process.complain(format!("{error}\n"));
    }
    i32::from(!errors.is_empty())
}

/// The statements of an argument. One that is quoted has no semicolon that would end it, in anything scripts ask.
fn split(text: &str) -> impl Iterator<Item = &str> {
    text.split(';')
        .map(str::trim)
        .filter(|statement| !statement.is_empty())
}
