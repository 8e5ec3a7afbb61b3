//! The report as JSON, for other programs.

use nebplay_twin::look;
use serde_json::{Map, Value, json};

use super::Report;
use crate::events::{Event, What};
use crate::rehearsal::invariants::{Breach, ZoneOf};
use crate::rehearsal::outcome::{RunEnd, RunOf};
use crate::rehearsal::window::Away;

fn breaches(breaches: &[Breach]) -> Value {
    let one = |breach: &Breach| json!({"rule": breach.rule.name, "what": breach.what, "sentence": breach.rule.sentence, "source": breach.rule.source});
    breaches.iter().map(one).collect()
}

fn run_end((run, end): &(RunOf, RunEnd)) -> Value {
    match end {
        RunEnd::Done => json!({"run": run, "ended": "done"}),
        RunEnd::Killed => json!({"run": run, "ended": "killed"}),
        RunEnd::Stopped(why) => json!({"run": run, "ended": "stopped", "why": why}),
    }
}

fn away(away: &Away) -> Value {
    json!({
        "from_seconds": away.from.as_secs_f64(),
        "to_seconds": away.to.map(|to| to.as_secs_f64()),
        "seconds": away.lasts().map(|lasts| lasts.as_secs_f64()),
    })
}

/// How each step of the undisturbed run ended, in order.
fn steps(events: &[Event]) -> Vec<Value> {
    let end = |event: &Event| match &event.what {
        What::StepEnded { step, end } => Some(
            json!({"task": step.task, "host": step.host, "item": step.item, "status": end.status, "took_ms": end.took_ms}),
        ),
        _ => None,
    };
    events.iter().filter_map(end).collect()
}

/// Where each zone stands after it.
fn state(report: &Report) -> Map<String, Value> {
    let after = &report.undisturbed.night.federation;
    let zone = |zone: &ZoneOf| {
        let now = look::zone(after, after.find(&zone.host)?);
        let versions = now
            .versions
            .map(|(shared, local)| (shared.to_string(), local.to_string()));
        let state = json!({
            "installed": now.installed.map(|version| version.to_string()),
            "shared": versions.as_ref().map(|(shared, _)| shared),
            "local": versions.as_ref().map(|(_, local)| local),
            "runs": now.runs,
            "enabled": now.enabled,
            "units": now.units,
            "masked": now.masked,
        });
        Some((zone.host.clone(), state))
    };
    report.zones.iter().filter_map(zone).collect()
}

/// All of it, on one line.
pub(super) fn text(report: &Report) -> String {
    let night = &report.undisturbed.night;
    let failures = night.summary.iter().flat_map(|summary| &summary.failures);
    let failures: Vec<Value> = failures
        .map(|failed| json!({"task": failed.task, "host": failed.host, "place": failed.place, "message": failed.failure.message}))
        .collect();
    let rehearsals: Vec<Value> = report
        .rehearsed
        .iter()
        .map(|one| {
            json!({
                "step": one.fault.step,
                "host": one.fault.host,
                "fault": one.fault.kind.name(),
                "after": one.after.as_ref().map(|first| json!({"step": first.step, "host": first.host, "fault": first.kind.name()})),
                "struck": one.struck,
                "outcome": one.outcome,
                "runs": one.runs.iter().map(run_end).collect::<Vec<_>>(),
                "breaches": breaches(&one.breaches),
            })
        })
        .collect();
    let zones: Map<String, Value> = report
        .window
        .zones
        .iter()
        .map(|(host, zone)| (host.clone(), zone.as_ref().map_or(Value::Null, away)))
        .collect();
    let value = json!({
        "begins": report.begins,
        "undisturbed": {
            "result": night.summary.as_ref().map(|summary| summary.result),
            "seconds": report.once.as_secs_f64(),
            "calls": night.called,
            "steps": steps(&night.events),
            "zones": state(report),
            "failures": failures,
            "breaches": breaches(&report.undisturbed.breaches),
        },
        "window": {
            "run_seconds": report.window.run.as_secs_f64(),
            "federation": report.window.federation.as_ref().map(away),
            "zones": zones,
            "path": report.window.path.iter().map(|share| json!({"task": share.task, "seconds": share.takes.as_secs_f64(), "hosts": share.hosts})).collect::<Vec<_>>(),
        },
        "rehearsals": rehearsals,
        "joined": report.joined(),
        "pruned": report.pruned,
        "left_out": *report.left_out,
        "seconds": report.took.as_secs_f64(),
    });
    format!("{value}\n")
}
