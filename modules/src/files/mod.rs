//! Modules that move and change files.

mod config_backup;
mod distribute;

use crate::registry::{self, Entry};

/// The modules of this room.
pub(crate) fn modules() -> Vec<Entry> {
    vec![
        registry::changes::<config_backup::ConfigBackup>(),
        registry::together::<distribute::Distribute>(),
    ]
}
