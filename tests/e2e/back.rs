//! An upgrade that is taken back, from where it was stopped.

use crate::harness::{Builder, Lab};
use crate::traces::{
    assert_nothing_left, assert_same, assert_same_data, assert_upgraded, federated_data, how_it_is, packages,
    paths,
};

/// Goes back, and is killed while the old packages come, of which a slave has two already; goes on, and another loses its power while
/// the databases are put back.
fn disturbed(lab: &Lab) {
    let mut run = lab.way_back().start();
    run.wait_for("the old packages");
    run.kill();
    lab.host("fe-us-ca").must(
        "cd /var/lib/nebplay/packages/7.0.0-1
         dpkg --unpack --force-downgrade opennebula_*.deb opennebula-tools_*.deb",
    );
    let mut run = lab.way_back().start();
    run.wait_for("the database as it was");
    let slave = lab.host("fe-eu-ge");
    slave.power_off();
    slave.power_on();
    slave.wait_until_up();
    // Either it has waited for the slave, or it has stopped there and goes on.
    if run.wait().code != 0 {
        lab.way_back().run().expect_code(0);
    }
}

/// Stops an upgrade in the middle of a migration, takes it back, and does it again.
fn there_and_back(lab: Builder, stopped_at: &str, take_back: impl Fn(&Lab)) -> Option<Lab> {
    let lab = lab.boot()?;
    let before: Vec<_> = lab
        .hosts()
        .map(|host| {
            (
                how_it_is(&host),
                packages(&host),
                federated_data(&host),
                paths(&host),
            )
        })
        .collect();
    lab.stop_in_the_migration_of(stopped_at);
    take_back(&lab);
    for (host, (how, packages_before, data, _)) in lab.hosts().zip(&before) {
        assert_same(&host, &how_it_is(&host), how);
        assert_same(&host, &packages(&host), packages_before);
        assert_same(&host, &federated_data(&host), data);
        assert_eq!(host.oneadmin("onedb version").code, 0, "{}", host.name());
    }
    assert_same_data(&lab);

    // What the journal of the upgrade says is done was undone since.
    lab.nebplay(["resume", "--from", "master"])
        .run()
        .expect_code(3)
        .expect_shown("others have acted on the same federation");

    lab.upgrade().run().expect_code(0);
    for (host, (how, _, _, paths)) in lab.hosts().zip(&before) {
        assert_same(&host, &how_it_is(&host), how);
        // What goes back keeps the database that it puts another in the place of.
        host.must("rm -f /var/lib/one/one.db.aside-*");
        assert_nothing_left(&host, paths);
    }
    assert_upgraded(&lab);
    Some(lab)
}

#[test]
fn an_upgrade_that_stops_at_the_last_slave_is_taken_back_in_every_zone() {
    let Some(lab) = there_and_back(Lab::sqlite("back"), "fe-us-ca", disturbed) else {
        return;
    };
    // Now it has come to its end, and clients have written since.
    lab.way_back()
        .run()
        .expect_code(2)
        .expect_shown("no upgrade is under way in any zone");
    lab.way_back()
        .args(["-e", "old=7.0.0-1"])
        .run()
        .expect_code(2)
        .expect_shown("zones 0, 100, 101 take writes at the new version");
    lab.way_back()
        .args(["-e", "old=7.0.0-1", "-e", "lose_writes=true"])
        .run()
        .expect_code(0);
    assert_same_data(&lab);
    for host in lab.hosts() {
        assert!(packages(&host).contains("OpenNebula 7.0.0 ()"), "{}", host.name());
        assert!(
            !host.users().contains(&"after-the-upgrade".to_owned()),
            "{}",
            host.name()
        );
        assert_eq!(
            host.must("runuser -u oneadmin -- onezone list --csv | cut -d, -f6 | sort -u | wc -l"),
            "2",
            "{}: the heading, and one state",
            host.name()
        );
    }
}

#[test]
fn an_upgrade_that_stops_at_the_master_is_taken_back_on_mariadb() {
    there_and_back(Lab::mysql("back-my"), "fe-eu-fr", |lab| {
        lab.host("fe-eu-fr").tear("opennebula-form");
        lab.way_back().run().expect_code(0);
    });
}
