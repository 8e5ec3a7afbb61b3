//! What onedb prints when it refuses, migrates and checks.

use regex::Regex;
use serde::Serialize;
use std::sync::LazyLock;

use crate::module::Failure;

/// Adds what the operator can do about words of onedb's that are known.
pub fn explain(failure: Failure, said: &str) -> Failure {
    let remedies = [
        (
            "Lock file found",
            "stop OpenNebula of this zone; if no oned runs, the lock is stale (oned was killed) and `systemctl stop opennebula` clears it",
        ),
        (
            "OpenNebula found listening on",
            "an oned answers at the endpoint onedb asked: stop it, or find out which zone it belongs to",
        ),
        (
            "exists, backup aborted",
            "give another file, or remove that one after looking whose it is",
        ),
        (
            "backup restoration aborted",
            "the dump is not there: bring it with distribute, or correct src",
        ),
        (
            "Access denied",
            "the database refused user or password: correct DB in oned.conf, or the task's `database`",
        ),
        (
            "Can't connect to",
            "the database server is not reachable from this host: start it, or correct DB in oned.conf",
        ),
        (
            "undefined method `strip' for nil",
            "onedb asked for a password and found no terminal: give database.password",
        ),
        (
            "missing migration descriptors",
            "if this is a slave, restore the master's federated backup first; otherwise install the opennebula-migration package \
             of this version",
        ),
        (
            "Attemp to run migrators compiled in other version",
            "the installed migrators are for another Ruby: install the package built for this distribution",
        ),
        (
            "No space left",
            "make room on the file system of the database or of the dump",
        ),
        (
            "database or disk is full",
            "make room on the file system of the database or of the dump",
        ),
        ("Got errno 28", "make room on the file system of the dump"),
        (
            "Database is not correctly bootstraped",
            "the database is missing or empty: never start oned on it, restore its full backup first",
        ),
    ];
    remedies
        .iter()
        .filter(|(words, _)| said.contains(words))
        .fold(failure, |failure, (_, remedy)| failure.hint(*remedy))
}

/// What `onedb upgrade` said of its way.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct UpgradeSaid {
    /// Nothing was to be done.
    pub up_to_date: bool,
    /// It announced to put the old data back.
    pub put_back: bool,
    /// Migrators that ran, as paths.
    pub migrators: Vec<String>,
}

/// Reads what `onedb upgrade -v` printed. None of it proves anything about the data.
pub fn upgrade(said: &str) -> UpgradeSaid {
    UpgradeSaid {
        up_to_date: said.contains("Database schema is up to date."),
        put_back: said.contains("The database will be restored"),
        migrators: said
            .lines()
            .filter_map(|line| line.trim().strip_prefix("> Running migrator "))
            .map(str::to_owned)
            .collect(),
    }
}

/// What `onedb fsck` found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct FsckSaid {
    /// Errors in all.
    pub found: u64,
    /// Repaired, or in a dry run repairable.
    pub repairable: u64,
    /// Neither.
    pub unrepairable: u64,
    /// One line each, as printed, without onedb's marks.
    pub errors: Vec<FsckError>,
}

/// One error of `onedb fsck`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FsckError {
    /// As printed.
    pub text: String,
    /// It can only be repaired in the master zone.
    pub in_master_only: bool,
    /// onedb could not repair it.
    pub unrepaired: bool,
}

/// Reads what `onedb fsck` printed; `None` where the totals are missing, which means that it did not get to its end.
pub fn fsck(stdout: &str) -> Option<FsckSaid> {
    static TOTAL: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^Total (.+?): (\d+)\s*$").ok());
    let total_line = TOTAL.as_ref()?;
    let mut said = FsckSaid::default();
    let mut totals = 0;
    for line in stdout.lines() {
        if let Some(total) = total_line.captures(line) {
            let count: u64 = total[2].parse().ok()?;
            match &total[1] {
                "errors found" => said.found = count,
                "errors repaired" | "repairable errors" => said.repairable = count,
                "errors unrepaired" | "unrepairable errors" => said.unrepairable = count,
                _ => continue,
            }
            totals += 1;
            continue;
        }
        if totals > 0 || line.trim().is_empty() || is_preamble(line) {
            continue;
        }
        if line.starts_with("^ Needs to be fixed in the master") {
            if let Some(last) = said.errors.last_mut() {
                last.in_master_only = true;
            }
            continue;
        }
        let bare = line.strip_prefix("[UNREPAIRED] ");
        said.errors.push(FsckError {
            text: bare.unwrap_or(line).to_owned(),
            in_master_only: false,
            unrepaired: bare.is_some(),
        });
    }
    (totals == 3).then_some(said)
}

/// The lines about the backup that a repairing fsck makes first.
fn is_preamble(line: &str) -> bool {
    [
        "Sqlite database backup",
        "MySQL dump stored in",
        "Use 'onedb restore'",
        "mysql -u user -h server",
    ]
    .iter()
    .any(|start| line.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_fsck_are_listed_with_where_they_are_repaired() {
        let printed = "MySQL dump stored in /var/lib/one/mysql_localhost_opennebula_2026-11-23_1:46:47.sql\n\
            Use 'onedb restore' or restore the DB using the mysql command:\n\
            mysql -u user -h server -P port db_name < backup_file\n\n\n\
            [UNREPAIRED] pool_control for table zone_pool has last_oid 99, but it is 101\n\
            ^ Needs to be fixed in the master OpenNebula\nUser 20 has primary group 9999, but it does not exist\n\n\
            Total errors found: 2\nTotal errors repaired: 1\nTotal errors unrepaired: 1\n\
            A copy of this output was stored in /var/log/one/onedb-fsck.log\n";
        let said = fsck(printed).unwrap();
        assert_eq!((said.found, said.repairable, said.unrepairable), (2, 1, 1));
        assert_eq!(said.errors.len(), 2);
        assert!(said.errors[0].in_master_only && said.errors[0].unrepaired);
        assert!(said.errors[0].text.starts_with("pool_control"));
        assert!(!said.errors[1].unrepaired);
    }

    #[test]
    fn a_dry_run_and_a_run_that_broke_off() {
        let dry = "\n\nTotal errors found: 0\nTotal repairable errors: 0\nTotal unrepairable errors: 0\n\
            Dry run, no changes have been written to the DB\n";
        assert_eq!(fsck(dry).unwrap(), FsckSaid::default());
        assert_eq!(
            fsck("First stop OpenNebula. Lock file found: /var/lock/one/one\n"),
            None
        );
        assert_eq!(fsck("Total errors found: 0\n"), None);
    }

    #[test]
    fn known_refusals_get_a_remedy() {
        let failure = explain(
            Failure::failed("x"),
            "First stop OpenNebula. Lock file found: /var/lock/one/one",
        );
        assert!(failure.next[0].contains("stale"), "{:?}", failure.next);
        assert!(explain(Failure::failed("x"), "all is well").next.is_empty());
    }

    #[test]
    fn the_way_of_an_upgrade() {
        let failed = "Sqlite database backup stored in /var/lib/one/one.db_2026-11-23_1:33:4.bck\n\n\
            >>> Running migrators for shared tables\n  > Running migrator /usr/lib/one/ruby/onedb/shared/7.0.0_to_7.2.0.rb\n\
            The database will be restored\nSqlite database backup restored in /var/lib/one/one.db\n";
        let said = upgrade(failed);
        assert!(said.put_back && !said.up_to_date);
        assert_eq!(
            said.migrators,
            ["/usr/lib/one/ruby/onedb/shared/7.0.0_to_7.2.0.rb"]
        );
        assert!(upgrade("Database schema is up to date.\n").up_to_date);
    }
}
