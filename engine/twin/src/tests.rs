//! The twin as a whole: what its machines answer.

use std::time::Duration;

use nebplay_modules::host::{Command, RunAs};

use crate::deeds::{Act, Deed};
use crate::federation::Federation;
use crate::image::{Description, federation};
use crate::process::Limit;

fn guide() -> Federation {
    federation(&Description::guide(3))
}

/// A line of shell on a machine, as a user: status and everything printed.
fn shell(federation: &mut Federation, at: usize, user: &str, line: &str) -> (i32, String) {
    let command = Command::script::<&str>(line, []).run_as(RunAs::User(user.to_owned()));
    let came = federation.execute(at, &command, None);
    let text = format!("{}{}", came.output.text(), came.output.err_text());
    let now = federation.now();
    federation.advance(now + came.took);
    (came.output.exit.rc(), text)
}

#[test]
fn a_fresh_federation_runs_in_sync() {
    let mut federation = guide();
    let (status, text) = shell(
        &mut federation,
        0,
        "oneadmin",
        "onezone list --csv -l ID,FED_INDEX",
    );
    assert_eq!(status, 0, "{text}");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "ID,FED_INDEX");
    let indexes: Vec<&str> = lines[1..]
        .iter()
        .filter_map(|line| line.split(',').nth(1))
        .collect();
    assert_eq!(indexes.len(), 3, "{text}");
    assert!(
        indexes.iter().all(|index| *index == indexes[0] && *index != "-"),
        "{text}"
    );
}

/// As [`shell`], of what must succeed; what it printed.
fn run(federation: &mut Federation, at: usize, user: &str, line: &str) -> String {
    let (status, text) = shell(federation, at, user, line);
    assert_eq!(status, 0, "{at}$ {line}\n{text}");
    text
}

/// As the unit files of 7.0 and 7.2 have it (`share/pkgs/services/systemd` of OpenNebula's sources): `Wants=` here and there, and neither
/// `PartOf=` nor `Requires=`.
#[test]
fn the_start_of_a_unit_pulls_up_others_and_its_stop_stops_none() {
    let mut federation = guide();
    let mut lists = |line: &str| {
        let list = "systemctl list-units --plain --no-legend | grep opennebula | cut -d ' ' -f 1; true";
        run(&mut federation, 1, "root", line);
        run(&mut federation, 1, "root", list)
    };
    let all = lists("true");
    assert_eq!(
        lists("systemctl stop opennebula opennebula-fireedge opennebula-flow opennebula-gate"),
        "opennebula-guacd.service\nopennebula-hem.service\nopennebula-showback.timer\nopennebula-ssh-agent.service\n\
         opennebula-ssh-socks-cleaner.timer\n"
    );
    let rest = "opennebula-guacd opennebula-hem opennebula-ssh-agent opennebula-showback.timer opennebula-ssh-socks-cleaner.timer";
    assert_eq!(lists(&format!("systemctl stop {rest}")), "");
    let started = lists("systemctl start opennebula-flow opennebula-gate opennebula opennebula-fireedge");
    assert_eq!(started, all);
}

#[test]
fn an_upgrade_by_hand_as_the_guide_has_it() {
    let mut federation = guide();
    for at in [1, 2, 0] {
        run(
            &mut federation,
            at,
            "oneadmin",
            &format!("onezone disable {}", [0, 100, 101][at]),
        );
    }
    for at in [1, 2, 0] {
        run(
            &mut federation,
            at,
            "root",
            "systemctl stop opennebula opennebula-flow opennebula-gate opennebula-fireedge opennebula-guacd opennebula-hem \
             opennebula-ssh-agent opennebula-ssh-socks-cleaner.timer opennebula-showback.timer",
        );
        let left = run(
            &mut federation,
            at,
            "root",
            "systemctl list-units --plain --no-legend | grep opennebula; true",
        );
        assert_eq!(left, "", "nothing is left on {at}");
    }
    for at in [0, 1, 2] {
        run(
            &mut federation,
            at,
            "root",
            "apt-get install -y opennebula opennebula-tools opennebula-flow opennebula-gate opennebula-guacd opennebula-fireedge opennebula-migration; systemctl stop opennebula",
        );
    }
    run(&mut federation, 0, "oneadmin", "onedb upgrade -v; onedb version");
    run(
        &mut federation,
        0,
        "oneadmin",
        "onedb backup -v --federated /var/lib/one/fed.bck",
    );
    for at in [1, 2] {
        let dump = run(&mut federation, 0, "oneadmin", "cat /var/lib/one/fed.bck");
        let (status, text) = {
            let command = Command::script::<&str>("cat > /var/lib/one/fed.bck; onedb restore -v --federated /var/lib/one/fed.bck && onedb upgrade -v && onedb version", [])
                .run_as(RunAs::User("oneadmin".to_owned()))
                .stdin(dump.into_bytes());
            let came = federation.execute(at, &command, None);
            (
                came.output.exit.rc(),
                format!("{}{}", came.output.text(), came.output.err_text()),
            )
        };
        assert_eq!(status, 0, "{text}");
    }
    for at in [0, 1, 2] {
        let (status, text) = shell(
            &mut federation,
            at,
            "root",
            "systemctl start opennebula; tail -n 5 /var/log/one/oned.log",
        );
        assert_eq!(status, 0, "{text}");
    }
    let (_, text) = shell(
        &mut federation,
        0,
        "oneadmin",
        "sleep 30; onezone enable 0; onezone list --csv -l ID,FED_INDEX,STATE",
    );
    assert_eq!(text.lines().count(), 4, "{text}");
}

#[test]
fn a_script_that_never_ends_goes_on_until_its_deadline() {
    let mut federation = guide();
    let busy = Command::script::<&str>("touch /tmp/begun; while :; do :; done; touch /tmp/ended", []);
    let hour = Duration::from_hours(1);
    let came = federation.execute(0, &busy, Some(Limit::Deadline(hour)));
    assert!(!came.whole && came.took == hour);
    let (status, _) = shell(
        &mut federation,
        0,
        "root",
        "[ -e /tmp/begun ] && [ ! -e /tmp/ended ]",
    );
    assert_eq!(status, 0);
    let again = "while :; do timeout 1 sh -c 'while :; do :; done'; done";
    let came = federation.execute(
        0,
        &Command::script::<&str>(again, []),
        Some(Limit::Deadline(hour)),
    );
    assert!(!came.whole && came.took == hour);
    let (_, text) = shell(
        &mut federation,
        0,
        "root",
        "date +%s; timeout 1m sh -c 'while :; do :; done'; echo $?; date +%s",
    );
    let numbers: Vec<i64> = text.lines().filter_map(|line| line.parse().ok()).collect();
    assert_eq!(numbers.get(1), Some(&124), "{text}");
    assert!((59..=61).contains(&(numbers[2] - numbers[0])), "{text}");
}

#[test]
fn a_script_that_is_killed_leaves_what_it_came_to() {
    let mut federation = guide();
    shell(&mut federation, 0, "root", "systemctl stop opennebula");
    let backup = Command::script::<&str>("onedb backup -v /var/lib/one/full.bck", [])
        .run_as(RunAs::User("oneadmin".to_owned()));
    let took = federation.clone().execute(0, &backup, None).took;
    let came = federation.execute(0, &backup, Some(Limit::Killed(took / 2)));
    assert!(!came.whole && came.took <= took / 2 + Duration::from_secs(1));
    let (_, cut) = shell(
        &mut federation,
        0,
        "oneadmin",
        "tail -n 1 /var/lib/one/full.bck; wc -c < /var/lib/one/full.bck",
    );
    assert!(!cut.starts_with("COMMIT;"), "{cut}");
}

#[test]
fn find_knows_owners_modes_alternatives_and_formats() {
    let mut federation = guide();
    let mut find = |line: &str| run(&mut federation, 0, "root", line);
    find(
        "mkdir -p /srv/d/e && touch /srv/d/f && chown oneadmin /srv/d/f && chmod 0700 /srv/d/e && ln -s f /srv/d/l",
    );
    for (conditions, found) in [
        ("-mindepth 1 ! -user root", "/srv/d/f\n"),
        ("-mindepth 1 -type d -perm 0700", "/srv/d/e\n"),
        (
            "-mindepth 1 ( ! -user root -o ! -type l ! -perm 0644 ) -print",
            "/srv/d/e\n/srv/d/f\n",
        ),
        ("( -type l -o -type d ) -print -quit", "/srv/d\n"),
        (
            "! -type d -printf '%y %m %u %U %s %l %p\\n'",
            "f 644 oneadmin 9869 0  /srv/d/f\nl 777 root 0 1 f /srv/d/l\n",
        ),
    ] {
        let quoted = conditions
            .replace('(', "'('")
            .replace(')', "')'")
            .replace('!', "'!'");
        assert_eq!(find(&format!("find -P /srv/d {quoted}")), found, "{conditions}");
    }
}

#[test]
fn a_machine_that_is_told_to_reboot_stops_in_order_first_and_comes_up_with_what_is_enabled() {
    let mut federation = guide();
    let before = federation.machine(1).boot_id();
    run(
        &mut federation,
        1,
        "root",
        "systemctl disable opennebula-gate; systemd-run --quiet --on-active=5 -- systemctl reboot --message=now",
    );
    assert_eq!(federation.machine(1).boot_id(), before, "not yet");
    federation.advance(federation.now() + Duration::from_secs(6));
    assert_ne!(federation.machine(1).boot_id(), before);
    let asked = |deed: &&Deed| matches!(deed.act, Act::OnedStopped { asked: true, .. });
    assert_eq!(federation.deeds.in_order().into_iter().filter(asked).count(), 1);
    let boot = federation.rates.boot;
    federation.advance(federation.now() + boot);
    let up = run(&mut federation, 1, "root", "systemctl list-units 'opennebula*'");
    assert!(
        up.contains("opennebula.service") && !up.contains("opennebula-gate"),
        "{up}"
    );
}
