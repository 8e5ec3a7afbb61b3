//! The log of writes, and the federated part of it.
//!
//! Every write gets a number. On the master a federated entry's index *is* its log number, so local writes
//! use numbers of the federated index up. A slave numbers for itself and keeps the master's index beside.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::rows::{Dialect, RowOp};

/// What an empty federated log shows as its index, and what local entries carry: -1, unsigned.
pub const NO_INDEX: u64 = u64::MAX;

/// One write as it stands in `logdb`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    /// Its number in this zone.
    pub log_index: u64,
    /// The statement, all a slave ever learns of the write.
    pub sql: Arc<str>,
    /// When, in seconds since 1970.
    pub timestamp: i64,
    /// Its index in the federated log; none for a local write.
    pub fed_index: Option<u64>,
}

/// The indexes of a zone's log; the entries themselves stay in the database.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Log {
    last: Option<u64>,
    federated: BTreeSet<u64>,
}

/// The answer of a slave to an entry that does not follow its last one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutOfOrder {
    /// The slave's own last federated index, [`NO_INDEX`] if it has none.
    pub last: u64,
}

impl Log {
    /// The log as found in a database: its greatest number, and the indexes of its federated entries.
    pub fn new(last: Option<u64>, federated: impl IntoIterator<Item = u64>) -> Self {
        Self {
            last,
            federated: federated.into_iter().collect(),
        }
    }

    /// The number the next entry gets.
    pub fn next_number(&self) -> u64 {
        self.last.map_or(0, |last| last + 1)
    }

    /// The federated index as raftstatus and `onezone list` show it.
    pub fn fed_index(&self) -> u64 {
        self.federated.last().copied().unwrap_or(NO_INDEX)
    }

    /// The first federated index after `index`.
    pub fn after(&self, index: u64) -> Option<u64> {
        self.federated.range(index.checked_add(1)?..).next().copied()
    }

    /// How many federated entries there are after `index`.
    pub fn count_after(&self, index: u64) -> usize {
        index
            .checked_add(1)
            .map_or(0, |next| self.federated.range(next..).count())
    }

    /// The last federated index before `index`, [`NO_INDEX`] at the log's beginning.
    pub fn before(&self, index: u64) -> u64 {
        self.federated
            .range(..index)
            .next_back()
            .copied()
            .unwrap_or(NO_INDEX)
    }

    /// Appends a write of this zone. `federated` is the master's, or a standalone zone's, shared write.
    pub fn append(&mut self, operation: &RowOp, federated: bool, dialect: Dialect, now: i64) -> LogEntry {
        let number = self.next_number();
        self.last = Some(number);
        if federated {
            self.federated.insert(number);
        }
        LogEntry {
            log_index: number,
            sql: operation.sql(dialect).into(),
            timestamp: now,
            fed_index: federated.then_some(number),
        }
    }

    /// Appends an entry the master sent: only if `previous` is the last index this zone has.
    pub fn append_replicated(
        &mut self,
        index: u64,
        previous: u64,
        sql: &Arc<str>,
        now: i64,
    ) -> Result<LogEntry, OutOfOrder> {
        let last = self.fed_index();
        if previous != last || last == NO_INDEX {
            return Err(OutOfOrder { last });
        }
        let number = self.next_number();
        self.last = Some(number);
        self.federated.insert(index);
        Ok(LogEntry {
            log_index: number,
            sql: Arc::clone(sql),
            timestamp: now,
            fed_index: Some(index),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Table;

    fn write() -> RowOp {
        RowOp::Delete {
            table: Table::UserPool,
            key: 1.into(),
        }
    }

    #[test]
    fn local_writes_use_numbers_too() {
        let mut log = Log::new(Some(10), [3, 10]);
        assert_eq!(log.append(&write(), false, Dialect::Sqlite, 0).fed_index, None);
        assert_eq!(log.append(&write(), true, Dialect::Sqlite, 0).fed_index, Some(12));
        assert_eq!(
            (log.fed_index(), log.before(12), log.after(3)),
            (12, 10, Some(10))
        );
    }

    #[test]
    fn a_slave_takes_only_what_follows() {
        let x: Arc<str> = "x".into();
        let mut log = Log::new(Some(2), [864]);
        assert_eq!(
            log.append_replicated(868, 856, &x, 0),
            Err(OutOfOrder { last: 864 })
        );
        assert_eq!(
            log.append_replicated(868, 864, &x, 0)
                .map(|entry| entry.log_index),
            Ok(3)
        );
        assert_eq!(log.fed_index(), 868);
    }

    #[test]
    fn an_empty_log_never_replicates() {
        let mut log = Log::default();
        assert_eq!(log.fed_index(), NO_INDEX);
        assert_eq!(
            log.append_replicated(0, NO_INDEX, &"x".into(), 0),
            Err(OutOfOrder { last: NO_INDEX })
        );
        assert_eq!(log.after(NO_INDEX), None);
    }
}
