//! A night that has come to where the undisturbed one was, and goes on as that did: there it is ended, and the rest is known.
//!
//! It has come there where it is about to start the same step, nothing tells the two federations apart ([`nebplay_twin::apart`]), and
//! the two runs stand alike ([`Replay::standing`]): the state of a run is the fold of its events.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, OnceLock};

use nebplay_modules::job;
use nebplay_twin::apart;
use nebplay_twin::deeds::{Act, Deed};
use nebplay_twin::federation::Federation;

use super::invariants::{self, Breach, Ended, Evidence, ZoneOf};
use super::recorder::Fork;
use super::stage::Stage;
use crate::events::{Event, StepRef, What};
use crate::run::{Compared, Replay};

/// The undisturbed run, as others fork from it and join it.
pub(super) struct Reference {
    events: Vec<Event>,
    /// The moments at which no step was under way.
    pub(super) forks: Vec<Fork>,
    /// The number of the fork at which a step starts, by the step's identity.
    at: HashMap<String, usize>,
    /// Where the run stood at each fork, once somebody has asked.
    standings: Vec<OnceLock<Option<u64>>>,
    /// By what the names of a step's jobs end in: how many events had happened when it started.
    jobs: HashMap<String, usize>,
    /// The tasks of which nobody reads later on what they came to.
    unread: HashSet<String>,
    /// The federation after it.
    after: Federation,
}

impl Reference {
    /// Of a run that came to its end with these events, and left this.
    pub(super) fn new(stage: &Stage, events: Vec<Event>, forks: Vec<Fork>, after: Federation) -> Self {
        let started = |event: &Event| match &event.what {
            What::StepStarted { step } => Some(step.clone()),
            _ => None,
        };
        let steps = events.iter().enumerate();
        let steps: Vec<(usize, StepRef)> = steps
            .filter_map(|(number, event)| Some((number, started(event)?)))
            .collect();
        let at = forks.iter().enumerate().filter_map(|(number, fork)| {
            let step = started(events.get(fork.events)?)?;
            Some((step.id, number))
        });
        let jobs = steps
            .iter()
            .map(|(number, step)| (job::name(&step.id, ""), *number));
        let mut unread = HashSet::new();
        stage.plan.each_task(&mut |task| {
            if task.task.register.is_none() {
                unread.insert(task.id.clone());
            }
        });
        Self {
            at: at.collect(),
            standings: forks.iter().map(|_| OnceLock::new()).collect(),
            jobs: jobs.collect(),
            unread,
            forks,
            events,
            after,
        }
    }

    /// What to think of a night that joined it at a fork: of the deeds that led there, and of those that followed.
    pub(super) fn judge(
        &self,
        zones: &[ZoneOf],
        before: &Federation,
        joined: &Federation,
        fork: usize,
    ) -> Vec<Breach> {
        let known = self.forks[fork].federation.deeds.in_order().len();
        // What clients wrote before is in every zone, or the night had not joined; it is not in the zones of the undisturbed run.
        let is_of_client = |deed: &&Deed| matches!(deed.act, Act::Acknowledged { .. });
        let led_there = joined.deeds.in_order().into_iter();
        let mut deeds: Vec<&Deed> = led_there.filter(|deed| !is_of_client(deed)).collect();
        deeds.extend(self.after.deeds.in_order().into_iter().skip(known));
        invariants::check(&Evidence {
            zones,
            before,
            deeds: &deeds,
            after: &self.after,
            ended: Ended::Done,
        })
    }

    fn stands(&self, run: &Replay) -> Option<u64> {
        run.standing(&Compared {
            is_read: &|task| !self.unread.contains(task),
            plain: &apart::without_times,
        })
    }

    /// Where this run stood at a fork.
    fn stood(&self, fork: usize) -> Option<u64> {
        *self.standings[fork].get_or_init(|| {
            let until_then = &self.events[..self.forks[fork].events];
            self.stands(&Replay::of(until_then))
        })
    }
}

/// A run that may join another.
pub(super) struct Joining {
    reference: Arc<Reference>,
    /// What it has come to so far.
    so_far: Replay,
}

impl Joining {
    /// One that goes on from this journal.
    pub(super) fn new<'a>(reference: Arc<Reference>, journal: impl Iterator<Item = &'a Event>) -> Self {
        Self {
            reference,
            so_far: Replay::of(journal),
        }
    }

    /// Something happened.
    pub(super) fn learn(&self, event: &Event) {
        self.so_far.learn(event);
    }

    /// The fork it has come to, about to start this step and with nothing else under way.
    pub(super) fn joined(&self, step: &str, federation: &Federation) -> Option<usize> {
        let number = *self.reference.at.get(step)?;
        let fork = &self.reference.forks[number];
        // What an earlier step started, nobody asks for any more.
        let is_over = |job: &str| {
            let of = job.rfind('-').and_then(|at| self.reference.jobs.get(&job[at..]));
            of.is_some_and(|began| *began < fork.events)
        };
        if apart::difference(federation, &fork.federation, &is_over).is_some() {
            return None;
        }
        let stands = self.reference.stands(&self.so_far)?;
        (Some(stands) == self.reference.stood(number)).then_some(number)
    }
}
