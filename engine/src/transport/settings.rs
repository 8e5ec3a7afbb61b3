//! What the transport needs to know of the controller; filled by the commands, which alone read the environment.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::target::HostKeyPolicy;

/// Asks the operator for the passphrase of a key file; `None`: there is nobody to ask, or they declined.
pub type AskPassphrase = Arc<dyn Fn(&std::path::Path) -> Option<String> + Send + Sync>;

/// How this controller connects, the same for all targets.
#[derive(Clone)]
pub struct Settings {
    /// The operator's home: `~` of `~/.ssh/config`, `~/.ssh/known_hosts` and the default keys.
    pub home: PathBuf,
    /// The operator's login, used where neither inventory nor `~/.ssh/config` names a user.
    pub user: String,
    /// The agent's socket (`SSH_AUTH_SOCK`), if there is one.
    pub agent: Option<PathBuf>,
    /// `~/.ssh/config`, and then `/etc/ssh/ssh_config`; those that do not exist are left out silently.
    pub config_files: Vec<PathBuf>,
    /// Files of known hosts to read beside the operator's own, e.g. one kept with an inventory.
    pub extra_known_hosts: Vec<PathBuf>,
    /// What to do about unknown host keys where neither inventory nor `~/.ssh/config` decides.
    pub host_keys: HostKeyPolicy,
    /// Asks for a passphrase; each key file is asked about once.
    pub ask_passphrase: Option<AskPassphrase>,
    /// After this long without a word from the host, ask whether it is still there; three unanswered are a dead connection.
    pub keepalive: Duration,
}

impl Settings {
    /// The usual settings of an operator with this home and login.
    pub fn new(home: impl Into<PathBuf>, user: impl Into<String>) -> Self {
        let home = home.into();
        Self {
            config_files: vec![home.join(".ssh/config"), PathBuf::from("/etc/ssh/ssh_config")],
            home,
            user: user.into(),
            agent: None,
            extra_known_hosts: Vec::new(),
            host_keys: HostKeyPolicy::default(),
            ask_passphrase: None,
            keepalive: Duration::from_secs(15),
        }
    }
}
