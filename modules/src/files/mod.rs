//! Modules that move and change files.

mod config_backup;
mod copy;
mod distribute;
mod fetch;
mod file;
mod mode;
mod place;
mod stat;
mod template;

use crate::registry::{self, Entry};

/// The modules of this room.
pub(crate) fn modules() -> Vec<Entry> {
    vec![
        registry::changes::<copy::Copy>(),
        registry::changes::<fetch::Fetch>(),
        registry::changes::<file::File>(),
        registry::reads::<stat::StatModule>(),
        registry::changes::<template::Template>(),
        registry::changes::<config_backup::ConfigBackup>(),
        registry::together::<distribute::Distribute>(),
    ]
}
