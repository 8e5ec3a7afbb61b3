//! Rows and the operations on them: what a write of oned does to the database, as data.
//!
//! A log entry carries its operation as SQL text, as the real one does, because a slave knows nothing else
//! of it. [`RowOp::sql`] and [`RowOp::parse`] are each other's inverse.

use std::sync::Arc;

use crate::schema::Table;

/// A value of a column.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    /// A number; oids, owners, states, timestamps.
    Int(i64),
    /// A text; names and bodies.
    Text(Arc<str>),
}

impl Value {
    /// The number, if it is one.
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(number) => Some(*number),
            Self::Text(_) => None,
        }
    }

    /// The text, if it is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Int(_) => None,
            Self::Text(text) => Some(text),
        }
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

/// A value for each of a table's columns, in their order; the first one is the key. Every zone of a federation has the same rows of what
/// is federated: they share them.
pub type Row = Arc<[Value]>;

/// Whose quoting a statement is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// A backslash is a character like any other.
    Sqlite,
    /// A backslash escapes.
    Mysql,
}

/// One change of one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RowOp {
    /// Put this row, over the one with the same key if there is one.
    Upsert {
        /// The table.
        table: Table,
        /// The row.
        values: Row,
    },
    /// Take the row away.
    Delete {
        /// The table.
        table: Table,
        /// The value of the table's first column.
        key: Value,
    },
}

impl RowOp {
    /// The statement that does it.
    pub fn sql(&self, dialect: Dialect) -> String {
        match self {
            Self::Upsert { table, values } => {
                let values: Vec<String> = values.iter().map(|value| literal(value, dialect)).collect();
                format!(
                    "REPLACE INTO {} ({}) VALUES ({})",
                    table.name(),
                    table.columns().join(", "),
                    values.join(",")
                )
            }
            Self::Delete { table, key } => {
                format!(
                    "DELETE FROM {} WHERE {} = {}",
                    table.name(),
                    table.key(),
                    literal(key, dialect)
                )
            }
        }
    }

    /// Reads back what [`RowOp::sql`] wrote. `None` for anything else.
    pub fn parse(sql: &str, dialect: Dialect) -> Option<Self> {
        if let Some(rest) = sql.strip_prefix("REPLACE INTO ") {
            let (name, rest) = rest.split_once(" (")?;
            let table = Table::by_name(name)?;
            let (columns, rest) = rest.split_once(") VALUES (")?;
            let values = literals(rest.strip_suffix(')')?, dialect)?;
            let fits = columns == table.columns().join(", ") && values.len() == table.columns().len();
            return fits.then(|| Self::Upsert {
                table,
                values: values.into(),
            });
        }
        let (name, rest) = sql.strip_prefix("DELETE FROM ")?.split_once(" WHERE ")?;
        let table = Table::by_name(name)?;
        let key = rest.strip_prefix(table.key())?.strip_prefix(" = ")?;
        match literals(key, dialect)?.as_slice() {
            [key] => Some(Self::Delete {
                table,
                key: key.clone(),
            }),
            _ => None,
        }
    }
}

/// A statement of the log, and what it does. It is read once, however many zones execute it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// As it is logged.
    pub sql: Arc<str>,
    /// `None`: nothing that oned keeps in its memory.
    pub operation: Option<RowOp>,
}

impl Statement {
    /// Reads one as a zone of that dialect does.
    pub fn read(sql: impl Into<Arc<str>>, dialect: Dialect) -> Self {
        let sql = sql.into();
        let operation = RowOp::parse(&sql, dialect);
        Self { sql, operation }
    }
}

/// `value` as it stands in a statement.
pub fn literal(value: &Value, dialect: Dialect) -> String {
    match value {
        Value::Int(number) => number.to_string(),
        Value::Text(text) => {
            let quoted = text.replace('\'', "''");
            match dialect {
                Dialect::Sqlite => format!("'{quoted}'"),
                Dialect::Mysql => format!("'{}'", quoted.replace('\\', "\\\\")),
            }
        }
    }
}

fn literals(text: &str, dialect: Dialect) -> Option<Vec<Value>> {
    let mut values = Vec::new();
    let mut rest = text;
    loop {
        let (value, after) = if let Some(quoted) = rest.strip_prefix('\'') {
            quoted_literal(quoted, dialect)?
        } else {
            let end = rest.find(',').unwrap_or(rest.len());
            (Value::Int(rest[..end].parse().ok()?), &rest[end..])
        };
        values.push(value);
        match after.strip_prefix(',') {
            Some(next) => rest = next,
            None => return after.is_empty().then_some(values),
        }
    }
}

/// The text up to the closing quote, and what follows it.
fn quoted_literal(text: &str, dialect: Dialect) -> Option<(Value, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        match character {
            '\'' if characters.peek().is_some_and(|(_, next)| *next == '\'') => {
                characters.next();
                value.push('\'');
            }
            '\'' => return Some((Value::Text(value.into()), &text[at + 1..])),
            '\\' if dialect == Dialect::Mysql => value.push(characters.next()?.1),
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sql_reads_back() {
        let hard = "it's <B>\\'),(1,'x' back\\slash é";
        let cases = [
            RowOp::Upsert {
                table: Table::PoolControl,
                values: ["user_pool".into(), 12.into()].into(),
            },
            RowOp::Upsert {
                table: Table::PoolControl,
                values: [hard.into(), (-1).into()].into(),
            },
            RowOp::Delete {
                table: Table::UserPool,
                key: 7.into(),
            },
            RowOp::Delete {
                table: Table::PoolControl,
                key: hard.into(),
            },
        ];
        for operation in cases {
            for dialect in [Dialect::Sqlite, Dialect::Mysql] {
                assert_eq!(
                    RowOp::parse(&operation.sql(dialect), dialect),
                    Some(operation.clone())
                );
            }
        }
    }

    #[test]
    fn foreign_sql_is_not_ours() {
        for sql in [
            "",
            "DROP TABLE user_pool",
            "REPLACE INTO nothing (a) VALUES (1)",
            "DELETE FROM acl",
        ] {
            assert_eq!(RowOp::parse(sql, Dialect::Sqlite), None, "{sql}");
        }
    }
}
