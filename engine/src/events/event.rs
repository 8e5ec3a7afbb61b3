//! The event type.

use indexmap::IndexMap;
use nebplay_modules::federation_map::Role;
use nebplay_modules::module::{Diff, Failure, FailureKind};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A fact about a run. Secrets are already scrubbed from it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Counts from 1, without gaps.
    pub seq: u64,
    /// Wall-clock time, seconds since the epoch.
    pub time: i64,
    /// Milliseconds since the run started; never goes back.
    pub elapsed_ms: u64,
    /// What happened.
    pub what: What,
}

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
}

/// What can happen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum What {
    /// The first event.
    RunStarted {
        /// The run's id.
        run: String,
        /// The playbooks, as they were named.
        playbooks: Vec<String>,
        /// Whether it only looks.
        check: bool,
    },
    /// A play begins.
    PlayStarted {
        /// Its identity.
        play: String,
        /// Its name.
        name: String,
        /// The hosts that take part, in order.
        hosts: Vec<String>,
        /// In how many batches.
        batches: usize,
    },
    /// A batch of a play with `serial` begins.
    BatchStarted {
        /// The play's identity.
        play: String,
        /// Which one, from 1.
        number: usize,
        /// Of how many.
        of: usize,
        /// Its hosts.
        hosts: Vec<String>,
    },
    /// A task begins on its hosts.
    TaskStarted {
        /// Its identity.
        task: String,
        /// Its name, rendered.
        name: String,
        /// Its module.
        module: String,
        /// Its hosts, in the order they are worked on.
        hosts: Vec<String>,
        /// How many at once, and why.
        pace: String,
        /// Whether it is a handler.
        handler: bool,
    },
    /// Part of a task's hosts begins; only where there is more than one part.
    WaveStarted {
        /// The task's identity.
        task: String,
        /// Which one, from 1.
        number: usize,
        /// Of how many.
        of: usize,
        /// Its hosts.
        hosts: Vec<String>,
    },
    /// What a loop goes over on a host, decided once.
    LoopResolved {
        /// The task's identity.
        task: String,
        /// The host.
        host: String,
        /// The items.
        items: Vec<Value>,
    },
    /// A step begins.
    StepStarted {
        /// Which one.
        step: StepRef,
    },
    /// A step has looked.
    StepInspected {
        /// Which one.
        step: StepRef,
        /// What it saw.
        seen: Seen,
        /// What is to be done, a sentence each.
        to_do: Vec<String>,
    },
    /// A step is about to act. After this event, and before its end, the step is in doubt.
    StepApplying {
        /// Which one.
        step: StepRef,
        /// What it does, a sentence each.
        to_do: Vec<String>,
    },
    /// A line that the host printed. Not journaled.
    StepLine {
        /// Which step.
        step: StepRef,
        /// The line.
        line: String,
        /// Whether it came on standard error.
        stderr: bool,
    },
    /// A transfer goes on. Not journaled.
    StepBytes {
        /// Which step.
        step: StepRef,
        /// Bytes so far.
        done: u64,
        /// Of how many; 0: not known.
        total: u64,
    },
    /// A step is tried again.
    StepRetried {
        /// Which one; its attempt is the one that did not do.
        step: StepRef,
        /// Of how many.
        of: u32,
        /// Seconds until the next try.
        delay: f64,
        /// Why it did not do.
        why: String,
    },
    /// A step ended.
    StepEnded {
        /// Which one.
        step: StepRef,
        /// How.
        end: Box<StepEnd>,
    },
    /// A task ended on a host, with all its loop items.
    HostEnded {
        /// The task's identity.
        task: String,
        /// The host.
        host: String,
        /// How.
        status: Status,
        /// It failed and the author said to go on.
        ignored: bool,
        /// The variable that got the result.
        register: Option<String>,
    },
    /// A handler will run.
    HandlerNotified {
        /// The handler's identity.
        handler: String,
        /// Its name.
        name: String,
        /// The host.
        host: String,
        /// The task that notified it.
        by: String,
    },
    /// A file of tasks was included.
    Included {
        /// The identity of the `include_tasks`.
        task: String,
        /// The file.
        file: String,
        /// SHA-256 (hex) of its text.
        digest: String,
        /// The hosts that included it.
        hosts: Vec<String>,
    },
    /// A `rescue` takes over on a host.
    Rescuing {
        /// The block's identity.
        block: String,
        /// The host.
        host: String,
        /// The name of the task that failed.
        failed: String,
    },
    /// A host, or all of a play, is done early because a task said so.
    Left {
        /// The play's identity.
        play: String,
        /// The hosts.
        hosts: Vec<String>,
        /// Why, a fragment.
        why: String,
    },
    /// What the operator should know.
    Warning {
        /// A sentence.
        text: String,
    },
    /// The operator asked to end the run.
    Interrupted {
        /// At once, instead of when the running steps have ended.
        now: bool,
        /// The steps under way.
        running: Vec<Running>,
    },
    /// The last event.
    RunEnded {
        /// How.
        result: RunResult,
        /// Every host that took part.
        hosts: IndexMap<String, Counts>,
        /// Every zone.
        zones: Vec<ZoneEnd>,
        /// What failed and was not caught.
        failures: Vec<FailedStep>,
    },
}

impl What {
    /// Whether it only shows that something goes on; such events are not journaled.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::StepLine { .. } | Self::StepBytes { .. })
    }
}
