//! The twin of a rehearsal, held to real hosts: the same playbook on the same inventory, in the lab and in memory.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use crate::harness::{Builder, Lab, Run};
use crate::traces::{assert_same, assert_upgraded, how_it_is, units};

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

/// The night without anything odd in it.
fn as_on_the_hosts(lab: Builder) {
    let Some(lab) = lab.boot() else { return };
    let before: Vec<_> = lab.hosts().map(|host| (how_it_is(&host), host.users())).collect();
    foreseen_and_done(&lab, 80, &[]);
    for (host, (how, users)) in lab.hosts().zip(before) {
        assert_same(&host, &how_it_is(&host), &how);
        assert_eq!(host.users(), users, "{}", host.name());
        assert_eq!(host.count("upgrade started"), 1, "{}", host.name());
    }
    assert_upgraded(&lab);
}

/// Wherever a night is stopped, the twin stands as the zones do, and what is left of it goes there as it goes on the hosts.
#[test]
fn a_night_that_was_stopped_is_rehearsed_from_where_it_stands() {
    let Some(lab) = Lab::sqlite("twin-mid").boot() else {
        return;
    };
    let mut run = lab.upgrade().start();
    run.wait_for("TASK [new packages]");
    // The step has begun by then: before it, the zones would stand as before it.
    std::thread::sleep(Duration::from_millis(300));
    run.interrupt();
    run.wait().expect_code(130);
    for then in [&[][..], &["--then", "playbooks/go-back.yml"]] {
        lab.rehearsal()
            .args(["--sample", "30"])
            .args(then)
            .run()
            .expect_code(0)
            .expect_shown("the zones stand as before \"migrate the database, exactly once\"");
    }

    // Killed while the migration of a slave runs, which then comes to its end.
    let slave = lab.host("fe-us-ca");
    slave.hang("before-local-migrator");
    let run = lab.upgrade().start();
    slave.wait_for("before-local-migrator hangs");
    run.kill();
    lab.rehearsal()
        .args(["--sample", "30"])
        .run()
        .expect_code(0)
        .expect_shown(
            "in the middle of \"migrate the local tables, exactly once\" on fe-us-ca, where it hangs",
        );
    // What no run leaves is no beginning.
    let master = lab.host("fe-eu-fr");
    master.must("systemctl unmask opennebula-flow");
    lab.rehearsal()
        .args(["--undisturbed"])
        .run()
        .expect_code(64)
        .expect_shown("do the zones stand as they do now")
        .expect_shown("where fe-eu-fr differs");
    master.must("systemctl mask opennebula-flow");
    slave.release("before-local-migrator");
    slave.patiently("the migration ends", |host| {
        host.sh("pgrep -f 'onedb upgrade'").code != 0
    });
    // On the twin it was never cut off: there is neither a migration left to be proven nor a job's record to be removed.
    foreseen_and_done(
        &lab,
        60,
        &[
            "migrate the local tables, exactly once@fe-us-ca",
            "nothing is left of what was started on the hosts@fe-us-ca",
        ],
    );
}

/// Rehearses the upgrade from where the zones stand, runs it, and demands that the two went alike, but for some steps.
fn foreseen_and_done(lab: &Lab, steps: usize, but: &[&str]) {
    let rehearsed = lab
        .rehearsal()
        .args(["--undisturbed", "--json"])
        .run()
        .expect_code(0);
    let report: Value = serde_json::from_str(&rehearsed.stdout).unwrap();
    let run = lab.upgrade().args(["--json"]).run().expect_code(0);
    let (mut twin, mut hosts) = (of_the_twin(&report), of_the_hosts(&run));
    for steps in [&mut twin, &mut hosts] {
        steps.retain(|step| !but.iter().any(|other| step.contains(other)));
    }
    assert!(twin.len() > steps, "only {} steps", twin.len());
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
