//! The real database, through the programs of its vendor: a statement is a script for `sqlite3` or `mysql`.

mod mysql;
mod sqlite;
pub(crate) mod zone;

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use nebplay_model::config::Mysql;
use nebplay_model::rows::{Dialect, Value, literal};

pub(crate) use mysql::{client_program, dump_program};

/// A database, or where one will be.
#[derive(Debug, Clone)]
pub(crate) enum Database {
    /// A file of SQLite.
    Sqlite(PathBuf),
    /// A database of a MySQL or MariaDB server.
    Mysql(Mysql),
}

/// What the vendor's program said when it failed.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub(crate) struct DatabaseError(pub(crate) String);

impl Database {
    /// Runs statements, stopping at the first that fails. They are one transaction where they say so.
    pub(crate) fn script(&self, sql: &str) -> Result<(), DatabaseError> {
        match self {
            Self::Sqlite(file) => sqlite::script(file, sql),
            Self::Mysql(login) => mysql::run(login, sql).map(|_| ()),
        }
    }

    /// Runs statements as one transaction.
    pub(crate) fn transaction(&self, statements: &[String]) -> Result<(), DatabaseError> {
        let mut sql = String::from("BEGIN;\n");
        for statement in statements {
            sql.push_str(statement);
            sql.push_str(";\n");
        }
        sql.push_str("COMMIT;\n");
        self.script(&sql)
    }

    /// The rows of one SELECT; NULL is an empty text.
    pub(crate) fn query(&self, sql: &str) -> Result<Vec<Vec<String>>, DatabaseError> {
        match self {
            Self::Sqlite(file) => sqlite::query(file, sql),
            Self::Mysql(login) => mysql::query(login, sql),
        }
    }

    /// The first number of the first row.
    pub(crate) fn number(&self, sql: &str) -> Result<Option<i64>, DatabaseError> {
        let rows = self.query(sql)?;
        Ok(rows.first().and_then(|row| row.first()?.parse().ok()))
    }

    /// How texts are quoted.
    pub(crate) fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            Self::Mysql(_) => Dialect::Mysql,
        }
    }

    /// `text` as it stands in a statement.
    pub(crate) fn quote(&self, text: &str) -> String {
        literal(&Value::from(text), self.dialect())
    }

    /// The tables there are.
    pub(crate) fn tables(&self) -> Result<Vec<String>, DatabaseError> {
        let rows = match self {
            Self::Sqlite(_) => self.query(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY rowid",
            ),
            Self::Mysql(_) => self.query("SHOW TABLES"),
        }?;
        Ok(rows
            .into_iter()
            .filter_map(|row| row.into_iter().next())
            .collect())
    }

    /// Whether there is an index of this name on the table.
    pub(crate) fn has_index(&self, table: &str, index: &str) -> bool {
        let sql = match self {
            Self::Sqlite(_) => {
                format!("SELECT name FROM sqlite_master WHERE type = 'index' AND name = '{index}'")
            }
            Self::Mysql(_) => format!("SHOW INDEX FROM {table} WHERE Key_name = '{index}'"),
        };
        self.query(&sql).is_ok_and(|rows| !rows.is_empty())
    }
}

/// Runs a program with `input` on its standard input.
fn run(command: &mut Command, input: &str) -> Result<Output, DatabaseError> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| DatabaseError(format!("the database's program cannot be run: {error}")))?;
    let stdin = child.stdin.take();
    let input = input.to_owned();
    // The program may answer before it has read everything.
    let writer = std::thread::spawn(move || stdin.map(|mut stdin| stdin.write_all(input.as_bytes())));
    let output = child
        .wait_with_output()
        .map_err(|error| DatabaseError(error.to_string()))?;
    let _ = writer.join();
    Ok(output)
}
