//! Every fault at every step: the run up to it, the fault, and what an operator does next.

use std::io;
use std::sync::Arc;

use rayon::prelude::*;

use super::alike::LeftOut;
use super::fault::Fault;
use super::invariants::{self, Ended, ZoneOf};
use super::joined::Reference;
use super::night::{self, Beginning, Night, Work};
use super::operator::{mended, next};
use super::outcome::{Outcome, Rehearsed, RunEnd, RunOf};
use super::recorder::Strike;
use super::stage::Stage;
use super::undisturbed::{Left, Undisturbed};
use crate::events::Event;

impl Undisturbed {
    /// One rehearsal.
    pub fn rehearse(&self, stage: &Stage, zones: &[ZoneOf], fault: &Fault) -> io::Result<Rehearsed> {
        self.ended_early_or_whole(|joins| {
            let (fork, night) = self.struck(stage, fault, None, joins)?;
            let course = Course {
                journals: vec![fork.journal],
                work: self.work_until(fork.federation),
                night,
                goes_back: false,
            };
            self.go_on(stage, zones, fault, course, joins)
        })
    }

    /// Where the undisturbed run is left for a fault, and the run from there on, which it strikes. `forks`, `joins`: see [`Beginning`].
    pub(super) fn struck(
        &self,
        stage: &Stage,
        fault: &Fault,
        forks: Option<&Arc<LeftOut>>,
        joins: Option<&Arc<Reference>>,
    ) -> io::Result<(Left<'_>, Night)> {
        let fork = self.fork_for(fault);
        let beginning = Beginning {
            journal: &[fork.journal],
            strike: Some(Strike::of(fault.clone(), &fork.calls)),
            forks: forks.cloned(),
            joins: joins.cloned(),
            ..Beginning::default()
        };
        let night = night::run(stage, fork.federation.clone(), beginning)?;
        Ok((fork, night))
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
        let way = |goes_back: bool| stage.way_back().filter(|_| goes_back).unwrap_or(stage);
        if !night.is_done() {
            let next = next(way(goes_back), &journals, &night.federation, None, joins)?;
            if let Some(mut refused) = next.refused {
                runs.push((RunOf::WayBack, RunEnd::of(&refused)));
                keep(&mut refused, true);
            }
            outcome = match next.run {
                RunOf::Anew => Outcome::RunAnew,
                RunOf::Struck | RunOf::Resume | RunOf::WayBack => Outcome::Resumed,
            };
            goes_back |= next.run == RunOf::WayBack;
            night = next.night;
            runs.push((next.run, RunEnd::of(&night)));
            keep(&mut night, goes_back);
        }
        if !night.is_done() {
            outcome = Outcome::RunAnew;
            let beginning = Beginning {
                joins: joins.filter(|_| !goes_back).cloned(),
                ..Beginning::default()
            };
            night = night::run(way(goes_back), mended(&night.federation), beginning)?;
            runs.push((RunOf::Anew, RunEnd::of(&night)));
            keep(&mut night, goes_back);
        }
        let ended = match (night.is_done(), goes_back) {
            (false, _) => Ended::Stopped,
            (true, false) => Ended::Done,
            (true, true) => Ended::WentBack,
        };
        let breaches = match (night.joined, joins) {
            (Some(fork), Some(reference)) => {
                reference.judge(zones, &self.start.before, &night.federation, fork)
            }
            _ => invariants::judge(zones, &self.start.before, &night.federation, ended),
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
