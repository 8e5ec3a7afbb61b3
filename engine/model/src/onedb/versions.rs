//! `onedb version`, and oned's own look at the versions when it starts.

use std::fmt::Write as _;

use super::clock::Civil;
use crate::oned::Mode;
use crate::version::Version;

/// The newest row of a version table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versioned {
    /// The schema's version.
    pub version: Version,
    /// When it came to be, in seconds since 1970.
    pub timestamp: i64,
    /// How it came to be.
    pub comment: String,
}

/// The versions a database has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versions {
    /// Of db_versioning.
    pub shared: Versioned,
    /// Of local_db_versioning.
    pub local: Versioned,
    /// Whether local_db_versioning says so; it does not know by itself.
    pub is_slave: bool,
}

/// What is said on stderr, with exit code 1, of a database without version tables.
pub const NOT_BOOTSTRAPED: &str = "Database is not correctly bootstraped.";

impl Versions {
    /// Standard output and exit code of `onedb version` of a tool of version `required`.
    pub fn report(&self, required: Version, verbose: bool) -> (String, u8) {
        let mut out = if verbose {
            self.long(required)
        } else {
            self.short(required)
        };
        let (shared, local) = (self.shared.version, self.local.version);
        let exit = if shared > required || local > required {
            out.push_str("\nWARNING: Source version is lower than DB version\n");
            3
        } else if shared < required || local < required {
            let _ = write!(
                out,
                "\nUpdate required. Expected DB version is:\nLocal:  {required}\nShared: {required}\n"
            );
            2
        } else {
            0
        };
        (out, exit)
    }

    fn short(&self, required: Version) -> String {
        format!(
            "Shared: {}\nLocal:  {}\nRequired shared version: {required}\nRequired local version:  {required}\n",
            self.shared.version, self.local.version
        )
    }

    fn long(&self, required: Version) -> String {
        let part = |name: &str, part: &Versioned| {
            format!(
                "{:<25}{}\n{:<25}{required}\nTimestamp: {}\nComment:   {}\n\n",
                format!("{name} tables version:"),
                part.version,
                "Required version:",
                Civil::from_epoch(part.timestamp).short(),
                part.comment
            )
        };
        let slave = if self.is_slave {
            "This database is a federation slave\n\n"
        } else {
            ""
        };
        format!(
            "{}{}{slave}",
            part("Shared", &self.shared),
            part("Local", &self.local)
        )
    }

    /// The lines oned logs before it refuses a database that is not its own version's; none if it is.
    pub fn refusal(&self, installed: Version, mode: Mode) -> Option<[String; 2]> {
        let mismatch = |table: &str, found: Version| {
            format!(
                "Database version mismatch ( {table}). Installed OpenNebula {installed} () needs DB version \
                 '{installed}', and existing DB version is '{found}'."
            )
        };
        let (shared, local) = (self.shared.version, self.local.version);
        if local != installed {
            return Some([
                mismatch("local_db_versioning", local),
                "Use onedb to upgrade DB.".to_owned(),
            ]);
        }
        if shared == installed {
            return None;
        }
        let advice = match mode {
            // Misleading when it is the slave that is too old.
            Mode::Slave => "Cannot join federation, oned master needs upgrade.",
            Mode::Master | Mode::Standalone => "Use onedb to upgrade DB.",
        };
        Some([mismatch("db_versioning", shared), advice.to_owned()])
    }
}
