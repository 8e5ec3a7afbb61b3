//! Every fault at every step: the run up to it, the fault, and what an operator does next.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use nebplay_twin::federation::Federation;
use rayon::prelude::*;

use super::alike::LeftOut;
use super::fault::{Fault, Kind};
use super::invariants::{self, Breach, Ended, Evidence, ZoneOf};
use super::joined::Reference;
use super::night::{self, Beginning, Night, Work};
use super::outcome::{Outcome, Rehearsed, RunEnd, RunOf};
use super::recorder::{Calls, Fork, Strike};
use super::stage::Stage;
use crate::events::{Event, RunResult, StepRef, What};
use crate::run::{Settle, Summary};

/// How long an operator takes to look and to mend something.
const MENDING: Duration = Duration::from_mins(10);

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
    start: Start,
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

/// Runs the plan once without any fault.
pub fn undisturbed(stage: &Stage, start: &Start, zones: &[ZoneOf]) -> io::Result<Undisturbed> {
    let night = night::run(stage, start.now.clone(), Beginning::default())?;
    let steps = steps_of(&night, &[]);
    let done = night
        .summary
        .as_ref()
        .is_some_and(|summary| summary.result == RunResult::Ok);
    let breaches = judge(
        zones,
        &start.before,
        &night.federation,
        if done { Ended::Done } else { Ended::Stopped },
    );
    Ok(Undisturbed {
        night,
        breaches,
        steps,
        reference: None,
        to_the_end: false,
        start: start.clone(),
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

impl Undisturbed {
    /// Runs it again and keeps the federation as it was at the steps, but for those of hosts that are left out: faults can then strike
    /// there.
    pub fn keep_forks(&mut self, stage: &Stage, left_out: &Arc<LeftOut>) -> io::Result<()> {
        let beginning = Beginning {
            forks: Some(Arc::clone(left_out)),
            ..Beginning::default()
        };
        self.night = night::run(stage, self.start.now.clone(), beginning)?;
        let forks = std::mem::take(&mut self.night.forks);
        self.steps = steps_of(&self.night, &forks);
        let after = self.night.federation.clone();
        let reference = Reference::new(stage, self.night.events.clone(), forks, after);
        self.reference = Some(Arc::new(reference));
        Ok(())
    }

    /// The moments at which it can be forked, each with the name of the task that is about to start.
    pub fn moments(&self) -> impl Iterator<Item = (&str, &Federation)> {
        let reference = self.reference.iter();
        let forks = reference.flat_map(|reference| reference.forks.iter().enumerate());
        forks.filter_map(|(number, fork)| {
            let step = self.steps.iter().find(|step| step.fork == number)?;
            Some((step.task.as_str(), &fork.federation))
        })
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

    /// One rehearsal.
    pub fn rehearse(&self, stage: &Stage, zones: &[ZoneOf], fault: &Fault) -> io::Result<Rehearsed> {
        self.ended_early_or_whole(|joins| {
            let fork = self.fork_for(fault);
            let beginning = Beginning {
                journal: &[fork.journal],
                strike: Some(Strike::of(fault.clone(), &fork.calls)),
                joins: joins.cloned(),
                ..Beginning::default()
            };
            let course = Course {
                journals: vec![fork.journal],
                work: self.work_until(fork.federation),
                night: night::run(stage, fork.federation.clone(), beginning)?,
                goes_back: false,
            };
            self.go_on(stage, zones, fault, course, joins)
        })
    }

    /// A rehearsal that is ended where it joins the undisturbed run, if it may; one that breaks a rule is told as a whole.
    pub(super) fn ended_early_or_whole(
        &self,
        rehearse: impl Fn(Option<&Arc<Reference>>) -> io::Result<Rehearsed>,
    ) -> io::Result<Rehearsed> {
        let rehearsed = rehearse(self.joins())?;
        let is_to_be_told = rehearsed.joined && rehearsed.outcome == Outcome::Violation;
        if is_to_be_told {
            rehearse(None)
        } else {
            Ok(rehearsed)
        }
    }

    /// What rehearsals may join.
    pub(super) fn joins(&self) -> Option<&Arc<Reference>> {
        let reference = self.reference.as_ref();
        reference.filter(|_| done(&self.night) && !self.to_the_end)
    }

    /// Where the undisturbed run is left for a fault.
    pub(super) fn fork_for(&self, fault: &Fault) -> Left<'_> {
        let step = self.steps.iter().find(|step| step.step.id == fault.step);
        match (step, &self.reference) {
            (Some(step), Some(reference)) if fault.kind != Kind::Away => {
                let fork = &reference.forks[step.fork];
                Left {
                    journal: &self.night.events[..fork.events],
                    federation: &fork.federation,
                    calls: step.calls.clone(),
                }
            }
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

    /// What an operator does after a fault, to the end; and what to think of it.
    pub(super) fn go_on(
        &self,
        stage: &Stage,
        zones: &[ZoneOf],
        fault: &Fault,
        course: Course<'_>,
        joins: Option<&Arc<Reference>>,
    ) -> io::Result<Rehearsed> {
        let Course {
            mut journals,
            mut work,
            mut night,
            mut goes_back,
        } = course;
        let struck = night.struck;
        let mut outcome = Outcome::Completed;
        let mut runs = vec![(RunOf::Struck, RunEnd::of(&night))];
        let mut keep = |night: &mut Night, of_way_back: bool| {
            let done = std::mem::take(&mut night.work).into_iter();
            work.extend(done.map(|work| Work { of_way_back, ..work }));
        };
        keep(&mut night, goes_back);
        let events = std::mem::take(&mut night.events);
        journals.push(&events);
        // Who is going back goes on with that.
        let way = |goes_back: bool| {
            let way_back = stage.way_back.as_deref();
            way_back.filter(|_| goes_back).unwrap_or(stage)
        };
        if !done(&night) {
            outcome = Outcome::Resumed;
            let next = next(way(goes_back), &journals, &night.federation, None, joins)?;
            if let Some(mut refused) = next.refused {
                runs.push((RunOf::WayBack, RunEnd::of(&refused)));
                keep(&mut refused, true);
            }
            let run = if next.goes_back {
                RunOf::WayBack
            } else {
                RunOf::Resume
            };
            goes_back |= next.goes_back;
            night = next.night;
            runs.push((run, RunEnd::of(&night)));
            keep(&mut night, goes_back);
        }
        if !done(&night) {
            outcome = Outcome::RunAnew;
            let beginning = Beginning {
                joins: joins.filter(|_| !goes_back).cloned(),
                ..Beginning::default()
            };
            night = night::run(way(goes_back), mended(&night.federation), beginning)?;
            runs.push((RunOf::Anew, RunEnd::of(&night)));
            keep(&mut night, goes_back);
        }
        let ended = match (done(&night), goes_back) {
            (false, _) => Ended::Stopped,
            (true, false) => Ended::Done,
            (true, true) => Ended::WentBack,
        };
        let breaches = match (night.joined, joins) {
            (Some(fork), Some(reference)) => {
                reference.judge(zones, &self.start.before, &night.federation, fork)
            }
            _ => judge(zones, &self.start.before, &night.federation, ended),
        };
        match ended {
            Ended::Done => {}
            Ended::WentBack => outcome = Outcome::WentBack,
            Ended::Stopped => outcome = Outcome::StoppedSafely,
        }
        if !breaches.is_empty() {
            outcome = Outcome::Violation;
        }
        let is_kept = !breaches.is_empty();
        let deeds = || night.federation.deeds.in_order().into_iter().cloned().collect();
        Ok(Rehearsed {
            fault: fault.clone(),
            after: None,
            outcome,
            struck,
            joined: night.joined.is_some(),
            work: if is_kept { work } else { Vec::new() },
            deeds: if is_kept { deeds() } else { Vec::new() },
            breaches,
            runs,
        })
    }

    /// All of these, on all cores, in their order. `tick` is called after each.
    pub fn explore(
        &self,
        stage: &Stage,
        zones: &[ZoneOf],
        faults: &[Fault],
        tick: &(dyn Fn() + Sync),
    ) -> io::Result<Vec<Rehearsed>> {
        let one = |fault| {
            let rehearsed = self.rehearse(stage, zones, fault);
            tick();
            rehearsed
        };
        faults.par_iter().map(one).collect()
    }
}

/// Where a run is left.
pub(super) struct Left<'a> {
    pub(super) journal: &'a [Event],
    pub(super) federation: &'a Federation,
    pub(super) calls: Calls,
}

/// A night so far.
pub(super) struct Course<'a> {
    /// Its journals before the last run.
    pub(super) journals: Vec<&'a [Event]>,
    /// What was at work before that run.
    pub(super) work: Vec<Work>,
    /// The last run.
    pub(super) night: Night,
    /// It is one of the playbook that leads back, and its journals are that one's.
    pub(super) goes_back: bool,
}

/// What is run after a run that stopped.
pub(super) struct Next {
    /// The playbook that leads back, where it refused.
    pub(super) refused: Option<Night>,
    /// What came to an end, or stopped too.
    pub(super) night: Night,
    /// That is the playbook that leads back.
    pub(super) goes_back: bool,
}

/// Runs it, after what an operator mends: the playbook that leads back, if there is one; where it refuses, the way on is open, `nebplay
/// resume`.
pub(super) fn next(
    stage: &Stage,
    journals: &[&[Event]],
    federation: &Federation,
    forks: Option<&Arc<LeftOut>>,
    joins: Option<&Arc<Reference>>,
) -> io::Result<Next> {
    let mut refused = None;
    if let Some(way_back) = &stage.way_back {
        let beginning = Beginning {
            forks: forks.cloned(),
            ..Beginning::default()
        };
        let night = night::run(way_back, mended(federation), beginning)?;
        if done(&night) {
            return Ok(Next {
                refused,
                night,
                goes_back: true,
            });
        }
        refused = Some(night);
    }
    let beginning = Beginning {
        journal: journals,
        settle: Settle {
            in_doubt: None,
            retry_failed: true,
        },
        forks: forks.cloned(),
        joins: joins.cloned(),
        ..Beginning::default()
    };
    let federation = refused.as_ref().map_or(federation, |night| &night.federation);
    Ok(Next {
        night: night::run(stage, mended(federation), beginning)?,
        refused,
        goes_back: false,
    })
}

pub(super) fn done(night: &Night) -> bool {
    let is_ok = |summary: &Summary| summary.result == RunResult::Ok;
    night.joined.is_some() || night.summary.as_ref().is_some_and(is_ok)
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
