//! Key files and the agent.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ssh2::{PublicKey, Session};

use crate::transport::opening::find;

/// A private key in a file.
pub(super) struct KeyFile {
    pub(super) path: PathBuf,
    pub(super) encrypted: bool,
    /// The public half, if it lies beside it.
    pub(super) public: Option<Vec<u8>>,
}

impl KeyFile {
    /// Looks at a key file; `None`: there is none that can be read.
    pub(super) fn look(path: &Path) -> Option<Self> {
        let text = std::fs::read(path).ok()?;
        let mut beside = path.as_os_str().to_owned();
        beside.push(".pub");
        let public = std::fs::read_to_string(beside).ok();
        let public = public.and_then(|line| BASE64.decode(line.split_ascii_whitespace().nth(1)?).ok());
        Some(Self {
            path: path.to_owned(),
            encrypted: is_encrypted(&text),
            public,
        })
    }
}

/// Whether a private key needs a passphrase: OpenSSH's format names its cipher, PEM says ENCRYPTED.
fn is_encrypted(text: &[u8]) -> bool {
    const MAGIC: &[u8] = b"openssh-key-v1\0";
    if find(text, b"ENCRYPTED").is_some() {
        return true;
    }
    let text = String::from_utf8_lossy(text);
    let body: String = text
        .lines()
        .filter(|line| !line.starts_with("-----"))
        .map(str::trim)
        .collect();
    let Ok(bytes) = BASE64.decode(body) else {
        return false;
    };
    bytes
        .strip_prefix(MAGIC)
        .is_some_and(|rest| !rest.starts_with(b"\0\0\0\x04none"))
}

/// The operator's agent.
pub(super) struct Agent {
    pub(super) agent: ssh2::Agent,
    pub(super) identities: Vec<PublicKey>,
}

impl Agent {
    pub(super) fn open(session: &Session, socket: &Path) -> Result<Self, String> {
        let open = || {
            let mut agent = session.agent()?;
            agent.set_identity_path(socket)?;
            agent.connect()?;
            agent.list_identities()?;
            let identities = agent.identities()?;
            Ok(Self { agent, identities })
        };
        open().map_err(|error: ssh2::Error| error.message().to_owned())
    }
}
