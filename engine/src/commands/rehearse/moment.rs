//! `--from-live` in the middle of a night: the moment of the undisturbed run at which the zones stood as they stand now, or the stop in the
//! middle of a step, by whatever can go wrong there, that leaves them so. What nobody can see from outside is then as it was there.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::sync::Arc;

use nebplay_modules::host::Host;
use nebplay_modules::module::Secrets;
use nebplay_modules::opennebula::onedb::Access;
use nebplay_modules::opennebula::stand::Stand;
use nebplay_twin::federation::Federation;
use nebplay_twin::twin::Twin;

use super::failed;
use crate::commands::error::CommandError;
use crate::rehearsal::alike::LeftOut;
use crate::rehearsal::invariants::ZoneOf;
use crate::rehearsal::night;
use crate::rehearsal::stage::Stage;
use crate::rehearsal::undisturbed::{Start, Step, Undisturbed};

/// A moment, and where in the playbook it is: `before "TASK"`.
pub(super) struct Moment {
    pub(super) start: Start,
    pub(super) place: String,
}

/// Finds it. `stands`: where the zones stand now, in their order.
pub(super) fn find(
    stage: &Stage,
    before: Federation,
    zones: &[ZoneOf],
    stands: &[&Stand],
) -> Result<Moment, CommandError> {
    let start = Start::from(before);
    let mut run = Undisturbed::run(stage, &start, zones).map_err(failed)?;
    run.keep_forks(stage, &Arc::new(LeftOut::new())).map_err(failed)?;
    let now = Now { stage, zones, stands };
    let mut between = Vec::new();
    for (federation, steps) in run.moments() {
        let Some(first) = steps.first() else { continue };
        let compared = now.compare(federation, format!("before \"{}\"", first.task))?;
        between.push((compared, steps));
    }
    let mut nearest = None;
    for (compared, _) in &between {
        compared.if_nearer(&mut nearest);
    }
    let in_the_middle = if nearest.as_ref().is_some_and(|nearest| nearest.differs.is_empty()) {
        Vec::new()
    } else {
        in_the_middle(&now, &run, &between)?
    };
    for compared in &in_the_middle {
        compared.if_nearer(&mut nearest);
    }
    let nearest = nearest.ok_or_else(|| {
        CommandError::usage(
            "a night is under way, and this playbook has no step that it could be at: rehearse the one that was stopped",
        )
    })?;
    match nearest.differs.first() {
        None => Ok(Moment {
            start: Start {
                now: nearest.federation.clone(),
                ..start
            },
            place: nearest.place.clone(),
        }),
        Some((host, now, then)) => Err(CommandError::Usage {
            message: format!(
                "a night is under way, and neither between two steps of this playbook nor after any fault in the middle of one do the zones \
                 stand as they do now; they are nearest to how they stand {}, where {host} differs:\n  now: {now}\n  then: {then}",
                nearest.place
            ),
            help: Some(
                "`nebplay status` shows how far each zone is, `nebplay resume` goes on; a night of another playbook is rehearsed with that \
                 one"
                .to_owned(),
            ),
        }),
    }
}

/// The moments between steps, each with the steps that start there.
type Between<'a> = [(Compared, &'a [Step])];

/// The stops at the steps that can have made the difference. Of a task that acts in several zones at once, the others may have been done
/// with it, or not begun.
fn in_the_middle(
    now: &Now<'_>,
    run: &Undisturbed,
    between: &Between<'_>,
) -> Result<Vec<Compared>, CommandError> {
    let mut steps = Vec::new();
    for (compared, starting) in between {
        let made_it = |step: &&Step| step.acts && compared.differs_by(run, step);
        steps.extend(starting.iter().filter(made_it));
    }
    let mut found = Vec::new();
    for stop in run.stops(now.stage, &steps).map_err(failed)? {
        let Some(step) = steps.iter().find(|step| step.step.id == stop.fault.step) else {
            continue;
        };
        let place = format!(
            "in the middle of \"{}\" on {}, where {}",
            step.task,
            stop.fault.host,
            stop.fault.kind.sentence()
        );
        for federation in [&stop.then, &stop.later] {
            let compared = now.compare(federation, place.clone())?;
            let with_the_others = compared.with_the_others(step, around(between, step));
            found.push(now.compare(&with_the_others, compared.place)?);
        }
    }
    Ok(found)
}

/// The moments from the start of a step's task to the first one after it.
fn around<'a, 'b>(between: &'a Between<'b>, step: &Step) -> &'a Between<'b> {
    let has_it =
        |(_, steps): &(Compared, &[Step])| steps.iter().any(|other| other.step.task == step.step.task);
    let first = between.iter().position(has_it).unwrap_or(0);
    let last = between.iter().rposition(has_it).unwrap_or(0);
    &between[first..between.len().min(last + 2)]
}

/// The zones as they are.
struct Now<'a> {
    stage: &'a Stage,
    zones: &'a [ZoneOf],
    stands: &'a [&'a Stand],
}

/// A moment, held to the zones as they are.
struct Compared {
    place: String,
    federation: Federation,
    /// All notes are of this night: it is the very moment, and none before it.
    exactly: bool,
    /// The zones that are another: now, and then.
    differs: Vec<(String, Stand, Stand)>,
}

impl Now<'_> {
    fn compare(&self, federation: &Federation, place: String) -> Result<Compared, CommandError> {
        let mut compared = Compared {
            place,
            federation: federation.clone(),
            exactly: true,
            differs: Vec::new(),
        };
        for (zone, now) in self.zones.iter().zip(self.stands) {
            let then = on_the_twin(federation, &zone.host, &*self.stage.secrets).map_err(failed)?;
            compared.exactly &= now.notes == then.notes;
            if !now.is_as(&then) {
                compared.differs.push((zone.host.clone(), (*now).clone(), then));
            }
        }
        Ok(compared)
    }
}

impl Compared {
    fn is_another(&self, zone: &str) -> bool {
        self.differs.iter().any(|(host, ..)| host == zone)
    }

    /// Whether it is nothing but this step's task, wherever it acts, that can have made the difference.
    fn differs_by(&self, run: &Undisturbed, step: &Step) -> bool {
        let of_task = run.steps.iter().filter(|other| other.step.task == step.step.task);
        let acts_on: BTreeSet<&str> = of_task.map(|step| step.step.host.as_str()).collect();
        self.differs
            .iter()
            .all(|(host, ..)| acts_on.contains(host.as_str()))
    }

    /// The federation with the zones that differ, but for the step's own, as they were at one of these moments, if they stood there as
    /// they do now.
    fn with_the_others(&self, step: &Step, moments: &Between<'_>) -> Federation {
        let mut federation = self.federation.clone();
        let others = self.differs.iter().map(|(host, ..)| host);
        for host in others.filter(|host| **host != step.step.host) {
            let there = moments.iter().find(|(moment, _)| !moment.is_another(host));
            if let (Some((moment, _)), Some(at)) = (there, federation.find(host)) {
                federation.put(at, &moment.federation);
            }
        }
        federation
    }

    /// Of moments that are alike the first one is taken: what was done after it is done again.
    fn if_nearer<'a>(&'a self, nearest: &mut Option<&'a Self>) {
        let rank = |compared: &Self| {
            let differ = compared.differs.len();
            (Reverse(differ), differ == 0 && compared.exactly)
        };
        if nearest.is_none_or(|nearest| rank(self) > rank(nearest)) {
            *nearest = Some(self);
        }
    }
}

/// Where a zone of the twin stands.
fn on_the_twin(federation: &Federation, host: &str, secrets: &dyn Secrets) -> std::io::Result<Stand> {
    let stand = night::in_virtual_time(async {
        let twin = Twin::new(federation.clone());
        let host = twin.host(host)?;
        let host: &dyn Host = &host;
        let access = Access::of_host(host, secrets, None).await.ok()?;
        Stand::of(host, &access).await.ok()
    })?;
    Ok(stand.unwrap_or_default())
}

#[cfg(test)]
mod tests;
