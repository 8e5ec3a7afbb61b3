//! Every fault at every step: the run up to it, the fault, and what an operator does next.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use nebplay_twin::deeds::Deed;
use nebplay_twin::federation::Federation;
use rayon::prelude::*;

use super::fault::{Fault, Kind};
use super::invariants::{self, Breach, Ended, Evidence, ZoneOf};
use super::night::{self, Beginning, Night, Work};
use super::recorder::{Calls, Fork, Strike};
use super::stage::Stage;
use crate::events::{Event, RunResult, StepRef, What};
use crate::run::Settle;

/// How long an operator takes to look and to mend something.
const MENDING: Duration = Duration::from_mins(10);

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
    /// It stopped for good, in a state that one can go back from.
    StoppedSafely,
    /// A rule was broken.
    Violation,
}

/// One rehearsal with a fault.
#[derive(Debug, Clone)]
pub struct Rehearsed {
    /// What went wrong.
    pub fault: Fault,
    /// How it ended.
    pub outcome: Outcome,
    /// The rules that were broken.
    pub breaches: Vec<Breach>,
    /// Why it stopped the last time, if it did.
    pub stopped: Option<String>,
    /// Whether the fault came to pass at all.
    pub struck: bool,
    /// What was done, in order; kept where a rule was broken.
    pub deeds: Vec<Deed>,
    /// Which step was at work when; kept where a rule was broken.
    pub work: Vec<Work>,
}

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
    fork: usize,
}

/// The undisturbed run, and where it can be forked.
pub struct Undisturbed {
    /// The run.
    pub night: Night,
    /// What broke rules although nothing went wrong.
    pub breaches: Vec<Breach>,
    /// Its steps, those that were not skipped.
    pub steps: Vec<Step>,
    forks: Vec<Fork>,
    before: Federation,
}

/// Runs the plan once without any fault.
pub fn undisturbed(stage: &Stage, federation: &Federation, zones: &[ZoneOf]) -> io::Result<Undisturbed> {
    let beginning = Beginning {
        forks: true,
        ..Beginning::default()
    };
    let mut night = night::run(stage, federation.clone(), beginning)?;
    let forks = std::mem::take(&mut night.forks);
    let steps = steps_of(&night, &forks);
    let done = night
        .summary
        .as_ref()
        .is_some_and(|summary| summary.result == RunResult::Ok);
    let breaches = judge(
        zones,
        federation,
        &night.federation,
        if done { Ended::Done } else { Ended::Stopped },
    );
    Ok(Undisturbed {
        night,
        breaches,
        steps,
        forks,
        before: federation.clone(),
    })
}

fn judge(zones: &[ZoneOf], before: &Federation, after: &Federation, ended: Ended) -> Vec<Breach> {
    let deeds = after.deeds.in_order();
    invariants::check(&Evidence {
        zones,
        before,
        deeds: &deeds,
        after,
        ended,
    })
}

fn steps_of(night: &Night, forks: &[Fork]) -> Vec<Step> {
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

impl Undisturbed {
    /// Every fault that can strike: at each step those that make a difference there, and each slave away from the beginning.
    pub fn faults(&self, zones: &[ZoneOf]) -> Vec<Fault> {
        let mut faults = Vec::new();
        for step in &self.steps {
            let kinds = Kind::ALL.into_iter().filter(|kind| match kind {
                Kind::Away => false,
                Kind::KilledDuring | Kind::FailsAfter | Kind::LostAfter => step.calls.effect().is_some(),
                Kind::DiskFull | Kind::Fails => step.calls.effect().is_some(),
                _ => true,
            });
            faults.extend(kinds.map(|kind| Fault {
                step: step.step.id.clone(),
                host: step.step.host.clone(),
                kind,
            }));
        }
        faults.extend(zones.iter().filter(|zone| !zone.master).map(|zone| Fault {
            step: String::new(),
            host: zone.host.clone(),
            kind: Kind::Away,
        }));
        faults
    }

    fn step(&self, id: &str) -> Option<&Step> {
        self.steps.iter().find(|step| step.step.id == id)
    }

    /// One rehearsal.
    pub fn rehearse(&self, stage: &Stage, zones: &[ZoneOf], fault: &Fault) -> io::Result<Rehearsed> {
        let (journal, federation, calls): (&[Event], &Federation, Calls) = match self.step(&fault.step) {
            Some(step) if fault.kind != Kind::Away => {
                let fork = &self.forks[step.fork];
                (
                    &self.night.events[..fork.events],
                    &fork.federation,
                    step.calls.clone(),
                )
            }
            _ => (&[], &self.before, Calls::default()),
        };
        let first = night::run(
            stage,
            federation.clone(),
            Beginning {
                journal: &[journal],
                strike: Some(Strike::of(fault.clone(), &calls)),
                ..Beginning::default()
            },
        )?;
        let mut outcome = Outcome::Completed;
        let mut night = first;
        let struck = night.struck;
        let before_fork = if journal.is_empty() {
            &[][..]
        } else {
            &self.night.work[..]
        };
        let mut work: Vec<Work> = before_fork
            .iter()
            .filter(|work| work.from < federation.now())
            .chain(&night.work)
            .cloned()
            .collect();
        if !done(&night) {
            outcome = Outcome::Resumed;
            let federation = mended(&night.federation);
            let events = std::mem::take(&mut night.events);
            night = night::run(
                stage,
                federation,
                Beginning {
                    journal: &[journal, &events],
                    settle: Settle {
                        in_doubt: None,
                        retry_failed: true,
                    },
                    ..Beginning::default()
                },
            )?;
            work.extend(night.work.iter().cloned());
        }
        if !done(&night) {
            outcome = Outcome::RunAnew;
            night = night::run(stage, mended(&night.federation), Beginning::default())?;
            work.extend(night.work.iter().cloned());
        }
        let ended = if done(&night) { Ended::Done } else { Ended::Stopped };
        let breaches = judge(zones, &self.before, &night.federation, ended);
        if ended == Ended::Stopped {
            outcome = Outcome::StoppedSafely;
        }
        if !breaches.is_empty() {
            outcome = Outcome::Violation;
        }
        let stopped = night.summary.as_ref().and_then(|summary| {
            let failed = summary.failures.first()?;
            Some(format!(
                "\"{}\" on {}: {}",
                failed.task, failed.host, failed.failure.message
            ))
        });
        Ok(Rehearsed {
            fault: fault.clone(),
            outcome,
            struck,
            work: if breaches.is_empty() { Vec::new() } else { work },
            deeds: if breaches.is_empty() {
                Vec::new()
            } else {
                night.federation.deeds.in_order().into_iter().cloned().collect()
            },
            breaches,
            stopped,
        })
    }

    /// All of these, on all cores, in their order.
    pub fn explore(&self, stage: &Stage, zones: &[ZoneOf], faults: &[Fault]) -> io::Result<Vec<Rehearsed>> {
        faults
            .par_iter()
            .map(|fault| self.rehearse(stage, zones, fault))
            .collect()
    }
}

fn done(night: &Night) -> bool {
    night
        .summary
        .as_ref()
        .is_some_and(|summary| summary.result == RunResult::Ok)
}

/// What an operator does before going on: room is made on full disks, and some time passes.
fn mended(federation: &Federation) -> Federation {
    let mut federation = federation.clone();
    for at in 0..federation.len() {
        if federation.machine(at).files.full {
            federation.machine_mut(at).files.full = false;
        }
    }
    let then = federation.now() + MENDING;
    federation.advance(then);
    federation
}
