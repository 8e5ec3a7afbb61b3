//! What a night is to leave: the new version, everything else as it was, and each migration and restore done once; or, after the way
//! back, everything as it was.

use std::collections::{BTreeMap, BTreeSet};

use crate::harness::traces::{
    assert_nothing_left, assert_same, assert_same_data, assert_upgraded, federated_data, how_it_is, packages,
    paths,
};
use crate::harness::{Host, Lab};

/// What the hosts are in the end, each line by itself: the same whatever befell the run.
pub type End = BTreeMap<String, BTreeSet<String>>;

/// How the hosts were before the night.
pub(super) struct Before(Vec<Was>);

/// How a host was.
struct Was {
    how: String,
    packages: String,
    data: String,
    paths: BTreeSet<String>,
    users: Vec<String>,
}

impl Before {
    /// Looks.
    pub(super) fn of(lab: &Lab) -> Self {
        let was = |host: Host<'_>| Was {
            how: how_it_is(&host),
            packages: packages(&host),
            data: federated_data(&host),
            paths: paths(&host),
            users: host.users(),
        };
        Self(lab.hosts().map(was).collect())
    }

    /// Panics unless all that should be is as before and the rest is new; returns what is there now.
    pub(super) fn upgraded(self, lab: &Lab) -> End {
        let end = end_of(lab);
        for (host, mut was) in lab.hosts().zip(self.0) {
            was.paths.extend(set_aside(&host));
            assert_same(&host, &how_it_is(&host), &was.how);
            assert_eq!(host.users(), was.users, "{}", host.name());
            assert_nothing_left(&host, &was.paths);
            assert_done_once(&host);
        }
        assert_upgraded(lab);
        end
    }

    /// Panics unless all is as before; returns what is there now.
    pub(super) fn back(self, lab: &Lab) -> End {
        let end = end_of(lab);
        for (host, was) in lab.hosts().zip(self.0) {
            assert_same(&host, &how_it_is(&host), &was.how);
            assert_same(&host, &packages(&host), &was.packages);
            assert_same(&host, &federated_data(&host), &was.data);
            assert_eq!(host.users(), was.users, "{}", host.name());
            assert_eq!(host.oneadmin("onedb version").code, 0, "{}", host.name());
        }
        assert_same_data(lab);
        end
    }
}

fn end_of(lab: &Lab) -> End {
    lab.wait_until_in_sync();
    lab.hosts()
        .map(|host| (host.name().to_owned(), what_is_there(&host)))
        .collect()
}

/// Packages, files that nebplay and OpenNebula keep, and what is in the database.
fn what_is_there(host: &Host<'_>) -> BTreeSet<String> {
    let quotas = ["user_quotas", "group_quotas"]
        .map(|table| host.sql(&format!("SELECT * FROM {table} ORDER BY 1")))
        .concat();
    // The journal of an upgrade that was stopped is kept, under the moment of its start.
    let files = host.must(
        "dpkg-query -W
         cd /; find etc/one etc/apt/sources.list.d etc/systemd/system var/lib/nebplay var/lib/one/nebplay -printf '%M %u:%g /%p %l\\n' |
             sed -E 's/[0-9]{8}T[0-9]{6}Z-[0-9]+/RUN/'
         find etc/one etc/apt/sources.list.d etc/systemd/system -type f -exec sha256sum {} +",
    );
    let all = [files, federated_data(host), quotas].join("\n");
    all.lines().map(str::to_owned).collect()
}

/// A database whose migration was cut off, or may have been, is moved aside when the backup is put back, and kept: nebplay says so.
fn set_aside(host: &Host<'_>) -> Vec<String> {
    let found = host.must("find /var/lib/one -maxdepth 1 -name 'one.db.aside-*'");
    found.lines().map(str::to_owned).collect()
}

/// No migration and no restore ran beside another, and none once more after one was complete.
fn assert_done_once(host: &Host<'_>) {
    let log = host.standin_log();
    let wrong = wrong(&log);
    assert_eq!(wrong, None, "{}: {log:#?}", host.name());
}

/// What is wrong with what the stand-in wrote down.
fn wrong(log: &[String]) -> Option<&'static str> {
    let (mut upgraded, mut restored, mut to_restore) = (false, 0, 1);
    // On a slave the federated tables are restored before it is migrated.
    let mut before = log.iter().take_while(|line| *line != "upgrade started");
    let is_slave = before.any(|line| line == "restore completed");
    for line in log {
        match line.as_str() {
            "overlap" => return Some("two at once"),
            "upgrade started" if upgraded => return Some("migrated again"),
            "restore started" if upgraded => return Some("restored after it was migrated"),
            "restore started" if restored == to_restore => return Some("restored again"),
            // If it is cut off, the full backup is put back, and everything begins anew.
            "upgrade started" => {
                to_restore = 1 + usize::from(is_slave);
                restored = 0;
            }
            "restore completed" => restored += 1,
            "upgrade completed" => upgraded = true,
            _ => {}
        }
    }
    (!upgraded).then_some("never migrated")
}

#[cfg(test)]
mod tests {
    use super::wrong;

    #[test]
    fn what_is_done_twice_is_found() {
        for (log, found) in [
            ("upgrade started,upgrade completed", None),
            (
                "restore started,restore completed,upgrade started,restore started,restore completed,upgrade started,upgrade completed",
                None,
            ),
            (
                "restore started,restore started,restore completed,upgrade started,upgrade completed",
                None,
            ),
            (
                "restore started,restore completed,upgrade started,restore started,restore completed,restore started,restore completed,upgrade started,upgrade completed",
                None,
            ),
            (
                "upgrade started,restore started,restore completed,restore started,restore completed,upgrade started",
                Some("restored again"),
            ),
            (
                "restore started,restore completed,restore started",
                Some("restored again"),
            ),
            ("upgrade started,overlap", Some("two at once")),
            (
                "upgrade started,upgrade completed,upgrade started",
                Some("migrated again"),
            ),
            (
                "upgrade started,upgrade completed,restore started",
                Some("restored after it was migrated"),
            ),
            ("upgrade started", Some("never migrated")),
        ] {
            let log: Vec<String> = log.split(',').map(str::to_owned).collect();
            assert_eq!(wrong(&log), found, "{log:?}");
        }
    }
}
