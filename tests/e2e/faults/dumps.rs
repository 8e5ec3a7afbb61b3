//! The federated backup and its restore go wrong while everything exits 0.

use super::{DUMP, carry};
use crate::harness::{Host, Lab};

/// Slaves as the documentation makes them, one user short: whether a restore arrived is seen by that.
fn one_user_short(lab: &Lab) -> [Host<'_>; 2] {
    let slaves = [lab.host("fe-eu-ge"), lab.host("fe-us-ca")];
    for slave in &slaves {
        let flag = slave.sql("SELECT is_slave FROM local_db_versioning ORDER BY oid DESC LIMIT 1");
        assert_eq!(flag, "0", "{}", slave.name());
        slave.must(
            "systemctl stop opennebula
             runuser -u oneadmin -- sqlite3 /var/lib/one/one.db \"DELETE FROM user_pool WHERE name = 'user1'\"
             systemctl start opennebula",
        );
    }
    slaves
}

#[track_caller]
fn assert_restored(slave: &Host<'_>, master: &Host<'_>) {
    assert_eq!(slave.users(), master.users(), "{}", slave.name());
    let log = "SELECT MAX(fed_index), COUNT(*) FROM logdb WHERE fed_index != -1";
    assert_eq!(slave.sql(log), master.sql(log), "{}", slave.name());
}

#[test]
fn a_dump_that_is_cut_or_unreadable_is_never_restored() {
    let Some(lab) = Lab::sqlite("dump").boot() else {
        return;
    };
    let (master, [cut, unreadable]) = (lab.host("fe-eu-fr"), one_user_short(&lab));
    let before: Vec<_> = [&cut, &unreadable].map(super::super::harness::Host::users).into();
    let break_it = format!(
        "    - shell: head -c -200 {DUMP} >/root/cut && cp /root/cut {DUMP}\n      when: zone_id == 100\n\
         \x20   - shell: chown root:root {DUMP} && chmod 0600 {DUMP}\n      when: zone_id == 101\n"
    );
    carry(&lab, &break_it)
        .run()
        .expect_code(2)
        .expect_shown("failed: [fe-eu-ge]")
        .expect_shown("failed: [fe-us-ca]");
    for (slave, before) in [&cut, &unreadable].into_iter().zip(before) {
        assert_eq!(slave.users(), before, "{}", slave.name());
        assert_eq!(slave.count("restore started"), 0, "{}", slave.name());
        assert_ne!(slave.sh("systemctl is-active opennebula").code, 0);
    }

    carry(&lab, "").run().expect_code(0);
    for slave in [&cut, &unreadable] {
        assert_restored(slave, &master);
        assert_eq!(slave.count("restore completed"), 1, "{}", slave.name());
    }
    lab.wait_until_in_sync();
}

#[test]
fn a_restore_that_claims_success_and_restored_nothing_is_caught() {
    let Some(lab) = Lab::sqlite("silent").boot() else {
        return;
    };
    let (master, [emptied, killed]) = (lab.host("fe-eu-fr"), one_user_short(&lab));
    for slave in [&emptied, &killed] {
        slave.hang("in-restore");
    }
    let run = carry(&lab, "").start();
    for slave in [&emptied, &killed] {
        slave.wait_for("in-restore hangs");
    }
    // Cut within the log: onedb exits 0, `onedb version` is content and oned would start.
    emptied.must(&format!("head -c -300 {DUMP} >/root/cut; cat /root/cut >{DUMP}"));
    emptied.release("in-restore");
    killed.must("pkill -KILL -f 'onedb restore'");
    killed.release("in-restore");
    run.wait()
        .expect_code(2)
        .expect_shown(
            "fe-eu-ge: onedb says that /var/lib/one/nebplay/federated.bck is restored, and it is not",
        )
        .expect_shown("fe-us-ca: onedb restore failed")
        .expect_shown("It must not be started before a whole restore");
    assert_eq!(emptied.count("restore completed"), 1);
    assert_eq!(emptied.oneadmin("onedb version").code, 0);
    for slave in [&emptied, &killed] {
        assert_ne!(slave.sh("systemctl is-active opennebula").code, 0);
    }

    carry(&lab, "").run().expect_code(0);
    for slave in [&emptied, &killed] {
        assert_restored(slave, &master);
    }
    lab.wait_until_in_sync();
    let done = [&emptied, &killed].map(|slave| slave.count("restore completed"));
    carry(&lab, "").run().expect_code(0);
    assert_eq!(
        [&emptied, &killed].map(|slave| slave.count("restore completed")),
        done
    );
}

#[test]
fn a_full_disk_spoils_neither_backup_nor_restore_in_silence() {
    let Some(lab) = Lab::sqlite("full").boot() else {
        return;
    };
    let (master, [slave, other]) = (lab.host("fe-eu-fr"), one_user_short(&lab));
    let fill = "dd if=/dev/zero of=/var/lib/one/filler bs=1k 2>/dev/null; sync; df -k /var/lib/one | tail -1";
    for host in [&master, &slave] {
        host.small_disk("/var/lib/one", 6000);
    }

    master.hang("in-backup");
    let run = carry(&lab, "").start();
    master.wait_for("in-backup hangs");
    master.must(fill);
    master.release("in-backup");
    run.wait()
        .expect_code(2)
        .expect_shown("the database is untouched")
        .expect_shown("make room on the file system of the database or of the dump");
    assert!(slave.read(DUMP).is_none(), "nothing was distributed");

    // Full as it still is, the next run gets no further.
    carry(&lab, "").run().expect_code(2).expect_shown("fe-eu-fr");
    assert!(slave.read(DUMP).is_none(), "nothing was distributed");
    master.must("rm /var/lib/one/filler");

    slave.hang("in-restore");
    let run = carry(&lab, "").start();
    slave.wait_for("in-restore hangs");
    slave.must(fill);
    slave.release("in-restore");
    run.wait().expect_code(2).expect_shown(
        "fe-eu-ge: onedb says that /var/lib/one/nebplay/federated.bck is restored, and it is not",
    );
    assert_restored(&other, &master);

    slave.must("rm /var/lib/one/filler");
    carry(&lab, "").run().expect_code(0);
    for slave in [&slave, &other] {
        assert_restored(slave, &master);
    }
    assert_eq!(other.count("restore completed"), 1);
    lab.wait_until_in_sync();
}
