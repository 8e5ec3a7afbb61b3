//! The master's side of the federated log: which entry goes to which slave next.
//!
//! The master keeps the next index per slave in memory only. After a restart it believes every slave to be
//! where the master itself is, and learns otherwise only when the next federated write is refused: this
//! is why a slave that fell behind stays behind.

use std::collections::BTreeMap;

use crate::log::{Log, NO_INDEX, OutOfOrder};

/// What to send to a slave now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shipment {
    /// The index of the entry.
    pub index: u64,
    /// The index before it in the master's log.
    pub previous: u64,
}

/// Where the master believes its slaves to be: the last federated index each one has, by zone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Replication {
    reached: BTreeMap<i64, u64>,
}

impl Replication {
    /// The belief at the start of oned.
    pub fn at_start(slaves: impl IntoIterator<Item = i64>, log: &Log) -> Self {
        Self {
            reached: slaves.into_iter().map(|slave| (slave, log.fed_index())).collect(),
        }
    }

    /// What this slave lacks as far as the master knows; a slave added since the start begins here.
    pub fn next(&mut self, slave: i64, log: &Log) -> Option<Shipment> {
        let reached = *self.reached.entry(slave).or_insert_with(|| log.fed_index());
        let index = log.after(reached)?;
        Some(Shipment {
            index,
            previous: log.before(index),
        })
    }

    /// How many federated entries each slave lacks, as far as the master knows.
    pub fn lacking(&self, log: &Log) -> BTreeMap<i64, usize> {
        let lacking = |(slave, reached): (&i64, &u64)| (*slave, log.count_after(*reached));
        self.reached.iter().map(lacking).collect()
    }

    /// The slave has it.
    pub fn accepted(&mut self, slave: i64, index: u64) {
        self.reached.insert(slave, index);
    }

    /// The slave refused and said where it is: go on from there. From one without a federated log there
    /// is no way on; it is asked again with the next write.
    pub fn refused(&mut self, slave: i64, why: OutOfOrder, log: &Log) {
        let reached = if why.last == NO_INDEX {
            log.fed_index()
        } else {
            why.last
        };
        self.reached.insert(slave, reached);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restarted_master_notices_only_at_the_next_write() {
        let mut replication = Replication::at_start([100], &Log::new(Some(20), [5, 10, 20]));
        let log = Log::new(Some(20), [5, 10, 20]);
        assert_eq!(
            replication.next(100, &log),
            None,
            "the slave is at 10, nobody knows"
        );
        let log = Log::new(Some(21), [5, 10, 20, 21]);
        assert_eq!(
            replication.next(100, &log),
            Some(Shipment {
                index: 21,
                previous: 20
            })
        );
        replication.refused(100, OutOfOrder { last: 10 }, &log);
        assert_eq!(
            replication.next(100, &log),
            Some(Shipment {
                index: 20,
                previous: 10
            })
        );
    }

    #[test]
    fn a_slave_ahead_of_a_rolled_back_master_is_left_alone_until_passed() {
        let mut replication = Replication::at_start([100], &Log::new(Some(852), [852]));
        replication.refused(100, OutOfOrder { last: 864 }, &Log::new(Some(852), [852]));
        assert_eq!(replication.next(100, &Log::new(Some(856), [852, 856])), None);
        let passed = Log::new(Some(868), [852, 856, 864, 868]);
        assert_eq!(
            replication.next(100, &passed),
            Some(Shipment {
                index: 868,
                previous: 864
            })
        );
    }
}
