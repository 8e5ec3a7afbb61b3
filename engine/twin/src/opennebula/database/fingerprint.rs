//! What the modules' fingerprint prints of a database.

use std::fmt::Write as _;

use nebplay_model::schema::FEDERATED_TABLES;

use super::{Cell, Database, Print};

/// What the twin's sqlite3 answers to the statement that makes statements, so that it knows them when they come back.
pub(crate) const ALL: &str = "-- the twin's own: fingerprint all\n";
/// As [`ALL`], for the federated tables alone.
pub(crate) const FEDERATED: &str = "-- the twin's own: fingerprint federated\n";

/// The table that the twin's mysql names to a script that asks which tables there are, so that it knows what is read afterwards.
pub(crate) const ALL_TABLES: &str = "the_twins_own_all";
/// As [`ALL_TABLES`], for the federated tables alone.
pub(crate) const FEDERATED_TABLES_ALONE: &str = "the_twins_own_federated";

impl Database {
    /// As MySQL's client prints all rows of the tables, for a script that sums them up: for each table its number and name, then a line a
    /// row, the first of which has the digest of all of them.
    pub(crate) fn as_rows(&self, all: bool) -> String {
        let mut out = String::new();
        for (number, name, print) in self.prints(all) {
            let _ = writeln!(out, "{number} {name}");
            if print.rows > 0 {
                let _ = writeln!(out, "{number} {}", print.digest());
            }
            for _ in 1..print.rows {
                let _ = writeln!(out, "{number} .");
            }
        }
        self.versions_read(&mut out);
        if all {
            self.indexes_of_tables(&mut out);
        }
        out
    }

    /// Number, name and print of each table that is meant; number 0 is the federated part of the log.
    fn prints(&self, all: bool) -> impl Iterator<Item = (usize, &str, Print)> {
        let wanted = move |name: &str| all || name == "logdb" || FEDERATED_TABLES.contains(&name);
        let numbered = (1..).zip(self.tables.iter().filter(move |(name, _)| wanted(name)));
        let whole = numbered
            .filter(move |(_, (name, _))| all || &***name != "logdb")
            .map(|(number, (name, table))| (number, &**name, table.all));
        whole.chain(self.table("logdb").map(|log| (0, "logdb", log.federated)))
    }

    fn versions_read(&self, out: &mut String) {
        for (table, part) in [("db_versioning", "db"), ("local_db_versioning", "local")] {
            if let Some(Cell::Text(version)) = self.newest(table, "version") {
                let _ = writeln!(out, "version {part} {version}");
            }
        }
    }

    /// The indexes as a script for MySQL prints them, where a name is one of its table's alone.
    fn indexes_of_tables(&self, out: &mut String) {
        for index in &self.indexes {
            let _ = writeln!(out, "index {}.{}", index.table, index.name);
        }
    }

    /// As a script prints it that only counts the rows in a dump's text.
    pub(crate) fn counted(&self) -> String {
        let mut out = String::new();
        for (number, name, print) in self.prints(true) {
            let _ = write!(
                out,
                "table {number} {name} {}\nsha {number} counted\n",
                print.rows
            );
        }
        self.indexes_of_tables(&mut out);
        out.push_str("end\n");
        out
    }

    /// A line for each table's digest, each table, version and index.
    pub(crate) fn fingerprint(&self, all: bool) -> String {
        let mut out = String::new();
        for (number, name, print) in self.prints(all) {
            let (count, digest) = (print.rows, print.digest());
            let _ = write!(out, "sha {number} {digest}  -\ntable {number} {name} {count}\n");
        }
        self.versions_read(&mut out);
        if all {
            for index in &self.indexes {
                let _ = writeln!(out, "index {}", index.name);
            }
        }
        out.push_str("end\n");
        out
    }
}
