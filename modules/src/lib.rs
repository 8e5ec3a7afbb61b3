//! Every verb of nebplay, and the host they act on. Knows nothing of the engine.

pub mod arguments;
pub mod contract;
pub mod digest;
pub mod federation_map;
mod ground;
pub mod host;
pub mod job;
mod job_run;
pub mod lock;
pub mod memory;
pub mod module;
pub mod patterns;
pub mod registry;
pub mod symbolic_mode;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
#[cfg(test)]
mod testing_local;

pub mod opennebula;

mod commands;
mod control;
mod database;
mod federation;
mod files;
mod packages;
mod services;
