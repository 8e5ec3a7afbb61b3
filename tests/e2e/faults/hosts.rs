//! Front-ends that are not as the upgrade needs them: packages, configuration, a zone left out, machines on their way, a lock nobody holds.

use crate::harness::{Host, Lab};
use crate::traces::how_it_is;

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
        arrange: "sed -i 's,http://192.168.150.1:,http://192.168.150.2:,' /etc/one/oned.conf",
        mend: "sed -i 's,http://192.168.150.2:,http://192.168.150.1:,' /etc/one/oned.conf",
        said: &[
            "fe-us-ca",
            "FEDERATION/MASTER_ONED http://192.168.150.2:2633/RPC2, and the zones know the master as http://192.168.150.1:2633/RPC2",
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
            how_it_is(&host) + &host.must("dpkg-query -W 'opennebula*'; find /var/lib/nebplay -mindepth 1 ! -path '*/runs*' 2>/dev/null || true")
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
    // A slave that nobody put into the inventory would be left behind at the old version.
    let inventory = std::fs::read_to_string(lab.inventory()).unwrap();
    let less: String = inventory
        .lines()
        .filter(|line| !line.starts_with("fe-us-ca"))
        .map(|line| format!("{line}\n"))
        .collect();
    let before = state(&lab);
    let run = lab.upgrade().inventory(lab.file("less.ini", &less)).run();
    let run = run
        .expect_code(2)
        .expect_shown("zones that the inventory does not: 101 (S-US-CA");
    assert!(!run.stdout.contains("changed: "), "{}", run.stdout);
    assert_eq!(state(&lab), before);
}

fn package(host: &Host<'_>) -> String {
    host.must("dpkg-query -W -f '${db:Status-Abbrev}${Version}' opennebula")
}

#[test]
fn a_package_that_an_earlier_attempt_left_half_configured_is_healed() {
    let Some(lab) = Lab::sqlite("half").boot() else {
        return;
    };
    let host = lab.host("fe-eu-ge");
    // The documented line, at the prompt of the edited oned.conf that nobody answers.
    let attempt = host.sh(
        "systemctl stop opennebula; sed -i s,/7.0/,/7.2/, /etc/apt/sources.list.d/opennebula.list
         apt-get update -qq && apt-get install -qq -y --only-upgrade opennebula </dev/null",
    );
    assert_eq!(attempt.code, 100, "{attempt:?}");
    assert_eq!(package(&host), "iU 7.2.0-1");
    let look = "- hosts: fe-eu-ge\n  become: true\n  tasks:\n    - package_facts:\n        names: ['opennebula*']\n        must_be_clean: true\n";
    lab.nebplay([lab.file("look.yml", look)])
        .run()
        .expect_code(2)
        .expect_shown("half-configured: opennebula");
    let playbook = lab.file(
        "packages.yml",
        "- hosts: fe-eu-ge\n  become: true\n  tasks:\n    - service_stop:\n    - package_upgrade:\n        version: '7.2'\n",
    );
    lab.nebplay([&playbook])
        .run()
        .expect_code(0)
        .expect_shown("masked opennebula-form");
    assert_eq!(package(&host), "ii 7.2.0-1");
    assert!(host.read("/etc/one/oned.conf").unwrap().contains("\"SLAVE\""));
    assert_eq!(host.must("dpkg --audit"), "");
    let form = host.must("systemctl is-enabled opennebula-form || true");
    assert_eq!(form, "masked", "no reboot may start what is new");

    // Torn in the middle of its unpacking it looks to apt as if it were installed.
    host.tear("opennebula-migration");
    lab.nebplay([&playbook])
        .run()
        .expect_code(0)
        .expect_shown("heal opennebula-migration");
    assert_eq!(host.must("dpkg --audit"), "");
    let again = lab.nebplay([&playbook]).run().expect_code(0);
    assert!(!again.stdout.contains("changed: "), "{}", again.stdout);
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
