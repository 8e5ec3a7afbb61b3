//! The host key: which one to ask for, and whether it may be trusted.

use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use ssh2::{HashType, MethodType, Session};

use crate::transport::error::{ConnectError, UnknownKey};
use crate::transport::known_hosts::{self, KnownHosts, Verdict};
use crate::transport::route::Hop;
use crate::transport::target::HostKeyPolicy;

/// Algorithms by the type of key they prove, best first.
const ALGORITHMS: [(&str, &[&str]); 5] = [
    ("ssh-ed25519", &["ssh-ed25519"]),
    ("ecdsa-sha2-nistp256", &["ecdsa-sha2-nistp256"]),
    ("ecdsa-sha2-nistp384", &["ecdsa-sha2-nistp384"]),
    ("ecdsa-sha2-nistp521", &["ecdsa-sha2-nistp521"]),
    ("ssh-rsa", &["rsa-sha2-512", "rsa-sha2-256"]),
];

/// libssh2 encrypts AES-GCM several times faster than the ChaCha20 it prefers.
const CIPHERS: &str = "aes128-gcm@openssh.com,aes256-gcm@openssh.com,aes128-ctr,aes256-ctr,aes192-ctr,\
                       chacha20-poly1305@openssh.com";

/// Sets what to ask for before the handshake: first the keys that can be checked.
pub(super) fn prefer(session: &Session, known: &KnownHosts, name: &str) -> Result<(), ssh2::Error> {
    session.method_pref(MethodType::CryptCs, CIPHERS)?;
    session.method_pref(MethodType::CryptSc, CIPHERS)?;
    let types = known.key_types(name);
    let is_known = |key_type: &str| types.iter().any(|known| known == key_type);
    let (first, rest): (Vec<_>, Vec<_>) = ALGORITHMS.iter().partition(|(key_type, _)| is_known(key_type));
    let order: Vec<&str> = first
        .iter()
        .chain(&rest)
        .flat_map(|(_, algorithms)| algorithms.iter().copied())
        .collect();
    session.method_pref(MethodType::HostKey, &order.join(","))
}

/// Whether the key that the host showed in the handshake may be trusted.
pub(super) fn check(session: &Session, known: &KnownHosts, hop: &Hop) -> Result<(), ConnectError> {
    let Some((key, _)) = session.host_key() else {
        return Err(ConnectError::Unreachable {
            host: hop.name.clone(),
            why: "it showed no host key".to_owned(),
        });
    };
    let filed_as = known_hosts::filed_as(&hop.address, hop.port);
    let fingerprint = known_hosts::fingerprint(session.host_key_hash(HashType::Sha256).unwrap_or_default());
    let (host, key_type) = (hop.name.clone(), known_hosts::key_type(key));
    match known.check(&filed_as, key) {
        Verdict::Known => Ok(()),
        Verdict::Revoked(known_at) => Err(ConnectError::RevokedHostKey {
            host,
            key_type,
            fingerprint,
            known_at,
        }),
        _ if hop.policy == HostKeyPolicy::Off => Ok(()),
        Verdict::Changed(known_at, file) => Err(ConnectError::ChangedHostKey {
            host,
            filed_as,
            key_type,
            fingerprint,
            known_at,
            file,
        }),
        Verdict::Unknown => {
            let file = hop
                .known_hosts
                .first()
                .cloned()
                .unwrap_or_else(|| PathBuf::from("known_hosts"));
            let line = known_hosts::line(&filed_as, key);
            if hop.policy == HostKeyPolicy::AcceptNew && !known.has_authority(&filed_as) {
                return add(&file, &line).map_err(|error| ConnectError::Unsupported {
                    host,
                    why: format!("its new key cannot be added to {}: {error}", file.display()),
                });
            }
            Err(ConnectError::UnknownHostKey(UnknownKey {
                host,
                filed_as,
                key_type,
                fingerprint,
                line,
                file,
            }))
        }
    }
}

/// Adds one line, in one write, so that hosts added at the same time do not mix.
fn add(file: &Path, line: &str) -> std::io::Result<()> {
    if let Some(folder) = file.parent() {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
    }
    let text = std::fs::read(file).unwrap_or_default();
    let break_before = if text.is_empty() || text.ends_with(b"\n") {
        ""
    } else {
        "\n"
    };
    let mut file = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(file)?;
    file.write_all(format!("{break_before}{line}\n").as_bytes())
}
