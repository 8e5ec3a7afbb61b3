//! A zone's database as the model knows it: rows, log, versions.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

use nebplay_model::log::{Log, LogEntry};
use nebplay_model::onedb::versions::{Versioned, Versions};
use nebplay_model::rows::{Dialect, RowOp, Statement, Value};
use nebplay_model::schema::{self, create_statements};
use nebplay_model::seed::{self, Plan};
use nebplay_model::store::Store;
use nebplay_model::version::Version;

use super::dump::cells;
use super::shared::Made;
use super::{Cell, Database, Index, Key, Row, Table};

/// The table of the log.
pub(super) const LOG: &str = "logdb";

pub(super) fn cell(value: &Value) -> Cell {
    match value {
        Value::Int(number) => Cell::Int(*number),
        Value::Text(text) => Cell::Text(Arc::clone(text)),
    }
}

fn value(cell: &Cell) -> Value {
    match cell {
        Cell::Int(number) => Value::Int(*number),
        Cell::Text(text) => Value::Text(Arc::clone(text)),
        Cell::Null | Cell::NoIndex => Value::from(""),
    }
}

/// What a statement of the log does to a row.
enum Change {
    Put(schema::Table, Row),
    Remove(schema::Table, Key),
}

impl From<&RowOp> for Change {
    fn from(operation: &RowOp) -> Self {
        match operation {
            RowOp::Upsert { table, values } => {
                Self::Put(*table, values.iter().map(cell).collect::<Vec<_>>().into())
            }
            RowOp::Delete { table, key } => Self::Remove(*table, Key::One(cell(key))),
        }
    }
}

impl Change {
    fn table(&self) -> schema::Table {
        match self {
            Self::Put(table, _) | Self::Remove(table, _) => *table,
        }
    }

    fn apply(&self, to: &mut Table) {
        match self {
            Self::Put(_, row) => to.put(row.clone()),
            Self::Remove(_, key) => to.remove(key),
        }
    }
}

/// A statement that was read, and what it does to tables.
pub(crate) struct Executed {
    dialect: Dialect,
    pub(crate) statement: Statement,
    change: Option<Change>,
    changed: Made,
    /// As what it was logged last. Logs as a whole differ: zones write at different seconds.
    logged: RefCell<Option<(LogEntry, Row)>>,
}

impl Executed {
    fn logged_as(&self, entry: &LogEntry) -> Row {
        let mut last = self.logged.borrow_mut();
        if let Some((_, row)) = last.as_ref().filter(|(known, _)| known == entry) {
            return row.clone();
        }
        let row = logged(entry);
        *last = Some((entry.clone(), row.clone()));
        row
    }
}

/// An entry as a row of the log.
fn logged(entry: &LogEntry) -> Row {
    let number = |index: u64| Cell::Int(i64::try_from(index).unwrap_or(i64::MAX));
    [
        number(entry.log_index),
        Cell::Int(0),
        Cell::Text(Arc::clone(&entry.sql)),
        Cell::Int(entry.timestamp),
        entry.fed_index.map_or(Cell::NoIndex, number),
        Cell::Int(1),
    ]
    .into()
}

/// Reads a statement. All zones execute the same ones, one after the other: they share them.
pub(crate) fn read(sql: &Arc<str>, dialect: Dialect) -> Rc<Executed> {
    const KEPT: usize = 64;
    thread_local! {
        static LAST: RefCell<VecDeque<Rc<Executed>>> = RefCell::default();
    }
    LAST.with_borrow_mut(|last| {
        let is_it = |known: &&Rc<Executed>| {
            let known_sql = &known.statement.sql;
            known.dialect == dialect && (Arc::ptr_eq(known_sql, sql) || known_sql == sql)
        };
        if let Some(known) = last.iter().rev().find(is_it) {
            return Rc::clone(known);
        }
        if last.len() >= KEPT {
            last.pop_front();
        }
        let statement = Statement::read(Arc::clone(sql), dialect);
        let read = Rc::new(Executed {
            dialect,
            change: statement.operation.as_ref().map(Change::from),
            changed: Made::default(),
            logged: RefCell::default(),
            statement,
        });
        last.push_back(Rc::clone(&read));
        read
    })
}

impl Database {
    /// A zone's, made ready. The error says what the model refused.
    pub(crate) fn seeded(plan: &Plan) -> Result<Self, String> {
        let seeded = seed::seed(plan)?;
        let mut database = Self::bare();
        for statement in seed::versions(plan).iter().chain(&seed::fixed_rows(plan.time)) {
            database.insert(statement);
        }
        for table in schema::Table::ALL {
            for values in seeded.store.rows(table) {
                let row: Vec<Cell> = values.iter().map(cell).collect();
                if let Some(table) = database.table_mut(table.name()) {
                    table.put(row.into());
                }
            }
        }
        if let Some(log) = database.table_mut(LOG) {
            for entry in &seeded.entries {
                log.put(logged(entry));
            }
        }
        Ok(database)
    }

    /// Tables, and nothing in them.
    pub(crate) fn bare() -> Self {
        let mut database = Self::default();
        for statement in create_statements() {
            database.create(&statement);
        }
        database
    }

    /// Makes a table or an index.
    fn create(&mut self, statement: &str) {
        if let Some(rest) = statement.strip_prefix("CREATE TABLE ") {
            let name = rest.split(' ').next().unwrap_or_default();
            self.make(name, statement);
        } else if let Some(rest) = statement.strip_prefix("CREATE INDEX ") {
            self.indexes.extend(Index::read(&format!("CREATE INDEX {rest}")));
        }
    }

    /// `INSERT INTO table VALUES (…)`.
    pub(super) fn insert(&mut self, statement: &str) {
        let parts = statement
            .strip_prefix("INSERT INTO ")
            .and_then(|rest| rest.split_once(" VALUES ("));
        if let Some((table, rest)) = parts
            && let Some(row) = rest.trim_end_matches(';').strip_suffix(')').and_then(cells)
            && let Some(table) = self.table_mut(table)
        {
            table.put(row.into());
        }
    }

    /// Executes and logs entries.
    pub(crate) fn write(&mut self, entries: &[LogEntry], dialect: Dialect) {
        for entry in entries {
            self.execute(entry, &read(&entry.sql, dialect));
        }
    }

    /// Executes and logs an entry whose statement was read.
    pub(crate) fn execute(&mut self, entry: &LogEntry, executed: &Executed) {
        if let Some(change) = &executed.change
            && let Some(table) = self.tables.get_mut(change.table().name())
        {
            executed.changed.of(table, |table| change.apply(table));
        }
        if let Some(log) = self.table_mut(LOG) {
            log.put(executed.logged_as(entry));
        }
    }

    /// Takes the federated entries out of the log.
    pub(crate) fn forget_federated_log(&mut self) {
        let Some(log) = self.table_mut(LOG) else {
            return;
        };
        let federated = log.rows.values().filter(|row| log.is_federated(row));
        let keys: Vec<Key> = federated.map(|row| log.key_of(row)).collect();
        for key in keys {
            log.remove(&key);
        }
    }

    /// The rows oned keeps in its memory.
    pub(crate) fn store(&self) -> Store {
        let mut store = Store::default();
        let kept = schema::Table::ALL
            .into_iter()
            .filter(|table| !matches!(table, schema::Table::DatastorePool | schema::Table::UserQuotas));
        for table in kept {
            let rows = self
                .table(table.name())
                .into_iter()
                .flat_map(|found| found.rows.values());
            for row in rows {
                store.apply(&RowOp::Upsert {
                    table,
                    values: row.iter().map(value).collect(),
                });
            }
        }
        store
    }

    /// The log's indexes; `None`: there is no log.
    pub(crate) fn indexes(&self) -> Option<Log> {
        let log = self.table(LOG)?;
        let number = |cell: Option<&Cell>| match cell {
            Some(Cell::Int(index)) => u64::try_from(*index).ok(),
            _ => None,
        };
        let last = log.rows.values().next_back().and_then(|row| number(row.first()));
        Some(Log::new(
            last,
            log.rows.values().filter_map(|row| number(row.get(4))),
        ))
    }

    /// The statement of a federated entry.
    pub(crate) fn entry_at(&self, index: u64) -> Option<Arc<str>> {
        let wanted = Cell::Int(i64::try_from(index).ok()?);
        let log = self.table(LOG)?;
        let row = log
            .row(wanted.clone())
            .filter(|row| row.get(4) == Some(&wanted))
            .or_else(|| log.rows.values().find(|row| row.get(4) == Some(&wanted)))?;
        match row.get(2) {
            Some(Cell::Text(sql)) => Some(Arc::clone(sql)),
            _ => None,
        }
    }

    /// A value of a table's newest row.
    pub(super) fn newest(&self, table: &str, column: &str) -> Option<Cell> {
        let table = self.table(table)?;
        let row = table.rows.values().next_back()?;
        row.get(table.column(column)?).cloned()
    }

    /// The versions; `None` of a database that has none yet.
    pub(crate) fn versions(&self) -> Option<Versions> {
        let versioned = |table: &str| {
            let text = |column: &str| match self.newest(table, column) {
                Some(Cell::Text(text)) => Some(text.to_string()),
                _ => None,
            };
            let timestamp = match self.newest(table, "timestamp") {
                Some(Cell::Int(at)) => at,
                _ => 0,
            };
            Some(Versioned {
                version: text("version")?.parse().ok()?,
                timestamp,
                comment: text("comment")?,
            })
        };
        Some(Versions {
            shared: versioned("db_versioning")?,
            local: versioned("local_db_versioning")?,
            is_slave: self.newest("local_db_versioning", "is_slave") == Some(Cell::Int(1)),
        })
    }

    /// Shared and local version.
    pub(crate) fn both_versions(&self) -> Option<(Version, Version)> {
        let versions = self.versions()?;
        Some((versions.shared.version, versions.local.version))
    }
}

/// What a migration and fsck do with tables.
impl Database {
    /// Adds a row to a table of versions.
    pub(crate) fn record_version(
        &mut self,
        table: &str,
        to: Version,
        now: i64,
        comment: &str,
        is_slave: Option<bool>,
    ) {
        let Some(table) = self.table_mut(table) else {
            return;
        };
        let last = table.rows.values().next_back().and_then(|row| match row.first() {
            Some(Cell::Int(oid)) => Some(*oid),
            _ => None,
        });
        let mut row = vec![
            Cell::Int(last.unwrap_or(-1) + 1),
            Cell::Text(to.to_string().into()),
            Cell::Int(now),
            Cell::Text(comment.into()),
        ];
        row.extend(is_slave.map(|is_slave| Cell::Int(i64::from(is_slave))));
        table.put(row.into());
    }

    /// Copies the rows of a table into another one, their bodies rewritten.
    pub(crate) fn rewrite(&mut self, from: &str, to: &str, by: impl Fn(&str) -> String) {
        let rows: Vec<_> = self
            .table(from)
            .into_iter()
            .flat_map(|table| table.rows.values().cloned())
            .collect();
        let Some(table) = self.table_mut(to) else { return };
        for row in rows {
            let mut row = row.to_vec();
            if let Some(Cell::Text(body)) = row.get(1) {
                row[1] = Cell::Text(by(body).into());
            }
            table.put(row.into());
        }
    }

    /// Sets the last id that a pool has given out.
    pub(crate) fn count(&mut self, pool: &str, last: i64) {
        if let Some(table) = self.table_mut("pool_control") {
            table.put([Cell::Text(pool.into()), Cell::Int(last)].into());
        }
    }

    /// Moves a user to a group, in its column and in its body.
    pub(crate) fn regroup(&mut self, user: i64, group: i64, body: impl FnOnce(&str) -> String) {
        let Some(table) = self.table_mut("user_pool") else {
            return;
        };
        let Some(mut row) = table.row(Cell::Int(user)).map(|row| row.to_vec()) else {
            return;
        };
        if let (Some(column), Some(Cell::Text(text))) = (table.column("gid"), row.get(2)) {
            row[2] = Cell::Text(body(text).into());
            row[column] = Cell::Int(group);
            table.put(row.into());
        }
    }

    /// Makes the indexes a database has.
    pub(crate) fn make_indexes(&mut self) {
        for index in schema::INDEXES {
            self.indexes.extend(Index::read(&index.create()));
        }
    }

    /// The rows of a table, each value as it is printed.
    pub(crate) fn numbered(&self, table: &str) -> impl Iterator<Item = Vec<String>> {
        let rows = self
            .table(table)
            .into_iter()
            .flat_map(|table| table.rows.values());
        rows.map(|row| row.iter().map(Cell::shown).collect())
    }

    /// The greatest key of a table; -1 of an empty one. `None`: there is no such table.
    pub(crate) fn greatest(&self, table: &str) -> Option<i64> {
        let table = self.table(table)?;
        Some(
            match table.rows.values().next_back().and_then(|row| row.first()) {
                Some(Cell::Int(key)) => *key,
                _ => -1,
            },
        )
    }
}
