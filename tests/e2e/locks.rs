//! One run at a time.

use std::time::Duration;

use crate::harness::{Host, Lab, Running};
use crate::traces::{assert_nothing_left, paths};

/// Fails where two are at work at once; goes on until it is let go.
const WORK: &str = "\
- hosts: all
  gather_facts: false
  become: true
  tasks:
    - shell: mkdir /run/at-work && while [ -e /run/hold ]; do sleep 0.02; done; rmdir /run/at-work
";

const LOCK: &str = "/var/lib/nebplay/lock";

/// The lock of a machine that nobody here can look at.
const ELSEWHERE: &str = r#"{"format":1,"run":"20260101T000000Z-7","owner":"eve@elsewhere","machine":"m","boot":"b","pid_namespace":"pid:[1]","pid":7,"pid_started":7,"playbooks":["up.yml"],"taken_at":1795000000}"#;

fn at_work(host: &Host<'_>) -> bool {
    host.sh("test -d /run/at-work").code == 0
}

/// Waits until one of two ends, and returns which, and the other.
fn first_to_end(mut one: Running, mut other: Running) -> (Running, Running) {
    loop {
        if one.has_ended() {
            return (one, other);
        }
        if other.has_ended() {
            return (other, one);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn of_two_controllers_that_start_at_once_one_runs_and_the_other_says_who_does() {
    let Some(lab) = Lab::sqlite("locks").boot() else {
        return;
    };
    let before: Vec<_> = lab.hosts().map(|host| paths(&host)).collect();
    let playbook = lab.file("work.yml", WORK);
    let master = lab.host("fe-eu-fr");
    for round in 1..=50 {
        master.write("/run/hold", "");
        let (one, other) = (lab.nebplay([&playbook]).start(), lab.nebplay([&playbook]).start());
        let (refused, running) = first_to_end(one, other);
        let (refused, holder) = (refused.wait(), running.pid());
        assert_eq!(
            refused.code, 5,
            "round {round}: {}{}",
            refused.stdout, refused.stderr
        );
        for said in [
            "fe-eu-fr is locked by another run; nothing was run",
            &format!(", process {holder}\n"),
            "work.yml",
            "alive: process",
            "nebplay unlock",
        ] {
            assert!(refused.stderr.contains(said), "round {round}: {}", refused.stderr);
        }
        assert_eq!(refused.stdout, "", "round {round}");
        master.must("rm /run/hold");
        running.wait().expect_code(0);
    }
    for (host, before) in lab.hosts().zip(before) {
        assert_nothing_left(&host, &before);
    }
}

#[test]
fn a_lock_is_kept_by_who_runs_and_taken_over_by_facts_alone() {
    let Some(lab) = Lab::sqlite("lock-facts").boot() else {
        return;
    };
    let before: Vec<_> = lab.hosts().map(|host| paths(&host)).collect();
    let playbook = lab.file("work.yml", WORK);
    let (master, slave) = (lab.host("fe-eu-fr"), lab.host("fe-eu-ge"));
    let unlock = |more: &[&str]| lab.nebplay(["unlock"]).args(more.iter().copied()).run();

    // While it runs: what only looks is let through, and nobody takes its lock away.
    master.write("/run/hold", "");
    let running = lab.nebplay([&playbook]).start();
    master.patiently("a run at work", at_work);
    for host in lab.hosts() {
        assert_eq!(
            host.must(&format!("stat -c '%U %a' {LOCK}")),
            "root 600",
            "{}",
            host.name()
        );
    }
    let ping = lab.file("ping.yml", "- hosts: all\n  tasks:\n    - ping:\n");
    lab.nebplay([&ping]).run().expect_code(0);
    lab.nebplay([&playbook]).args(["--check"]).run().expect_code(0);
    lab.nebplay(["status"]).run().expect_code(0);
    lab.nebplay(["jobs"]).run().expect_code(0);
    unlock(&["--yes"]).expect_code(5).expect_shown("alive: process");

    // Killed: its locks stay; the next run from here sees that it is gone.
    running.kill();
    // What it started may or may not outlive it.
    master.must("rm /run/hold; sleep 0.5; rm -rf /run/at-work");
    unlock(&[])
        .expect_code(64)
        .expect_shown("stale: process")
        .expect_shown("--yes");
    lab.nebplay([&playbook])
        .run()
        .expect_code(0)
        .expect_shown("note: fe-eu-fr: took over the lock of run ");
    assert!(master.read(LOCK).is_none());

    // A run that fails, or is interrupted, gives its locks back.
    let failing = lab.file(
        "fails.yml",
        "- hosts: all\n  become: true\n  tasks:\n    - command: 'false'\n",
    );
    for _ in 0..2 {
        lab.nebplay([&failing]).run().expect_code(2);
    }
    master.write("/run/hold", "");
    let running = lab.nebplay([&playbook]).start();
    master.patiently("a run at work", at_work);
    running.interrupt();
    master.must("rm /run/hold");
    running.wait().expect_code(130);
    assert!(lab.hosts().all(|host| host.read(LOCK).is_none()));

    // The lock of another machine: refused, and removed by hand alone. What was taken before is given back.
    slave.must("mkdir -p /var/lib/nebplay");
    slave.write(LOCK, ELSEWHERE);
    // It never began: there is nothing to resume.
    let state = lab.directory().join("refused");
    lab.nebplay([&playbook]).state(&state).run().expect_code(5);
    let runs = lab.nebplay(["runs"]).without_inventory().state(&state).run();
    assert_eq!(runs.expect_code(0).stdout, "no runs\n");
    for said in [
        "fe-eu-ge is locked by another run",
        "eve@elsewhere, process 7",
        "up.yml",
    ] {
        lab.nebplay([&playbook]).run().expect_code(5).expect_shown(said);
    }
    assert!(master.read(LOCK).is_none());
    unlock(&[])
        .expect_code(64)
        .expect_shown("fe-eu-fr: no lock")
        .expect_shown("not known: its controller is another machine");
    assert!(slave.read(LOCK).is_some());
    unlock(&["--yes"])
        .expect_code(0)
        .expect_shown("fe-eu-ge: removed");
    lab.nebplay([&playbook]).run().expect_code(0);

    // Of runs that did not come to their end, the master keeps the journal for whoever goes on with them.
    master.must("rm -r /var/lib/nebplay/runs");
    for (host, before) in lab.hosts().zip(before) {
        assert_nothing_left(&host, &before);
    }
}

#[test]
fn a_host_that_comes_back_later_is_locked_then() {
    let Some(lab) = Lab::sqlite("lock-late").boot() else {
        return;
    };
    let playbook = lab.file(
        "late.yml",
        &(WORK.replace("all", "fe-eu-fr")
            + &WORK
                .replace("all", "fe-us-ca")
                .replace("mkdir", "cat /var/lib/nebplay/lock && mkdir")),
    );
    let (master, late) = (lab.host("fe-eu-fr"), lab.host("fe-us-ca"));
    for (there, code, said) in [
        ("", 0, "changed: [fe-us-ca]"),
        (ELSEWHERE, 2, "taking its lock for this run"),
    ] {
        late.cut_link();
        master.write("/run/hold", "");
        let running = lab.nebplay([&playbook]).args(["-T", "2"]).start();
        master.patiently("a run at work", at_work);
        late.restore_link();
        let port = format!("exec 3<>/dev/tcp/{}/22", late.address());
        while lab.controller(&["timeout", "1", "bash", "-c", &port]).code != 0 {
            std::thread::sleep(Duration::from_millis(100));
        }
        if !there.is_empty() {
            late.must("mkdir -p /var/lib/nebplay");
            late.write(LOCK, there);
        }
        master.must("rm /run/hold");
        running.wait().expect_code(code).expect_shown(said);
        assert!(master.read(LOCK).is_none());
        assert_eq!(late.read(LOCK).unwrap_or_default(), there);
    }
}
