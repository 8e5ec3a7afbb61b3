//! What a night is about: the upgrade, or the way back.

use nebplay_tests::harness::{Builder, Invocation, Lab};

use crate::fault::Fault;

/// What is disturbed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Course {
    /// The upgrade, on SQLite.
    Upgrade,
    /// The upgrade, on MariaDB.
    OnMariadb,
    /// The way back, on SQLite, from an upgrade that was killed in the migration of the last slave.
    Back,
}

/// What befalls a federation on MariaDB. All else is the same there.
const ON_MARIADB: [Fault; 3] = [Fault::KilledDuring, Fault::PowerAt(25), Fault::PowerAt(65)];

/// What befalls the way back: it is an upgrade's run like any other, and other things may be half done when the power goes.
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

impl Course {
    pub(crate) const ALL: [Self; 3] = [Self::Upgrade, Self::OnMariadb, Self::Back];

    /// The heading of its tables.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Upgrade => "The upgrade, on SQLite",
            Self::OnMariadb => "The upgrade, on MariaDB",
            Self::Back => "The way back, on SQLite",
        }
    }

    /// The name of one of its nights.
    pub(crate) fn named(self, night: &str) -> String {
        match self {
            Self::Upgrade => night.to_owned(),
            Self::OnMariadb => format!("my-{night}"),
            Self::Back => format!("back-{night}"),
        }
    }

    /// What befalls it, a night each.
    pub(crate) fn faults(self) -> Vec<Fault> {
        match self {
            Self::Upgrade => [&Fault::ONCE[..], &Fault::POWER].concat(),
            Self::OnMariadb => ON_MARIADB.to_vec(),
            Self::Back => BACK.to_vec(),
        }
    }

    /// A lab for it.
    pub(crate) fn lab(self, name: &str) -> Builder {
        match self {
            Self::Upgrade | Self::Back => Lab::sqlite(name),
            Self::OnMariadb => Lab::mysql(name),
        }
    }

    /// What comes before it, undisturbed.
    pub(crate) fn prepare(self, lab: &Lab) {
        if self == Self::Back {
            lab.stop_in_the_migration_of("fe-us-ca");
        }
    }

    /// The run that is disturbed.
    pub(crate) fn run(self, lab: &Lab) -> Invocation {
        match self {
            Self::Upgrade | Self::OnMariadb => lab.upgrade(),
            Self::Back => lab.way_back(),
        }
    }
}
