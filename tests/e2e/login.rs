//! The user an operator logs in as, and what sudo says to that.

use crate::harness::{Lab, Run};
use nebplay_tests::lab::SUDO_PASSWORD;

/// Looks as oneadmin and as root, and changes something as root.
const PLAYBOOK: &str = "\
- hosts: all
  become: true
  tasks:
    - federation_facts:
    - onedb_version:
    - file:
        path: /etc/nebplay-was-here
        state: directory
        mode: '0700'
";

fn look_and_change(lab: &Lab, vars: &[&str]) -> Run {
    let playbook = lab.file("login.yml", PLAYBOOK);
    let vars = vars.iter().flat_map(|assignment| ["-e", assignment]);
    lab.nebplay([playbook]).args(vars).run()
}

#[test]
fn sudo_gives_root_with_and_without_a_password_and_is_quoted_when_it_does_not() {
    let Some(lab) = Lab::sqlite("login").boot() else {
        return;
    };
    let made = "stat -c '%U %a' /etc/nebplay-was-here; rmdir /etc/nebplay-was-here";
    let password = format!("ansible_become_password={SUDO_PASSWORD}");
    for vars in [vec!["ansible_user=ops"], vec!["ansible_user=opspw", &password]] {
        look_and_change(&lab, &vars).expect_code(0);
        for host in lab.hosts() {
            assert_eq!(host.must(made), "root 700", "{}", host.name());
        }
    }
    let run = lab
        .upgrade()
        .args(["--check", "-e", "ansible_user=opspw", "-e", &password])
        .run()
        .expect_code(0);
    assert!(!run.stdout.contains(SUDO_PASSWORD), "{}", run.stdout);

    // No password, and a wrong one: told plainly, and nothing was done.
    for (password, told) in [
        (
            "",
            "a password is required; give it with -K, or as ansible_become_password",
        ),
        ("ansible_become_password=wrong-one", "the password is wrong"),
    ] {
        let mut vars = vec!["ansible_user=opspw"];
        vars.extend((!password.is_empty()).then_some(password));
        let run = look_and_change(&lab, &vars);
        assert_ne!(run.code, 0);
        assert!(!run.stdout.contains("wrong-one") && !run.stderr.contains("wrong-one"));
        let run = run.expect_shown("sudo").expect_shown(told);
        assert!(run.stdout.contains("fe-us-ca"), "{}", run.stdout);
        for host in lab.hosts() {
            assert_ne!(host.sh("test -e /etc/nebplay-was-here").code, 0);
        }
    }
}
