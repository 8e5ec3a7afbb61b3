//! The event type.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::parts::{
    Counts, FailedStep, IncludedFile, RunResult, Running, Seen, Status, StepEnd, StepRef, ZoneEnd,
};

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
    /// A run that was cut off, or had failed, goes on.
    RunResumed {
        /// The run's id.
        run: String,
        /// Steps that are done and not run again.
        done: usize,
        /// Steps that were cut off while they acted.
        in_doubt: Vec<StepRef>,
        /// What is taken for done because the operator said so, a sentence each.
        assumed: Vec<String>,
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
    /// With `--step`, the operator said whether a task is run.
    TaskChosen {
        /// Its identity.
        task: String,
        /// Its name, rendered.
        name: String,
        /// Whether.
        run: bool,
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
    /// What a host includes, decided once.
    IncludeResolved {
        /// The identity of the `include_tasks`.
        task: String,
        /// The host.
        host: String,
        /// The files, one for each loop item.
        files: Vec<IncludedFile>,
    },
    /// The facts of a host, gathered once.
    FactsGathered {
        /// The host.
        host: String,
        /// Facts by name.
        facts: Map<String, Value>,
    },
    /// A file of the controller was read: what it held decides what is done.
    FileUsed {
        /// Its path.
        file: String,
        /// SHA-256 (hex) of its content.
        digest: String,
    },
    /// A host of a resumed run goes on by itself: what is known of these steps came before what is run now, and is void.
    ReplayEnded {
        /// The host.
        host: String,
        /// The identities of the steps.
        void: Vec<String>,
    },
    /// A step that was cut off while it acted is settled by the operator.
    StepSettled {
        /// Which one.
        step: StepRef,
        /// It took effect, and is not run again.
        done: bool,
    },
    /// A step that ended well in an earlier process begins once more, because it read a secret that the journal does not hold. Until
    /// it has ended well again, how it ended then stands.
    StepReread {
        /// Which one.
        step: StepRef,
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
    /// A step has acted, and looks at what came of it. Not journaled: until its end it is in doubt all the same.
    StepProving {
        /// Which one.
        step: StepRef,
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
    /// The operator is asked a question; nothing may be drawn over it until the step ends.
    Asking {
        /// Which step asks.
        step: StepRef,
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
    /// The connection to a host that was connected is gone. Told once, until it is back.
    ConnectionLost {
        /// The host.
        host: String,
        /// What was seen of it.
        why: String,
        /// For how many milliseconds it is tried again.
        tried_ms: u64,
    },
    /// A host that was lost answers again.
    ConnectionRestored {
        /// The host.
        host: String,
        /// Milliseconds after it was lost.
        after_ms: u64,
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
        matches!(
            self,
            Self::StepProving { .. } | Self::StepLine { .. } | Self::StepBytes { .. }
        )
    }

    /// Whether something that was in doubt is known from now on.
    pub fn ends_an_act(&self) -> bool {
        match self {
            Self::StepEnded { end, .. } => !matches!(end.status, Status::Ok | Status::Skipped),
            Self::StepSettled { .. } | Self::RunEnded { .. } => true,
            _ => false,
        }
    }
}
