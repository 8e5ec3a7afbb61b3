//! `onedb fsck`: the errors it finds, and what it makes of them.

use super::FAILED;
use crate::version::Version;

/// The pools whose counters a slave leaves to its master.
const MASTERS: [&str; 3] = ["group_pool", "user_pool", "zone_pool"];

/// A pool's counter and the greatest id in the pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counter {
    /// The pool's table.
    pub table: String,
    /// What pool_control says.
    pub counted: i64,
    /// What is there.
    pub greatest: i64,
}

/// A user, as far as it is checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Its id.
    pub id: i64,
    /// The group in the row's column.
    pub column_gid: i64,
    /// The primary group in the body.
    pub gid: i64,
}

/// What fsck reads.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// By name of table.
    pub counters: Vec<Counter>,
    /// All users.
    pub users: Vec<User>,
    /// The ids of all groups.
    pub groups: Vec<i64>,
    /// is_slave of the database.
    pub is_slave: bool,
}

/// What is to be written to repair an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Repair {
    /// Set a pool's counter.
    Counter {
        /// The pool's table.
        table: String,
        /// The last id.
        last_oid: i64,
    },
    /// Put a user into a group.
    Group {
        /// The user.
        user: i64,
        /// The group.
        gid: i64,
    },
}

/// The group of a user whose own does not exist.
const USERS: i64 = 1;

/// An error, and how to repair it if this zone may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What is printed of it.
    pub text: String,
    /// None on a slave for what belongs to the master.
    pub repair: Option<Repair>,
}

/// Finds what is wrong.
pub fn check(seen: &Seen) -> Vec<Finding> {
    let mut findings = Vec::new();
    for Counter {
        table,
        counted,
        greatest,
    } in &seen.counters
    {
        if greatest > counted {
            let text = format!("pool_control for table {table} has last_oid {counted}, but it is {greatest}");
            let repair = Repair::Counter {
                table: table.clone(),
                last_oid: *greatest,
            };
            findings.push(finding(
                text,
                repair,
                seen.is_slave && MASTERS.contains(&table.as_str()),
            ));
        }
    }
    for user in &seen.users {
        let User { id, column_gid, gid } = *user;
        let exists = seen.groups.contains(&gid);
        if !exists {
            let text = format!("User {id} has primary group {gid}, but it does not exist");
            findings.push(finding(
                text,
                Repair::Group { user: id, gid: USERS },
                seen.is_slave,
            ));
        }
        let kept = if exists { gid } else { USERS };
        if column_gid != kept {
            let text = format!("User {id} is in group {kept}, but the DB table has GID column {column_gid}");
            findings.push(finding(
                text,
                Repair::Group { user: id, gid: kept },
                seen.is_slave,
            ));
        }
    }
    findings
}

fn finding(text: String, repair: Repair, masters: bool) -> Finding {
    if masters {
        let text = format!("[UNREPAIRED] {text}\n^ Needs to be fixed in the master OpenNebula");
        Finding { text, repair: None }
    } else {
        Finding {
            text,
            repair: Some(repair),
        }
    }
}

/// What goes to the log and to standard output, without the line that names the log.
pub fn report(findings: &[Finding], dry: bool) -> String {
    let repaired = findings.iter().filter(|finding| finding.repair.is_some()).count();
    let (found, unrepaired) = (findings.len(), findings.len() - repaired);
    let errors = findings
        .iter()
        .map(|finding| format!("{}\n", finding.text))
        .collect::<Vec<_>>()
        .concat();
    if dry {
        format!(
            "\n{errors}\nTotal errors found: {found}\nTotal repairable errors: {repaired}\n\
             Total unrepairable errors: {unrepaired}\nDry run, no changes have been written to the DB\n"
        )
    } else {
        format!(
            "\n{errors}\nTotal errors found: {found}\nTotal errors repaired: {repaired}\n\
             Total errors unrepaired: {unrepaired}\n"
        )
    }
}

/// The exit code: up to 7.0.0 errors do not count.
pub fn exit(findings: &[Finding], tool: Version) -> u8 {
    u8::from(tool > Version::V7_0_0 && !findings.is_empty())
}

/// Why a tool of another version than the database's does not check it, with exit code 255.
pub fn version_mismatch(tool: Version, shared: Version, local: Version) -> Option<(String, u8)> {
    let wrong = shared != tool || local != tool;
    wrong.then(|| {
        let text = format!(
            "Version mismatch: fsck file is for version\nShared: {tool}, Local: {tool}\n\n\
             Current database is version\nShared: {shared}, Local: {local}"
        );
        (text, FAILED)
    })
}
