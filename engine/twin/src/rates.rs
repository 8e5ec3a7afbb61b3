//! How long things take. What is not measured is assumed, and said to be.

use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::time::Duration;

/// Bytes and bytes a second: where a duration comes from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rates {
    /// One call over SSH to a host and back.
    pub round_trip: Duration,
    /// Bytes of the database that are dumped in a second.
    pub dump: f64,
    /// Bytes of a dump that are loaded in a second.
    pub load: f64,
    /// Bytes of the database that `onedb upgrade` gets through in a second, its own backup included.
    pub migrate: f64,
    /// Bytes of the database that `onedb fsck` gets through in a second.
    pub check: f64,
    /// Bytes that are read, and summed up or compressed, in a second.
    pub read: f64,
    /// Bytes that go over the network between the controller and a host in a second.
    pub link: f64,
    /// What part of a dump is left when it is compressed.
    pub compressed: f64,
    /// Bytes of packages that apt fetches in a second.
    pub fetch: f64,
    /// Bytes of packages that dpkg unpacks and configures in a second.
    pub unpack: f64,
    /// A program to be started by a script.
    pub spawn: Duration,
    /// What each package takes beside its bytes: scripts, triggers, what dpkg writes down.
    pub package: Duration,
    /// The lists of the repositories to fetch and read.
    pub lists: Duration,
    /// onedb to begin, before it does anything.
    pub onedb: Duration,
    /// One unit to start, and to stop.
    pub unit: Duration,
    /// oned from its start until it answers.
    pub oned: Duration,
    /// A machine from the reboot until it answers again.
    pub boot: Duration,
    /// What makes each piece of work take up to a tenth more or less, always the same for the same seed; 0: nothing does.
    pub seed: u64,
}

impl Rates {
    /// How long a piece of work takes that would take `time`: the `number`th on that machine.
    pub(crate) fn varied(&self, time: Duration, machine: &str, number: u32) -> Duration {
        if self.seed == 0 {
            return time;
        }
        let mut hasher = DefaultHasher::new();
        (self.seed, machine, number).hash(&mut hasher);
        time * (900 + u32::try_from(hasher.finish() % 201).unwrap_or(100)) / 1000
    }
}

impl Default for Rates {
    /// Assumptions: a front-end on SATA SSDs, a link of 100 Mbit/s between sites.
    fn default() -> Self {
        const MIB: f64 = 1024.0 * 1024.0;
        Self {
            round_trip: Duration::from_millis(40),
            dump: 60.0 * MIB,
            load: 25.0 * MIB,
            migrate: 12.0 * MIB,
            check: 30.0 * MIB,
            read: 300.0 * MIB,
            link: 11.0 * MIB,
            compressed: 0.15,
            fetch: 11.0 * MIB,
            unpack: 8.0 * MIB,
            spawn: Duration::from_millis(4),
            package: Duration::from_millis(200),
            lists: Duration::from_secs(5),
            onedb: Duration::from_millis(300),
            unit: Duration::from_secs(1),
            oned: Duration::from_secs(5),
            boot: Duration::from_secs(90),
            seed: 0,
        }
    }
}

/// How large things are on one machine, in reality; what the twin keeps of them is a small sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// The database's file or schema, in bytes.
    pub database: u64,
    /// The part of it that a federated dump holds, in bytes.
    pub federated: u64,
    /// The packages that are replaced, in bytes.
    pub packages: u64,
}

impl Default for Sizes {
    /// Assumptions: 2 GiB of database, a tenth of it federated, 120 MiB of packages.
    fn default() -> Self {
        const MIB: u64 = 1024 * 1024;
        Self {
            database: 2048 * MIB,
            federated: 200 * MIB,
            packages: 120 * MIB,
        }
    }
}

/// How long `bytes` take at `rate` bytes a second.
pub fn lasting(bytes: u64, rate: f64) -> Duration {
    #[expect(clippy::cast_precision_loss, reason = "sizes below 2^53 bytes")]
    let seconds = bytes as f64 / rate.max(1.0);
    Duration::from_secs_f64(seconds.min(1e9))
}
