//! What goes wrong in the middle of an upgrade, and what is left then.

use crate::harness::Lab;
use crate::upgrade::{assert_upgraded, how_it_is};

#[test]
fn a_slave_that_is_dead_beforehand_stops_the_upgrade_before_anything_changes() {
    let Some(lab) = Lab::sqlite("gone").boot() else {
        return;
    };
    lab.host("fe-us-ca").power_off();
    let alive = [lab.host("fe-eu-fr"), lab.host("fe-eu-ge")];
    let before: Vec<String> = alive.iter().map(how_it_is).collect();
    lab.upgrade().run().expect_code(4).expect_shown("fe-us-ca");
    for (host, before) in alive.iter().zip(before) {
        assert_eq!(how_it_is(host), before, "{}", host.name());
        assert_eq!(host.must("oned --version | head -1"), "OpenNebula 7.0.0 ()");
    }
}

#[test]
fn a_slave_that_dies_in_its_restore_leaves_the_other_whole_and_is_finished_later() {
    let Some(lab) = Lab::sqlite("dies").boot() else {
        return;
    };
    let (other, dying) = (lab.host("fe-eu-ge"), lab.host("fe-us-ca"));
    let users = other.users();
    dying.hang("in-restore");
    let run = lab.upgrade().start();
    dying.wait_for("restore started");
    dying.power_off();
    run.wait().expect_code(4).expect_shown("fe-us-ca");
    assert_eq!(other.users(), users);

    dying.power_on();
    dying.release("in-restore");
    lab.upgrade().run().expect_code(0);
    assert_upgraded(&lab);
}

#[test]
fn a_controller_that_dies_in_a_migration_does_not_migrate_twice() {
    let Some(lab) = Lab::sqlite("cut").boot() else {
        return;
    };
    let master = lab.host("fe-eu-fr");
    master.hang("before-local-migrator");
    let run = lab.upgrade().start();
    master.wait_for("shared migrator completed");
    run.kill();
    master.release("before-local-migrator");
    master.wait_for("upgrade completed");
    lab.upgrade().run().expect_code(0);
    assert_eq!(master.count("upgrade started"), 1);
    assert_upgraded(&lab);
}
