//! The forecast of the window beside the window: two upgrades in the lab, the first foreseen from what the hosts tell of themselves,
//! the second also from how long the steps of the first one took.

use std::collections::BTreeMap;

use nebplay_tests::harness::{Lab, Run};
use serde_json::Value;

use crate::measure::{Fallible, promise};

/// Seconds of the whole run, and for which the API of the federation is away.
type Window = (f64, f64);

pub(crate) fn bench() -> Fallible<()> {
    let state = tempfile::tempdir()?;
    println!("\nthe window, foreseen and happened (an upgrade of three zones in the lab)");
    for (name, what, options) in [
        ("foresee", "from what the hosts tell", &[][..]),
        (
            "foreseen",
            "and from how long steps took before",
            &["--measured", "latest"],
        ),
    ] {
        let Some(lab) = Lab::sqlite(name).boot() else {
            return Ok(());
        };
        let rehearsal = [
            "rehearse",
            "playbooks/upgrade.yml",
            "--undisturbed",
            "--json",
            "--from-live",
        ];
        let rehearsal = lab.nebplay(rehearsal).args(options).state(state.path()).run();
        let report: Value = serde_json::from_str(&rehearsal.expect_code(0).stdout)?;
        let run = lab.upgrade().args(["--json"]).state(state.path()).run();
        let (foreseen, happened) = (
            foreseen(&report).ok_or("the forecast has no window")?,
            happened(&run.expect_code(0)).ok_or("the API was never away")?,
        );
        compared(&format!("the run, {what}"), foreseen.0, happened.0);
        compared(&format!("the API away, {what}"), foreseen.1, happened.1);
    }
    Ok(())
}

fn compared(what: &str, foreseen: f64, happened: f64) {
    let off = (foreseen / happened - 1.0) * 100.0;
    println!("{what:<52} foreseen {foreseen:>6.1} s, happened {happened:>6.1} s, {off:+.0} %");
    promise("within 25 %", off, off.abs() <= 25.0);
}

fn foreseen(report: &Value) -> Option<Window> {
    let window = &report["window"];
    Some((
        window["run_seconds"].as_f64()?,
        window["federation"]["seconds"].as_f64()?,
    ))
}

/// From the first zone that was disabled to the last one that was enabled again.
fn happened(run: &Run) -> Option<Window> {
    let events = run.json();
    let seconds = |event: &Value| Some(event["elapsed_ms"].as_f64()? / 1000.0);
    let mut modules: BTreeMap<String, String> = BTreeMap::new();
    let (mut disabled, mut enabled) = (None, None);
    for event in &events {
        let what = &event["what"];
        match what["event"].as_str() {
            Some("task_started") => {
                let of = |name: &str| what[name].as_str().map(str::to_owned);
                modules.insert(of("task")?, of("module")?);
            }
            Some("step_ended") if what["end"]["status"] == "changed" => {
                let task = what["step"]["task"].as_str()?;
                match modules.get(task).map(String::as_str) {
                    Some("zone_disable") => disabled = disabled.or(seconds(event)),
                    Some("zone_enable") => enabled = seconds(event),
                    _ => {}
                }
            }
            _ => {}
        }
    }
    Some((seconds(events.last()?)?, enabled? - disabled?))
}
