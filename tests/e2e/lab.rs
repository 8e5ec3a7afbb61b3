//! The lab itself: what the other tests rely on.

use crate::harness::Lab;
use nebplay_tests::lab::SUDO_PASSWORD;
use nebplay_tests::program::Program;

/// Everything on this machine that carries a name, in one text.
fn traces(name: &str) -> String {
    let script = "ip netns list; cat /proc/self/mounts; find /sys/fs/cgroup -maxdepth 3 -name '*nebplay*'; \
        ls /run/nebplay-lab /run/systemd/nspawn 2>/dev/null; ps axww -o args";
    let seen = Program::new("sh").args(["-c", script]).run().unwrap();
    let lines: Vec<&str> = seen.lines().filter(|line| line.contains(name)).collect();
    lines.join("\n")
}

#[test]
fn hosts_are_reached_by_ssh_and_nothing_is_left_behind() {
    let Some(lab) = Lab::sqlite("ssh").boot() else {
        return;
    };
    let config = lab.access().home().join(".ssh/config");
    let ssh = |user: &str, command: &str| {
        let destination = format!("{user}@fe-eu-ge");
        let config = config.display().to_string();
        lab.controller(&[
            "ssh",
            "-F",
            &config,
            "-o",
            "BatchMode=yes",
            "-o",
            "HostName=192.168.150.2",
            &destination,
            command,
        ])
    };
    assert_eq!(ssh("root", "hostname; id -un").stdout, "fe-eu-ge\nroot\n");
    assert_eq!(ssh("ops", "sudo -n id -un").stdout, "root\n");
    assert_ne!(ssh("opspw", "sudo -n id -un").code, 0);
    assert_eq!(
        ssh("opspw", &format!("echo {SUDO_PASSWORD} | sudo -S id -un")).stdout,
        "root\n"
    );

    let (name, directory) = (lab.name().to_owned(), lab.directory().to_path_buf());
    assert!(!traces(&name).is_empty());
    drop(lab);
    assert_eq!(traces(&name), "");
    assert!(!directory.exists());
}

#[test]
fn a_panic_leaves_nothing_behind() {
    let Some(lab) = Lab::sqlite("panic").boot() else {
        return;
    };
    let name = lab.name().to_owned();
    let result = std::thread::spawn(move || {
        assert!(lab.zones().is_empty(), "which is wrong");
    })
    .join();
    assert!(result.is_err());
    assert_eq!(traces(&name), "");
}

#[test]
fn the_documented_upgrade_of_the_packages_stops_at_a_prompt() {
    let Some(lab) = Lab::sqlite("packages").boot() else {
        return;
    };
    let master = lab.host("fe-eu-fr");
    let packages =
        "opennebula opennebula-gate opennebula-flow opennebula-provision opennebula-fireedge python3-pyone";
    master.must("sed -i s,/7.0/,/7.2/, /etc/apt/sources.list.d/opennebula.list && apt-get update && systemctl stop opennebula");

    let verbatim = master.sh(&format!("apt-get install --only-upgrade {packages} </dev/null"));
    assert_eq!(verbatim.code, 1);
    assert!(
        verbatim
            .stdout
            .ends_with("Do you want to continue? [Y/n] Abort.\n"),
        "{}",
        verbatim.stdout
    );

    let yes = master.sh(&format!(
        "apt-get install -y --only-upgrade {packages} </dev/null"
    ));
    assert_eq!(yes.code, 100);
    assert!(
        yes.stdout.contains("end of file on stdin at conffile prompt"),
        "{}",
        yes.stdout
    );
    let state = "dpkg-query -W -f '${db:Status-Abbrev}${Version}' ";
    assert_eq!(master.must(&format!("{state} opennebula")), "iU 7.2.0-1");
    assert_eq!(master.must(&format!("{state} opennebula-form")), "ii 7.2.0-1");
    assert!(master.read("/etc/one/oned.conf.dpkg-new").is_some());

    master.must("DEBIAN_FRONTEND=noninteractive dpkg --configure -a --force-confdef --force-confold");
    assert_eq!(master.must(&format!("{state} opennebula")), "ii 7.2.0-1");
    assert!(
        master
            .read("/etc/one/oned.conf")
            .unwrap()
            .contains("MODE          = \"MASTER\"")
    );
    assert!(
        master
            .read("/etc/one/oned.conf.dpkg-dist")
            .unwrap()
            .contains("STANDALONE")
    );
}

#[test]
fn a_host_can_lose_its_cable_and_its_power_and_come_back() {
    let Some(lab) = Lab::sqlite("faults").boot() else {
        return;
    };
    let slave = lab.host("fe-us-ca");
    let reachable = || {
        let probe = format!("exec 3<>/dev/tcp/{}/22", slave.address());
        lab.controller(&["timeout", "1", "bash", "-c", &probe]).code == 0
    };
    // A packet that is lost on a busy machine is sent again, which takes a second.
    let comes_back = || (0..20).any(|_| reachable());
    assert!(comes_back());
    slave.cut_link();
    assert!(!reachable());
    slave.restore_link();
    assert!(comes_back());

    slave.must("echo kept >/root/kept");
    let before =
        slave.must("cat /proc/sys/kernel/random/boot_id; systemctl show -p UserspaceTimestampMonotonic");
    slave.power_off();
    assert!(!reachable());
    slave.power_on();
    assert!(comes_back());
    assert_eq!(slave.read("/root/kept").as_deref(), Some("kept\n"));
    assert_ne!(
        before,
        slave.must("cat /proc/sys/kernel/random/boot_id; systemctl show -p UserspaceTimestampMonotonic")
    );
}

#[test]
fn a_disk_can_be_full_for_one_host_alone() {
    let Some(lab) = Lab::sqlite("disk").boot() else {
        return;
    };
    let slave = lab.host("fe-eu-ge");
    slave.small_disk("/var/lib/one", 200);
    let write = slave.oneadmin("head -c 1000000 /dev/zero >/var/lib/one/big");
    assert_ne!(write.code, 0);
    assert!(
        write.stderr.contains("No space left on device"),
        "{}",
        write.stderr
    );
    assert_eq!(
        lab.host("fe-us-ca")
            .oneadmin("head -c 1000000 /dev/zero >/var/lib/one/big")
            .code,
        0
    );
}

#[test]
fn zones_on_mariadb_start_in_sync() {
    let Some(lab) = Lab::mysql("mysql").boot() else {
        return;
    };
    let indexes: Vec<_> = lab.zones().into_iter().map(|zone| zone.fed_index).collect();
    assert_eq!(indexes.len(), 3);
    assert!(
        indexes[0].is_some() && indexes.iter().all(|index| *index == indexes[0]),
        "{indexes:?}"
    );
    for host in lab.hosts() {
        assert_eq!(
            host.must("systemctl is-active mariadb opennebula"),
            "active\nactive",
            "{}",
            host.name()
        );
    }
}
