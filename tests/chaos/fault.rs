//! What befalls a run.

use std::time::Duration;

/// A fault that a step meets once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The controller is killed before the effect, the journal saying that the step acts.
    KilledBefore,
    /// The controller is killed during the effect.
    KilledDuring,
    /// The controller is killed after the effect, before the journal knows of it.
    KilledAfter,
    /// The host's cable is pulled for five seconds.
    ShortCut,
    /// The host's cable is pulled until the connection is given up.
    LongCut,
    /// The host loses power and boots.
    Reboot,
    /// The same a moment later, in the middle of what takes long.
    RebootLater,
}

/// Seconds of a short cut.
const SHORT: u64 = 5;

/// How much later "later" is: jobs have begun by then, and packages are being unpacked.
const LATER: Duration = Duration::from_millis(500);

impl Fault {
    /// All of them, as the columns of the table.
    pub(crate) const ALL: [Self; 7] = [
        Self::KilledBefore,
        Self::KilledDuring,
        Self::KilledAfter,
        Self::ShortCut,
        Self::LongCut,
        Self::Reboot,
        Self::RebootLater,
    ];

    /// Its column, and the name of its night.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::KilledBefore => "killed-before",
            Self::KilledDuring => "killed-during",
            Self::KilledAfter => "killed-after",
            Self::ShortCut => "cut-5s",
            Self::LongCut => "cut-long",
            Self::Reboot => "reboot",
            Self::RebootLater => "reboot-later",
        }
    }

    /// The moment of `--halt`, where it is the controller that is killed.
    pub(crate) fn halt(self) -> Option<&'static str> {
        match self {
            Self::KilledBefore => Some("before"),
            Self::KilledDuring => Some("during"),
            Self::KilledAfter => Some("after"),
            Self::ShortCut | Self::LongCut | Self::Reboot | Self::RebootLater => None,
        }
    }

    /// How long the cable is out, where it is pulled. A connection is dead after three unanswered questions.
    pub(crate) fn cut(self, keepalive: u64) -> Option<Duration> {
        match self {
            Self::ShortCut => Some(Duration::from_secs(SHORT)),
            Self::LongCut => Some(Duration::from_secs(3 * keepalive + 3)),
            _ => None,
        }
    }

    /// How long after the step began the power goes, where it does.
    pub(crate) fn power_cut(self) -> Option<Duration> {
        match self {
            Self::Reboot => Some(Duration::ZERO),
            Self::RebootLater => Some(LATER),
            _ => None,
        }
    }
}
