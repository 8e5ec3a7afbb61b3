//! `--from-live` in the middle of a night: the moment of the undisturbed run at which the zones stood as they stand now, or the stop in the
//! middle of a step, by whatever can go wrong there, that leaves them so. What nobody can see from outside is then as it was there.

mod standing;

use nebplay_modules::opennebula::stand::Stand;
use nebplay_twin::federation::Federation;

use super::failed;
use crate::commands::error::CommandError;
use crate::rehearsal::invariants::ZoneOf;
use crate::rehearsal::stage::Stage;
use crate::rehearsal::undisturbed::{Start, Step, Undisturbed};
use standing::{Now, Standing};

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
    let run = Undisturbed::forked(stage, &start, zones).map_err(failed)?;
    let now = Now { stage, zones, stands };
    let between: Vec<Between<'_>> = run
        .moments()
        .filter_map(|(federation, steps)| {
            let place = format!("before \"{}\"", steps.first()?.task);
            Some((now.against(federation.clone(), place), steps))
        })
        .collect();
    let nearest = nearest(between.iter().map(|(moment, _)| moment))?;
    let in_the_middle = match nearest {
        Some(moment) if moment.is_now()? => None,
        _ => in_the_middle(&now, &run, &between)?,
    };
    let Some(nearest) = in_the_middle.as_ref().or(nearest) else {
        return Err(CommandError::usage(
            "a night is under way, and this playbook has no step that it could be at: rehearse the one that was stopped",
        ));
    };
    let place = nearest.place.clone();
    match nearest.first_difference()? {
        None => Ok(Moment {
            start: Start {
                now: nearest.federation.clone(),
                ..start
            },
            place,
        }),
        Some((host, now, then)) => Err(CommandError::Usage {
            message: format!(
                "a night is under way, and neither between two steps of this playbook nor after any fault in the middle of one do the zones \
                 stand as they do now; they are nearest to how they stand {place}, where {host} differs:\n  now: {now}\n  then: {then}"
            ),
            help: Some(
                "`nebplay status` shows how far each zone is, `nebplay resume` goes on; a night of another playbook is rehearsed with that \
                 one"
                .to_owned(),
            ),
        }),
    }
}

/// A moment between steps, and those that start there.
type Between<'a> = (Standing<'a>, &'a [Step]);

/// The one at which most zones, from the first one on, stand as they do now. Of moments that are alike the first one is taken: what was
/// done after it is done again.
fn nearest<'a, 'b>(
    moments: impl Iterator<Item = &'a Standing<'b>>,
) -> Result<Option<&'a Standing<'b>>, CommandError> {
    let mut best = None;
    for moment in moments {
        let rank = (moment.alike()?, moment.is_now()? && moment.has_the_notes()?);
        if best.is_none_or(|(before, _)| rank > before) {
            best = Some((rank, moment));
        }
    }
    Ok(best.map(|(_, moment)| moment))
}

/// The first stop that leaves the zones as they are. But for the one in which its step was cut off, they stand as before its task or after
/// it, and are put so.
fn in_the_middle<'a>(
    now: &'a Now<'a>,
    run: &Undisturbed,
    between: &[Between<'a>],
) -> Result<Option<Standing<'a>>, CommandError> {
    let mut steps = Vec::new();
    for step in run.steps.iter().filter(|step| step.acts) {
        if can_have_been_cut_off(now, step, around(between, step))? {
            steps.push(step);
        }
    }
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
        for federation in [stop.then, stop.later] {
            let federation = with_the_others(now, federation, step, around(between, step))?;
            let stopped = now.against(federation, place.clone());
            if stopped.is_now()? {
                return Ok(Some(stopped));
            }
        }
    }
    Ok(None)
}

/// The moments from the start of a step's task to the first one after it.
fn around<'a, 'b>(between: &'a [Between<'b>], step: &Step) -> &'a [Between<'b>] {
    let has_it = |(_, steps): &Between<'_>| steps.iter().any(|other| other.step.task == step.step.task);
    let first = between.iter().position(has_it).unwrap_or(0);
    let last = between.iter().rposition(has_it).unwrap_or(0);
    &between[first..between.len().min(last + 2)]
}

/// The moment at which a zone stood as it does now: before the task, or after it.
fn moment_alike<'a, 'b>(
    zone: usize,
    moments: &'a [Between<'b>],
) -> Result<Option<&'a Standing<'b>>, CommandError> {
    for (moment, _) in [moments.first(), moments.last()].into_iter().flatten() {
        if moment.is_alike(zone)? {
            return Ok(Some(moment));
        }
    }
    Ok(None)
}

fn can_have_been_cut_off(now: &Now<'_>, step: &Step, moments: &[Between<'_>]) -> Result<bool, CommandError> {
    for zone in now.others(step) {
        if moment_alike(zone, moments)?.is_none() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The federation of a stop, with all zones but the step's own as they are now.
fn with_the_others(
    now: &Now<'_>,
    mut federation: Federation,
    step: &Step,
    moments: &[Between<'_>],
) -> Result<Federation, CommandError> {
    let stopped = now.against(federation.clone(), String::new());
    for zone in now.others(step) {
        let at = federation.find(&now.zones[zone].host);
        if !stopped.is_alike(zone)?
            && let (Some(moment), Some(at)) = (moment_alike(zone, moments)?, at)
        {
            federation.take_machine(at, &moment.federation);
        }
    }
    Ok(federation)
}

#[cfg(test)]
mod tests;
