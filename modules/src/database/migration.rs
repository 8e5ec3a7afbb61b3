//! The mark that a migration was started: left before onedb begins, removed once its effect is proven.

use serde::{Deserialize, Serialize};

use crate::memory;
use crate::module::{Cx, Failure};
use crate::opennebula::fingerprint::Fingerprints;
use crate::opennebula::onedb::version::{DbVersion, Standing};

const KEY: &str = "migration";

/// How far it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Stage {
    /// The database is being put back to where the migration begins.
    PuttingBack,
    /// onedb migrates.
    Migrating,
}

/// A migration that was started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Migration {
    /// The version it leads to. A mark for another target is of another night and means nothing.
    pub(super) target: Option<String>,
    /// How far it came.
    pub(super) stage: Stage,
    /// What the database held before.
    pub(super) before: Fingerprints,
    /// Where onedb makes its own backup.
    pub(super) own_backup: String,
}

/// The migration to that target that was started and never proven. Where the database is gone, onedb does not say what the target
/// would be: then any that was started.
pub(super) async fn pending(cx: &Cx<'_>, version: &DbVersion) -> Result<Option<Migration>, Failure> {
    let is_gone = version.state == Standing::NotBootstrapped;
    let mark: Option<Migration> = memory::recall(cx.host, KEY).await?;
    Ok(mark.filter(|mark| is_gone || mark.target == version.required_local))
}

/// Whether any was started and never proven.
pub(super) async fn is_marked(cx: &Cx<'_>) -> Result<bool, Failure> {
    let mark: Option<Migration> = memory::recall(cx.host, KEY).await?;
    Ok(mark.is_some())
}

/// Leaves the mark. `target`: the version that the programs need.
pub(super) async fn begin(
    cx: &Cx<'_>,
    target: Option<String>,
    stage: Stage,
    before: Fingerprints,
    own_backup: &str,
) -> Result<Migration, Failure> {
    let mark = Migration {
        target,
        stage,
        before,
        own_backup: own_backup.to_owned(),
    };
    memory::overwrite(cx.host, KEY, &mark).await
}

/// Removes it.
pub(super) async fn forget(cx: &Cx<'_>) -> Result<(), Failure> {
    memory::forget(cx.host, KEY).await
}
