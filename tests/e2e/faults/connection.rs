//! Connections that break, hosts that are rebooted, and operators who leave, in the middle of a run.

use std::thread::sleep;
use std::time::Duration;

use super::migration::{migrate, quotas};
use crate::harness::{Lab, Running};

/// A dead connection is seen after three seconds.
const ATTENTIVE: [&str; 2] = ["--keepalive", "1"];

/// Three hundred small steps, each of which looks, acts and proves.
const PLAIN: &str = "- hosts: fe-us-ca
  become: true
  tasks:
    - file:
        path: '/var/lib/plain-{{ item }}'
        state: directory
      loop: '{{ range(300) | list }}'
";

/// Starts a command that takes so many seconds, and returns while it runs.
fn long(lab: &Lab, seconds: u32) -> Running {
    let playbook = format!("- hosts: fe-us-ca\n  tasks:\n    - command: sleep {seconds}\n");
    let playbook = lab.file(&format!("long-{seconds}.yml"), &playbook);
    let run = lab.nebplay([playbook]).args(ATTENTIVE).start();
    let is_there = format!("pgrep -fx 'sleep {seconds}'");
    lab.host("fe-us-ca")
        .patiently("the command", |host| host.sh(&is_there).code == 0);
    run
}

#[test]
fn a_lost_connection_is_had_again_and_what_it_cut_off_is_settled() {
    let Some(lab) = Lab::sqlite("lost").boot() else {
        return;
    };
    let host = lab.host("fe-us-ca");
    let mut run = lab
        .nebplay([lab.file("plain.yml", PLAIN)])
        .args(ATTENTIVE)
        .start();
    run.wait_for("(item=20)");
    host.cut_link();
    run.wait_for("lost: [fe-us-ca]");
    // A terminal that goes away is no reason to stop, whatever else is wrong.
    run.hang_up();
    sleep(Duration::from_secs(2));
    host.restore_link();
    run.wait().expect_code(0).expect_shown("back: [fe-us-ca]");
    assert_eq!(host.must("ls -d /var/lib/plain-* | wc -l"), "300");

    // Of a command nobody can tell whether it took effect: it is not run again.
    let run = long(&lab, 21);
    host.cut_link();
    sleep(Duration::from_secs(6));
    host.restore_link();
    run.wait()
        .expect_code(4)
        .expect_shown("whether that took effect is not known")
        .expect_shown("look at the host");

    // Whoever has waited long enough leaves at once.
    let mut run = long(&lab, 22);
    host.cut_link();
    run.wait_for("lost: [fe-us-ca]");
    run.interrupt();
    run.wait_for("interrupted:");
    run.interrupt();
    run.wait()
        .expect_code(130)
        .expect_shown("was cut off while it acted");
    host.restore_link();
}

#[test]
fn a_host_that_is_rebooted_in_its_migration_is_put_back_and_migrated_once() {
    let Some(lab) = Lab::sqlite("reboot").boot() else {
        return;
    };
    let master = lab.host("fe-eu-fr");
    let before = quotas(&master);
    master.hang("before-local-migrator");
    let run = migrate(&lab).args(ATTENTIVE).start();
    master.wait_for("before-local-migrator hangs");
    master.power_off();
    master.power_on();
    master.release("before-local-migrator");
    run.wait().expect_code(0).expect_shown("back: [fe-eu-fr]");
    assert_eq!(quotas(&master), before);
    assert_eq!(master.count("upgrade completed"), 1);
    assert_eq!(master.oneadmin("onedb version").code, 0);
}
