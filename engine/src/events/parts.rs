//! What events are made of.

use nebplay_modules::federation_map::Role;
use nebplay_modules::module::{Diff, Directive, Failure, FailureKind};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// One step: one task on one host, for one loop item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepRef {
    /// Its identity, stable across runs of the same plan.
    pub id: String,
    /// The identity of its task.
    pub task: String,
    /// The inventory host it is for.
    pub host: String,
    /// Where it acts, when that is not the host itself.
    pub delegate: Option<String>,
    /// The loop item, as it is shown.
    pub item: Option<String>,
    /// Which try this is, from 1.
    pub attempt: u32,
}

/// How a step, or a task on a host, ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// All was as it should be.
    Ok,
    /// Something was changed, and verified.
    Changed,
    /// Check mode: something would be changed.
    WouldChange,
    /// A condition said no.
    Skipped,
    /// Check mode: nobody can tell before it is done.
    Unknown,
    /// It failed.
    Failed,
    /// The host cannot be reached.
    Unreachable,
}

impl Status {
    /// Whether the host stops here unless somebody catches it.
    pub fn is_failure(self) -> bool {
        matches!(self, Self::Failed | Self::Unreachable)
    }
}

/// What a look at the host said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Seen {
    /// Nothing to do.
    NoChange,
    /// Something is to be done.
    Change,
    /// Only doing it tells.
    CannotTell,
}

/// Why a step did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailureRecord {
    /// What kind of failure.
    pub kind: FailureKind,
    /// What was done and what came back.
    pub message: String,
    /// What state the zone or host is in now.
    pub state: Option<String>,
    /// What the operator can do next.
    pub next: Vec<String>,
}

impl FailureRecord {
    /// Without what `no_log` withholds: the message may quote what must not be shown.
    pub fn withheld(self) -> Self {
        Self {
            message: "withheld because of no_log".to_owned(),
            state: None,
            ..self
        }
    }
}

impl From<&Failure> for FailureRecord {
    fn from(failure: &Failure) -> Self {
        Self {
            kind: failure.kind,
            message: failure.message.clone(),
            state: failure.state.clone(),
            next: failure.next.clone(),
        }
    }
}

/// The end of a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepEnd {
    /// How it ended.
    pub status: Status,
    /// It failed and the author said to go on.
    pub ignored: bool,
    /// One sentence, or a table, for the operator.
    pub message: Option<String>,
    /// What `register` gets; null where `no_log` hides it.
    pub result: Value,
    /// Variables that the host has from now on.
    pub vars: Map<String, Value>,
    /// Facts that the host has from now on.
    pub facts: Map<String, Value>,
    /// What the module asked of the engine; variables stand in `vars`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directive: Option<Directive>,
    /// What the operator should know although nothing failed.
    pub warnings: Vec<String>,
    /// Before and after.
    pub diff: Option<Diff>,
    /// Why it did not succeed.
    pub failure: Option<FailureRecord>,
    /// `no_log`: arguments, result and message are withheld.
    pub hidden: bool,
    /// How long it took, by the host's clock.
    pub took_ms: u64,
}

/// A file of tasks that a host includes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncludedFile {
    /// The file, as it was named.
    pub file: String,
    /// The loop item it is included for.
    pub item: Option<Value>,
    /// Which item that is, from 0.
    pub index: usize,
}

/// A step under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running {
    /// Which one.
    pub step: StepRef,
    /// Whether it was acting, not just looking.
    pub acting: bool,
    /// Whether it goes on by itself, as a job on the host.
    pub job: bool,
}

/// How many tasks of a host ended how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Ended well, changed ones included.
    pub ok: u32,
    /// Changed something.
    pub changed: u32,
    /// Check mode: would change something.
    pub would_change: u32,
    /// Check mode: nobody can tell.
    pub unknown: u32,
    /// The host could not be reached.
    pub unreachable: u32,
    /// Failed, and nobody caught it.
    pub failed: u32,
    /// A condition said no.
    pub skipped: u32,
    /// Failed, and a `rescue` caught it.
    pub rescued: u32,
    /// Failed, and the author said to go on.
    pub ignored: u32,
}

/// How a run ended. Ordered by severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunResult {
    /// Everything that was to be done is done.
    Ok,
    /// A task failed, and no host was unreachable.
    Failed,
    /// A host could not be reached.
    Unreachable,
    /// The operator ended it.
    Interrupted,
}

/// The step a zone reached last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastStep {
    /// The play's name.
    pub play: String,
    /// The task's name.
    pub task: String,
    /// The front-end it ran for.
    pub host: String,
    /// How it ended there; `None`: it was cut off while it acted.
    pub status: Option<Status>,
}

/// Where a zone stands when the run ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ZoneEnd {
    /// Its id.
    pub id: u32,
    /// Its name.
    pub name: String,
    /// Its role.
    pub role: Role,
    /// Its front-ends.
    pub hosts: Vec<String>,
    /// The last step that was not skipped.
    pub last: Option<LastStep>,
}

/// A step that failed and was neither rescued nor ignored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedStep {
    /// The play's name.
    pub play: String,
    /// The task's name.
    pub task: String,
    /// The host it was for.
    pub host: String,
    /// Where it acted, when that is not the host itself.
    pub delegate: Option<String>,
    /// `file:line` of the task.
    pub place: String,
    /// Why.
    pub failure: FailureRecord,
    /// A `rescue` caught it, and failed itself.
    #[serde(default)]
    pub rescued: bool,
}
