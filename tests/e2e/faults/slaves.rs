//! Slaves that die while something is done to them.

use super::{DUMP, carry};
use crate::harness::Lab;

/// A dead connection is seen after three seconds instead of 45, and its host given up soon after.
const IMPATIENT: [&str; 4] = ["--keepalive", "1", "--reconnect", "2"];

#[test]
fn a_slave_that_dies_in_distribute_does_not_spoil_the_other() {
    let Some(lab) = Lab::sqlite("carried").boot() else {
        return;
    };
    let (master, other, dying) = (lab.host("fe-eu-fr"), lab.host("fe-eu-ge"), lab.host("fe-us-ca"));
    // Large, and nothing that could be compressed: there is time to die in it.
    master.must("install -d -o oneadmin -m 0700 /var/lib/one/nebplay; head -c 60000000 /dev/urandom >/var/lib/one/nebplay/large");
    let large = "    - distribute:\n        from: fe-eu-fr\n        src: /var/lib/one/nebplay/large\n        dest: /var/lib/one/nebplay/large\n";
    let playbook = lab.file(
        "large.yml",
        &format!("- hosts: slaves\n  become: true\n  tasks:\n    - file:\n        path: /var/lib/one/nebplay\n        state: directory\n        owner: oneadmin\n{large}"),
    );
    let run = lab.nebplay([&playbook]).args(IMPATIENT).start();
    dying.patiently("the large file in part", |host| {
        !host
            .must("find /var/lib/one /var/lib/nebplay -type f -size +1000k -newer /etc/hostname ! -name one.db 2>/dev/null || true")
            .is_empty()
    });
    dying.power_off();
    let run = run.wait().expect_code(4);
    assert!(run.stdout.contains("unreachable: [fe-us-ca]"), "{}", run.stdout);
    let digest = "sha256sum </var/lib/one/nebplay/large";
    assert_eq!(other.must(digest), master.must(digest));

    dying.power_on();
    // What came in part is not taken for the file.
    lab.nebplay([&playbook]).run().expect_code(0);
    assert_eq!(dying.must(digest), master.must(digest));
    let again = lab.nebplay([&playbook]).run().expect_code(0);
    assert!(!again.stdout.contains("changed: "), "{}", again.stdout);
}

#[test]
fn a_slave_that_dies_in_its_restore_holds_up_nobody_else_and_is_restored_whole_later() {
    let Some(lab) = Lab::sqlite("torn").boot() else {
        return;
    };
    let (master, other, dying) = (lab.host("fe-eu-fr"), lab.host("fe-eu-ge"), lab.host("fe-us-ca"));
    for slave in [&other, &dying] {
        slave.must(
            "systemctl stop opennebula
             runuser -u oneadmin -- sqlite3 /var/lib/one/one.db \"DELETE FROM user_pool WHERE name = 'user1'\"
             systemctl start opennebula",
        );
    }
    dying.hang("in-restore");
    let run = carry(&lab, "").args(IMPATIENT).start();
    dying.wait_for("in-restore hangs");
    other.wait_for("restore completed");
    dying.power_off();
    let run = run.wait().expect_code(4).expect_shown("unreachable: [fe-us-ca]");
    assert!(!run.stdout.contains("unreachable: [fe-eu-ge]"), "{}", run.stdout);
    assert_eq!(other.users(), master.users());

    dying.power_on();
    dying.release("in-restore");
    assert!(!dying.users().contains(&"user1".to_owned()));
    assert!(dying.read(DUMP).is_some());
    carry(&lab, "").run().expect_code(0);
    assert_eq!(dying.users(), master.users());
    assert_eq!(other.count("restore completed"), 1);
    lab.wait_until_in_sync();
}
