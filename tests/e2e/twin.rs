//! The twin of a rehearsal, held to real hosts: the same playbook on the same inventory, in the lab and in memory.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::harness::{Builder, Lab, Run};
use crate::traces::units;

/// How each step ended, in the order of tasks; within a task in the order of hosts, as those that work at once end in any.
fn steps<'a>(ended: impl Iterator<Item = (&'a Value, &'a Value)>) -> Vec<String> {
    let mut steps: Vec<(usize, String, String)> = Vec::new();
    let mut tasks: Vec<String> = Vec::new();
    for (step, status) in ended {
        let task = step["task"].as_str().unwrap().to_owned();
        let number = tasks.iter().position(|known| *known == task).unwrap_or_else(|| {
            tasks.push(task.clone());
            tasks.len() - 1
        });
        let host = step["host"].as_str().unwrap();
        steps.push((
            number,
            host.to_owned(),
            format!("{task}@{host} {}", status.as_str().unwrap()),
        ));
    }
    steps.sort();
    steps.into_iter().map(|(.., line)| line).collect()
}

fn of_the_hosts(run: &Run) -> Vec<String> {
    let events = run.json();
    let ended = events
        .iter()
        .map(|event| &event["what"])
        .filter(|what| what["event"] == "step_ended");
    steps(ended.map(|what| (&what["step"], &what["end"]["status"])))
}

fn of_the_twin(report: &Value) -> Vec<String> {
    let ended = report["undisturbed"]["steps"].as_array().unwrap();
    steps(ended.iter().map(|step| (step, &step["status"])))
}

#[test]
fn the_twin_does_what_the_hosts_do() {
    as_on_the_hosts(Lab::sqlite("twin"));
}

#[test]
fn the_twin_does_what_hosts_on_mariadb_do() {
    as_on_the_hosts(Lab::mysql("twin-my"));
}

fn as_on_the_hosts(lab: Builder) {
    let Some(lab) = lab.boot() else { return };
    let rehearsed = lab
        .nebplay([
            "rehearse",
            "playbooks/upgrade.yml",
            "--undisturbed",
            "--json",
            "--from-live",
        ])
        .run()
        .expect_code(0);
    let report: Value = serde_json::from_str(&rehearsed.stdout).unwrap();
    let run = lab.upgrade().args(["--json"]).run().expect_code(0);
    let (twin, hosts) = (of_the_twin(&report), of_the_hosts(&run));
    assert!(twin.len() > 80, "only {} steps", twin.len());
    pretty(&twin, &hosts);
    for host in lab.hosts() {
        let foreseen = &report["undisturbed"]["zones"][host.name()];
        let found: BTreeMap<&str, String> = [
            (
                "installed",
                host.must("oned --version | sed -n '1s/OpenNebula \\([^ ]*\\).*/\\1/p'"),
            ),
            (
                "shared",
                host.sql("SELECT version FROM db_versioning ORDER BY oid DESC LIMIT 1"),
            ),
            (
                "local",
                host.sql("SELECT version FROM local_db_versioning ORDER BY oid DESC LIMIT 1"),
            ),
        ]
        .into();
        for (what, found) in found {
            assert_eq!(foreseen[what], found.trim(), "{what} of {}", host.name());
        }
        let foreseen: Vec<&str> = foreseen["units"]
            .as_array()
            .unwrap()
            .iter()
            .map(|unit| unit.as_str().unwrap())
            .collect();
        let found = units(&host);
        for unit in foreseen {
            assert!(
                found.contains(unit),
                "{unit} does not run on {}:\n{found}",
                host.name()
            );
        }
    }
}

/// Shows only where two lists part.
fn pretty(twin: &[String], hosts: &[String]) {
    let only = |these: &[String], those: &[String]| -> Vec<String> {
        these
            .iter()
            .filter(|line| !those.contains(line))
            .cloned()
            .collect()
    };
    let (twin_only, hosts_only) = (only(twin, hosts), only(hosts, twin));
    assert!(
        twin == hosts,
        "only on the twin: {twin_only:#?}\nonly on the hosts: {hosts_only:#?}"
    );
}
