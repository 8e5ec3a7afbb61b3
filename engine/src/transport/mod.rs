//! How a host is reached: SSH or this machine; privilege; jobs.
//!
//! [`Connector::connect`] turns a [`Target`] of the inventory into a [`Host`](nebplay_modules::host::Host). What goes over the
//! connection is the same for both kinds: a command is put to the host by `launch`, its output begins after the marker that
//! `opening` looks for; files and jobs are scripts on top of that. `ssh` owns sessions, `local` child processes.

mod clock;
mod connector;
mod error;
mod files;
mod frame;
mod jobs;
mod keyring;
mod known_hosts;
mod launch;
mod lines;
mod local;
mod machine;
mod opening;
mod pattern;
mod pipe;
mod question;
mod random;
mod route;
mod settings;
mod ssh;
mod ssh_config;
mod target;

use std::time::Duration;

pub use clock::SystemClock;
pub use connector::Connector;
pub use error::{ConnectError, UnknownKey};
pub use settings::{AskPassphrase, Settings};
pub use target::{HostKeyPolicy, Kind, Privileges, Target};

/// How long a TCP connection from a host may take to be made.
const TUNNEL_TIMEOUT: Duration = Duration::from_secs(15);

#[cfg(test)]
mod tests;
