//! The upgrade of a federation, from the first check to the last.

use crate::harness::{Builder, Host, Lab};

/// All that an operator would call "how it was": kept out of the upgrade's way, it must be so again afterwards.
pub(crate) fn how_it_is(host: &Host<'_>) -> String {
    host.must(
        "runuser -u oneadmin -- onehost list --csv | cut -d, -f2,7
         runuser -u oneadmin -- onezone list --csv | cut -d, -f2,6
         systemctl list-unit-files 'opennebula*' --no-legend | grep -v opennebula-form
         systemctl list-units 'opennebula*' --plain --no-legend | cut -d' ' -f1
         nft list ruleset",
    )
}

/// Every zone at the new version, in sync, with the same users; a new one arrives everywhere.
#[track_caller]
pub(crate) fn assert_upgraded(lab: &Lab) {
    let master = lab.host("fe-eu-fr");
    let created = master.oneadmin("oneuser create after-the-upgrade secret");
    assert_eq!(created.code, 0, "{}", created.stderr);
    lab.wait_until_in_sync();
    for host in lab.hosts() {
        assert_eq!(
            host.must("oned --version | head -1"),
            "OpenNebula 7.2.0 ()",
            "{}",
            host.name()
        );
        assert_eq!(host.oneadmin("onedb version").code, 0, "{}", host.name());
        assert_eq!(host.users(), master.users(), "{}", host.name());
        assert!(host.users().contains(&"after-the-upgrade".to_owned()));
    }
}

#[test]
fn a_federation_on_sqlite_is_upgraded_once() {
    upgraded_once(Lab::sqlite("up"));
}

#[test]
fn a_federation_on_mariadb_is_upgraded_once() {
    upgraded_once(Lab::mysql("up-my"));
}

fn upgraded_once(lab: Builder) {
    let Some(lab) = lab.users(50).boot() else { return };
    let users = lab.host("fe-eu-fr").users();
    let before: Vec<String> = lab.hosts().map(|host| how_it_is(&host)).collect();
    lab.upgrade().run().expect_code(0);
    for (host, before) in lab.hosts().zip(before) {
        assert_eq!(how_it_is(&host), before, "{}", host.name());
        assert_eq!(host.users(), users, "{}", host.name());
        assert_eq!(host.count("upgrade started"), 1, "{}", host.name());
    }

    let again = lab.upgrade().args(["--json"]).run().expect_code(0);
    assert!(
        !again.stdout.contains("\"status\":\"changed\""),
        "{}",
        again.stdout
    );
    assert_upgraded(&lab);
}

#[test]
fn check_mode_changes_nothing() {
    let Some(lab) = Lab::sqlite("check").boot() else {
        return;
    };
    let everything = |host: &Host<'_>| {
        host.must(
            "dpkg-query -W 'opennebula*'; cd /; find etc var/lib/one var/lib/nebplay root home -type f ! -path '*/.standin/*' \
             2>/dev/null | sort | xargs sha256sum",
        ) + &how_it_is(host)
    };
    let before: Vec<String> = lab.hosts().map(|host| everything(&host)).collect();
    lab.upgrade().args(["--check"]).run().expect_code(0);
    for (host, before) in lab.hosts().zip(before) {
        assert_eq!(everything(&host), before, "{}", host.name());
    }
}
