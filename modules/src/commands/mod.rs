//! Modules that run what the operator says.

mod command;
mod durable;
mod job_clean;
mod job_wait;
mod ping;
mod report;
mod script;
mod setup;
mod shell;
mod wait_for;

use crate::registry::{self, Entry};

/// The modules of this room.
pub(crate) fn modules() -> Vec<Entry> {
    vec![
        registry::changes::<command::RunCommand>(),
        registry::changes::<script::Script>(),
        registry::changes::<shell::Shell>(),
        registry::changes::<job_clean::JobClean>(),
        registry::reads::<job_wait::JobWait>(),
        registry::reads::<ping::Ping>(),
        registry::reads::<setup::Setup>(),
        registry::reads::<wait_for::WaitFor>(),
    ]
}
