//! A zone's database as the model knows it: rows, log, versions.

use nebplay_model::log::{Log, LogEntry, NO_INDEX};
use nebplay_model::onedb::versions::{Versioned, Versions};
use nebplay_model::rows::{RowOp, Value};
use nebplay_model::schema::Table;
use nebplay_model::store::Store;

use super::{Database, DatabaseError};
use crate::codec::pack;

/// The tables that oned keeps in its memory; of the others it only writes.
const LOADED: [Table; 7] = [
    Table::Acl,
    Table::GroupPool,
    Table::HostPool,
    Table::PoolControl,
    Table::UserPool,
    Table::VmPool,
    Table::ZonePool,
];

/// Of fed_index where it is one: SQLite keeps 2^64-1 as a floating number.
const IS_FEDERATED: &str = "fed_index >= 0 AND fed_index < 9000000000000000000";

/// Reads the rows of all tables oned keeps.
pub(crate) fn load_store(database: &Database) -> Result<Store, DatabaseError> {
    let mut store = Store::default();
    for table in LOADED {
        let columns = table.columns();
        let rows = database.query(&format!("SELECT {} FROM {}", columns.join(", "), table.name()))?;
        for row in rows {
            let values = columns
                .iter()
                .zip(row)
                .map(|(column, text)| typed(column, text))
                .collect();
            store.apply(&RowOp::Upsert { table, values });
        }
    }
    Ok(store)
}

fn typed(column: &str, text: String) -> Value {
    match column {
        "name" | "body" | "short_body" | "tablename" => text.into(),
        _ => Value::Int(text.parse().unwrap_or_default()),
    }
}

/// Reads the log's indexes. The messages are what oned logs of a log that cannot be read; the log is empty.
pub(crate) fn load_log(database: &Database) -> (Log, Vec<String>) {
    let last = "SELECT MAX(log_index) FROM logdb";
    let federated = "SELECT fed_index FROM logdb WHERE fed_index != 18446744073709551615";
    let mut messages = Vec::new();
    let mut failed = |sql: &str, error: &DatabaseError| {
        messages.push(format!("SQL command was: {sql}, error: {error}"));
    };
    let last = database.number(last).unwrap_or_else(|error| {
        failed(last, &error);
        None
    });
    let indexes = database
        .query(&format!("SELECT fed_index FROM logdb WHERE {IS_FEDERATED}"))
        .unwrap_or_else(|error| {
            failed(federated, &error);
            Vec::new()
        });
    let indexes = indexes.iter().filter_map(|row| row.first()?.parse::<u64>().ok());
    (
        Log::new(last.and_then(|last| u64::try_from(last).ok()), indexes),
        messages,
    )
}

/// The statement of a federated entry, packed as it is kept.
pub(crate) fn entry_at(database: &Database, index: u64) -> Result<String, DatabaseError> {
    let rows = database.query(&format!("SELECT sqlcmd FROM logdb WHERE fed_index = {index}"))?;
    rows.into_iter()
        .next()
        .and_then(|row| row.into_iter().next())
        .ok_or_else(|| DatabaseError(format!("no log entry has the federated index {index}")))
}

/// The statements that execute and log an entry.
pub(crate) fn statements(entry: &LogEntry) -> [String; 2] {
    let LogEntry {
        log_index,
        sql,
        timestamp,
        fed_index,
        ..
    } = entry;
    let logged = format!(
        "INSERT INTO logdb (log_index, term, sqlcmd, timestamp, fed_index, applied) VALUES \
         ({log_index}, 0, '{}', {timestamp}, {}, 1)",
        pack(sql),
        fed_index.unwrap_or(NO_INDEX)
    );
    [sql.to_string(), logged]
}

/// Executes and logs entries, all or none.
pub(crate) fn write(database: &Database, entries: &[LogEntry]) -> Result<(), DatabaseError> {
    let statements: Vec<String> = entries.iter().flat_map(statements).collect();
    database.transaction(&statements)
}

/// Reads the versions. `None` of a database that has none yet.
pub(crate) fn versions(database: &Database) -> Result<Option<Versions>, DatabaseError> {
    let newest = |table: &str, columns: &str| {
        let sql = format!("SELECT version, timestamp, {columns} FROM {table} ORDER BY oid DESC LIMIT 1");
        database.query(&sql).map(|rows| rows.into_iter().next())
    };
    let tables = database.tables()?;
    let has = |name: &str| tables.iter().any(|table| table == name);
    if !has("db_versioning") || !has("local_db_versioning") {
        return Ok(None);
    }
    let shared = newest("db_versioning", "comment, 0")?;
    let local = newest("local_db_versioning", "comment, is_slave")?;
    let versioned = |row: &[String]| {
        Some(Versioned {
            version: row.first()?.parse().ok()?,
            timestamp: row.get(1)?.parse().ok()?,
            comment: row.get(2)?.clone(),
        })
    };
    Ok(shared.zip(local).and_then(|(shared, local)| {
        let is_slave = local.get(3).is_some_and(|flag| flag == "1");
        Some(Versions {
            shared: versioned(&shared)?,
            local: versioned(&local)?,
            is_slave,
        })
    }))
}
