//! The documented upgrade, typed by hand on the hosts: what nebplay automates must work at all, on both backends.

use crate::harness::{Builder, Host, Lab};

/// Every unit of the documentation's list and those it forgets.
const UNITS: &str = "opennebula opennebula-fireedge opennebula-flow opennebula-gate opennebula-guacd opennebula-hem \
    opennebula-ssh-agent opennebula-showback.timer opennebula-ssh-socks-cleaner.timer";

const PACKAGES: &str = "export DEBIAN_FRONTEND=noninteractive
    sed -i s,/7.0/,/7.2/, /etc/apt/sources.list.d/opennebula.list
    apt-get update -qq
    apt='apt-get install -qq -y -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold'
    $apt --only-upgrade opennebula opennebula-gate opennebula-flow opennebula-provision opennebula-fireedge python3-pyone
    $apt opennebula-migration";

#[test]
fn the_documented_upgrade_works_by_hand_on_sqlite() {
    upgrade_by_hand(Lab::sqlite("hand"));
}

#[test]
fn the_documented_upgrade_works_by_hand_on_mariadb() {
    upgrade_by_hand(Lab::mysql("hand-my"));
}

fn upgrade_by_hand(lab: Builder) {
    let Some(lab) = lab.boot() else { return };
    let master = lab.host("fe-eu-fr");
    let slaves = [lab.host("fe-eu-ge"), lab.host("fe-us-ca")];
    for (host, zone) in [(&slaves[0], 100), (&slaves[1], 101), (&master, 0)] {
        oneadmin(host, &format!("onezone disable {zone}"));
    }
    lab.wait_until_in_sync();
    for host in slaves.iter().chain([&master]) {
        host.must(&format!(
            "systemctl stop {UNITS}; systemctl mask --quiet opennebula opennebula-fireedge"
        ));
        host.must(PACKAGES);
    }
    assert_eq!(master.oneadmin("onedb version").code, 2);
    oneadmin(&master, "onedb upgrade");
    assert_eq!(master.oneadmin("onedb version").code, 0);
    oneadmin(&master, "onedb backup --federated /var/lib/one/federated");
    let dump = master.read("/var/lib/one/federated").unwrap();
    for slave in &slaves {
        slave.write("/var/tmp/federated", &dump);
        oneadmin(slave, "onedb restore --federated -f /var/tmp/federated");
        oneadmin(slave, "onedb upgrade");
        assert_eq!(slave.oneadmin("onedb version").code, 0, "{}", slave.name());
    }
    for host in lab.hosts() {
        host.must("systemctl unmask --quiet opennebula opennebula-fireedge; systemctl start opennebula opennebula-fireedge");
    }
    for (host, zone) in [(&master, 0), (&slaves[0], 100), (&slaves[1], 101)] {
        oneadmin(host, &format!("onezone enable {zone}"));
    }
    oneadmin(&master, "oneuser create after-the-upgrade secret");
    lab.wait_until_in_sync();
    for host in lab.hosts() {
        assert_eq!(host.must("oned --version | head -1"), "OpenNebula 7.2.0 ()");
        assert!(
            host.users().contains(&"after-the-upgrade".to_owned()),
            "{}",
            host.name()
        );
        assert_eq!(host.users(), master.users());
    }
}

fn oneadmin(host: &Host<'_>, line: &str) {
    let output = host.oneadmin(line);
    assert_eq!(
        output.code,
        0,
        "{}: {line}\n{}{}",
        host.name(),
        output.stdout,
        output.stderr
    );
}
