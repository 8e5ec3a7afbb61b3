//! `onedb upgrade`: which migrators run, and what is said of it.
//!
//! A zone is taken for a slave by is_slave of its own database, not by oned.conf. It is 0 on slaves made
//! as the documentation says; such a slave migrates its own shared tables and is content.

use super::Part;
use super::versions::{Versioned, Versions};
use crate::version::Version;

/// What is said, and nothing done, when both parts have the tool's version.
pub const UP_TO_DATE: &str = "Database schema is up to date.";

/// What is said before the tool puts its backup back.
pub const WILL_BE_RESTORED: &str = "\nThe database will be restored\n";

/// Whether there is anything to do for a tool of version `required`.
pub fn is_needed(versions: &Versions, required: Version) -> bool {
    versions.shared.version != required || versions.local.version != required
}

/// The parts that are migrated, in order.
pub fn parts(versions: &Versions) -> &'static [Part] {
    if versions.is_slave {
        &[Part::Local]
    } else {
        &[Part::Shared, Part::Local]
    }
}

/// What `-v` prints before anything happens.
pub fn heading(versions: &Versions) -> String {
    let line = |name: &str, part: &Versioned| format!("{name} {} : {}\n", part.version, part.comment);
    let slave = if versions.is_slave {
        "This database is a federation slave\n\n"
    } else {
        ""
    };
    format!(
        "Version read:\n{}{}\n{slave}",
        line("Shared tables", &versions.shared),
        line("Local tables ", &versions.local)
    )
}

/// What `-v` prints before the migrators of a part.
pub fn part_heading(part: Part) -> String {
    format!(">>> Running migrators for {} tables\n", part.name())
}

/// What `-v` prints of a part that has no migrator for its version.
pub fn nothing_for(version: Version) -> String {
    format!("Database already uses version {version}\n")
}

/// The comment of the version row a migration writes, which is also what `-v` prints of it.
pub fn comment(from: Version, to: Version) -> String {
    format!("Database migrated from {from} to {to} (OpenNebula {to}) by onedb command.")
}

/// The file of a migrator, below the directory of the part.
pub fn migrator_file(from: Version, to: Version) -> String {
    format!("{from}_to_{to}.rb")
}

/// The versions a migrator's file name speaks of.
pub fn migrator_versions(file: &str) -> Option<(Version, Version)> {
    let (from, to) = file.strip_suffix(".rb")?.split_once("_to_")?;
    Some((from.parse().ok()?, to.parse().ok()?))
}

/// What goes to stderr when the migrators ended at other versions than the tool's.
pub fn missing_migrators(local: Version, shared: Version) -> String {
    format!(
        "ERROR: Database upgrade to the latest versions (local {local}, shared {shared})\n\
         wasn't successful due to missing migration descriptors. Migrators are\n\
         provided as part of Enterprise Edition for customers with active subscription.\n\
         For community with non-commercial deployments they are provided via a\n\
         dedicated migration package, which must be obtained separately.\n"
    )
}

/// A table of quotas that the local migration to 7.2.0 rewrites.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quotas {
    /// Its name; the rows are set aside in a table of this name with `old_` before it.
    pub table: &'static str,
    /// The column of its key.
    pub key: &'static str,
}

/// A step of the local migration to 7.2.0. A kill falls between two steps, and nothing tells the next run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// All of [`crate::schema::INDEXES`] go.
    DropIndexes,
    /// An `old_` table that is there is thrown away, *then* the table takes its place and an empty one is
    /// made: run again after a kill, this loses the rows the first run had set aside.
    SetAside(Quotas),
    /// The rows come back from the `old_` table as [`migrated_quotas`] makes them, and it goes.
    Rewrite(Quotas),
    /// The indexes are made again.
    MakeIndexes,
}

/// The quotas of users.
pub const USER_QUOTAS: Quotas = Quotas {
    table: "user_quotas",
    key: "user_oid",
};
/// The quotas of groups.
pub const GROUP_QUOTAS: Quotas = Quotas {
    table: "group_quotas",
    key: "group_oid",
};

/// The local migration from 7.0.0 to 7.2.0; after it, its version row is written.
pub const LOCAL_STEPS: [Step; 6] = [
    Step::DropIndexes,
    Step::SetAside(USER_QUOTAS),
    Step::Rewrite(USER_QUOTAS),
    Step::SetAside(GROUP_QUOTAS),
    Step::Rewrite(GROUP_QUOTAS),
    Step::MakeIndexes,
];

/// The elements a migration to 7.2.0 puts at the end of a VM quota.
const NEW_QUOTAS: [(&str, &str); 8] = [
    ("PCI_DEV", "-1"),
    ("PCI_NIC", "-1"),
    ("RUNNING_PCI_DEV", "-1"),
    ("RUNNING_PCI_NIC", "-1"),
    ("PCI_DEV_USED", "0"),
    ("PCI_NIC_USED", "0"),
    ("RUNNING_PCI_DEV_USED", "0"),
    ("RUNNING_PCI_NIC_USED", "0"),
];

/// A quota's body after the local migration from 7.0.0 to 7.2.0: new elements in every VM quota (also when
/// they are there already), and indented. A body that is no XML stays as it is.
pub fn migrated_quotas(body: &str) -> String {
    let added = NEW_QUOTAS
        .iter()
        .map(|(name, value)| format!("<{name}>{value}</{name}>"))
        .collect::<Vec<_>>()
        .concat();
    let extended = body
        .replace("</VM></VM_QUOTA>", &format!("{added}</VM></VM_QUOTA>"))
        .replace("    </VM>\n  </VM_QUOTA>", &format!("{added}</VM></VM_QUOTA>"));
    crate::xml::Element::parse(&extended).map_or_else(|_| body.to_owned(), |quotas| quotas.indented())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotas_grow_each_time() {
        let body = "<QUOTAS><ID>7</ID><VM_QUOTA><VM><CPU>-1</CPU></VM></VM_QUOTA></QUOTAS>";
        let once = migrated_quotas(body);
        assert!(once.contains("      <PCI_DEV>-1</PCI_DEV>\n"), "{once}");
        assert_eq!(migrated_quotas(&once).matches("<PCI_DEV>").count(), 2);
        assert_eq!(migrated_quotas("<broken"), "<broken");
    }

    #[test]
    fn migrators_are_found_by_name() {
        let (from, to) = (Version::V7_0_0, Version::V7_2_0);
        assert_eq!(migrator_versions(&migrator_file(from, to)), Some((from, to)));
        assert_eq!(migrator_versions("7.0.0_to_x.rb"), None);
    }
}
