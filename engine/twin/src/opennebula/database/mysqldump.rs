//! Dumps of MySQL and MariaDB: what `mysqldump --add-drop-table` prints, and how its statements are read.

use std::fmt::Write as _;

use nebplay_model::onedb::clock::Civil;

use super::dump::Statement;
use super::{Cell, Database, Index, Row, Table, Wrong};

/// What the last line of a dump begins with; a dump of two parts has two.
pub(crate) const END: &str = "-- Dump completed";

const DROP: &str = "DROP TABLE IF EXISTS ";

/// What the server says of a statement it does not understand.
const SYNTAX: &str = "You have an error in your SQL syntax; check the manual that corresponds to your MariaDB server version for the right \
                      syntax to use near";

impl Database {
    /// As the vendor's program dumps these tables, in this order, or all of them by name. `when`: seconds since the epoch.
    pub(crate) fn mysqldump(&self, schema: &str, only: Option<&[&str]>, when: i64) -> String {
        let mut text = format!(
            "/*M!999999\\- enable the sandbox mode */ \n-- MariaDB dump 10.19  Distrib 10.11.18-MariaDB, for debian-linux-gnu (x86_64)\n--\n\
             -- Host: localhost    Database: {schema}\n-- ------------------------------------------------------\n\
             -- Server version\t10.11.18-MariaDB-0+deb12u1\n\n/*!40101 SET NAMES utf8mb4 */;\n"
        );
        let all: Vec<&str> = self.tables.keys().map(AsRef::as_ref).collect();
        for name in only.unwrap_or(&all) {
            if let Some(table) = self.table(name) {
                self.dump_table(&mut text, name, table);
            }
        }
        let _ = writeln!(text, "\n{END} on {}", Civil::from_epoch(when).dumped());
        text
    }

    fn dump_table(&self, text: &mut String, name: &str, table: &Table) {
        let _ = write!(
            text,
            "\n--\n-- Table structure for table `{name}`\n--\n\nDROP TABLE IF EXISTS `{name}`;\nCREATE TABLE `{name}` ("
        );
        for (at, definition) in super::definitions(&table.create).into_iter().enumerate() {
            let _ = write!(text, "{}\n  {definition}", if at > 0 { "," } else { "" });
        }
        for index in self.indexes.iter().filter(|index| *index.table == *name) {
            let columns = index.create.split_once('(').map_or("", |(_, rest)| rest);
            let _ = write!(text, ",\n  KEY `{}` ({columns}", index.name);
        }
        let _ = write!(
            text,
            "\n) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;\n\n--\n-- Dumping data for table `{name}`\n--\n\nLOCK TABLES `{name}` WRITE;\n"
        );
        for (at, row) in table.rows.values().enumerate() {
            if at == 0 {
                let _ = write!(text, "INSERT INTO `{name}` VALUES\n(");
            } else {
                text.push_str(",\n(");
            }
            for (at, cell) in row.iter().enumerate() {
                if at > 0 {
                    text.push(',');
                }
                write_cell(cell, text);
            }
            text.push(')');
        }
        let end = if table.rows.is_empty() { "" } else { ";\n" };
        let _ = writeln!(text, "{end}UNLOCK TABLES;");
    }
}

fn write_cell(cell: &Cell, to: &mut String) {
    match cell {
        Cell::Text(text) => {
            to.push('\'');
            for c in text.chars() {
                match c {
                    '\'' | '"' | '\\' => to.extend(['\\', c]),
                    '\n' => to.push_str("\\n"),
                    '\r' => to.push_str("\\r"),
                    other => to.push(other),
                }
            }
            to.push('\'');
        }
        Cell::NoIndex => to.push_str("18446744073709551615"),
        other => to.push_str(&other.literal()),
    }
}

/// A statement of a dump; `None`: it is none of those.
pub(super) fn statement(text: &str) -> Option<Statement> {
    if let Some(rest) = text.strip_prefix("INSERT INTO `") {
        let (name, rest) = rest.split_once("` VALUES")?;
        return Some(Statement::Insert(name.to_owned(), rows(rest)?));
    }
    if let Some(rest) = text.strip_prefix("CREATE TABLE `") {
        return create(rest);
    }
    if text
        .get(..DROP.len())
        .is_some_and(|begin| begin.eq_ignore_ascii_case(DROP))
    {
        let names = text[DROP.len()..].split(", ").map(|name| {
            let name = name.strip_prefix('`')?.strip_suffix('`')?;
            (!name.contains('`')).then(|| name.to_owned())
        });
        return Some(Statement::Drop(names.collect::<Option<_>>()?));
    }
    let nothing = ["LOCK TABLES ", "UNLOCK TABLES", "SET "];
    let word = text.get(..4).unwrap_or(text);
    let is_nothing = nothing.iter().any(|known| text.starts_with(known)) || word.eq_ignore_ascii_case("set ");
    is_nothing.then_some(Statement::Nothing)
}

/// What the client says of a statement that failed.
pub(super) fn error(line: usize, wrong: &Wrong) -> String {
    let (code, state, why) = match wrong {
        Wrong::Runtime(why, _) => (1062, "23000", format!("Duplicate entry: {why}")),
        Wrong::Parse(why) => {
            if let Some(table) = why.strip_prefix("no such table: ") {
                (1146, "42S02", format!("Table '{table}' doesn't exist"))
            } else {
                let near = why.split('"').nth(1).unwrap_or_default();
                (1064, "42000", format!("{SYNTAX} '{near}' at line 1"))
            }
        }
    };
    format!("ERROR {code} ({state}) at line {line}: {why}")
}

/// Of `name` (columns and keys) options.
fn create(text: &str) -> Option<Statement> {
    let (name, _) = text.split_once('`')?;
    if !text.contains(") ENGINE=") {
        return None;
    }
    let (keys, columns): (Vec<&str>, Vec<&str>) = super::definitions(text)
        .into_iter()
        .partition(|definition| definition.starts_with("KEY `"));
    let indexes = keys.into_iter().filter_map(|key| {
        let (index, columns) = key.strip_prefix("KEY `")?.split_once("` ")?;
        Index::read(&format!("CREATE INDEX {index} ON {name} {columns}"))
    });
    let create = format!("CREATE TABLE {name} ({})", columns.join(", "));
    Some(Statement::Make(name.to_owned(), create, indexes.collect()))
}

/// `(…),(…)`: the rows of an INSERT.
fn rows(text: &str) -> Option<Vec<Row>> {
    let mut rows = Vec::new();
    let mut rest = text.trim_start();
    loop {
        let mut row = Vec::new();
        rest = rest.strip_prefix('(')?;
        loop {
            let (cell, after) = cell(rest)?;
            row.push(cell);
            if let Some(after) = after.strip_prefix(',') {
                rest = after;
            } else {
                rest = after.strip_prefix(')')?.trim_start();
                break;
            }
        }
        rows.push(row.into());
        match rest.strip_prefix(',') {
            Some(next) => rest = next.trim_start(),
            None => return rest.is_empty().then_some(rows),
        }
    }
}

/// A value, and what follows it.
fn cell(text: &str) -> Option<(Cell, &str)> {
    let Some(quoted) = text.strip_prefix('\'') else {
        let (word, rest) = text.split_at(text.find([',', ')'])?);
        let cell = if word == "NULL" {
            Cell::Null
        } else {
            Cell::number(word)?
        };
        return Some((cell, rest));
    };
    let mut found = String::new();
    let mut rest = quoted;
    loop {
        let at = rest.find(['\'', '\\'])?;
        found.push_str(&rest[..at]);
        let mark = &rest[at..];
        if let Some(after) = mark.strip_prefix('\\') {
            let escaped = after.chars().next()?;
            found.push(match escaped {
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                '0' => '\0',
                other => other,
            });
            rest = &after[escaped.len_utf8()..];
        } else if let Some(after) = mark.strip_prefix("''") {
            found.push('\'');
            rest = after;
        } else {
            return Some((Cell::Text(found.into()), &mark[1..]));
        }
    }
}
