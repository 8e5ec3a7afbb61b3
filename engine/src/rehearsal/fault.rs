//! What can go wrong with a step, and what an operator mends before going on.

use std::fmt;
use std::str::FromStr;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// The connection is lost before what the step does takes effect.
    LostBefore,
    /// The connection is lost after it took effect, before the answer is here.
    LostAfter,
    /// The controller is killed when the journal says that the step acts, and it does not yet.
    KilledBefore,
    /// The controller is killed when the step has begun what goes on without it: a job.
    KilledDuring,
    /// The controller is killed when the step has acted, and the journal does not say so yet.
    KilledAfter,
    /// What the step runs fails, and changes nothing.
    Fails,
    /// What the step runs fails after it took effect.
    FailsAfter,
    /// The host goes down in the middle and comes up again.
    Reboots,
    /// All other front-ends go down in the middle and come up again.
    OthersReboot,
    /// From then on no zone reaches another, until somebody mends it; the controller reaches all of them.
    ZonesApart,
    /// The host's disk is full from before the step on, until somebody makes room.
    DiskFull,
    /// What the step runs hangs until its deadline, and does nothing.
    Hangs,
    /// What the step runs does half its work, and then hangs until its deadline.
    HangsMidway,
    /// The host is away from the beginning of the run to its end.
    Away,
}

impl Kind {
    /// All of them, in the order of the matrix.
    pub const ALL: [Self; 14] = [
        Self::LostBefore,
        Self::LostAfter,
        Self::KilledBefore,
        Self::KilledDuring,
        Self::KilledAfter,
        Self::Fails,
        Self::FailsAfter,
        Self::Reboots,
        Self::OthersReboot,
        Self::ZonesApart,
        Self::DiskFull,
        Self::Hangs,
        Self::HangsMidway,
        Self::Away,
    ];

    /// Its name on the command line and in the matrix.
    pub fn name(self) -> &'static str {
        match self {
            Self::LostBefore => "lost-before",
            Self::LostAfter => "lost-after",
            Self::KilledBefore => "killed-before",
            Self::KilledDuring => "killed-during",
            Self::KilledAfter => "killed-after",
            Self::Fails => "fails",
            Self::FailsAfter => "fails-after",
            Self::Reboots => "reboots",
            Self::OthersReboot => "others-reboot",
            Self::ZonesApart => "zones-apart",
            Self::DiskFull => "disk-full",
            Self::Hangs => "hangs",
            Self::HangsMidway => "hangs-midway",
            Self::Away => "away",
        }
    }

    /// What happens, for a story.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::LostBefore => "the connection is lost before it takes effect",
            Self::LostAfter => "the connection is lost after it took effect, before the answer",
            Self::KilledBefore => "the controller is killed before it acts",
            Self::KilledDuring => "the controller is killed while its job runs",
            Self::KilledAfter => "the controller is killed after it acted, before that is written down",
            Self::Fails => "it fails and changes nothing",
            Self::FailsAfter => "it fails after it took effect",
            Self::Reboots => "the host goes down in the middle of it and comes up again",
            Self::OthersReboot => "all other front-ends go down in the middle of it and come up again",
            Self::ZonesApart => "no zone reaches another from then on",
            Self::DiskFull => "the disk is full",
            Self::Hangs => "it hangs until its deadline",
            Self::HangsMidway => "it hangs in the middle of its work, until its deadline",
            Self::Away => "the host is away from the beginning",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|kind| kind.name() == text);
        found.ok_or_else(|| {
            let names: Vec<&str> = Self::ALL.iter().map(|kind| kind.name()).collect();
            format!("`{text}` is no fault; there are {}", names.join(", "))
        })
    }
}

/// A fault at a step.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fault {
    /// The identity of the step it strikes at; of [`Kind::Away`] only the host counts.
    pub step: String,
    /// The host of that step.
    pub host: String,
    /// Which.
    pub kind: Kind,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_known_by_its_name() {
        for kind in Kind::ALL {
            assert_eq!(kind.name().parse(), Ok(kind));
        }
        assert!("explodes".parse::<Kind>().is_err());
    }
}
