//! What "kept out" means: who can still write, by either way, and what is left of it afterwards.

use crate::harness::{Host, Lab};
use crate::traces::paths;

/// A write from a place: `oneuser create` cannot tell a refusal from a dead oned, so what came back is returned.
fn write_from_loopback(host: &Host<'_>, user: &str) -> (i32, String) {
    let output = host.oneadmin(&format!("oneuser create {user} secret"));
    (output.code, output.stderr)
}

/// A write from outside: XML-RPC from where no zone is.
fn write_from_outside(lab: &Lab, address: &str, user: &str) -> String {
    let script = r#"
        body="<?xml version='1.0'?><methodCall><methodName>one.user.allocate</methodName><params>"
        for word in oneadmin:lab-password "$2" secret core; do
            body="$body<param><value><string>$word</string></value></param>"
        done
        body="$body</params></methodCall>"
        exec 3<>/dev/tcp/$1/2633 || exit 7
        printf 'POST /RPC2 HTTP/1.0\r\nContent-Type: text/xml\r\nContent-Length: %s\r\n\r\n%s' ${#body} "$body" >&3
        timeout 5 cat <&3"#;
    let output = lab.controller(&["bash", "-c", script, "bash", address, user]);
    format!("{} {} {}", output.code, output.stdout, output.stderr)
}

/// Nobody's user is made, wherever and however it is tried; the answer has these words.
#[track_caller]
fn assert_kept_out(lab: &Lab, answer: &str) {
    for host in lab.hosts() {
        let outside = write_from_outside(lab, host.address(), "from-outside");
        assert!(outside.contains(answer), "{}: {outside}", host.name());
        let (code, loopback) = write_from_loopback(&host, "from-loopback");
        assert_ne!(code, 0, "{}", host.name());
        assert!(loopback.contains(answer), "{}: {loopback}", host.name());
    }
    for host in lab.hosts() {
        let users = host.users();
        assert!(
            !users.iter().any(|user| user.starts_with("from-")),
            "{}: {users:?}",
            host.name()
        );
    }
}

#[track_caller]
fn assert_open(lab: &Lab) {
    for (number, host) in lab.hosts().enumerate() {
        let outside = write_from_outside(lab, host.address(), &format!("from-outside-{number}"));
        assert!(
            outside.contains("<boolean>1</boolean>"),
            "{}: {outside}",
            host.name()
        );
        let (code, error) = write_from_loopback(&host, &format!("from-loopback-{number}"));
        assert_eq!(code, 0, "{}: {error}", host.name());
    }
    lab.wait_until_in_sync();
    for host in lab.hosts() {
        let made = host
            .users()
            .iter()
            .filter(|user| user.starts_with("from-"))
            .count();
        assert_eq!(made, 6, "{}", host.name());
    }
}

fn play(lab: &Lab, module: &str) {
    let playbook = lab.file(
        &format!("{module}.yml"),
        &format!("- hosts: all\n  become: true\n  tasks:\n    - {module}:\n"),
    );
    lab.nebplay([playbook]).run().expect_code(0);
}

#[test]
fn a_disabled_zone_refuses_writes_from_everywhere() {
    let Some(lab) = Lab::sqlite("disabled").boot() else {
        return;
    };
    play(&lab, "zone_disable");
    assert_kept_out(&lab, "zone disabled");
    // It is stored, so a reboot does not open it.
    let slave = lab.host("fe-eu-ge");
    slave.power_off();
    slave.power_on();
    lab.wait_until_in_sync();
    assert_kept_out(&lab, "zone disabled");
    play(&lab, "zone_enable");
    lab.wait_until_in_sync();
    assert_open(&lab);
}

/// As `Lab::wait_until_in_sync`, where nobody but root reaches the API.
fn wait_until_in_sync_for_root(lab: &Lab) {
    lab.host("fe-eu-fr").patiently("every zone in sync", |master| {
        let list = master.sh("HOME=/var/lib/one onezone list --csv").stdout;
        let mut indices = list.lines().skip(1).filter_map(|line| line.split(',').nth(4));
        let first = indices.next();
        first.is_some_and(|index| index != "-") && indices.all(|index| Some(index) == first)
    });
}

#[test]
fn a_blocked_api_refuses_connections_lets_replication_pass_and_is_removed_exactly() {
    let Some(lab) = Lab::sqlite("blocked").boot() else {
        return;
    };
    // Rules of the operator's own, which must neither be touched nor get in the way.
    let rules = "table inet own { set admins { type ipv4_addr; elements = { 10.1.2.3 } }
        chain input { type filter hook input priority 0; policy accept; tcp dport 9999 counter drop; }
}";
    for host in lab.hosts() {
        host.write(
            "/etc/nftables.conf",
            format!("#!/usr/sbin/nft -f\nflush ruleset\n{rules}\n"),
        );
        host.must("systemctl enable --quiet nftables; systemctl restart nftables");
    }
    let ruleset =
        |host: &Host<'_>| host.must("nft list ruleset; systemctl list-unit-files --no-legend | sort");
    let before: Vec<_> = lab.hosts().map(|host| (ruleset(&host), paths(&host))).collect();

    play(&lab, "api_block");
    assert_kept_out(&lab, "Connection refused");
    // Only the federation's own connections pass: what root writes on the master arrives in the slaves.
    assert_eq!(
        lab.host("fe-eu-fr")
            .sh("HOME=/var/lib/one oneuser create by-root secret")
            .code,
        0
    );
    wait_until_in_sync_for_root(&lab);
    // The machine's own rules being loaded anew flushes ours too, and a reboot loads only what lasts.
    lab.host("fe-us-ca").must("systemctl restart nftables");
    let slave = lab.host("fe-eu-ge");
    slave.power_off();
    slave.power_on();
    wait_until_in_sync_for_root(&lab);
    assert_kept_out(&lab, "Connection refused");

    play(&lab, "api_unblock");
    for (host, (rules, paths_before)) in lab.hosts().zip(before) {
        assert_eq!(ruleset(&host), rules, "{}", host.name());
        let new: Vec<String> = paths(&host).difference(&paths_before).cloned().collect();
        assert!(
            new.iter().all(|path| path.starts_with("/var/lib/nebplay")),
            "{}: {new:?}",
            host.name()
        );
    }
    assert_open(&lab);
}
