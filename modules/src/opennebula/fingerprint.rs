//! What is in a database: for every table its number of rows and a digest of their content.
//!
//! The only thing that proves a dump, a restore or a migration: exit statuses and versions are right also where rows are missing.
//! Computed on the host in one call; only the result travels.

pub(crate) mod mysql;
pub(crate) mod sqlite;

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::host::{Command, Host, Output};
use crate::module::Failure;
use crate::opennebula::conf::Backend;
use crate::opennebula::onedb::{Access, scrub};

/// The tables the master owns and a federated backup carries, beside the federated part of `logdb`.
pub const FEDERATED: [&str; 8] = [
    "group_pool",
    "user_pool",
    "acl",
    "zone_pool",
    "vdc_pool",
    "marketplace_pool",
    "marketplaceapp_pool",
    "db_versioning",
];

/// The rows of `logdb` that belong to the federation, as a table of its own. Its other rows have -1, or 2^64-1, for fed_index:
/// OpenNebula means the same by both, and `fed_index != -1` leaves all of them in on SQLite.
pub const FEDERATED_LOG: &str = "logdb, federated part";

/// Which tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// The eight federated ones and the federated log.
    Federated,
    /// All there are.
    All,
}

impl Which {
    /// That part of the fingerprints.
    pub(crate) fn of(self, prints: &Fingerprints) -> Fingerprints {
        match self {
            Self::Federated => prints.federated(),
            Self::All => prints.clone(),
        }
    }
}

/// One table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TablePrint {
    /// Number of rows.
    pub rows: u64,
    /// SHA-256 (hex) over the rows' literals in the order of all columns. Empty where rows could only be counted (a MySQL dump, and
    /// no right to make a schema); it then speaks neither for nor against.
    pub sha256: String,
}

impl TablePrint {
    fn is_other_than(&self, wanted: &Self) -> bool {
        !self.sha256.is_empty() && !wanted.sha256.is_empty() && self.sha256 != wanted.sha256
    }
}

/// What is in a database, or in a part of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fingerprints {
    /// By table.
    pub tables: BTreeMap<String, TablePrint>,
    /// Names of the indexes, where all tables were looked at; SQLite's own are not among them.
    #[serde(default)]
    pub indexes: BTreeSet<String>,
    /// Newest version in `db_versioning`.
    #[serde(default)]
    pub shared_version: Option<String>,
    /// Newest version in `local_db_versioning`.
    #[serde(default)]
    pub local_version: Option<String>,
}

/// The fingerprints of the federated tables and the federated log of a zone's database.
pub async fn federated_tables(host: &dyn Host, access: &Access) -> Result<Fingerprints, Failure> {
    of_database(host, access, Which::Federated).await
}

/// The fingerprints of all tables of a zone's database.
pub async fn all_tables(host: &dyn Host, access: &Access) -> Result<Fingerprints, Failure> {
    of_database(host, access, Which::All).await
}

async fn of_database(host: &dyn Host, access: &Access, which: Which) -> Result<Fingerprints, Failure> {
    match &access.db {
        Backend::Sqlite { path } => of_sqlite_file(host, access, path, which).await,
        Backend::Mysql { .. } => mysql::of_schema(host, access, which).await,
    }
}

/// The fingerprints of a SQLite file, read as oneadmin.
pub async fn of_sqlite_file(
    host: &dyn Host,
    access: &Access,
    path: &str,
    which: Which,
) -> Result<Fingerprints, Failure> {
    let script = format!(
        "# nebplay: fingerprint of a SQLite database\n{}fingerprint \"$1\" \"$2\"",
        sqlite::FUNCTION
    );
    let command = access.script(&script, &[path, &sqlite::generator(which)]);
    run(host, &command, path).await.map(|prints| which.of(&prints))
}

/// Runs a fingerprinting command and reads what it printed.
pub(crate) async fn run(host: &dyn Host, command: &Command, what: &str) -> Result<Fingerprints, Failure> {
    let output = host.run(command).await?;
    if !output.exit.success() {
        return Err(explain(host.name(), what, &output));
    }
    parse(&output.text()).map_err(|why| {
        Failure::failed(format!(
            "{}: failed to read the tables of {what}: {why}",
            host.name()
        ))
    })
}

/// Why the tables could not be read, in words that help.
fn explain(host: &str, what: &str, output: &Output) -> Failure {
    let said = scrub(output.err_text().trim(), None);
    let failure = Failure::failed(format!(
        "{host}: failed to read the tables of {what}: {} ({said})",
        output.exit
    ));
    if said.contains("attempt to write a readonly database") {
        // A hot journal: only a writer may roll it back.
        return failure
            .state(format!("something was killed while it wrote to {what}; the half-done transaction is in {what}-journal"))
            .hint("`onedb version` as oneadmin undoes it; never copy or remove the journal file alone");
    }
    if said.contains("file is not a database") || said.contains("malformed") {
        return failure.hint("restore the last full backup");
    }
    if said.contains("database is locked") {
        return failure.hint("something is writing to it: stop OpenNebula of this zone first");
    }
    if said.contains("not found") {
        return failure.hint("install the database's client program on this host (sqlite3, mariadb-client)");
    }
    failure
}

/// Reads the lines `table N NAME ROWS`, `sha N DIGEST`, `version WHICH VERSION`, `index NAME`, `end`.
pub(crate) fn parse(text: &str) -> Result<Fingerprints, String> {
    let mut rows: BTreeMap<u64, (String, u64)> = BTreeMap::new();
    let mut digests: BTreeMap<u64, String> = BTreeMap::new();
    let mut prints = Fingerprints::default();
    let mut ended = false;
    for line in text.lines() {
        let unexpected = || format!("unexpected line {:?}", line.chars().take(80).collect::<String>());
        match line.split(' ').collect::<Vec<_>>().as_slice() {
            ["table", n, name, count] => {
                let number = n.parse().map_err(|_| unexpected())?;
                let name = if number == 0 { FEDERATED_LOG } else { name };
                let count = count.parse().map_err(|_| unexpected())?;
                rows.insert(number, (name.to_owned(), count));
            }
            ["sha", n, "counted"] => {
                digests.insert(n.parse().map_err(|_| unexpected())?, String::new());
            }
            ["sha", n, digest, ..] if digest.len() == 64 => {
                digests.insert(n.parse().map_err(|_| unexpected())?, (*digest).to_owned());
            }
            ["version", "db", version] => prints.shared_version = Some((*version).to_owned()),
            ["version", "local", version] => prints.local_version = Some((*version).to_owned()),
            ["index", name] => {
                prints.indexes.insert((*name).to_owned());
            }
            ["end"] => ended = true,
            _ => return Err(unexpected()),
        }
    }
    if !ended {
        return Err("the answer is cut off".to_owned());
    }
    for (number, (name, rows)) in rows {
        let sha256 = digests
            .remove(&number)
            .ok_or_else(|| format!("{name} has no digest"))?;
        prints.tables.insert(name, TablePrint { rows, sha256 });
    }
    if digests.is_empty() {
        Ok(prints)
    } else {
        Err("a digest belongs to no table".to_owned())
    }
}

impl Fingerprints {
    /// Only what a federated backup carries.
    pub fn federated(&self) -> Self {
        Self {
            local_version: None,
            ..self.only(|name| FEDERATED.contains(&name) || name == FEDERATED_LOG)
        }
    }

    /// Only what belongs to the zone alone.
    pub fn local(&self) -> Self {
        self.only(|name| !FEDERATED.contains(&name) && name != FEDERATED_LOG && name != "logdb")
    }

    fn only(&self, keep: impl Fn(&str) -> bool) -> Self {
        let tables = self.tables.iter().filter(|(name, _)| keep(name));
        Self {
            tables: tables
                .map(|(name, print)| (name.clone(), print.clone()))
                .collect(),
            indexes: BTreeSet::new(),
            ..self.clone()
        }
    }

    /// The federated tables that are not there, the federated log included.
    pub fn missing_federated(&self) -> Vec<&'static str> {
        FEDERATED
            .iter()
            .chain([&FEDERATED_LOG])
            .filter(|name| !self.tables.contains_key(**name))
            .copied()
            .collect()
    }

    /// Where this differs from what was expected, a sentence fragment each; empty: the same data.
    pub fn differences(&self, expected: &Self) -> Vec<String> {
        let mut differences = Vec::new();
        for (name, wanted) in &expected.tables {
            match self.tables.get(name) {
                None => differences.push(format!("{name} is missing ({} expected)", rows(wanted.rows))),
                Some(found) if found.rows != wanted.rows => {
                    differences.push(format!("{name} has {}, not {}", rows(found.rows), wanted.rows));
                }
                Some(found) if found.is_other_than(wanted) => differences.push(format!(
                    "{name} has the expected {}, with another content",
                    rows(found.rows)
                )),
                Some(_) => {}
            }
        }
        let extra = self
            .tables
            .keys()
            .filter(|name| !expected.tables.contains_key(*name));
        differences.extend(extra.map(|name| format!("{name} should not be there")));
        let lost = expected.indexes.difference(&self.indexes);
        differences.extend(lost.map(|name| format!("the index {name} is missing")));
        let extra = self.indexes.difference(&expected.indexes);
        differences.extend(extra.map(|name| format!("the index {name} should not be there")));
        differences
    }

    /// Where two running zones differ: the seven pools row by row, versions by the newest. Never the log, whose numbers are shared
    /// with each zone's own writes, nor older rows of `db_versioning`, whose timestamps are each zone's own.
    pub fn differences_between_zones(&self, other: &Self) -> Vec<String> {
        let pools = |prints: &Self| prints.only(|name| FEDERATED.contains(&name) && name != "db_versioning");
        let mut differences = pools(self).differences(&pools(other));
        if self.shared_version != other.shared_version {
            let say = |version: &Option<String>| version.clone().unwrap_or_else(|| "none".to_owned());
            differences.push(format!(
                "db_versioning says {}, not {}",
                say(&self.shared_version),
                say(&other.shared_version)
            ));
        }
        differences
    }

    /// The tables that lost rows since `before`, or are gone, unless named in `may_lose`.
    pub fn lost_rows(&self, before: &Self, may_lose: &[String]) -> Vec<String> {
        let kept = before.tables.iter().filter(|(name, _)| !may_lose.contains(name));
        kept.filter_map(|(name, old)| match self.tables.get(name) {
            None => Some(format!("{name} is gone ({} before)", rows(old.rows))),
            Some(new) if new.rows < old.rows => {
                Some(format!("{name} has {} of {}", new.rows, rows(old.rows)))
            }
            Some(_) => None,
        })
        .collect()
    }

    /// Tables that a migrator which was cut off leaves behind: the old content under another name.
    pub fn leftovers(&self) -> Vec<&str> {
        let names = self.tables.keys().map(String::as_str);
        names
            .filter(|name| {
                name.strip_prefix("old_")
                    .is_some_and(|plain| self.tables.contains_key(plain))
            })
            .collect()
    }

    /// Rows in all tables, the federated part of the log not counted twice.
    pub fn rows(&self) -> u64 {
        let counted = self
            .tables
            .iter()
            .filter(|(name, _)| *name != FEDERATED_LOG || !self.tables.contains_key("logdb"));
        counted.map(|(_, print)| print.rows).sum()
    }

    /// Whether rows were only counted, so that an equal number is all that can be said.
    pub fn only_counted(&self) -> bool {
        self.tables.values().any(|print| print.sha256.is_empty())
    }

    /// As JSON, for memory and `register`.
    pub fn to_value(&self) -> serde_json::Value {
        serde_json::to_value(self).unwrap_or_default()
    }
}

fn rows(count: u64) -> String {
    match count {
        1 => "1 row".to_owned(),
        _ => format!("{count} rows"),
    }
}

#[cfg(test)]
mod tests;
