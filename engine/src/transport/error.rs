//! Why a connection could not be had.

use std::path::PathBuf;
use std::time::Duration;

use nebplay_modules::host::HostError;

/// A host key that is in no file of known hosts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownKey {
    /// Inventory name.
    pub host: String,
    /// The name its key is filed under: `address`, or `[address]:port` for a port other than 22.
    pub filed_as: String,
    /// Its type, e.g. `ssh-ed25519`.
    pub key_type: String,
    /// Its fingerprint as OpenSSH prints it: `SHA256:…`.
    pub fingerprint: String,
    /// The line to add to a file of known hosts.
    pub line: String,
    /// The file it would be added to.
    pub file: PathBuf,
}

impl UnknownKey {
    /// The command that adds exactly this key.
    pub fn add_command(&self) -> String {
        use nebplay_modules::host::quote;
        let file = self.file.display().to_string();
        format!("printf '%s\\n' {} >> {}", quote(&self.line), quote(&file))
    }
}

/// Why a connection could not be had. Unreachable and timed out may pass; the others need the operator.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ConnectError {
    /// The address does not resolve, nothing listens, or the connection broke before it was ready.
    #[error("{host} is unreachable: {why}")]
    Unreachable {
        /// Inventory name.
        host: String,
        /// What was tried and what came back.
        why: String,
    },
    /// It took longer than `connect_timeout`.
    #[error("{host} is unreachable: {doing} did not finish within {limit:?}")]
    TimedOut {
        /// Inventory name.
        host: String,
        /// What was being waited for.
        doing: String,
        /// The limit that passed.
        limit: Duration,
    },
    /// The host's key is in no file of known hosts.
    #[error(
        "the {} key of {} is not known: {}; compare it with what the host's console shows \
         (ssh-keygen -lf /etc/ssh/ssh_host_*_key.pub), then add it: {}",
        .0.key_type, .0.host, .0.fingerprint, .0.add_command()
    )]
    UnknownHostKey(UnknownKey),
    /// The host shows another key than the one known for it. Never accepted, whatever the policy.
    #[error(
        "the {key_type} key of {host} ({fingerprint}) differs from the one known ({known_at}): somebody may be \
         in between, or the host was set up anew; if you are sure of the latter: ssh-keygen -R {} -f {}",
        nebplay_modules::host::quote(.filed_as), nebplay_modules::host::quote(&.file.display().to_string())
    )]
    ChangedHostKey {
        /// Inventory name.
        host: String,
        /// The name its key is filed under.
        filed_as: String,
        /// Type of the key it shows now.
        key_type: String,
        /// Fingerprint of the key it shows now.
        fingerprint: String,
        /// File and line of the key that is known.
        known_at: String,
        /// The file of that line.
        file: PathBuf,
    },
    /// The host shows a key that a file of known hosts marks as revoked.
    #[error("the {key_type} key of {host} ({fingerprint}) is revoked ({known_at}): do not connect")]
    RevokedHostKey {
        /// Inventory name.
        host: String,
        /// Type of the key.
        key_type: String,
        /// Its fingerprint.
        fingerprint: String,
        /// File and line that revokes it.
        known_at: String,
    },
    /// None of the keys that could be offered was accepted.
    #[error("{host} refused {user}: tried {}; the host accepts {accepts}", if .tried.is_empty() { "nothing (no key found)".to_owned() } else { .tried.join(", ") })]
    AuthenticationRefused {
        /// Inventory name.
        host: String,
        /// Who tried to log in.
        user: String,
        /// What was offered, and what came back, in order.
        tried: Vec<String>,
        /// Methods the host accepts, as it names them.
        accepts: String,
    },
    /// A key needs a passphrase, and none (or a wrong one) was given.
    #[error("the key {} for {host} needs its passphrase: {why}; or add it to the agent: ssh-add {}", .key.display(), .key.display())]
    Passphrase {
        /// Inventory name.
        host: String,
        /// The key file.
        key: PathBuf,
        /// What is wrong: nobody to ask, or a wrong passphrase.
        why: String,
    },
    /// The inventory or `~/.ssh/config` asks for something that cannot be done.
    #[error("{host}: {why}")]
    Unsupported {
        /// Inventory name.
        host: String,
        /// What, and what to do instead.
        why: String,
    },
}

impl From<ConnectError> for HostError {
    /// Nothing was sent yet. What only the operator can mend reads as refused, the rest as unreachable.
    fn from(error: ConnectError) -> Self {
        let message = error.to_string();
        match error {
            ConnectError::Unreachable { host, why } => Self::Unreachable {
                host,
                why,
                sent: false,
            },
            ConnectError::TimedOut { host, doing, limit } => Self::Unreachable {
                host,
                why: format!("{doing} did not finish within {limit:?}"),
                sent: false,
            },
            ConnectError::UnknownHostKey(UnknownKey { host, .. })
            | ConnectError::ChangedHostKey { host, .. }
            | ConnectError::RevokedHostKey { host, .. }
            | ConnectError::AuthenticationRefused { host, .. }
            | ConnectError::Passphrase { host, .. }
            | ConnectError::Unsupported { host, .. } => Self::Refused {
                host,
                what: "connecting".to_owned(),
                why: message,
            },
        }
    }
}
