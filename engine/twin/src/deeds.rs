//! What was done to the federation, as it happened, seen by the federation itself and not by the engine.

use std::hash::BuildHasher as _;
use std::sync::Arc;
use std::time::Duration;

use foldhash::quality::FixedState;
use nebplay_model::version::Version;

/// One thing that was done.
#[derive(Debug, Clone, PartialEq)]
pub struct Deed {
    /// When, in the federation's time.
    pub at: Duration,
    /// On which machine.
    pub on: Arc<str>,
    /// What.
    pub act: Act,
}

/// What can be done.
#[derive(Debug, Clone, PartialEq)]
pub enum Act {
    /// A unit runs that did not.
    UnitStarted(String),
    /// A unit ran and does not any more.
    UnitStopped(String),
    /// The daemon runs.
    OnedStarted {
        /// The version of the program.
        program: Version,
    },
    /// The daemon has ended, by a stop, a crash or a reboot.
    OnedStopped {
        /// The index of the federated log in its zone.
        index: Option<u64>,
        /// Two zones that ran and were at different indexes at that moment, and these, if there were such.
        apart: Option<[(i64, u64); 2]>,
        /// It was asked to; otherwise its machine went down.
        asked: bool,
    },
    /// A zone was enabled or disabled; the machine is the one that was asked.
    ZoneState {
        /// The zone.
        zone: i64,
        /// What it is now.
        enabled: bool,
    },
    /// A packet filter keeps the API of this machine out, or does not any more.
    ApiFiltered(bool),
    /// A client of the API wrote, and was told that it is written.
    Acknowledged {
        /// The name of the user it made.
        user: String,
    },
    /// A database was dumped.
    Dumped {
        /// Where to.
        path: String,
        /// What is in the dump: equal where two are equal, see [`content_of`].
        content: u64,
        /// Only the federated tables.
        federated: bool,
        /// To its end; what the program says of itself is another thing.
        whole: bool,
        /// The database's versions, shared and local.
        versions: Option<(Version, Version)>,
    },
    /// A dump was put into the database.
    Restored {
        /// Where it was read.
        path: String,
        /// What was in it: equal to that of the dump it is.
        content: u64,
        /// Only the federated tables.
        federated: bool,
        /// To its end; what the program says of itself is another thing.
        whole: bool,
        /// What of OpenNebula ran on the machine.
        running: Vec<String>,
    },
    /// `onedb upgrade` worked on the database.
    Migrated {
        /// Shared and local version before.
        from: (Version, Version),
        /// Shared and local version after.
        to: (Version, Version),
        /// Whether it came to its end.
        whole: bool,
    },
    /// OpenNebula's packages were replaced.
    Installed {
        /// The version of oned before; `None`: there was none.
        from: Option<String>,
        /// The version of oned after.
        to: Option<String>,
        /// Whether they were unpacked and configured to the end.
        whole: bool,
        /// Whether the packages of before were saved on the machine.
        old_at_hand: bool,
    },
    /// The machine went down and came up again.
    Rebooted,
    /// A program was called that the twin knows nothing of: it was taken to succeed and to say nothing.
    NotModelled(String),
}

/// A number for a dump's content, to tell whether one is another.
pub fn content_of(text: &str) -> u64 {
    FixedState::default().hash_one(text)
}

/// All deeds, the newest first; a clone costs nothing.
#[derive(Debug, Clone, Default)]
pub struct Deeds(Option<Arc<Link>>);

#[derive(Debug)]
struct Link {
    deed: Deed,
    before: Deeds,
}

impl Deeds {
    /// Adds one.
    pub fn add(&mut self, deed: Deed) {
        let before = std::mem::take(self);
        self.0 = Some(Arc::new(Link { deed, before }));
    }

    /// All of them in the order in which they were done.
    pub fn in_order(&self) -> Vec<&Deed> {
        let mut deeds = Vec::new();
        let mut next = self;
        while let Some(link) = &next.0 {
            deeds.push(&link.deed);
            next = &link.before;
        }
        deeds.reverse();
        deeds
    }
}

impl Drop for Deeds {
    /// One after the other: dropped as it is nested, a long chain would use up the stack.
    fn drop(&mut self) {
        let mut next = self.0.take();
        while let Some(mut link) = next.and_then(Arc::into_inner) {
            next = link.before.0.take();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_order_and_shared() {
        let deed = |seconds| Deed {
            at: Duration::from_secs(seconds),
            on: "m".into(),
            act: Act::Rebooted,
        };
        let mut deeds = Deeds::default();
        (0..100_000).for_each(|second| deeds.add(deed(second)));
        let mut fork = deeds.clone();
        fork.add(deed(7));
        assert_eq!(
            (deeds.in_order().len(), fork.in_order().len()),
            (100_000, 100_001)
        );
        assert_eq!(fork.in_order()[3].at, Duration::from_secs(3));
    }
}
