//! Modules that run what the operator says.

mod command;
mod report;
mod shell;

use crate::registry::{self, Entry};

/// The modules of this room.
pub(crate) fn modules() -> Vec<Entry> {
    vec![
        registry::changes::<command::RunCommand>(),
        registry::changes::<shell::Shell>(),
    ]
}
