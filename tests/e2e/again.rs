//! A controller that is gone, and the same command once more.

use crate::harness::{Host, Lab};
use crate::traces::{assert_nothing_left, assert_same, assert_upgraded, how_it_is, paths};
use nebplay_tests::lab::SUDO_PASSWORD;

#[test]
fn a_job_of_a_killed_controller_is_joined_and_not_started_twice() {
    let Some(lab) = Lab::sqlite("again").boot() else {
        return;
    };
    let before: Vec<_> = lab.hosts().map(|host| (how_it_is(&host), paths(&host))).collect();
    let master = lab.host("fe-eu-fr");
    // The whole night as a user whose sudo asks for a password.
    let upgrade = || {
        let password = format!("ansible_become_password={SUDO_PASSWORD}");
        lab.upgrade().args(["-e", "ansible_user=opspw", "-e", &password])
    };
    master.hang("before-local-migrator");
    let run = upgrade().start();
    master.wait_for("before-local-migrator hangs");
    run.kill();

    // Lines of progress are events, and no lines of a plain output.
    let mut run = upgrade().args(["--json"]).start();
    run.wait_for("an earlier run left running");
    assert_eq!(master.count("upgrade completed"), 0);
    master.release("before-local-migrator");
    let run = run.wait().expect_code(0);
    assert!(!run.stdout.contains(SUDO_PASSWORD), "{}", run.stdout);
    for (host, (how, paths)) in lab.hosts().zip(before) {
        assert_eq!(host.count("upgrade started"), 1, "{}", host.name());
        assert_same(&host, &how_it_is(&host), &how);
        assert_nothing_left(&host, &paths);
    }
    assert_upgraded(&lab);
}

/// The lab is no machine: what reboots there stays off until somebody switches it on.
fn comes_up_again(host: &Host<'_>) {
    host.patiently("no power", |host| !host.is_on());
    host.power_off();
    host.power_on();
}

#[test]
fn zones_are_rebooted_one_after_the_other_and_one_that_was_cut_off_is_not_rebooted_twice() {
    let Some(lab) = Lab::sqlite("reboots").boot() else {
        return;
    };
    let boot = |host: &Host<'_>| host.must("cat /proc/sys/kernel/random/boot_id");
    let before: Vec<_> = lab.hosts().map(|host| (how_it_is(&host), boot(&host))).collect();
    let state = lab.directory().join("state");
    let run = lab.nebplay(["playbooks/reboot.yml"]).state(&state).start();
    comes_up_again(&lab.host("fe-eu-ge"));
    let second = lab.host("fe-us-ca");
    second.patiently("no power", |host| !host.is_on());
    run.kill();
    comes_up_again(&second);
    let its_boot = boot(&second);
    let run = lab.nebplay(["resume"]).without_inventory().state(&state).start();
    comes_up_again(&lab.host("fe-eu-fr"));
    run.wait().expect_code(0).expect_shown("it was rebooted");
    assert_eq!(boot(&second), its_boot);
    for (host, (how, boot_before)) in lab.hosts().zip(before) {
        assert_same(&host, &how_it_is(&host), &how);
        assert_ne!(boot(&host), boot_before, "{}", host.name());
    }
    lab.wait_until_in_sync();
}
