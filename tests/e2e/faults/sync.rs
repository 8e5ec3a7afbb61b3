//! Zones that are out of sync before anything has begun.

use crate::harness::{Host, Lab};
use crate::traces::how_it_is;

const IN_SYNC: &str = "- hosts: master\n  become: true\n  tasks:\n    - fed_index_check:\n        nudge: true\n        data: true\n";

/// What an upgrade would have changed: packages, where they come from, and all that is in the shared tables.
fn untouched(host: &Host<'_>) -> String {
    let packages = host
        .must("dpkg-query -W 'opennebula*'; cat /etc/apt/sources.list.d/*; find /var/lib/nebplay -mindepth 1 ! -path '*/runs*' 2>/dev/null || true");
    let users = host.users().join(" ");
    format!("{packages}\n{users}\n{}", how_it_is(host))
}

#[test]
fn a_slave_that_would_wait_for_ever_is_nudged_and_the_run_goes_on() {
    let Some(lab) = Lab::sqlite("stuck").boot() else {
        return;
    };
    let (master, slave) = (lab.host("fe-eu-fr"), lab.host("fe-us-ca"));
    slave.must("systemctl stop opennebula");
    master.must("runuser -u oneadmin -- oneuser create while-it-slept secret");
    master.must("systemctl restart opennebula");
    slave.must("systemctl start opennebula");
    let states: Vec<String> = lab.zones().into_iter().map(|zone| zone.state).collect();

    lab.rehearsal()
        .args(["--undisturbed"])
        .run()
        .expect_code(0)
        .expect_shown("fe-us-ca behind: `fed_index_check` waits for it");
    let playbook = lab.file("sync.yml", IN_SYNC);
    lab.nebplay([&playbook])
        .run()
        .expect_code(0)
        .expect_shown("set zone 0 on, as it is, to wake up: ")
        .expect_shown("zone 101 (S-US-CA) is at");
    lab.wait_until_in_sync();
    assert!(slave.users().contains(&"while-it-slept".to_owned()));
    assert_eq!(slave.users(), master.users());
    let after: Vec<String> = lab.zones().into_iter().map(|zone| zone.state).collect();
    assert_eq!(after, states);

    let again = lab.nebplay([&playbook]).run().expect_code(0);
    assert!(!again.stdout.contains("changed: "), "{}", again.stdout);
}

#[test]
fn a_zone_ahead_of_its_master_and_one_without_a_log_stop_the_upgrade_before_anything_changes() {
    let Some(lab) = Lab::sqlite("ahead").boot() else {
        return;
    };
    let (master, ahead, no_log) = (lab.host("fe-eu-fr"), lab.host("fe-eu-ge"), lab.host("fe-us-ca"));
    // The master goes back to yesterday, as after a restore of it alone; the last slave has lost its log, as after a cut restore.
    master.must(
        "systemctl stop opennebula; cp -a /var/lib/one/one.db /root/yesterday.db; systemctl start opennebula",
    );
    master.must("runuser -u oneadmin -- oneuser create of-today secret");
    lab.wait_until_in_sync();
    master.must(
        "systemctl stop opennebula; cp -a /root/yesterday.db /var/lib/one/one.db; systemctl start opennebula",
    );
    no_log.must(
        "systemctl stop opennebula
         runuser -u oneadmin -- sqlite3 /var/lib/one/one.db 'DELETE FROM logdb WHERE fed_index != -1'
         systemctl start opennebula",
    );
    assert!(ahead.users().contains(&"of-today".to_owned()));
    let before: Vec<String> = lab.hosts().map(|host| untouched(&host)).collect();

    lab.upgrade()
        .run()
        .expect_code(2)
        .expect_shown("zone 100 (S-EU-GE) is at")
        .expect_shown("ahead of its master")
        .expect_shown("zone 101 (S-US-CA) has no federated log")
        .expect_shown("restore the federated backup of the master in that zone");
    lab.rehearsal()
        .args(["--undisturbed"])
        .run()
        .expect_code(2)
        .expect_shown("fe-eu-ge ahead of the master: `fed_index_check` stops the run")
        .expect_shown("fe-us-ca without a federated log: `fed_index_check` stops the run")
        .expect_shown("zone 101 (S-US-CA) has no federated log");
    for (host, before) in lab.hosts().zip(before) {
        assert_eq!(untouched(&host), before, "{}", host.name());
        assert!(host.standin_log().is_empty(), "{}", host.name());
    }
}
