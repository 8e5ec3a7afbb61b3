//! What the modules' fingerprint prints of a database.

use std::fmt::Write as _;

use nebplay_model::schema::FEDERATED_TABLES;

use super::{Cell, Database};

/// What the twin's sqlite3 answers to the statement that makes statements, so that it knows them when they come back.
pub(crate) const ALL: &str = "-- the twin's own: fingerprint all\n";
/// As [`ALL`], for the federated tables alone.
pub(crate) const FEDERATED: &str = "-- the twin's own: fingerprint federated\n";

impl Database {
    /// A line for each table's digest, each table, version and index.
    pub(crate) fn fingerprint(&self, all: bool) -> String {
        let mut out = String::new();
        let wanted = |name: &str| all || name == "logdb" || FEDERATED_TABLES.contains(&name);
        for (number, (name, table)) in (1..).zip(self.tables.iter().filter(|(name, _)| wanted(name))) {
            if &**name != "logdb" || all {
                let (count, digest) = (table.all.rows, table.all.digest());
                let _ = write!(out, "sha {number} {digest}  -\ntable {number} {name} {count}\n");
            }
        }
        if let Some(log) = self.table("logdb") {
            let (count, digest) = (log.federated.rows, log.federated.digest());
            let _ = write!(out, "sha 0 {digest}  -\ntable 0 logdb {count}\n");
        }
        for (table, part) in [("db_versioning", "db"), ("local_db_versioning", "local")] {
            if let Some(Cell::Text(version)) = self.newest(table, "version") {
                let _ = writeln!(out, "version {part} {version}");
            }
        }
        if all {
            for index in &self.indexes {
                let _ = writeln!(out, "index {}", index.name);
            }
        }
        out.push_str("end\n");
        out
    }
}
