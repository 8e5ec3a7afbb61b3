//! The upgrade of a federation, from the first check to the last.

use crate::harness::{Host, Lab, Run, SECRETS};
use crate::traces::{assert_nothing_left, assert_same, assert_upgraded, everything, how_it_is, paths};
use crate::twin::Foreseen;

/// How a federation is on the day of its upgrade: not all of it up, and not all of it OpenNebula's own.
fn before_the_night(lab: &Lab) {
    // A hypervisor host that is away, beside the one that every zone has disabled.
    let [master, slave, other] = ["fe-eu-fr", "fe-eu-ge", "fe-us-ca"].map(|name| lab.host(name));
    assert_eq!(slave.oneadmin("onehost offline 1").code, 0);
    slave.must("systemctl disable --quiet --now opennebula-flow");
    other.must("systemctl stop opennebula-gate; systemctl mask --quiet opennebula-gate");
    // The operator's own, which nothing but a variable tells of; its unit is a file where a mask would stand.
    master.write(
        "/etc/systemd/system/billing.service",
        "[Unit]\nDescription=Billing\n[Service]\nExecStart=/bin/sleep infinity\n[Install]\nWantedBy=multi-user.target\n",
    );
    master.must("systemctl daemon-reload; systemctl enable --quiet --now billing");
}

#[test]
fn a_federation_on_sqlite_is_upgraded_once() {
    let Some(lab) = Lab::sqlite("up").boot() else {
        return;
    };
    before_the_night(&lab);
    upgraded_once(&lab, &["-e", r#"{"related_services": ["billing"]}"#]);

    // Again: looks, and is done after phase 0.
    let before: Vec<String> = lab.hosts().map(|host| everything(&host)).collect();
    let again = lab.upgrade().run().expect_code(0);
    for line in ["changed: ", "warning", "PLAY [1."] {
        assert!(!again.stdout.contains(line), "{}", again.stdout);
    }
    for (host, before) in lab.hosts().zip(before) {
        assert_same(&host, &everything(&host), &before);
    }
    restarted(&lab);
}

/// Restarts OpenNebula in every zone by the shipped playbook: what ran runs again, as another process.
fn restarted(lab: &Lab) {
    let oned = |host: &Host<'_>| host.must("systemctl show --property MainPID --value opennebula");
    let before: Vec<_> = lab.hosts().map(|host| (how_it_is(&host), oned(&host))).collect();
    lab.nebplay(["playbooks/restart-services.yml"])
        .run()
        .expect_code(0);
    for (host, (how, process)) in lab.hosts().zip(before) {
        assert_same(&host, &how_it_is(&host), &how);
        assert_ne!(oned(&host), process, "{}", host.name());
    }
}

#[test]
fn a_federation_on_mariadb_is_upgraded_behind_a_firewall_and_no_password_is_shown() {
    let Some(lab) = Lab::mysql("up-my").boot() else {
        return;
    };
    for host in lab.hosts() {
        host.must(WATCH);
        // It sees what there is to be seen.
        host.must("sh -c 'sleep 0.5; : lab-password'; grep -q lab-password /run/watched; : >/run/watched");
    }
    // What the run itself shows is looked at after every run.
    upgraded_once(&lab, &["-e", "keep_out=api_block", "-vvv"]);
    for secret in SECRETS {
        for host in lab.hosts() {
            assert_eq!(host.must("cat /run/watched"), "", "{}", host.name());
            let found = host.must(&format!(
                "grep -rlsF -e {secret} /var/lib/nebplay /run/systemd /tmp /var/tmp /var/log --exclude-dir=journal --exclude=config.tar || true
                 journalctl --quiet -o export | grep -aF -e {secret} || true"
            ));
            assert_eq!(found, "", "{}: {secret}", host.name());
        }
    }
}

/// Looks for these in what anybody on the host could see, as long as the host runs: argument vectors, and units. One process that
/// starts no others: it must not take from the night what the night needs.
const WATCH: &str = r#"
    cat >/run/watch <<'END'
$| = 1;
sub found {
    my ($file) = @_;
    open my $in, '<', $file or return;
    local $/;
    my $text = <$in> // '';
    $text =~ tr/\0/ /;
    # OpenNebula's own onedb hands the password to mysql's programs in their arguments; that is not ours to change.
    return if $file =~ m{^/proc/} and $text =~ /mysql|mariadb|grep /;
    print "$file: $text\n" if $text =~ /lab-database|lab-password/;
}
while (1) {
    found $_ for glob '/proc/[0-9]*/cmdline /run/systemd/{transient,system}/* /run/systemd/{transient,system}/*/*';
    select undef, undef, undef, 0.05;
}
END
    : >/run/watched
    systemd-run --quiet --unit watch sh -c 'exec perl /run/watch >>/run/watched'"#;

/// Upgrades it and looks at everything that must be new, everything that must be as before, and what must be gone.
fn upgraded_once(lab: &Lab, arguments: &[&str]) -> Run {
    let before: Vec<_> = lab
        .hosts()
        .map(|host| (how_it_is(&host), paths(&host), host.users()))
        .collect();
    let foreseen = Foreseen::of(lab, arguments);
    let run = lab
        .upgrade()
        .args(["--json"])
        .args(arguments)
        .run()
        .expect_code(0);
    foreseen.assert_done(lab, &run, &[]);
    for (host, (how, paths, users)) in lab.hosts().zip(before) {
        let name = host.name();
        assert_same(&host, &how_it_is(&host), &how);
        assert_eq!(host.users(), users, "{name}");
        assert_nothing_left(&host, &paths);
        assert_eq!(host.count("upgrade started"), 1, "{name}");
        assert_eq!(host.count("local migrator started"), 1, "{name}");
        let master = usize::from(name == "fe-eu-fr");
        assert_eq!(host.count("shared migrator started"), master, "{name}");
        // A slave's one restore is the federated one; the backups are restored by sqlite3 and mariadb themselves.
        assert_eq!(host.count("restore started"), 1 - master, "{name}");
    }
    assert_upgraded(lab);
    run
}

#[test]
fn check_mode_changes_nothing_and_says_what_it_cannot_know() {
    let Some(lab) = Lab::sqlite("check").boot() else {
        return;
    };
    before_the_night(&lab);
    let before: Vec<String> = lab
        .hosts()
        .map(|host| everything(&host) + &how_it_is(&host))
        .collect();
    let run = lab
        .upgrade()
        .args(["--check", "-e", r#"{"related_services": ["billing"]}"#])
        .run()
        .expect_code(0);
    for (host, before) in lab.hosts().zip(before) {
        assert_same(&host, &(everything(&host) + &how_it_is(&host)), &before);
        assert!(host.standin_log().is_empty(), "{}", host.name());
    }
    for said in [
        "would change: [fe-eu-ge] disable zone 100 (S-EU-GE)",
        "disable hypervisor host 0 (node0, on)",
        "unknown: [fe-eu-fr]",
        "changed=0 ",
    ] {
        assert!(run.stdout.contains(said), "`{said}` is not in\n{}", run.stdout);
    }
    // oned runs, and its lock is no leftover.
    assert!(!run.stdout.contains("remove the lock"), "{}", run.stdout);
    assert!(!run.stdout.contains("\nchanged: "), "{}", run.stdout);
}
