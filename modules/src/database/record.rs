//! What nebplay remembers of a dump it made.

use serde::{Deserialize, Serialize};

use crate::digest::sha256;
use crate::host::Host;
use crate::memory;
use crate::module::Failure;
use crate::opennebula::fingerprint::Fingerprints;

/// A dump of ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    /// Its path.
    pub(super) path: String,
    /// Whether it holds only the federated tables.
    pub(super) federated: bool,
    /// What it was proven to be; `None`: writing it was begun and nothing more is known.
    pub(super) proven: Option<Proof>,
}

/// A dump that was loaded and compared with the database it came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Proof {
    /// Bytes.
    pub(super) size: u64,
    /// SHA-256 (hex) of the file.
    pub(super) sha256: String,
    /// What is in it.
    pub(super) fingerprints: Fingerprints,
}

fn key(path: &str) -> String {
    format!("dump-{}", &sha256(path)[..16])
}

/// What is remembered of the dump at that path.
pub(super) async fn recall(host: &dyn Host, path: &str) -> Result<Option<Record>, Failure> {
    memory::recall(host, &key(path)).await
}

/// Remembers.
pub(super) async fn note(host: &dyn Host, record: &Record) -> Result<(), Failure> {
    memory::overwrite(host, &key(&record.path), record)
        .await
        .map(|_| ())
}

/// Forgets the dump at that path.
pub(super) async fn forget(host: &dyn Host, path: &str) -> Result<(), Failure> {
    memory::forget(host, &key(path)).await
}
