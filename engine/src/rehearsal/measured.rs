//! How long steps took in an earlier run: the rehearsal's steps then take as long.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::invariants::ZoneOf;
use super::stage::{Script, Stage};
use super::undisturbed::{Start, Undisturbed};
use crate::events::{Event, Status, What};

/// How often paces are corrected: what a step waits for by itself takes the same time at every pace.
const ROUNDS: usize = 4;

/// No step is faster or slower than by this.
const BOUND: f64 = 10_000.0;

/// How long each step took that came to its end, by its identity. Of one that was done more than once, the last time.
pub fn took(events: &[Event]) -> BTreeMap<String, Duration> {
    let mut took = BTreeMap::new();
    for event in events {
        if let What::StepEnded { step, end } = &event.what
            && matches!(end.status, Status::Ok | Status::Changed)
        {
            took.insert(step.id.clone(), Duration::from_millis(end.took_ms));
        }
    }
    took
}

/// Lets the steps of a stage take as long as measured. Gives how many of its steps were measured.
pub fn keep_pace(
    stage: &mut Stage,
    start: &Start,
    zones: &[ZoneOf],
    measured: &BTreeMap<String, Duration>,
) -> io::Result<usize> {
    let mut known = 0;
    for _ in 0..ROUNDS {
        let undisturbed = Undisturbed::run(stage, start, zones)?;
        let mut paces = stage.script.paces.clone();
        known = 0;
        for work in &undisturbed.night.work {
            let (Some(measured), Some(to)) = (measured.get(&work.step.id), work.to) else {
                continue;
            };
            known += 1;
            let rehearsed = to.saturating_sub(work.from).as_secs_f64();
            if rehearsed > 0.0 {
                let pace = paces.entry(work.step.id.clone()).or_insert(1.0);
                *pace = (*pace * measured.as_secs_f64() / rehearsed).clamp(1.0 / BOUND, BOUND);
            }
        }
        stage.script = Arc::new(Script {
            paces,
            answers: stage.script.answers.clone(),
        });
    }
    Ok(known)
}
