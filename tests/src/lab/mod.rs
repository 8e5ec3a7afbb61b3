//! A lab that runs.

mod access;
mod cgroup;
mod container;
mod network;
mod ready;
mod record;
mod running;

pub use access::{Access, SUDO_PASSWORD, USERS};
pub use container::{Container, HostPlan};
pub use network::Network;
pub use ready::wait_until_in_sync;
pub use record::{Owner, Record, clean_stale, labs};
pub use running::{Guard, Lab, Plan, default_directory};
