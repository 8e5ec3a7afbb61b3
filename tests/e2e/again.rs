//! A controller that is gone, and the same command once more.

use crate::harness::Lab;
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
