//! What a night is about: the upgrade, or the way back.

use crate::federation::Backend;
use crate::harness::{Builder, Invocation, Lab};

use super::fault::Fault;

/// What is disturbed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Course {
    /// The upgrade.
    Upgrade(Backend),
    /// The way back from an upgrade that was killed in the migration of the last slave.
    Back(Backend),
}

/// What befalls a federation on MariaDB. All else is the same there.
const ON_MARIADB: [Fault; 3] = [Fault::KilledDuring, Fault::PowerAt(25), Fault::PowerAt(65)];

/// What befalls the way back: it is a run like any other, and other things may be half done when the power goes.
const BACK: [Fault; 8] = [
    Fault::KilledDuring,
    Fault::KilledAfter,
    Fault::LongCut,
    Fault::PowerAt(15),
    Fault::PowerAt(35),
    Fault::PowerAt(55),
    Fault::PowerAt(75),
    Fault::PowerAt(95),
];

/// The same on MariaDB, where other things are half loaded.
const BACK_ON_MARIADB: [Fault; 2] = [Fault::PowerAt(45), Fault::PowerAt(75)];

impl Course {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::Upgrade(Backend::Sqlite),
        Self::Upgrade(Backend::Mysql),
        Self::Back(Backend::Sqlite),
        Self::Back(Backend::Mysql),
    ];

    /// The heading of its tables.
    pub fn title(self) -> &'static str {
        match self {
            Self::Upgrade(Backend::Sqlite) => "The upgrade, on SQLite",
            Self::Upgrade(Backend::Mysql) => "The upgrade, on MariaDB",
            Self::Back(Backend::Sqlite) => "The way back, on SQLite",
            Self::Back(Backend::Mysql) => "The way back, on MariaDB",
        }
    }

    /// The name of one of its nights.
    pub fn named(self, night: &str) -> String {
        match self {
            Self::Upgrade(Backend::Sqlite) => night.to_owned(),
            Self::Upgrade(Backend::Mysql) => format!("my-{night}"),
            Self::Back(Backend::Sqlite) => format!("back-{night}"),
            Self::Back(Backend::Mysql) => format!("my-back-{night}"),
        }
    }

    /// What befalls it, a night each.
    pub fn faults(self) -> Vec<Fault> {
        match self {
            Self::Upgrade(Backend::Sqlite) => [&Fault::ONCE[..], &Fault::POWER].concat(),
            Self::Upgrade(Backend::Mysql) => ON_MARIADB.to_vec(),
            Self::Back(Backend::Sqlite) => BACK.to_vec(),
            Self::Back(Backend::Mysql) => BACK_ON_MARIADB.to_vec(),
        }
    }

    /// A lab for it.
    pub fn lab(self, name: &str) -> Builder {
        let (Self::Upgrade(backend) | Self::Back(backend)) = self;
        Lab::on(backend, name)
    }

    /// What comes before it, undisturbed.
    pub fn prepare(self, lab: &Lab) {
        if matches!(self, Self::Back(_)) {
            lab.stop_in_the_migration_of("fe-us-ca");
        }
    }

    /// The run that is disturbed.
    pub fn run(self, lab: &Lab) -> Invocation {
        match self {
            Self::Upgrade(_) => lab.upgrade(),
            Self::Back(_) => lab.way_back(),
        }
    }
}
