//! The upgrade of a federation, from the first check to the last.

use crate::harness::{Builder, Host, Lab, Run, SECRETS};
use crate::traces::{assert_nothing_left, assert_same, assert_same_data, everything, paths, units};

/// All that an operator would call "how it was": kept out of the upgrade's way, it must be so again afterwards.
pub(crate) fn how_it_is(host: &Host<'_>) -> String {
    let cloud = host.must(
        "runuser -u oneadmin -- onehost list --csv | cut -d, -f2,7
         runuser -u oneadmin -- onevm list --csv | cut -d, -f1-5
         runuser -u oneadmin -- onezone list --csv | cut -d, -f2,6
         nft list ruleset",
    );
    cloud + &units(host)
}

/// Every zone at the new version, in sync, with the same data; what is written in any zone arrives in all.
#[track_caller]
pub(crate) fn assert_upgraded(lab: &Lab) {
    let created = |host: &str, user: &str| {
        let output = lab.host(host).oneadmin(&format!("oneuser create {user} secret"));
        assert_eq!(output.code, 0, "{host}: {}", output.stderr);
    };
    created("fe-eu-fr", "after-the-upgrade");
    created("fe-us-ca", "from-a-slave");
    assert_same_data(lab);
    for host in lab.hosts() {
        let name = host.name();
        assert_eq!(
            host.must("oned --version | head -1"),
            "OpenNebula 7.2.0 ()",
            "{name}"
        );
        assert_eq!(host.must(API_VERSION), "7.2.0", "{name}");
        assert_eq!(host.oneadmin("onedb version").code, 0, "{name}");
        for user in ["after-the-upgrade", "from-a-slave"] {
            assert!(host.users().contains(&user.to_owned()), "{name}: {user}");
        }
    }
}

/// What the zone's own API says it is.
const API_VERSION: &str = r#"
    auth=$(cat /var/lib/one/.one/one_auth)
    body="<?xml version='1.0'?><methodCall><methodName>one.system.version</methodName><params><param><value><string>$auth</string></value></param></params></methodCall>"
    exec 3<>/dev/tcp/127.0.0.1/2633
    printf 'POST /RPC2 HTTP/1.0\r\nContent-Type: text/xml\r\nContent-Length: %s\r\n\r\n%s' ${#body} "$body" >&3
    timeout 5 cat <&3 | grep -o '7[.][0-9.]*' | head -1"#;

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
fn zones_on_sqlite_are_upgraded() {
    upgraded(Lab::sqlite("plain"));
}

#[test]
fn zones_on_mariadb_are_upgraded() {
    upgraded(Lab::mysql("plain-my"));
}

/// The night without anything odd in it.
fn upgraded(lab: Builder) {
    let Some(lab) = lab.boot() else { return };
    let before: Vec<_> = lab.hosts().map(|host| (how_it_is(&host), host.users())).collect();
    lab.upgrade().run().expect_code(0);
    for (host, (how, users)) in lab.hosts().zip(before) {
        assert_same(&host, &how_it_is(&host), &how);
        assert_eq!(host.users(), users, "{}", host.name());
        assert_eq!(host.count("upgrade started"), 1, "{}", host.name());
    }
    assert_upgraded(&lab);
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
}

#[test]
fn a_federation_on_mariadb_is_upgraded_behind_a_firewall_and_no_password_is_shown() {
    let Some(lab) = Lab::mysql("up-my").boot() else {
        return;
    };
    for host in lab.hosts() {
        host.must(WATCH);
    }
    // What the run itself shows is looked at after every run.
    upgraded_once(&lab, &["-e", "keep_out=api_block", "--json", "-vvv"]);
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

/// Looks for these in what anybody on the host could see, as long as the host runs: argument vectors, and units.
const WATCH: &str = r"
    : >/run/watched
    cat >/run/watch <<'END'
    while :; do
        for line in /proc/[0-9]*/cmdline; do
            # OpenNebula's own onedb hands the password to mysql's programs in their arguments; that is not ours to change.
            tr '\0' ' ' <$line 2>/dev/null | grep -e 'lab-database' -e 'lab-password' | grep -v -e mysql -e mariadb -e 'grep '
        done >>/run/watched
        grep -rs -e lab-database -e lab-password /run/systemd/transient /run/systemd/system >>/run/watched
        sleep 0.1
    done
END
    systemd-run --quiet --unit watch bash /run/watch";

/// Upgrades it and looks at everything that must be new, everything that must be as before, and what must be gone.
fn upgraded_once(lab: &Lab, arguments: &[&str]) -> Run {
    let before: Vec<_> = lab
        .hosts()
        .map(|host| (how_it_is(&host), paths(&host), host.users()))
        .collect();
    let run = lab.upgrade().args(arguments).run().expect_code(0);
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
