//! Modules that move and change files.

mod below;
mod blockinfile;
mod config_backup;
mod copy;
mod distribute;
mod edit;
mod fetch;
mod file;
mod find;
mod lineinfile;
mod mode;
mod place;
mod replace;
mod slurp;
mod stat;
mod template;
mod validate;

use crate::registry::{self, Entry};

/// The modules of this room.
pub(crate) fn modules() -> Vec<Entry> {
    vec![
        registry::changes::<blockinfile::BlockInFile>(),
        registry::changes::<copy::Copy>(),
        registry::changes::<fetch::Fetch>(),
        registry::changes::<file::File>(),
        registry::reads::<find::Find>(),
        registry::changes::<lineinfile::LineInFile>(),
        registry::changes::<replace::ReplaceModule>(),
        registry::reads::<slurp::Slurp>(),
        registry::reads::<stat::StatModule>(),
        registry::changes::<template::Template>(),
        registry::changes::<config_backup::ConfigBackup>(),
        registry::together::<distribute::Distribute>(),
    ]
}
