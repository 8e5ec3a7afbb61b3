//! What befalls a run.

use std::time::Duration;

/// A fault that a step meets once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
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
    /// The host loses power as the step begins to act, and boots.
    Reboot,
    /// All other hosts lose power as it does, and boot.
    OthersReboot,
    /// The zones do not reach each other for a while, and the controller reaches them all.
    ZonesApart,
    /// The host loses power in the middle of it, after so many hundredths of the time that it takes when nothing befalls it.
    PowerAt(u32),
}

/// Seconds of a short cut.
const SHORT: u64 = 5;

/// How long zones do not reach each other: as long as the stand-in's oned tries its master, so that a toggle fails and is not only late.
const APART: Duration = Duration::from_secs(20);

impl Fault {
    /// Those that come at one moment, as the columns of the first table.
    pub const ONCE: [Self; 8] = [
        Self::KilledBefore,
        Self::KilledDuring,
        Self::KilledAfter,
        Self::ShortCut,
        Self::LongCut,
        Self::Reboot,
        Self::OthersReboot,
        Self::ZonesApart,
    ];

    /// The power going in every tenth of what a step does, as the columns of the second table: half an unpacked package or a
    /// database that is half there is met by design, not by luck.
    pub const POWER: [Self; 10] = [
        Self::PowerAt(5),
        Self::PowerAt(15),
        Self::PowerAt(25),
        Self::PowerAt(35),
        Self::PowerAt(45),
        Self::PowerAt(55),
        Self::PowerAt(65),
        Self::PowerAt(75),
        Self::PowerAt(85),
        Self::PowerAt(95),
    ];

    /// Its column, and the name of its night.
    pub fn name(self) -> String {
        let name = match self {
            Self::KilledBefore => "killed-before",
            Self::KilledDuring => "killed-during",
            Self::KilledAfter => "killed-after",
            Self::ShortCut => "cut-5s",
            Self::LongCut => "cut-long",
            Self::Reboot => "reboot",
            Self::OthersReboot => "others-reboot",
            Self::ZonesApart => "zones-apart",
            Self::PowerAt(hundredths) => return format!("power-{hundredths:02}"),
        };
        name.to_owned()
    }

    /// The moment of `--halt`, where it is the controller that is killed.
    pub fn halt(self) -> Option<&'static str> {
        match self {
            Self::KilledBefore => Some("before"),
            Self::KilledDuring => Some("during"),
            Self::KilledAfter => Some("after"),
            _ => None,
        }
    }

    /// How long the cable is out, where it is pulled. A connection is dead after three unanswered questions.
    pub fn cut(self, keepalive: u64) -> Option<Duration> {
        match self {
            Self::ShortCut => Some(Duration::from_secs(SHORT)),
            Self::LongCut => Some(Duration::from_secs(3 * keepalive + 3)),
            _ => None,
        }
    }

    /// How long the zones do not reach each other, where they do not.
    pub fn apart(self) -> Option<Duration> {
        (self == Self::ZonesApart).then_some(APART)
    }

    /// Which of so many steps of a module meets it, counted from 0: power is lost on one host after the other.
    pub fn step(self, steps: usize) -> usize {
        match self {
            Self::PowerAt(hundredths) => (hundredths / 10) as usize % steps.max(1),
            _ => 0,
        }
    }

    /// How long after a step that takes so long began to act the power goes, where it does.
    pub fn power_cut(self, takes: Duration) -> Option<Duration> {
        match self {
            Self::Reboot => Some(Duration::ZERO),
            Self::PowerAt(hundredths) => Some(takes * hundredths / 100),
            _ => None,
        }
    }
}
