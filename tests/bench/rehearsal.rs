//! Rehearsals: all single faults of the upgrade of three zones, and what more zones cost.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::Bench;
use crate::measure::{Fallible, Run, promise, run};

const PLAYBOOK: &str = "playbooks/upgrade.yml";

/// Numbers of zones, and of faults rehearsed with each.
const ZONES: [(usize, usize); 4] = [(3, 40), (10, 40), (50, 40), (200, 40)];

pub(crate) fn bench(bench: &Bench) -> Fallible<()> {
    let directory = tempfile::tempdir()?;
    let inventory = directory.path().join("zones.ini");
    fs::write(&inventory, zones(3)?)?;
    println!("\nrehearsals: every fault at every step of the upgrade of three zones");
    let (whole, report) = rehearse(bench, &inventory, &[])?;
    let count = report["rehearsals"].as_array().map_or(0, Vec::len);
    let seconds = report["seconds"].as_f64().unwrap_or(f64::NAN);
    println!(
        "{count} complete rehearsals in {seconds:.1} s: {:.0} a second; peak {} MB",
        number(count) / seconds,
        whole.peak / 1024
    );
    promise("within 10 s", seconds, seconds <= 10.0);
    let peak = number(whole.peak / 1024);
    promise("below 200 MB", peak, peak < 200.0);
    println!(
        "\nthe same, each run to its end instead of to where nothing tells it from the undisturbed run any more"
    );
    let (_, to_the_end) = rehearse(bench, &inventory, &["--to-the-end"])?;
    let longer = to_the_end["seconds"].as_f64().unwrap_or(f64::NAN);
    println!(
        "{longer:.1} s; {} of {count} had been ended early",
        report["joined"]
    );
    let is_same = to_the_end["rehearsals"] == report["rehearsals"];
    promise(
        "the same comes of every one, in more time",
        longer / seconds,
        is_same,
    );
    println!("\nthe same, and whatever stops goes back instead of on");
    let (_, report) = rehearse(bench, &inventory, &["--then", "playbooks/go-back.yml"])?;
    println!(
        "{} go back, {} break a rule; {:.1} s",
        outcomes(&report, "went_back"),
        outcomes(&report, "violation"),
        report["seconds"].as_f64().unwrap_or(f64::NAN)
    );
    many_zones(bench, &inventory)
}

/// What a step costs the more zones there are: in one undisturbed run, and in rehearsals of one fault each.
fn many_zones(bench: &Bench, inventory: &Path) -> Fallible<()> {
    println!("\nmore zones: one undisturbed run, and rehearsals with one fault");
    println!(
        "(each zone keeps, logs and dumps what it knows of all zones: that part of a step is the more the more zones there are)"
    );
    println!(
        "{:>6} {:>7} {:>11} {:>14} {:>8} {:>14} {:>18} {:>14} {:>9}",
        "zones",
        "steps",
        "one run, s",
        "ms for a step",
        "calls",
        "us for a call",
        "a rehearsal, s",
        "us for a step",
        "peak MB"
    );
    let (mut runs, mut rehearsals) = (Vec::new(), Vec::new());
    for (count, sample) in ZONES {
        fs::write(inventory, zones(count)?)?;
        let (_, alone) = rehearse(bench, inventory, &["--undisturbed"])?;
        let steps = number(alone["undisturbed"]["steps"].as_array().map_or(0, Vec::len));
        let once = alone["undisturbed"]["seconds"].as_f64().unwrap_or(f64::NAN);
        let calls = alone["undisturbed"]["calls"].as_u64().unwrap_or(0);
        let (whole, report) = rehearse(bench, inventory, &["--sample", &sample.to_string()])?;
        let rehearsed = report["rehearsals"].as_array().map_or(0, Vec::len);
        let each = report["seconds"].as_f64().unwrap_or(f64::NAN) / number(rehearsed);
        println!(
            "{count:>6} {steps:>7} {once:>11.3} {:>14.2} {calls:>8} {:>14.1} {each:>18.3} {:>14.1} {:>9}",
            once * 1e3 / steps,
            once * 1e6 / number(calls),
            each * 1e6 / steps,
            whole.peak / 1024
        );
        runs.push(once / steps);
        rehearsals.push(each / steps);
    }
    for (what, costs) in [("an undisturbed run", runs), ("a rehearsal", rehearsals)] {
        let dearest =
            costs.iter().copied().fold(0.0, f64::max) / costs.iter().copied().fold(f64::INFINITY, f64::min);
        let text =
            format!("linear: the dearest step of {what} takes less than 1.5 times as long as the cheapest");
        promise(&text, dearest, dearest < 1.5);
        if let [fewest, .., most] = costs[..] {
            let text = format!(
                "linear: a step of {what} costs no more with the most zones than 1.25 times what it costs with the fewest"
            );
            promise(&text, most / fewest, most / fewest < 1.25);
        }
    }
    Ok(())
}

fn outcomes(report: &Value, wanted: &str) -> usize {
    let rehearsals = report["rehearsals"].as_array().into_iter().flatten();
    rehearsals.filter(|one| one["outcome"] == wanted).count()
}

fn number(count: impl TryInto<u32>) -> f64 {
    f64::from(count.try_into().unwrap_or(u32::MAX))
}

fn rehearse(bench: &Bench, inventory: &Path, options: &[&str]) -> Fallible<(Run, Value)> {
    let report = tempfile::NamedTempFile::new()?;
    let mut command = Command::new("sh");
    command
        .args(["-c", "out=$1; shift; exec \"$@\" >\"$out\"", "sh"])
        .arg(report.path())
        .arg(&bench.nebplay)
        .args(["rehearse", PLAYBOOK, "--json", "-i"])
        .arg(inventory)
        .args(options);
    let whole = run(&mut command)?;
    Ok((whole, serde_json::from_slice(&fs::read(report.path())?)?))
}

/// A federation of so many zones.
fn zones(count: usize) -> Fallible<String> {
    let mut text = String::from("[master]\nfe0 ansible_host=10.0.0.1 zone_id=0 zone_name=M\n[slaves]\n");
    for number in 1..count {
        let address = format!("10.0.{}.{}", number / 250, number % 250 + 2);
        writeln!(
            text,
            "fe{number} ansible_host={address} zone_id={} zone_name=S{number}",
            100 + number
        )?;
    }
    text.push_str(
        "[frontends:children]\nmaster\nslaves\n[frontends:vars]\nansible_user=root\ntarget_version=7.2\n",
    );
    Ok(text)
}
