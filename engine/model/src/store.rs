//! The rows oned has in its memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::rows::{Row, RowOp, Value};
use crate::schema::Table;

/// Tables by name, rows by key. A clone shares every table until one of the two changes it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Store {
    tables: BTreeMap<Table, Arc<BTreeMap<Value, Row>>>,
}

impl Store {
    /// Does what the operation says.
    pub fn apply(&mut self, operation: &RowOp) {
        match operation {
            RowOp::Upsert { table, values } => {
                if let Some(key) = values.first() {
                    self.table_mut(*table).insert(key.clone(), Arc::clone(values));
                }
            }
            RowOp::Delete { table, key } => {
                self.table_mut(*table).remove(key);
            }
        }
    }

    fn table_mut(&mut self, table: Table) -> &mut BTreeMap<Value, Row> {
        Arc::make_mut(self.tables.entry(table).or_default())
    }

    /// The rows of a table in the order of their keys.
    pub fn rows(&self, table: Table) -> impl DoubleEndedIterator<Item = &Row> {
        self.tables.get(&table).into_iter().flat_map(|rows| rows.values())
    }

    /// The row with this key.
    pub fn row(&self, table: Table, key: impl Into<Value>) -> Option<&Row> {
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
