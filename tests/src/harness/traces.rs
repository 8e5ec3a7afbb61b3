//! What a host is, by its own words: compared before and after, never with nebplay's own eyes.

use super::{Host, Lab};
use std::collections::BTreeSet;

/// The tables that a federation shares.
const FEDERATED: [&str; 7] = [
    "group_pool",
    "user_pool",
    "acl",
    "zone_pool",
    "vdc_pool",
    "marketplace_pool",
    "marketplaceapp_pool",
];

/// Fails with the lines in which two long texts differ, and not with the texts.
#[track_caller]
pub fn assert_same(host: &Host<'_>, now: &str, before: &str) {
    let (now, before): (BTreeSet<&str>, BTreeSet<&str>) = (now.lines().collect(), before.lines().collect());
    let new: Vec<_> = now.difference(&before).collect();
    let gone: Vec<_> = before.difference(&now).collect();
    assert!(
        new.is_empty() && gone.is_empty(),
        "{}: new: {new:#?}\ngone: {gone:#?}",
        host.name()
    );
}

/// All rows of the federated tables, and the version of the schema.
pub fn federated_data(host: &Host<'_>) -> String {
    let tables = FEDERATED.map(|table| {
        format!(
            "{table}:\n{}\n",
            host.sql(&format!("SELECT * FROM {table} ORDER BY 1"))
        )
    });
    tables.concat() + &host.sql("SELECT version FROM db_versioning ORDER BY oid DESC LIMIT 1")
}

/// Every zone holds the same federated rows.
#[track_caller]
pub fn assert_same_data(lab: &Lab) {
    lab.wait_until_in_sync();
    let master = federated_data(&lab.host("fe-eu-fr"));
    for host in lab.hosts() {
        assert_same(&host, &federated_data(&host), &master);
    }
}

/// What an operator calls the services' state: how each unit is enabled, and whether it runs. What is new in the second
/// version is left out.
pub fn units(host: &Host<'_>) -> String {
    host.must(
        "for unit in $(systemctl list-unit-files 'opennebula*' billing.service --no-legend | cut -d' ' -f1 | grep -v form); do
             systemctl show -p Id,UnitFileState,ActiveState,LoadState $unit; done
         systemctl --failed --plain --no-legend",
    )
}

/// All that an operator would call "how it was": kept out of the upgrade's way, it must be so again afterwards.
pub fn how_it_is(host: &Host<'_>) -> String {
    let cloud = host.must(
        "runuser -u oneadmin -- onehost list --csv | cut -d, -f2,7
         runuser -u oneadmin -- onevm list --csv | cut -d, -f1-5
         runuser -u oneadmin -- onezone list --csv | cut -d, -f2,6
         nft list ruleset",
    );
    cloud + &units(host)
}

/// What is installed, but for what the new version brought.
pub fn packages(host: &Host<'_>) -> String {
    host.must("dpkg-query -W 'opennebula*' | grep -v -e form -e migration; oned --version | head -1")
}

/// Every zone at the new version, in sync, with the same data; what is written in any zone arrives in all.
#[track_caller]
pub fn assert_upgraded(lab: &Lab) {
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

/// Checksums of everything that check mode, or a second run, must leave alone: files, packages, kernel's rules.
pub fn everything(host: &Host<'_>) -> String {
    let files = host.must(
        "dpkg-query -W; nft list ruleset; apt-mark showhold
         cd /; find etc usr/sbin root home tmp var/tmp var/lib/one var/lib/nebplay var/lib/apt var/cache/apt/archives ! -type d \
             ! -path etc/mtab ! -path '*/.standin/*' 2>/dev/null | sort >/run/listed; xargs -d '\\n' sha256sum </run/listed 2>&1; rm /run/listed",
    );
    files + &units(host)
}

/// Every path at places where something could be forgotten. What systemd keeps of its own there is left out.
pub fn paths(host: &Host<'_>) -> BTreeSet<String> {
    let found = host.must(
        "find /etc /run /tmp /var/tmp /dev/shm /root /home /usr/sbin /usr/local /var/lib/one /var/lib/nebplay 2>/dev/null || true",
    );
    let own = |path: &str| {
        // A login's own places come and go with it.
        let of_logins = path.starts_with("/run/user/") || path == "/run/motd.dynamic";
        let of_systemd = path.starts_with("/run/systemd/") && !path.contains("nebplay");
        of_logins || of_systemd || path.contains("systemd-private")
    };
    found
        .lines()
        .filter(|path| !own(path))
        .map(str::to_owned)
        .collect()
}

/// What a finished upgrade may leave behind: the new version's files, the way back, and backups.
const KEPT: [&str; 10] = [
    "/etc/one/",
    "/etc/sudoers.d/opennebula",
    "/etc/systemd/system/multi-user.target.wants/opennebula-form.service",
    "/run/one/",
    "/var/lib/one/nebplay",
    "/var/lib/nebplay/backups",
    "/var/lib/nebplay/packages",
    "/var/lib/nebplay/memory/config-",
    "/var/lib/nebplay/memory/dump-",
    "/var/lib/nebplay/memory/repo-",
];

/// Nothing is on the host that was not there before, except what is meant to stay.
#[track_caller]
pub fn assert_nothing_left(host: &Host<'_>, before: &BTreeSet<String>) {
    let places = [
        "/run/nebplay",
        "/var/lib/nebplay",
        "/var/lib/nebplay/memory",
        "/var/lib/nebplay/jobs",
        "/var/lib/nebplay/jobs/.lock",
    ];
    let left: Vec<String> = paths(host)
        .difference(before)
        .filter(|path| !places.contains(&path.as_str()) && !KEPT.iter().any(|kept| path.starts_with(kept)))
        .filter(|path| !path.starts_with("/var/lib/one/.standin"))
        .cloned()
        .collect();
    assert!(left.is_empty(), "{}: left behind: {left:#?}", host.name());
    assert_eq!(
        host.must("systemctl list-units --all --plain --no-legend '*[n]ebplay*'; ps -eo args | grep -i '[n]ebplay' || true"),
        "",
        "{}",
        host.name()
    );
    assert_eq!(
        host.must(
            "systemctl list-unit-files --state=masked --no-legend 'opennebula*' | grep -v gate || true"
        ),
        "",
        "{}",
        host.name()
    );
    assert_eq!(
        host.must("dpkg --audit; apt-mark showhold"),
        "",
        "{}",
        host.name()
    );
}
