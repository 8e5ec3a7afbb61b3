//! How a host is reached: SSH or this machine; privilege; jobs.

mod target;

pub use target::{HostKeyPolicy, Kind, Privileges, Target};
