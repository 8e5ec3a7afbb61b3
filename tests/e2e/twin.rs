//! The twin of a rehearsal, held to real hosts: the same playbook on the same inventory, in the lab and in memory.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use crate::harness::{Host, Lab, Run};

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

/// Wherever a night is stopped, the twin stands as the zones do, and what is left of it goes there as it goes on the hosts.
#[test]
fn a_night_that_was_stopped_is_rehearsed_from_where_it_stands() {
    let Some(lab) = Lab::sqlite("twin-mid").boot() else {
        return;
    };
    // As it was before the night, so it is to be after it: what is stopped and masked now does not tell.
    for name in ["fe-eu-fr", "fe-eu-ge"] {
        let host = lab.host(name);
        host.must("systemctl disable --quiet --now opennebula-flow; systemctl stop opennebula-gate; systemctl mask --quiet opennebula-gate");
    }
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
    let foreseen = Foreseen::of(&lab, &[]);
    let run = lab.upgrade().args(["--json"]).run().expect_code(0);
    foreseen.assert_done(
        &lab,
        &run,
        &[
            "migrate the local tables, exactly once@fe-us-ca",
            "nothing is left of what was started on the hosts@fe-us-ca",
        ],
    );
}

/// What a rehearsal of the upgrade says of the night to come.
pub(crate) struct Foreseen(Value);

impl Foreseen {
    /// Rehearses it from where the zones stand.
    pub(crate) fn of(lab: &Lab, arguments: &[&str]) -> Self {
        let rehearsed = lab
            .rehearsal()
            .args(["--undisturbed", "--json"])
            .args(arguments)
            .run()
            .expect_code(0);
        Self(serde_json::from_str(&rehearsed.stdout).unwrap())
    }

    /// Demands that the night (run with `--json`) went like that, but for some steps, and left the zones so.
    #[track_caller]
    pub(crate) fn assert_done(&self, lab: &Lab, run: &Run, but: &[&str]) {
        let (mut twin, mut hosts) = (of_the_twin(&self.0), of_the_hosts(run));
        for steps in [&mut twin, &mut hosts] {
            steps.retain(|step| !but.iter().any(|other| step.contains(other)));
        }
        assert!(twin.len() > 60, "only {} steps", twin.len());
        assert_alike(&twin, &hosts);
        for host in lab.hosts() {
            self.assert_left(&host);
        }
    }

    fn assert_left(&self, host: &Host<'_>) {
        let foreseen = &self.0["undisturbed"]["zones"][host.name()];
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
        for (what, look) in [
            (
                "units",
                "systemctl list-units --state=active --plain --no-legend '*opennebula*'",
            ),
            (
                "masked",
                "systemctl list-unit-files --state=masked --plain --no-legend '*opennebula*'",
            ),
        ] {
            let names = foreseen[what].as_array().unwrap().iter();
            let names: Vec<&str> = names.map(|unit| unit.as_str().unwrap()).collect();
            let found = host.must(&format!("{look} | cut -d ' ' -f 1 | sort"));
            assert_eq!(
                names,
                found.lines().collect::<Vec<_>>(),
                "{what} of {}",
                host.name()
            );
        }
    }
}

/// Shows only where two lists part.
#[track_caller]
fn assert_alike(twin: &[String], hosts: &[String]) {
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
