//! `onedb upgrade` is killed in the middle, or goes on without its controller.

use crate::harness::{Host, Invocation, Lab};

/// Phases 2 to 6 of the upgrade for the master and one slave.
const MIGRATE: &str = "- hosts: fe-us-ca:master
  become: true
  any_errors_fatal: true
  tasks:
    - service_stop:
    - onedb_backup:
        dest: /var/lib/one/nebplay/full.bck
        keep: true
    - package_repo:
        repo: '{{ repository }}'
        version: '7.2'
- hosts: master
  become: true
  any_errors_fatal: true
  tasks:
    - package_upgrade:
        version: '7.2'
    - onedb_upgrade:
        backup: /var/lib/one/nebplay/full.bck
    - onedb_backup:
        dest: /var/lib/one/nebplay/federated.bck
        federated: true
      register: federated
- hosts: fe-us-ca
  become: true
  any_errors_fatal: true
  tasks:
    - distribute:
        from: fe-eu-fr
        src: /var/lib/one/nebplay/federated.bck
        dest: /var/lib/one/nebplay/federated.bck
        owner: oneadmin
        group: oneadmin
        mode: '0600'
    - federation_facts:
      register: zone
    - onedb_version:
      register: db
    - onedb_restore:
        src: /var/lib/one/nebplay/federated.bck
        expect: \"{{ hostvars['fe-eu-fr'].federated.fingerprints }}\"
      when: db.state != 'current' or zone.oned_version is version('7.2', '<')
    - package_upgrade:
        version: '7.2'
    - onedb_upgrade:
        backup: /var/lib/one/nebplay/full.bck
        federated_backup: /var/lib/one/nebplay/federated.bck
";

pub(super) fn migrate(lab: &Lab) -> Invocation {
    lab.nebplay([lab.file("migrate.yml", MIGRATE)])
}

/// The table that a migration begun twice empties.
pub(super) fn quotas(host: &Host<'_>) -> String {
    host.sql("SELECT user_oid FROM user_quotas ORDER BY user_oid")
}

/// Runs until `onedb upgrade` is within the local migrator, and kills it there.
fn kill_within_the_migrator(lab: &Lab, host: &Host<'_>) {
    host.hang("before-local-migrator");
    let run = migrate(lab).start();
    host.wait_for("before-local-migrator hangs");
    host.must("pkill -KILL -f 'onedb upgrade -v'");
    host.release("before-local-migrator");
    run.wait()
        .expect_code(2)
        .expect_shown(&format!("failed: [{}]", host.name()))
        .expect_shown("Never start oned on it")
        .expect_shown("run again: the database is first put back from /var/lib/one/nebplay/full.bck");
}

#[test]
fn a_migration_that_was_killed_is_undone_before_it_is_done_again() {
    let Some(lab) = Lab::sqlite("killed").boot() else {
        return;
    };
    let hosts = [lab.host("fe-eu-fr"), lab.host("fe-us-ca")];
    let before = [&hosts[0], &hosts[1]].map(quotas);
    assert!(before.iter().all(|rows| rows.lines().count() > 1), "{before:?}");
    for host in &hosts {
        kill_within_the_migrator(&lab, host);
        // What makes a second `onedb upgrade` lose the rows.
        assert_eq!(
            host.sql("SELECT COUNT(*) FROM user_quotas"),
            "0",
            "{}",
            host.name()
        );
    }

    migrate(&lab).run().expect_code(0);
    for (host, before) in hosts.iter().zip(before) {
        assert_eq!(quotas(host), before, "{}", host.name());
        assert_eq!(host.oneadmin("onedb version").code, 0, "{}", host.name());
        assert_eq!(host.count("upgrade completed"), 1, "{}", host.name());
        assert_eq!(
            host.sql("SELECT COUNT(*) FROM sqlite_master WHERE name LIKE 'old_%'"),
            "0"
        );
    }
    assert_eq!(hosts[0].users(), hosts[1].users());

    let log = [&hosts[0], &hosts[1]].map(Host::standin_log);
    migrate(&lab).run().expect_code(0);
    // A backup may be made again; these must not.
    let done = |log: &[String]| {
        log.iter()
            .filter(|line| matches!(line.as_str(), "upgrade completed" | "restore completed"))
            .count()
    };
    for (host, before) in hosts.iter().zip(log) {
        assert_eq!(done(&host.standin_log()), done(&before), "{}", host.name());
    }
}

#[test]
fn a_controller_that_dies_in_a_migration_does_not_migrate_twice() {
    let Some(lab) = Lab::sqlite("cut").boot() else {
        return;
    };
    let master = lab.host("fe-eu-fr");
    let before = quotas(&master);
    master.hang("before-local-migrator");
    let run = migrate(&lab).start();
    master.wait_for("shared migrator completed");
    run.kill();
    // It comes to its end while nobody looks.
    master.release("before-local-migrator");
    master.wait_for("upgrade completed");
    migrate(&lab).run().expect_code(0);
    assert_eq!(master.count("upgrade started"), 1);
    assert_eq!(quotas(&master), before);
    assert_eq!(master.oneadmin("onedb version").code, 0);
}

#[test]
fn a_migration_outlives_the_connection_and_is_followed_to_its_end() {
    let Some(lab) = Lab::sqlite("cable").boot() else {
        return;
    };
    let (master, slave) = (lab.host("fe-eu-fr"), lab.host("fe-us-ca"));
    let before = [&master, &slave].map(quotas);
    master.slow("upgrade", 8.0);
    slave.slow("upgrade", 8.0);
    // Nine seconds of silence make a dead connection.
    let run = migrate(&lab).args(["--keepalive", "3"]).start();
    for (host, seconds) in [(&master, 5), (&slave, 16)] {
        host.wait_for("upgrade started");
        host.cut_link();
        std::thread::sleep(std::time::Duration::from_secs(seconds));
        host.restore_link();
    }
    run.wait().expect_code(0);
    for (host, before) in [&master, &slave].into_iter().zip(before) {
        assert_eq!(host.count("upgrade started"), 1, "{}", host.name());
        assert_eq!(host.count("upgrade completed"), 1, "{}", host.name());
        assert_eq!(quotas(host), before, "{}", host.name());
        assert_eq!(host.oneadmin("onedb version").code, 0, "{}", host.name());
    }
}
