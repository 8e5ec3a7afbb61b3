//! The statements that scripts give to `sqlite3`, beside dumps and fingerprints: enough of SQL for what modules, stories and operators ask.

mod expression;
mod query;
mod tokens;

use std::fmt::Write as _;
use std::sync::Arc;

use super::fingerprint::{ALL, FEDERATED};
use super::{Cell, Database, Index};
use expression::{Expression, position};
use query::{condition, sight};
use tokens::Reader;

/// What a statement came to that failed: in preparing it, or at work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// It makes no sense.
    Parse(String),
    /// It makes sense and cannot be done; with SQLite's number of the error.
    Runtime(String, i32),
}

impl From<String> for Wrong {
    fn from(why: String) -> Self {
        Self::Parse(why)
    }
}

/// What has to be read for an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reads {
    /// The schema alone.
    Nothing,
    /// The tables of the federation.
    Federated,
    /// All tables.
    All,
}

/// The answer to the two statements of a fingerprint, which are known as a whole; `None`: it is another one.
pub(crate) fn fingerprint(database: &Database, text: &str) -> Option<(String, Reads)> {
    if text.contains("with wanted(name)") {
        let all = text.contains("and 1),") || !text.contains("name in (");
        let statements = if all { ALL } else { FEDERATED };
        return Some((statements.to_owned(), Reads::Nothing));
    }
    let text = text.trim_end();
    let reads = [(ALL, Reads::All), (FEDERATED, Reads::Federated)];
    let (_, reads) = reads
        .into_iter()
        .find(|(statements, _)| text == statements.trim_end())?;
    Some((database.fingerprint(reads == Reads::All), reads))
}

/// Executes one statement, or one of the commands that begin with a dot; gives what is printed.
pub(crate) fn execute(database: &mut Database, statement: &str) -> Result<String, Wrong> {
    if let Some(command) = statement.strip_prefix('.') {
        return Ok(dotted(database, command)?);
    }
    let mut reader = Reader::new(statement)?;
    if reader.is_at_end() {
        return Ok(String::new());
    }
    if ["begin", "commit", "pragma"]
        .iter()
        .any(|word| reader.keyword(word))
    {
        return Ok(String::new());
    }
    if reader.keyword("select") {
        return Ok(query::select(database, &mut reader)?);
    }
    if reader.keyword("update") {
        update(database, &mut reader)?;
    } else if reader.keywords(&["delete", "from"]) {
        delete(database, &mut reader)?;
    } else if reader.keywords(&["insert", "into"]) {
        insert(database, &mut reader)?;
    } else if reader.keyword("drop") {
        drop_it(database, &mut reader)?;
    } else if reader.keywords(&["alter", "table"]) {
        alter(database, &mut reader)?;
    } else if reader.keyword("create") {
        create(database, &mut reader, statement)?;
    } else {
        return Err(Wrong::Parse(reader.error()));
    }
    Ok(String::new())
}

/// Whether a statement changes nothing.
pub(crate) fn only_reads(statement: &str) -> bool {
    let word = statement.split_whitespace().next().unwrap_or_default();
    word.starts_with('.')
        || ["select", "begin", "commit", "pragma"]
            .iter()
            .any(|reading| word.eq_ignore_ascii_case(reading))
}

fn no_table(name: &str) -> String {
    format!("no such table: {name}")
}

fn dotted(database: &Database, command: &str) -> Result<String, String> {
    let words: Vec<&str> = command.split_whitespace().collect();
    match words.as_slice() {
        ["dump", rest @ ..] => Ok(database.dump(rest.first().copied())),
        ["tables"] => {
            let mut names: Vec<&str> = database.order.iter().map(AsRef::as_ref).collect();
            names.sort_unstable();
            let (line, width) = (80, names.iter().map(|name| name.len()).max().unwrap_or(0));
            Ok(in_columns(&names, width, line))
        }
        ["schema", rest @ ..] => {
            let meant = |table: &str| rest.first().is_none_or(|name| *name == table);
            let mut text = String::new();
            for name in database.order.iter().filter(|name| meant(name)) {
                if let Some(table) = database.table(name) {
                    let _ = writeln!(text, "{};", table.create);
                }
            }
            for index in database.indexes.iter().filter(|index| meant(&index.table)) {
                let _ = writeln!(text, "{};", index.create);
            }
            Ok(text)
        }
        ["timeout" | "bail" | "output", ..] => Ok(String::new()),
        _ => Err(format!("unknown command or invalid arguments:  \"{command}\"")),
    }
}

/// As sqlite3 prints names: from top to bottom, as many columns as a line holds.
fn in_columns(names: &[&str], width: usize, line: usize) -> String {
    let columns = (line / (width + 2)).max(1);
    let lines = names.len().div_ceil(columns);
    let mut text = String::new();
    for number in 0..lines {
        let words: Vec<String> = names
            .iter()
            .skip(number)
            .step_by(lines)
            .map(|name| format!("{name:<width$}"))
            .collect();
        let _ = writeln!(text, "{}", words.join("  "));
    }
    text
}

fn update(database: &mut Database, reader: &mut Reader) -> Result<(), Wrong> {
    let name = reader.name()?;
    let Some(table) = database.table_mut(&name) else {
        return Err(no_table(&name).into());
    };
    let columns = Arc::clone(&table.columns);
    if !reader.keyword("set") {
        return Err(reader.error().into());
    }
    let mut assigned: Vec<(usize, Expression)> = Vec::new();
    loop {
        let at = position(&columns, &reader.name()?)?;
        reader.must("=")?;
        let value = Expression::read(reader)?;
        value.check(&columns)?;
        assigned.push((at, value));
        if !reader.sign(",") {
            break;
        }
    }
    let condition = condition(reader, &columns)?;
    reader.end()?;
    let rows: Vec<_> = table.rows.values().cloned().collect();
    for row in rows {
        let sight = sight(&columns, &row, &[]);
        if condition
            .as_ref()
            .is_some_and(|condition| !condition.holds(&sight))
        {
            continue;
        }
        let mut new = row.to_vec();
        for (at, value) in &assigned {
            new[*at] = value.of(&sight);
        }
        let key = table.key_of(&row);
        table.remove(&key);
        table.put(new.into());
    }
    Ok(())
}

fn delete(database: &mut Database, reader: &mut Reader) -> Result<(), Wrong> {
    let name = reader.name()?;
    let Some(table) = database.table_mut(&name) else {
        return Err(no_table(&name).into());
    };
    let columns = Arc::clone(&table.columns);
    let condition = condition(reader, &columns)?;
    reader.end()?;
    let gone = |row: &[Cell]| {
        condition
            .as_ref()
            .is_none_or(|condition| condition.holds(&sight(&columns, row, &[])))
    };
    let keys: Vec<_> = table
        .rows
        .iter()
        .filter(|(_, row)| gone(row))
        .map(|(key, _)| key.clone())
        .collect();
    for key in &keys {
        table.remove(key);
    }
    Ok(())
}

fn insert(database: &mut Database, reader: &mut Reader) -> Result<(), Wrong> {
    let name = reader.name()?;
    let Some(table) = database.table_mut(&name) else {
        return Err(no_table(&name).into());
    };
    if !reader.keyword("values") {
        return Err(reader.error().into());
    }
    reader.must("(")?;
    let mut row = Vec::new();
    loop {
        let value = Expression::read(reader)?;
        value.check(&[])?;
        row.push(value.of(&sight(&[], &[], &[])));
        if !reader.sign(",") {
            break;
        }
    }
    reader.must(")")?;
    reader.end()?;
    let (wanted, given) = (table.columns.len(), row.len());
    if wanted != given {
        return Err(format!("table {name} has {wanted} columns but {given} values were supplied").into());
    }
    table.add(&name, row.into())
}

fn drop_it(database: &mut Database, reader: &mut Reader) -> Result<(), Wrong> {
    let is_table = reader.keyword("table");
    if !is_table && !reader.keyword("index") {
        return Err(reader.error().into());
    }
    let may_lack = reader.keywords(&["if", "exists"]);
    let name = reader.name()?;
    reader.end()?;
    if is_table {
        if database.table(&name).is_none() && !may_lack {
            return Err(no_table(&name).into());
        }
        database.drop(&name);
    } else {
        let before = database.indexes.len();
        database.indexes.retain(|index| *index.name != *name);
        if database.indexes.len() == before && !may_lack {
            return Err(format!("no such index: {name}").into());
        }
    }
    Ok(())
}

fn alter(database: &mut Database, reader: &mut Reader) -> Result<(), Wrong> {
    let from = reader.name()?;
    if !reader.keywords(&["rename", "to"]) {
        return Err(reader.error().into());
    }
    let to = reader.name()?;
    reader.end()?;
    if database.table(&from).is_none() {
        return Err(no_table(&from).into());
    }
    if database.table(&to).is_some() {
        return Err(format!("there is already another table or index with this name: {to}").into());
    }
    database.rename(&from, &to);
    Ok(())
}

fn create(database: &mut Database, reader: &mut Reader, statement: &str) -> Result<(), Wrong> {
    // SQLite keeps the statement as it was given, its first words in capitals.
    let rest = |words: usize| {
        let mut rest = statement.trim();
        for _ in 0..words {
            rest = rest
                .split_once(char::is_whitespace)
                .map_or("", |(_, rest)| rest.trim_start());
        }
        rest
    };
    if reader.keyword("table") {
        let may_be = reader.keywords(&["if", "not", "exists"]);
        let name = reader.name()?;
        if database.table(&name).is_some() {
            return if may_be {
                Ok(())
            } else {
                Err(format!("table {name} already exists").into())
            };
        }
        if !reader.sign("(") {
            return Err(reader.error().into());
        }
        database.make(
            &name,
            &format!("CREATE TABLE {}", rest(if may_be { 5 } else { 2 })),
        );
        return Ok(());
    }
    if !reader.keyword("index") {
        return Err(reader.error().into());
    }
    let create = format!("CREATE INDEX {}", rest(2));
    let index = Index::read(&create).ok_or_else(|| reader.error())?;
    if database.table(&index.table).is_none() {
        return Err(format!("no such table: main.{}", index.table).into());
    }
    if database.indexes.iter().any(|other| other.name == index.name) {
        return Err(format!("index {} already exists", index.name).into());
    }
    database.indexes.push(index);
    Ok(())
}
