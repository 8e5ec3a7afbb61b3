//! What keeps nebplay out: keys, passwords, a sshd that forwards nothing.

use crate::harness::Lab;

#[test]
fn unknown_host_keys_are_listed_at_once_with_the_commands_that_add_them() {
    let Some(lab) = Lab::sqlite("keys-all").boot() else {
        return;
    };
    let playbook = lab.file("ping.yml", "- hosts: all\n  tasks:\n    - ping:\n");
    let known = lab.access().known_hosts();
    let all = std::fs::read_to_string(&known).unwrap();
    let without: String = all
        .lines()
        .filter(|line| line.contains("fe-eu-fr"))
        .map(|line| format!("{line}\n"))
        .collect();
    std::fs::write(&known, &without).unwrap();

    let run = lab.nebplay([&playbook]).run().expect_code(4);
    let printed = run.stdout + &run.stderr;
    let commands: Vec<&str> = printed
        .lines()
        .map(str::trim)
        .filter(|line| line.ends_with(&format!(">> {}", known.display())))
        .collect();
    for address in ["192.168.150.2", "192.168.150.3"] {
        assert!(
            commands.iter().any(|command| command.contains(address)),
            "{printed}"
        );
    }
    for command in &commands {
        assert_eq!(lab.controller(&["sh", "-c", command]).code, 0, "{command}");
    }
    lab.nebplay([&playbook]).run().expect_code(0);

    // The host behind a known address shows another key: refused whatever is asked for, and nothing is added.
    let swapped = all
        .replace("192.168.150.2", "192.168.150.9")
        .replace("192.168.150.3", "192.168.150.2");
    std::fs::write(&known, &swapped).unwrap();
    lab.nebplay([&playbook])
        .args(["--host-keys", "accept-new", "-l", "fe-eu-ge"])
        .run()
        .expect_code(4)
        .expect_shown("fe-eu-ge")
        .expect_shown("ssh-keygen -R");
    assert_eq!(std::fs::read_to_string(&known).unwrap(), swapped);
}

#[test]
fn a_wrong_database_password_is_said_and_not_shown() {
    let Some(lab) = Lab::mysql("password").boot() else {
        return;
    };
    let master = lab.host("fe-eu-fr");
    let playbook = lab.file(
        "version.yml",
        "- hosts: master\n  become: true\n  tasks:\n    - service_stop:\n    - onedb_backup:\n        dest: /var/lib/one/nebplay/full.bck\n        \
         database: { backend: mysql, user: oneadmin, password: \"{{ secret }}\", name: opennebula }\n",
    );
    for verbosity in ["-v", "-vvv"] {
        let run = lab
            .nebplay([&playbook])
            .args(["-e", "secret=not-the-pass-word", verbosity])
            .run()
            .expect_code(2)
            .expect_shown("Access denied");
        let printed = run.stdout + &run.stderr;
        assert!(!printed.contains("not-the-pass-word"), "{printed}");
    }
    assert!(master.read("/var/lib/one/nebplay/full.bck").is_none());
    master.must("! grep -rqs not-the-pass-word /var/lib/nebplay /var/lib/one/nebplay");
}

#[test]
fn without_tcp_forwarding_zones_are_compared_and_an_upgrade_is_refused() {
    let Some(lab) = Lab::sqlite("forward").boot() else {
        return;
    };
    for host in lab.hosts() {
        host.must("echo 'AllowTcpForwarding no' >/etc/ssh/sshd_config.d/00-none.conf; systemctl reload ssh");
    }
    let playbook = lab.file(
        "sync.yml",
        "- hosts: master\n  become: true\n  tasks:\n    - fed_index_check:\n",
    );
    lab.nebplay([&playbook])
        .run()
        .expect_code(0)
        .expect_shown("S-US-CA");
    // All else asks oned too, and would take silence for a zone that is stopped.
    lab.upgrade()
        .run()
        .expect_code(2)
        .expect_shown("nebplay gets no connection to it")
        .expect_shown("AllowTcpForwarding");
    for host in lab.hosts() {
        assert_eq!(host.must("systemctl is-active opennebula"), "active");
    }
}
