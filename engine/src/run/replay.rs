//! What earlier processes of the same run did: replayed, never decided again.
//!
//! A run that is resumed goes through its plan from the start. Whatever the journal knows is taken from it: how steps ended, what
//! loops went over, what was included, facts, notifications. The state of a run is nothing but the fold of its events.
//!
//! On a host the journal is replayed up to the first step that has to be run; what it knows of later ones (the `always` of a block
//! that failed) came before that step, and is void.

mod known;
mod standing;

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use indexmap::IndexSet;
use nebplay_modules::module::FailureKind;
use serde_json::{Map, Value};

use crate::events::{Event, IncludedFile, StepEnd, StepRef, What};
use known::Known;
pub use standing::Compared;

/// What is known of a step.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Record {
    /// It ended, and that stands.
    Ended(StepRef, Box<StepEnd>),
    /// It failed.
    Failed(StepRef, Box<StepEnd>),
    /// It was cut off while it acted: by the end of the process, or as it says.
    InDoubt(StepRef, Option<Box<StepEnd>>),
}

/// Somebody's place: a task on a host.
type Place = (String, String);

#[derive(Default)]
struct Records {
    steps: Known,
    loops: HashMap<Place, Vec<Value>>,
    includes: HashMap<Place, Vec<IncludedFile>>,
    facts: HashMap<String, Map<String, Value>>,
    /// Handlers by the task and host that notified them.
    notified: HashMap<Place, Vec<String>>,
    /// Whether the operator wanted a task.
    chosen: HashMap<String, bool>,
    /// Steps that are being read again in the process at hand, by the identity of their first try.
    rereading: HashSet<String>,
    /// Where a task ended with everything that follows from it.
    ended: HashSet<Place>,
    rescued: HashSet<Place>,
    /// The operator says that everything before this task is done.
    from: Option<String>,
}

/// How steps are settled that nobody but the operator can tell about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Settle {
    /// In doubt: it took effect (`true`), or is to be run again (`false`); otherwise the operator is asked.
    pub in_doubt: Option<bool>,
    /// Failed: run it again without asking.
    pub retry_failed: bool,
}

/// See the module. The default knows nothing, as at the start of a run.
#[derive(Default)]
pub struct Replay {
    records: Mutex<Records>,
    pub(super) settle: Settle,
}

/// The identity of a step's first try.
fn first_try(step: &StepRef) -> String {
    if step.attempt > 1 {
        let suffix = format!("~{}", step.attempt);
        step.id.strip_suffix(&suffix).unwrap_or(&step.id).to_owned()
    } else {
        step.id.clone()
    }
}

/// The identities of all tries of a step up to this one.
pub(super) fn tries(step: &StepRef) -> impl Iterator<Item = String> {
    let first = first_try(step);
    (1..=step.attempt).map(move |attempt| match attempt {
        1 => first.clone(),
        attempt => format!("{first}~{attempt}"),
    })
}

/// Whether a step that acted, and failed in this way, may have done what it was to do.
pub(super) fn is_in_doubt(kind: FailureKind) -> bool {
    matches!(
        kind,
        FailureKind::Unreachable | FailureKind::TimedOut | FailureKind::InDoubt
    )
}

fn cut_off(end: &StepEnd) -> bool {
    end.failure
        .as_ref()
        .is_some_and(|failure| is_in_doubt(failure.kind))
}

impl Records {
    fn take(&mut self, what: &What) {
        match what {
            What::RunResumed { .. } => self.rereading.clear(),
            What::StepReread { step } => {
                self.rereading.insert(first_try(step));
            }
            // It is only read again: forgetting it would make void what came after it.
            What::StepStarted { step } if self.rereading.contains(&first_try(step)) => {}
            What::StepEnded { step, end } if self.is_read_in_vain(step, end) => {}
            // One in doubt stays so while it looks what it came to.
            What::StepStarted { step } if step.attempt == 1 && !self.doubts(&step.id) => {
                self.steps.remove(&step.id);
            }
            // It is to be run again.
            What::StepSettled { step, done: false } => {
                self.steps.remove(&first_try(step));
            }
            What::StepApplying { step, .. } => {
                self.steps
                    .insert(first_try(step), Record::InDoubt(step.clone(), None));
            }
            // The next try looks again before it acts.
            What::StepRetried { step, .. } => {
                self.steps.remove(&first_try(step));
            }
            What::StepEnded { step, end } => {
                let id = first_try(step);
                let acted = self.doubts(&id);
                let record = if !end.status.is_failure() || end.ignored {
                    Record::Ended(step.clone(), end.clone())
                } else if acted && cut_off(end) {
                    Record::InDoubt(step.clone(), Some(end.clone()))
                } else {
                    Record::Failed(step.clone(), end.clone())
                };
                self.steps.insert(id, record);
            }
            What::Rescuing { block, host, .. } => {
                self.rescued.insert((block.clone(), host.clone()));
            }
            What::LoopResolved { task, host, items } => {
                self.loops.insert((task.clone(), host.clone()), items.clone());
            }
            What::IncludeResolved { task, host, files } => {
                self.includes.insert((task.clone(), host.clone()), files.clone());
            }
            What::FactsGathered { host, facts } => {
                self.facts.insert(host.clone(), facts.clone());
            }
            What::HandlerNotified {
                handler, host, by, ..
            } => {
                let handlers = self.notified.entry((by.clone(), host.clone())).or_default();
                if !handlers.contains(handler) {
                    handlers.push(handler.clone());
                }
            }
            What::TaskChosen { task, run, .. } => {
                self.chosen.insert(task.clone(), *run);
            }
            What::HostEnded { task, host, .. } => {
                self.ended.insert((task.clone(), host.clone()));
            }
            What::ReplayEnded { host, void } => self.forget(host, void),
            _ => {}
        }
    }

    /// A step that was to be read again and failed: what is known of it stands.
    fn is_read_in_vain(&self, step: &StepRef, end: &StepEnd) -> bool {
        end.status.is_failure() && !end.ignored && self.rereading.contains(&first_try(step))
    }

    fn doubts(&self, id: &str) -> bool {
        matches!(self.steps.get(id), Some(Record::InDoubt(..)))
    }

    /// What was recorded of these steps of a host is void.
    fn forget(&mut self, host: &str, void: &[String]) {
        for id in void {
            let Some(record) = self.steps.remove(id) else {
                continue;
            };
            let place = (record.step().task.clone(), host.to_owned());
            self.loops.remove(&place);
            self.includes.remove(&place);
            self.notified.remove(&place);
            self.ended.remove(&place);
        }
    }
}

impl Record {
    fn step(&self) -> &StepRef {
        match self {
            Self::Ended(step, _) | Self::Failed(step, _) | Self::InDoubt(step, _) => step,
        }
    }
}

impl Replay {
    /// The fold of a run's events.
    pub fn of<'a>(events: impl IntoIterator<Item = &'a Event>) -> Self {
        let mut records = Records::default();
        events.into_iter().for_each(|event| records.take(&event.what));
        Self {
            records: Mutex::new(records),
            settle: Settle::default(),
        }
    }

    /// Settles without asking.
    pub fn settled_by(mut self, settle: Settle) -> Self {
        self.settle = settle;
        self
    }

    /// Takes everything before this task (its identity or name) for done.
    pub fn from(self, task: &str) -> Self {
        self.records().from = Some(task.to_owned());
        self
    }

    /// Takes one more event in.
    pub fn learn(&self, event: &Event) {
        self.records().take(&event.what);
    }

    fn records(&self) -> MutexGuard<'_, Records> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many steps are done and not run again.
    pub fn done(&self) -> usize {
        let ended = |record: &&Record| matches!(record, Record::Ended(..));
        self.records().steps.values().filter(ended).count()
    }

    /// Steps that were cut off while they acted.
    pub fn in_doubt(&self) -> Vec<StepRef> {
        let records = self.records();
        let doubted = records.steps.values().filter_map(|record| match record {
            Record::InDoubt(step, _) => Some(step.clone()),
            _ => None,
        });
        doubted.collect()
    }

    /// Steps that failed, those too that a `rescue` caught.
    pub fn failed(&self) -> Vec<StepRef> {
        let records = self.records();
        let failed = records.steps.values().filter_map(|record| match record {
            Record::Failed(step, _) => Some(step.clone()),
            _ => None,
        });
        failed.collect()
    }

    /// Whether a task is done on a host.
    pub fn knows(&self, task: &str, host: &str) -> bool {
        let records = self.records();
        let done = |record: &Record| matches!(record, Record::Ended(step, _) if step.task == task && step.host == host);
        records.steps.values().any(done)
    }

    /// Whether there is anything left to replay, or to take for done.
    pub(super) fn is_under_way(&self) -> bool {
        let records = self.records();
        !records.steps.is_empty() || records.from.is_some()
    }

    /// What is known of a step; it is known once.
    pub(super) fn take(&self, id: &str) -> Option<Record> {
        self.records().steps.remove(id)
    }

    /// What a loop went over.
    pub(super) fn items(&self, task: &str, host: &str) -> Option<Vec<Value>> {
        self.records().loops.remove(&(task.to_owned(), host.to_owned()))
    }

    /// What a host included.
    pub(super) fn included(&self, task: &str, host: &str) -> Option<Vec<IncludedFile>> {
        self.records()
            .includes
            .remove(&(task.to_owned(), host.to_owned()))
    }

    /// The facts of a host.
    pub(super) fn facts(&self, host: &str) -> Option<Map<String, Value>> {
        self.records().facts.remove(host)
    }

    /// The handlers that a task on a host notified.
    pub(super) fn notified(&self, task: &str, host: &str) -> Vec<String> {
        let place = (task.to_owned(), host.to_owned());
        self.records().notified.remove(&place).unwrap_or_default()
    }

    /// What the operator said, asked whether a task is run.
    pub(super) fn chosen(&self, task: &str) -> Option<bool> {
        self.records().chosen.remove(task)
    }

    /// Whether a task ended on a host, so that everything that follows from it is known.
    pub(super) fn has_ended(&self, task: &str, host: &str) -> bool {
        let place = (task.to_owned(), host.to_owned());
        self.records().ended.remove(&place)
    }

    /// Whether a `rescue` has taken over on a host already.
    pub(super) fn has_rescued(&self, block: &str, host: &str) -> bool {
        self.records()
            .rescued
            .remove(&(block.to_owned(), host.to_owned()))
    }

    /// A host on which a task was run: the one that a task which runs once ran on.
    pub(super) fn host_of(&self, task: &str, among: &[String]) -> Option<String> {
        let records = self.records();
        let mut hosts = records
            .steps
            .values()
            .map(Record::step)
            .filter(|step| step.task == task);
        hosts
            .find(|step| among.contains(&step.host))
            .map(|step| step.host.clone())
    }

    /// The hosts of which something is known.
    pub(super) fn hosts(&self) -> IndexSet<String> {
        let records = self.records();
        let steps = records.steps.values().map(Record::step);
        steps.map(|step| step.host.clone()).collect()
    }

    /// A host goes on by itself from here: the steps of which the journal's word is void now.
    pub(super) fn ends_for(&self, host: &str) -> Vec<String> {
        let mut records = self.records();
        let void: Vec<String> = records.steps.of_host(host).map(str::to_owned).collect();
        records.forget(host, &void);
        void
    }

    /// Whether everything here is taken for done. The task named by the operator, and what comes after it, is not.
    pub(super) fn assumes_done(&self) -> bool {
        self.records().from.is_some()
    }

    /// A task is reached; whether it is the one from which the operator wants everything to be run.
    pub(super) fn reaches(&self, names: &[&str]) -> bool {
        let mut records = self.records();
        let here = records.from.as_deref().is_some_and(|from| names.contains(&from));
        if here {
            records.from = None;
        }
        here
    }
}
