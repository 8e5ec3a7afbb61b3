//! The rows oned has in its memory.

use std::collections::BTreeMap;

use crate::rows::{RowOp, Value};
use crate::schema::Table;

/// Tables by name, rows by key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Store {
    tables: BTreeMap<Table, BTreeMap<Value, Vec<Value>>>,
}

impl Store {
    /// Does what the operation says.
    pub fn apply(&mut self, operation: &RowOp) {
        match operation {
            RowOp::Upsert { table, values } => {
                if let Some(key) = values.first() {
                    self.tables
                        .entry(*table)
                        .or_default()
                        .insert(key.clone(), values.clone());
                }
            }
            RowOp::Delete { table, key } => {
                self.tables.entry(*table).or_default().remove(key);
            }
        }
    }

    /// The rows of a table in the order of their keys.
    pub fn rows(&self, table: Table) -> impl DoubleEndedIterator<Item = &Vec<Value>> {
        self.tables.get(&table).into_iter().flat_map(BTreeMap::values)
    }

    /// The row with this key.
    pub fn row(&self, table: Table, key: impl Into<Value>) -> Option<&Vec<Value>> {
        self.tables.get(&table)?.get(&key.into())
    }

    /// The body of an object of a pool.
    pub fn body(&self, table: Table, oid: i64) -> Option<&str> {
        let at = table.column("body")?;
        self.row(table, oid)?.get(at)?.as_text()
    }

    /// The last id given out in a pool: what pool_control says, or the greatest one in use.
    pub fn last_oid(&self, table: Table) -> i64 {
        let counted = self
            .row(Table::PoolControl, table.name())
            .and_then(|row| row.get(1)?.as_int());
        let in_use = self.rows(table).next_back().and_then(|row| row.first()?.as_int());
        counted.unwrap_or(-1).max(in_use.unwrap_or(-1))
    }
}
