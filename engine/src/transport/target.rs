//! Where a host is and how to get in: all that the transport needs to know of an inventory host.

use std::path::PathBuf;
use std::time::Duration;

/// What kind of connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Over SSH.
    Ssh,
    /// This machine (`ansible_connection=local`).
    Local,
}

/// What to do about a host key that is not in any known_hosts file. A key that *differs* from a known one is always refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HostKeyPolicy {
    /// Refuse, and say which command adds it.
    #[default]
    Strict,
    /// Add it and go on.
    AcceptNew,
    /// Do not look. Never a default.
    Off,
}

/// How to become another user.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Privileges {
    /// The password sudo asks for; `None`: sudo must not ask.
    pub password: Option<String>,
}

impl std::fmt::Debug for Privileges {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Privileges")
            .field("password", &self.password.is_some())
            .finish()
    }
}

/// An inventory host, as far as reaching it is concerned. `None` means that `~/.ssh/config`, and then OpenSSH's default, decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Its name in the inventory.
    pub name: String,
    /// What kind of connection.
    pub kind: Kind,
    /// Name or address to connect to; looked up in `~/.ssh/config`.
    pub address: String,
    /// Port.
    pub port: Option<u16>,
    /// User to log in as.
    pub user: Option<String>,
    /// The only key to offer, beside those of `~/.ssh/config` and the agent.
    pub private_key: Option<PathBuf>,
    /// How to become root or another user.
    pub privileges: Privileges,
    /// Host keys; `None`: `StrictHostKeyChecking` of `~/.ssh/config`, then strict.
    pub host_keys: Option<HostKeyPolicy>,
    /// Hosts to go through, in OpenSSH's `ProxyJump` syntax; overrides `~/.ssh/config`.
    pub proxy_jump: Option<String>,
    /// How long connecting may take.
    pub connect_timeout: Duration,
}
