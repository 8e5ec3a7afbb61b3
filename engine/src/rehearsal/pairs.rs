//! Two faults on one night: the second strikes at a step of what comes after the first.
//!
//! Most first faults lead back to where the undisturbed run has been, or another first fault. From states that are alike (see
//! [`nebplay_twin::kin`]) the same step goes wrong in the same ways, so each is looked at once.

use std::collections::HashSet;
use std::io;
use std::sync::Arc;

use nebplay_twin::kin;
use rayon::prelude::*;

use super::alike::LeftOut;
use super::explore::Course;
use super::fault::Fault;
use super::invariants::ZoneOf;
use super::night::{self, Beginning, Night, Work};
use super::operator::next;
use super::outcome::{Rehearsed, RunOf};
use super::recorder::Strike;
use super::stage::Stage;
use super::undisturbed::{Step, Undisturbed, steps_of};
use crate::events::Event;
use crate::run::Settle;

/// A second fault, and what it comes after.
#[derive(Debug, Clone)]
pub struct Pair {
    first: Fault,
    /// It strikes in the run that the first fault struck, or in the one after it: `resume`, or the way back.
    in_next: bool,
    second: Fault,
}

/// Second faults.
#[derive(Debug, Default)]
pub struct Pairs {
    /// Those to be rehearsed.
    pub new: Vec<Pair>,
    /// How many others strike at the same step, in a state that is like that of one of them or of the undisturbed run.
    pub pruned: usize,
}

/// The second faults that can strike after a first one.
struct After {
    /// Each with the digest of the state it strikes in.
    pairs: Vec<(u64, Pair)>,
    /// How many more strike where the night goes on as the undisturbed one.
    known: usize,
}

/// What comes after a first fault.
struct Aftermath<'a> {
    journal: &'a [Event],
    work: Vec<Work>,
    /// The run that it struck, and the one after it if it stopped.
    nights: Vec<(Night, Vec<Step>)>,
    /// Which run the one after it is.
    next: RunOf,
}

impl Undisturbed {
    /// Every second fault that can strike after one of these, where nothing like it has been looked at before.
    pub fn pairs(
        &self,
        stage: &Stage,
        firsts: &[Fault],
        left_out: &Arc<LeftOut>,
        tick: &(dyn Fn() + Sync),
    ) -> io::Result<Pairs> {
        let found: Vec<After> = firsts
            .par_iter()
            .map(|first| {
                let pairs = self.pairs_after(stage, first, left_out);
                tick();
                pairs
            })
            .collect::<io::Result<_>>()?;
        let mut seen: HashSet<(u64, &str)> = HashSet::new();
        for step in &self.steps {
            seen.extend(
                self.fork_of(step)
                    .map(|fork| (kin::digest(&fork.federation), &*step.step.id)),
            );
        }
        let mut pairs = Pairs::default();
        for after in &found {
            let is_new = |(state, pair): &&(u64, Pair)| !seen.contains(&(*state, &*pair.second.step));
            let new: Vec<&(u64, Pair)> = after.pairs.iter().filter(is_new).collect();
            seen.extend(new.iter().map(|(state, pair)| (*state, &*pair.second.step)));
            pairs.pruned += after.pairs.len() - new.len() + after.known;
            pairs.new.extend(new.into_iter().map(|(_, pair)| pair.clone()));
        }
        Ok(pairs)
    }

    fn pairs_after(&self, stage: &Stage, first: &Fault, left_out: &Arc<LeftOut>) -> io::Result<After> {
        let aftermath = self.aftermath(stage, first, left_out)?;
        let mut pairs = Vec::new();
        let mut known = 0;
        let is_struck = |step: &&Step| !left_out.contains_key(&step.step.host);
        for (number, (night, steps)) in aftermath.nights.iter().enumerate() {
            let is_in = |step: &&Step| is_struck(step) && (number > 0 || step.step.id != first.step);
            if let Some(fork) = night.joined {
                let rest = self.steps.iter().filter(|step| step.fork >= fork);
                known += rest.filter(is_struck).flat_map(Step::faults).count();
            }
            for step in steps.iter().filter(is_in) {
                let state = kin::digest(&night.forks[step.fork].federation);
                pairs.extend(step.faults().map(|second| {
                    let pair = Pair {
                        first: first.clone(),
                        in_next: number > 0,
                        second,
                    };
                    (state, pair)
                }));
            }
        }
        Ok(After { pairs, known })
    }

    fn aftermath(&self, stage: &Stage, first: &Fault, left_out: &Arc<LeftOut>) -> io::Result<Aftermath<'_>> {
        let joins = self.joins();
        let (from, night) = self.struck(stage, first, Some(left_out), joins)?;
        let mut nights = Vec::new();
        let (is_done, mut run) = (night.is_done(), RunOf::Struck);
        let with_steps = |night: Night| {
            let steps = steps_of(&night, &night.forks);
            (night, steps)
        };
        nights.push(with_steps(night));
        if !is_done {
            let night = &nights[0].0;
            let journals = [from.journal, &night.events];
            let next = next(stage, &journals, &night.federation, Some(left_out), joins)?;
            run = next.run;
            nights.push(with_steps(next.night));
        }
        Ok(Aftermath {
            next: run,
            journal: from.journal,
            work: self.work_until(from.federation),
            nights,
        })
    }

    /// All of these, on all cores, in their order. `tick` is called after each.
    pub fn explore_pairs(
        &self,
        stage: &Stage,
        zones: &[ZoneOf],
        pairs: &[Pair],
        left_out: &Arc<LeftOut>,
        tick: &(dyn Fn() + Sync),
    ) -> io::Result<Vec<Rehearsed>> {
        // Those of one first fault share what comes after it.
        let of_one: Vec<&[Pair]> = pairs.chunk_by(|one, other| one.first == other.first).collect();
        let of_each: Vec<Vec<Rehearsed>> = of_one
            .par_iter()
            .map(|pairs| {
                let Some(first) = pairs.first() else {
                    return Ok(Vec::new());
                };
                let aftermath = self.aftermath(stage, &first.first, left_out)?;
                pairs
                    .iter()
                    .map(|pair| {
                        let rehearsed = self.second(stage, zones, pair, &aftermath);
                        tick();
                        rehearsed
                    })
                    .collect()
            })
            .collect::<io::Result<_>>()?;
        Ok(of_each.into_iter().flatten().collect())
    }

    fn second(
        &self,
        stage: &Stage,
        zones: &[ZoneOf],
        pair: &Pair,
        aftermath: &Aftermath<'_>,
    ) -> io::Result<Rehearsed> {
        let number = usize::from(pair.in_next);
        let run = if pair.in_next {
            aftermath.next
        } else {
            RunOf::Struck
        };
        let goes_back = run == RunOf::WayBack;
        let way_back = stage.way_back().filter(|_| goes_back);
        let (night, steps) = &aftermath.nights[number];
        let step = steps.iter().find(|step| step.step.id == pair.second.step);
        let step = step.ok_or_else(|| io::Error::other("the same run took another course"))?;
        let fork = &night.forks[step.fork];
        let mut journals = vec![aftermath.journal];
        let mut work = aftermath.work.clone();
        for (night, _) in &aftermath.nights[..number] {
            journals.push(&night.events);
            work.extend(night.work.iter().cloned());
        }
        if matches!(run, RunOf::WayBack | RunOf::Anew) {
            journals.clear();
        }
        journals.push(&night.events[..fork.events]);
        let until_then = |work: &&Work| work.from < fork.federation.now();
        work.extend(night.work.iter().filter(until_then).map(|work| Work {
            of_way_back: goes_back,
            ..work.clone()
        }));
        let settle = Settle {
            in_doubt: None,
            retry_failed: run == RunOf::Resume,
        };
        let rehearsed = self.ended_early_or_whole(|joins| {
            let beginning = Beginning {
                journal: &journals,
                settle,
                strike: Some(Strike::of(pair.second.clone(), &step.calls)),
                joins: joins.filter(|_| !goes_back).cloned(),
                ..Beginning::default()
            };
            let course = Course {
                journals: journals.clone(),
                work: work.clone(),
                night: night::run(way_back.unwrap_or(stage), fork.federation.clone(), beginning)?,
                goes_back,
            };
            self.go_on(stage, zones, &pair.second, course, joins)
        })?;
        Ok(Rehearsed {
            after: Some(pair.first.clone()),
            ..rehearsed
        })
    }
}
