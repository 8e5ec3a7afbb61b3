//! How nebplay gets into hosts, and what it says when it cannot.

use crate::harness::{Lab, Run};
use nebplay_tests::lab::SUDO_PASSWORD;

const PING: &str = "- hosts: all\n  become: true\n  tasks:\n    - ping:\n    - command: id -un\n      register: who\n\
    \x20   - assert:\n        that: who.stdout == 'root'\n";

/// Pings all hosts as root, with the given variables.
fn ping(lab: &Lab, vars: &[&str]) -> Run {
    let playbook = lab.file("ping.yml", PING);
    let vars = vars.iter().flat_map(|assignment| ["-e", assignment]);
    lab.nebplay([playbook]).args(vars).run()
}

#[test]
fn root_is_reached_as_root_by_sudo_and_by_sudo_with_a_password() {
    let Some(lab) = Lab::sqlite("users").boot() else {
        return;
    };
    ping(&lab, &[]).expect_code(0);
    ping(&lab, &["ansible_user=ops"]).expect_code(0);
    let password = format!("ansible_become_password={SUDO_PASSWORD}");
    let run = ping(&lab, &["ansible_user=opspw", &password]).expect_code(0);
    assert!(!run.stdout.contains(SUDO_PASSWORD) && !run.stderr.contains(SUDO_PASSWORD));
    ping(&lab, &["ansible_user=opspw"]).expect_shown("sudo");
}

#[test]
fn a_host_without_power_is_unreachable_and_the_others_go_on() {
    let Some(lab) = Lab::sqlite("dead").boot() else {
        return;
    };
    lab.host("fe-us-ca").power_off();
    let run = ping(&lab, &["ansible_timeout=3"])
        .expect_code(4)
        .expect_shown("fe-us-ca");
    assert!(run.stdout.contains("fe-eu-ge"), "{}", run.stdout);
}

#[test]
fn a_host_whose_key_is_unknown_or_another_one_is_refused() {
    let Some(lab) = Lab::sqlite("keys").boot() else {
        return;
    };
    let known = lab.access().known_hosts();
    let all = std::fs::read_to_string(&known).unwrap();
    let without: Vec<&str> = all.lines().filter(|line| !line.contains("fe-us-ca")).collect();
    std::fs::write(&known, without.join("\n") + "\n").unwrap();
    ping(&lab, &[]).expect_code(4).expect_shown("fe-us-ca");

    // The key of one host under the name of another: somebody is in the middle.
    let swapped = all
        .replace("192.168.150.2", "192.168.150.9")
        .replace("192.168.150.3", "192.168.150.2");
    std::fs::write(&known, swapped).unwrap();
    ping(&lab, &[]).expect_code(4).expect_shown("fe-eu-ge");
}
