//! Modules that drive `onedb`.
//!
//! All of them act through a job and believe none of its words: what they changed is proven by the fingerprints of the tables.

mod full;
mod guard;
mod migration;
mod onedb_backup;
mod onedb_fsck;
mod onedb_restore;
mod onedb_restore_full;
mod onedb_room;
mod onedb_upgrade;
mod onedb_version;
mod record;
mod task;
mod tidy_up;

use crate::registry::{self, Entry};

/// The modules of this room.
pub(crate) fn modules() -> Vec<Entry> {
    vec![
        registry::changes::<onedb_backup::OnedbBackup>(),
        registry::changes::<onedb_fsck::OnedbFsck>(),
        registry::changes::<onedb_restore::OnedbRestore>(),
        registry::changes::<onedb_restore_full::OnedbRestoreFull>(),
        registry::changes::<onedb_upgrade::OnedbUpgrade>(),
        registry::changes::<tidy_up::TidyUp>(),
        registry::reads::<onedb_room::OnedbRoom>(),
        registry::reads::<onedb_version::OnedbVersion>(),
    ]
}
