//! Front-ends that are not as the upgrade needs them: held packages, configuration, machines on their way, a lock nobody holds.

use crate::harness::Lab;
use crate::upgrade::how_it_is;

/// What is wrong, how it comes about, how it is mended, and what must be said of it.
struct Wrong {
    host: &'static str,
    arrange: &'static str,
    mend: &'static str,
    said: &'static [&'static str],
}

const WRONG: &[Wrong] = &[
    Wrong {
        host: "fe-eu-ge",
        arrange: "sed -i 's/ZONE_ID *= *100/ZONE_ID = 102/' /etc/one/oned.conf",
        mend: "sed -i 's/ZONE_ID = 102/ZONE_ID = 100/' /etc/one/oned.conf",
        said: &[
            "fe-eu-ge",
            "zone_id 100, oned.conf says FEDERATION/ZONE_ID 102",
            "nebplay never guesses",
        ],
    },
    Wrong {
        host: "fe-us-ca",
        arrange: "sed -i 's/\"SLAVE\"/\"MASTER\"/' /etc/one/oned.conf",
        mend: "sed -i 's/\"MASTER\"/\"SLAVE\"/' /etc/one/oned.conf",
        said: &[
            "fe-us-ca",
            "the inventory says slave, oned.conf says FEDERATION/MODE MASTER",
        ],
    },
    Wrong {
        host: "fe-us-ca",
        arrange: "apt-mark hold opennebula-gate",
        mend: "apt-mark unhold opennebula-gate",
        said: &["fe-us-ca", "apt-mark unhold opennebula-gate"],
    },
    Wrong {
        host: "fe-eu-ge",
        arrange: "runuser -u oneadmin -- onevm standin-state new 3 2",
        mend: "runuser -u oneadmin -- onevm standin-state 0 8 0",
        said: &["fe-eu-ge", "BOOT"],
    },
];

/// All that an operator would look at, of all hosts.
fn state(lab: &Lab) -> Vec<String> {
    lab.hosts()
        .map(|host| {
            how_it_is(&host) + &host.must("dpkg-query -W 'opennebula*'; ls /var/lib/nebplay 2>&1 || true")
        })
        .collect()
}

#[test]
fn a_front_end_that_is_not_as_it_should_be_is_named_before_anything_changes() {
    let Some(lab) = Lab::sqlite("wrong").boot() else {
        return;
    };
    for wrong in WRONG {
        let host = lab.host(wrong.host);
        host.must(wrong.arrange);
        let before = state(&lab);
        let run = wrong
            .said
            .iter()
            .fold(lab.upgrade().run().expect_code(2), |run, words| {
                run.expect_shown(words)
            });
        assert!(!run.stdout.contains("changed: "), "{}", run.stdout);
        assert_eq!(state(&lab), before, "{}", wrong.arrange);
        host.must(wrong.mend);
    }
}

#[test]
fn a_lock_that_a_killed_oned_left_holds_up_nothing() {
    let Some(lab) = Lab::sqlite("lock").boot() else {
        return;
    };
    let host = lab.host("fe-us-ca");
    host.must(
        "mkdir -p /run/systemd/system/opennebula.service.d
         printf '[Service]\\nRestart=no\\nExecStopPost=\\n' >/run/systemd/system/opennebula.service.d/dies.conf
         systemctl daemon-reload; pkill -KILL -x oned; sleep 1; [ -e /var/lock/one/one ] || touch /var/lock/one/one; rm -r /run/systemd/system/opennebula.service.d; systemctl daemon-reload",
    );
    let playbook = lab.file(
        "stop.yml",
        "- hosts: fe-us-ca\n  become: true\n  tasks:\n    - service_stop:\n    - onedb_backup:\n        dest: /var/lib/one/nebplay/full.bck\n",
    );
    lab.nebplay([&playbook]).run().expect_code(0);
    assert!(host.read("/var/lock/one/one").is_none());
    assert_eq!(host.count("backup completed"), 1);
    let again = lab.nebplay([&playbook]).run().expect_code(0);
    assert!(!again.stdout.contains("changed: "), "{}", again.stdout);
}
