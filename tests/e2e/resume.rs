//! A run that was cut off goes on from its journal, on this controller or another.

use crate::harness::{Lab, Run};
use crate::traces::{assert_nothing_left, assert_same, assert_upgraded, how_it_is, paths};

/// The steps that a run carried out itself, by the events it wrote.
fn applied(run: &Run) -> Vec<&str> {
    let applying = run
        .stdout
        .lines()
        .filter(|line| line.contains(r#""event":"step_applying""#));
    applying
        .filter_map(|line| line.split_once(r#""id":""#)?.1.split('"').next())
        .collect()
}

#[test]
fn the_night_goes_on_after_its_controller_was_killed_and_does_nothing_twice() {
    let Some(lab) = Lab::sqlite("resume").boot() else {
        return;
    };
    let before: Vec<_> = lab.hosts().map(|host| (how_it_is(&host), paths(&host))).collect();
    let (master, state) = (lab.host("fe-eu-fr"), lab.directory().join("state"));
    let nebplay = |words: &[&str]| lab.nebplay(words).without_inventory().state(&state);

    master.hang("before-local-migrator");
    let run = lab.upgrade().args(["--json"]).state(&state).start();
    master.wait_for("before-local-migrator hangs");
    let killed = run.kill();
    nebplay(&["runs"])
        .run()
        .expect_code(0)
        .expect_shown("cut off")
        .expect_shown("migrate the database, exactly once");

    // A run is not gone on with from something else than it was begun with.
    nebplay(&["resume", "-e", "keep_out=api_block"])
        .run()
        .expect_code(3)
        .expect_shown("`keep_out` of -e is new")
        .expect_shown("--accept-changes");
    assert_eq!(master.count("upgrade completed"), 0);

    let mut run = nebplay(&["resume", "--json"]).start();
    run.wait_for("an earlier run left running");
    master.release("before-local-migrator");
    let resumed = run.wait().expect_code(0);
    // The step in doubt may have something left to do; all others are done.
    let mut done = applied(&killed);
    let in_doubt = done.pop().unwrap_or_default();
    assert!(in_doubt.contains("migrate the database"), "{in_doubt}");
    let again: Vec<_> = applied(&resumed)
        .into_iter()
        .filter(|step| done.contains(step))
        .collect();
    assert!(
        done.len() > 15 && again.is_empty(),
        "{} steps, {again:?} again",
        done.len()
    );
    for (host, (how, paths)) in lab.hosts().zip(before) {
        assert_eq!(host.count("upgrade started"), 1, "{}", host.name());
        assert_same(&host, &how_it_is(&host), &how);
        assert_nothing_left(&host, &paths);
    }
    assert_upgraded(&lab);

    nebplay(&["resume"])
        .run()
        .expect_code(64)
        .expect_shown("no run in");
    nebplay(&["runs"]).run().expect_code(0).expect_shown("done");
}

#[test]
fn another_controller_goes_on_with_the_copy_on_the_masters_front_end() {
    let Some(lab) = Lab::sqlite("other").boot() else {
        return;
    };
    let (master, slave) = (lab.host("fe-eu-fr"), lab.host("fe-us-ca"));
    let playbook = lab.file(
        "stop.yml",
        "- hosts: all
  become: true
  any_errors_fatal: true
  tasks:
    - {name: count, shell: 'echo once >>/var/tmp/counted'}
    - {name: stop, service_stop: }
    - {name: full, onedb_backup: {dest: /var/lib/one/nebplay/full.bck, keep: true}}
    - {name: start, service_start: }
",
    );
    slave.hang("in-backup");
    let run = lab
        .nebplay([&playbook])
        .state(&lab.directory().join("lost"))
        .start();
    slave.wait_for("in-backup hangs");
    run.kill();
    slave.release("in-backup");

    let other = lab.directory().join("other");
    lab.nebplay(["resume", "--from", "master"])
        .state(&other)
        .run()
        .expect_code(0)
        .expect_shown("resuming ");
    for host in lab.hosts() {
        assert_eq!(host.must("cat /var/tmp/counted"), "once", "{}", host.name());
        assert_eq!(host.sh("ls /var/lib/nebplay/runs").code, 2, "no copy is left");
    }
    lab.wait_until_in_sync();
    // A second look there finds nothing.
    lab.nebplay(["resume", "--from", "master"])
        .state(&other)
        .run()
        .expect_code(3)
        .expect_shown("fe-eu-fr has no copy of a journal");
    assert_eq!(master.users(), slave.users());
}

#[test]
fn a_command_that_was_cut_off_is_the_operators_to_settle() {
    let Some(lab) = Lab::sqlite("settle").boot() else {
        return;
    };
    let (host, state) = (lab.host("fe-eu-fr"), lab.directory().join("state"));
    let playbook = lab.file(
        "count.yml",
        "- hosts: master
  become: true
  tasks:
    - {name: count, shell: 'echo once >>/var/tmp/counted; while [ -e /var/tmp/wait ]; do sleep 0.1; done'}
    - {name: go on, shell: 'echo done >>/var/tmp/counted'}
",
    );
    host.must("touch /var/tmp/wait");
    let run = lab.nebplay([&playbook]).state(&state).start();
    host.patiently("it counts", |host| host.sh("test -e /var/tmp/counted").code == 0);
    run.kill();
    host.must("rm /var/tmp/wait");
    let resume = |words: &[&str]| {
        lab.nebplay(["resume"])
            .args(words)
            .without_inventory()
            .state(&state)
            .run()
    };
    resume(&[])
        .expect_code(2)
        .expect_shown("in doubt: [fe-eu-fr] count")
        .expect_shown("--in-doubt done");
    resume(&["--in-doubt", "done"]).expect_code(0);
    assert_eq!(host.must("cat /var/tmp/counted"), "once\ndone");
}

#[test]
fn a_durable_command_outlives_its_controller_and_is_followed_to_its_end() {
    let Some(lab) = Lab::sqlite("durable").boot() else {
        return;
    };
    let (host, state) = (lab.host("fe-eu-fr"), lab.directory().join("state"));
    let playbook = lab.file(
        "durable.yml",
        "- hosts: master
  become: true
  tasks:
    - name: count
      shell: 'echo once >>/var/tmp/counted; while [ -e /var/tmp/wait ]; do sleep 0.1; done; echo it is done'
      args: {durable: true}
      register: count
    - {name: go on, shell: 'echo {{ count.stdout | quote }} >>/var/tmp/counted'}
",
    );
    // Whether the job has ended when the run goes on, or not: it tells the same.
    for ends_first in [false, true] {
        host.must("rm -f /var/tmp/counted; touch /var/tmp/wait");
        let run = lab.nebplay([&playbook]).state(&state).start();
        host.patiently("it counts", |host| host.sh("test -e /var/tmp/counted").code == 0);
        run.kill();
        assert_eq!(host.must("ls /var/lib/nebplay/jobs | wc -l"), "1");
        let resume = lab
            .nebplay(["resume", "--json"])
            .without_inventory()
            .state(&state);
        let resumed = if ends_first {
            host.must("rm /var/tmp/wait");
            host.patiently("it ends", |host| {
                host.sh("test -e /var/lib/nebplay/jobs/*/status").code == 0
            });
            resume.run()
        } else {
            let mut run = resume.start();
            run.wait_for("which this run left running");
            host.must("rm /var/tmp/wait");
            run.wait()
        };
        resumed.expect_code(0);
        assert_eq!(host.must("cat /var/tmp/counted"), "once\nit is done");
        assert_eq!(host.must("ls /var/lib/nebplay/jobs"), "", "no job is left");
    }
}
