//! The engine of nebplay: inventory and playbook become a plan, the plan is run, the run is told in events.
//!
//! The library never prints and never reads the environment; `commands` do.

mod beside;
pub mod commands;
pub mod diagnostics;
pub mod events;
pub mod inventory;
pub mod plan;
pub mod playbook;
mod prose;
pub mod rehearsal;
pub mod run;
pub mod template;
pub mod transport;
pub mod vault;
pub mod yaml;
