//! The undisturbed run: its steps, the faults that can strike at them, and where others fork from it and join it.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use nebplay_twin::federation::Federation;

use super::alike::LeftOut;
use super::fault::{Fault, Kind};
use super::invariants::{self, Breach, Ended, ZoneOf};
use super::joined::Reference;
use super::night::{self, Beginning, Night, Work};
use super::recorder::{Calls, Fork};
use super::stage::Stage;
use crate::events::{Event, StepRef, What};

/// A step of the undisturbed run.
#[derive(Debug, Clone)]
pub struct Step {
    /// Which.
    pub step: StepRef,
    /// The name of its task, and its module.
    pub task: String,
    /// Its module.
    pub module: String,
    /// Whether it acted, and did not only look.
    pub acts: bool,
    pub(super) calls: Calls,
    /// The number of the fork it is reached from.
    pub(super) fork: usize,
}

impl Step {
    /// Every fault that makes a difference at it.
    pub(super) fn faults(&self) -> impl Iterator<Item = Fault> {
        let has_effect = self.calls.effect().is_some();
        let kinds = Kind::ALL.into_iter().filter(move |kind| match kind {
            Kind::Away => false,
            Kind::KilledDuring | Kind::FailsAfter | Kind::LostAfter | Kind::DiskFull | Kind::Fails => {
                has_effect
            }
            Kind::HangsMidway => self.calls.works(),
            _ => true,
        });
        kinds.map(|kind| Fault {
            step: self.step.id.clone(),
            host: self.step.host.clone(),
            kind,
        })
    }
}

#[cfg(test)]
impl Step {
    /// One that only looks, for tests.
    pub(super) fn looking(step: StepRef) -> Self {
        Self {
            step,
            task: String::new(),
            module: String::new(),
            acts: false,
            calls: Calls::default(),
            fork: 0,
        }
    }
}

/// The undisturbed run, and where it can be forked.
pub struct Undisturbed {
    /// The run.
    pub night: Night,
    /// What broke rules although nothing went wrong.
    pub breaches: Vec<Breach>,
    /// Its steps, those that were not skipped.
    pub steps: Vec<Step>,
    /// The same, as others fork from it and join it; `None`: nobody is to.
    pub(super) reference: Option<Arc<Reference>>,
    /// Every rehearsal is run to its end, also where nothing tells it from this one any more.
    pub to_the_end: bool,
    /// What it began with.
    pub(super) start: Start,
}

/// What a rehearsal begins with.
#[derive(Debug, Clone)]
pub struct Start {
    /// The federation before anything was done to it: rules hold against it.
    pub before: Federation,
    /// The federation that the plan is run on, with what was done to it since then.
    pub now: Federation,
}

impl From<Federation> for Start {
    /// Nothing was done yet.
    fn from(federation: Federation) -> Self {
        Self {
            before: federation.clone(),
            now: federation,
        }
    }
}

pub(super) fn steps_of(night: &Night, forks: &[Fork]) -> Vec<Step> {
    let mut tasks: BTreeMap<&str, (&str, &str)> = BTreeMap::new();
    let mut steps = Vec::new();
    let mut fork = 0;
    for (number, event) in night.events.iter().enumerate() {
        match &event.what {
            What::TaskStarted {
                task, name, module, ..
            } => {
                tasks.insert(task, (name, module));
            }
            What::StepStarted { step } => {
                while forks.get(fork + 1).is_some_and(|next| next.events <= number) {
                    fork += 1;
                }
                let Some(calls) = night.calls.get(&step.id).filter(|_| step.attempt == 1) else {
                    continue;
                };
                let (task, module) = tasks.get(step.task.as_str()).copied().unwrap_or_default();
                steps.push(Step {
                    step: step.clone(),
                    task: task.to_owned(),
                    module: module.to_owned(),
                    acts: calls.acted,
                    calls: calls.clone(),
                    fork,
                });
            }
            _ => {}
        }
    }
    steps
}

/// The undisturbed night, with the federation as it was at the steps.
fn forking(stage: &Stage, start: &Start, left_out: &Arc<LeftOut>) -> io::Result<Night> {
    let beginning = Beginning {
        forks: Some(Arc::clone(left_out)),
        ..Beginning::default()
    };
    night::run(stage, start.now.clone(), beginning)
}

impl Undisturbed {
    /// Runs the plan once without any fault.
    pub fn run(stage: &Stage, start: &Start, zones: &[ZoneOf]) -> io::Result<Self> {
        let night = night::run(stage, start.now.clone(), Beginning::default())?;
        Ok(Self::of(night, start, zones))
    }

    /// As [`Undisturbed::run`] and then [`Undisturbed::keep_forks`] at every host, in one run.
    pub fn forked(stage: &Stage, start: &Start, zones: &[ZoneOf]) -> io::Result<Self> {
        let night = forking(stage, start, &Arc::new(LeftOut::new()))?;
        let mut undisturbed = Self::of(night, start, zones);
        undisturbed.refer_to(stage);
        Ok(undisturbed)
    }

    fn of(night: Night, start: &Start, zones: &[ZoneOf]) -> Self {
        let ended = if night.is_done() {
            Ended::Done
        } else {
            Ended::Stopped
        };
        Self {
            breaches: invariants::judge(zones, &start.before, &night.federation, ended),
            steps: steps_of(&night, &[]),
            night,
            reference: None,
            to_the_end: false,
            start: start.clone(),
        }
    }

    /// Runs it again and keeps the federation as it was at the steps, but for those of hosts that are left out: faults can then strike
    /// there.
    pub fn keep_forks(&mut self, stage: &Stage, left_out: &Arc<LeftOut>) -> io::Result<()> {
        self.night = forking(stage, &self.start, left_out)?;
        self.refer_to(stage);
        Ok(())
    }

    /// Others fork from this night from now on, and join it.
    fn refer_to(&mut self, stage: &Stage) {
        let forks = std::mem::take(&mut self.night.forks);
        self.steps = steps_of(&self.night, &forks);
        let after = self.night.federation.clone();
        let reference = Reference::new(stage, self.night.events.clone(), forks, after);
        self.reference = Some(Arc::new(reference));
    }

    /// The moments at which it can be forked, each with the steps that start there: one at least.
    pub fn moments(&self) -> impl Iterator<Item = (&Federation, &[Step])> {
        let starting = self.steps.chunk_by(|one, other| one.fork == other.fork);
        starting.filter_map(|steps| Some((&self.fork_of(steps.first()?)?.federation, steps)))
    }

    /// Every fault that can strike: at each step those that make a difference there, and each slave away from the beginning; none at
    /// the hosts that are left out.
    pub fn faults(&self, zones: &[ZoneOf], left_out: &LeftOut) -> Vec<Fault> {
        let mut faults = Vec::new();
        let is_in = |host: &str| !left_out.contains_key(host);
        for step in self.steps.iter().filter(|step| is_in(&step.step.host)) {
            faults.extend(step.faults());
        }
        let slaves = zones.iter().filter(|zone| !zone.master && is_in(&zone.host));
        faults.extend(slaves.map(|zone| Fault {
            step: String::new(),
            host: zone.host.clone(),
            kind: Kind::Away,
        }));
        faults
    }

    /// What rehearsals may join.
    pub(super) fn joins(&self) -> Option<&Arc<Reference>> {
        let reference = self.reference.as_ref();
        reference.filter(|_| self.night.is_done() && !self.to_the_end)
    }

    /// Where a step can be forked, if forks were kept.
    pub(super) fn fork_of(&self, step: &Step) -> Option<&Fork> {
        let reference = self.reference.as_ref()?;
        reference.forks.get(step.fork)
    }

    /// Where the undisturbed run is left for a fault.
    pub(super) fn fork_for(&self, fault: &Fault) -> Left<'_> {
        let step = self.steps.iter().find(|step| step.step.id == fault.step);
        match step.and_then(|step| Some((step, self.fork_of(step)?))) {
            Some((step, fork)) if fault.kind != Kind::Away => Left {
                journal: &self.night.events[..fork.events],
                federation: &fork.federation,
                calls: step.calls.clone(),
            },
            _ => Left {
                journal: &[],
                federation: &self.start.now,
                calls: Calls::default(),
            },
        }
    }

    /// Which step of the undisturbed run was at work when, up to the moment a federation is at.
    pub(super) fn work_until(&self, federation: &Federation) -> Vec<Work> {
        let before = |work: &&Work| work.from < federation.now();
        self.night.work.iter().filter(before).cloned().collect()
    }
}

/// Where a run is left.
pub(super) struct Left<'a> {
    pub(super) journal: &'a [Event],
    pub(super) federation: &'a Federation,
    pub(super) calls: Calls,
}
