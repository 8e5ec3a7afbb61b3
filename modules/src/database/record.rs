//! What nebplay remembers of a dump it made.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::digest::sha256;
use crate::federation::{hypervisors, zone_toggle};
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
    /// The notes about what the dump holds as it was when it was made: see [`closed`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) closed: BTreeMap<String, Value>,
}

/// The notes that tell what nebplay had closed in the database, by their keys: a full backup holds the zone and its hypervisor hosts
/// disabled, and whoever restores it after they were enabled must know that they are to be enabled again.
const CLOSED: [&str; 2] = [zone_toggle::NOTE, hypervisors::NOTE];

/// Those notes, as they are now.
pub(super) async fn closed(host: &dyn Host) -> Result<BTreeMap<String, Value>, Failure> {
    let mut closed = BTreeMap::new();
    for key in CLOSED {
        if let Some(note) = memory::recall::<Value>(host, key).await? {
            closed.insert(key.to_owned(), note);
        }
    }
    Ok(closed)
}

/// Makes those notes what they were when the dump at that path was made.
pub(super) async fn closed_again(host: &dyn Host, path: &str) -> Result<(), Failure> {
    let Some(record) = recall(host, path).await? else {
        return Ok(());
    };
    for (key, note) in &record.closed {
        memory::overwrite(host, key, note).await?;
    }
    Ok(())
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
