//! The matrix: a line for each task, a column for each fault, and in it the worst that came of it on any host.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::paint::Paint;
use crate::rehearsal::fault::Kind;
use crate::rehearsal::outcome::{Outcome, Rehearsed};
use crate::rehearsal::undisturbed::Step;

/// The sign of an outcome.
fn sign(outcome: Outcome) -> char {
    match outcome {
        Outcome::Completed => '·',
        Outcome::Resumed => 'r',
        Outcome::RunAnew => 'n',
        Outcome::WentBack => 'b',
        Outcome::StoppedSafely => 's',
        Outcome::Violation => 'X',
    }
}

/// Words for an outcome.
pub(super) fn words(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Completed => "completed all the same",
        Outcome::Resumed => "stopped, and completed by resume",
        Outcome::RunAnew => "stopped, and completed when run anew",
        Outcome::WentBack => "stopped, and taken back by the playbook that leads back",
        Outcome::StoppedSafely => "stopped safely, with a way back",
        Outcome::Violation => "VIOLATION",
    }
}

/// All outcomes, the best first.
pub(super) const OUTCOMES: [Outcome; 6] = [
    Outcome::Completed,
    Outcome::Resumed,
    Outcome::RunAnew,
    Outcome::WentBack,
    Outcome::StoppedSafely,
    Outcome::Violation,
];

/// The matrix as text.
pub(super) fn text(steps: &[Step], rehearsed: &[Rehearsed], paint: Paint, width: usize) -> String {
    let mut rows: Vec<(&str, String)> = Vec::new();
    for step in steps {
        if !rows.iter().any(|(task, _)| *task == step.step.task) {
            rows.push((&step.step.task, step.task.clone()));
        }
    }
    let tasks: BTreeMap<&str, &str> = steps
        .iter()
        .map(|step| (step.step.id.as_str(), step.step.task.as_str()))
        .collect();
    let mut worst: BTreeMap<(&str, Kind), Outcome> = BTreeMap::new();
    for one in rehearsed
        .iter()
        .filter(|one| one.struck && one.fault.kind != Kind::Away)
    {
        let Some(task) = tasks.get(one.fault.step.as_str()) else {
            continue;
        };
        let cell = worst.entry((task, one.fault.kind)).or_insert(one.outcome);
        *cell = (*cell).max(one.outcome);
    }
    let columns: Vec<Kind> = Kind::ALL.into_iter().filter(|kind| *kind != Kind::Away).collect();
    let room = width.saturating_sub(columns.len() * 3 + 4).clamp(20, 62);
    // Where only some were asked for, the others are not worth a line.
    rows.retain(|(task, _)| worst.keys().any(|(of, _)| of == task));
    if rows.is_empty() {
        return String::new();
    }
    let mut out = String::new();
    let _ = write!(out, "  {:room$}", "");
    for (number, _) in columns.iter().enumerate() {
        let _ = write!(out, "{:>3}", char::from(b'a' + u8::try_from(number).unwrap_or(0)));
    }
    out.push('\n');
    for (task, name) in rows {
        let shown: String = if name.chars().count() > room {
            name.chars().take(room - 1).chain(['…']).collect()
        } else {
            name
        };
        let _ = write!(out, "  {shown:room$}");
        for kind in &columns {
            match worst.get(&(task, *kind)) {
                None => out.push_str("   "),
                Some(outcome) => {
                    out.push_str("  ");
                    out.push_str(&paint.outcome(*outcome, &sign(*outcome).to_string()));
                }
            }
        }
        out.push('\n');
    }
    out.push('\n');
    let legend: Vec<String> = columns
        .iter()
        .enumerate()
        .map(|(number, kind)| {
            format!(
                "{} {}",
                char::from(b'a' + u8::try_from(number).unwrap_or(0)),
                kind.name()
            )
        })
        .collect();
    let _ = writeln!(out, "  faults    {}", legend.join(", "));
    let legend: Vec<String> = OUTCOMES
        .iter()
        .map(|outcome| format!("{} {}", sign(*outcome), words(*outcome)))
        .collect();
    let _ = writeln!(out, "  outcomes  {}", legend.join(", "));
    out
}
