//! What onedb decides and prints. Its exit codes: 0 done, 1 not bootstrapped or errors found by fsck, 2 an
//! upgrade is needed, 3 the database is newer than the tool, 255 anything else.

pub mod clock;
pub mod fsck;
pub mod mysql;
mod options;
pub mod upgrade;
pub mod versions;

pub use crate::cli::stop::{FAILED, Stop};
pub use options::OPTIONS;

/// What `onedb restore` without a file prints before its complaint.
pub const RESTORE_USAGE: &str = "\
## USAGE
restore <backup_file>
        Restores the DB from a backup file. Only restores backups generated
        from the same backend (SQLite or MySQL)
        valid options: federated, force

## OPTIONS
     --federated               Limit backup/restore to federated tables
     -f, --force               Forces the backup even if the DB exists
     -v, --verbose             Verbose mode
     -h, --help                Show this message
     -V, --version             Show version and copyright information
     -s, --sqlite file         SQLite DB file
     -t, --type type           Backend type.
     -S, --server host         MySQL server hostname or IP. Defaults to
                               localhost
     -P, --port port           MySQL server port. Defaults to 3306
     -u, --username user       MySQL username
     -p, --password pass       MySQL password. Leave unset to be prompted for it
     -d, --dbname dbname       MySQL DB name for OpenNebula
     --encoding charset        MySQL encoding to use for the connection
";

/// A part of the database with a version of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// What all zones share.
    Shared,
    /// What each zone has for itself.
    Local,
}

impl Part {
    /// The word for it in file names and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Shared => "shared",
            Self::Local => "local",
        }
    }

    /// The table that has its version.
    pub fn table(self) -> &'static str {
        match self {
            Self::Shared => "db_versioning",
            Self::Local => "local_db_versioning",
        }
    }
}

/// The comment of a version row that the daemon wrote into an empty database.
pub fn bootstrap_comment(version: crate::version::Version) -> String {
    format!("OpenNebula {version} () daemon bootstrap")
}

/// Why onedb refuses while a lock file is there.
pub fn locked(lock: &str) -> String {
    format!("First stop OpenNebula. Lock file found: {lock}")
}

/// Why onedb refuses while an oned answers.
pub fn listening(endpoint: &str) -> String {
    format!("OpenNebula found listening on '{endpoint}'")
}

/// Where a backup goes when no file is named, without its directory and database: not padded, with colons.
pub fn backup_suffix(federated: bool, now: i64) -> String {
    let federated = if federated { "_federated" } else { "" };
    format!("{federated}_{}", clock::Civil::from_epoch(now).unpadded())
}
