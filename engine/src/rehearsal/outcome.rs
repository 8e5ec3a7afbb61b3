//! What came of a rehearsal, and of each of its runs.

use nebplay_twin::deeds::Deed;

use super::fault::Fault;
use super::invariants::Breach;
use super::night::{Night, Work};

/// How a rehearsal ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The run came to its end all the same.
    Completed,
    /// It stopped, and `resume` brought it to its end.
    Resumed,
    /// It stopped, and came to its end when it was run anew.
    RunAnew,
    /// It stopped, and the playbook that leads back came to its end.
    WentBack,
    /// It stopped for good, in a state that one can go back from.
    StoppedSafely,
    /// A rule was broken.
    Violation,
}

/// One rehearsal with a fault.
#[derive(Debug, Clone)]
pub struct Rehearsed {
    /// What went wrong; of two faults the second.
    pub fault: Fault,
    /// What went wrong before.
    pub after: Option<Fault>,
    /// How it ended.
    pub outcome: Outcome,
    /// The rules that were broken.
    pub breaches: Vec<Breach>,
    /// What each of its runs came to, in order.
    pub runs: Vec<(RunOf, RunEnd)>,
    /// Whether the fault came to pass at all.
    pub struck: bool,
    /// Whether it was ended where nothing told it from the undisturbed run any more.
    pub joined: bool,
    /// What was done, in order; kept where a rule was broken.
    pub deeds: Vec<Deed>,
    /// Which step was at work when; kept where a rule was broken.
    pub work: Vec<Work>,
}

/// Which run of a rehearsal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RunOf {
    /// The one that the fault struck.
    Struck,
    /// `nebplay resume`.
    Resume,
    /// The playbook, run anew.
    Anew,
    /// The playbook that leads back.
    WayBack,
}

/// What a run came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunEnd {
    /// Its end.
    Done,
    /// Its controller was killed.
    Killed,
    /// It stopped, and this is the first thing it said about that.
    Stopped(String),
}

impl RunEnd {
    pub(super) fn of(night: &Night) -> Self {
        if night.is_done() {
            return Self::Done;
        }
        let Some(summary) = &night.summary else {
            return Self::Killed;
        };
        let said = summary.failures.first().map(|failed| {
            let why = &failed.failure.message;
            format!("\"{}\" on {}: {why}", failed.task, failed.host)
        });
        Self::Stopped(said.unwrap_or_default())
    }
}
