//! Files of known hosts: which keys a host may show.
//!
//! Wildcards, negation, `[host]:port`, hashed names, `@revoked` and `@cert-authority` as in sshd(8).

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

use super::pattern;

/// One line of a file of known hosts.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    names: Names,
    marker: Marker,
    key_type: String,
    key: Vec<u8>,
    file: PathBuf,
    line: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Names {
    Patterns(String),
    /// Salt and HMAC-SHA1 of the name.
    Hashed(Vec<u8>, Vec<u8>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Marker {
    None,
    Revoked,
    Authority,
}

/// All keys that are known, in the order of their files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct KnownHosts {
    entries: Vec<Entry>,
}

/// What is known about a key that a host shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is the host's.
    Known,
    /// Nothing is known of the host, or only keys of other types.
    Unknown,
    /// Another key of this type is known: `file:line`, and the file.
    Changed(String, PathBuf),
    /// It must not be used: `file:line`.
    Revoked(String),
}

/// The name a host's key is filed under.
pub(super) fn filed_as(address: &str, port: u16) -> String {
    let address = address.to_ascii_lowercase();
    if port == 22 {
        address
    } else {
        format!("[{address}]:{port}")
    }
}

/// A key's fingerprint as OpenSSH prints it.
pub(super) fn fingerprint(sha256: &[u8]) -> String {
    format!(
        "SHA256:{}",
        base64::engine::general_purpose::STANDARD_NO_PAD.encode(sha256)
    )
}

/// The type of a key, which its blob begins with; empty for one that is no key.
pub(super) fn key_type(blob: &[u8]) -> String {
    let name = blob
        .split_first_chunk::<4>()
        .and_then(|(length, rest)| rest.get(..usize::try_from(u32::from_be_bytes(*length)).ok()?));
    name.map(|name| String::from_utf8_lossy(name).into_owned())
        .unwrap_or_default()
}

/// The line that makes a key known.
pub(super) fn line(filed_as: &str, blob: &[u8]) -> String {
    format!("{filed_as} {} {}", key_type(blob), BASE64.encode(blob))
}

impl KnownHosts {
    /// Reads these files; those that do not exist are empty.
    pub(super) fn read<'a>(files: impl IntoIterator<Item = &'a Path>) -> std::io::Result<Self> {
        let mut known = Self::default();
        for file in files {
            match std::fs::read(file) {
                Ok(bytes) => known.parse(&String::from_utf8_lossy(&bytes), file),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => {
                    return Err(std::io::Error::new(
                        error.kind(),
                        format!("{}: {error}", file.display()),
                    ));
                }
            }
        }
        Ok(known)
    }

    /// Adds the lines of one file. As in OpenSSH, a line that makes no sense is passed over.
    pub(super) fn parse(&mut self, text: &str, file: &Path) {
        for (index, line) in text.lines().enumerate() {
            if let Some(mut entry) = entry(line) {
                file.clone_into(&mut entry.file);
                entry.line = index + 1;
                self.entries.push(entry);
            }
        }
    }

    fn of<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Entry> {
        self.entries.iter().filter(move |entry| entry.names.hold(name))
    }

    /// What is known about this key of the host filed as `name`.
    pub(super) fn check(&self, name: &str, key: &[u8]) -> Verdict {
        let shown = key_type(key);
        if let Some(entry) = self
            .of(name)
            .find(|entry| entry.marker == Marker::Revoked && entry.key == key)
        {
            return Verdict::Revoked(entry.place());
        }
        let plain = || self.of(name).filter(|entry| entry.marker == Marker::None);
        if plain().any(|entry| entry.key == key) {
            return Verdict::Known;
        }
        match plain().find(|entry| entry.key_type == shown) {
            Some(entry) => Verdict::Changed(entry.place(), entry.file.clone()),
            None => Verdict::Unknown,
        }
    }

    /// The types of the keys known for this host, so that the one that can be checked is asked for.
    pub(super) fn key_types(&self, name: &str) -> Vec<String> {
        let mut types = Vec::new();
        for entry in self.of(name).filter(|entry| entry.marker == Marker::None) {
            if !types.contains(&entry.key_type) {
                types.push(entry.key_type.clone());
            }
        }
        types
    }

    /// Whether the host is known by a certificate authority, which libssh2 cannot check.
    pub(super) fn has_authority(&self, name: &str) -> bool {
        self.of(name).any(|entry| entry.marker == Marker::Authority)
    }
}

impl Entry {
    fn place(&self) -> String {
        format!("{}:{}", self.file.display(), self.line)
    }
}

impl Names {
    fn hold(&self, name: &str) -> bool {
        match self {
            Self::Patterns(patterns) => pattern::list_matches(patterns.split(','), name),
            Self::Hashed(salt, hash) => Hmac::<Sha1>::new_from_slice(salt)
                .is_ok_and(|mac| mac.chain_update(name.as_bytes()).verify_slice(hash).is_ok()),
        }
    }
}

fn entry(line: &str) -> Option<Entry> {
    let line = line.trim();
    if line.starts_with('#') {
        return None;
    }
    let mut words = line.split_ascii_whitespace().peekable();
    let marker = match *words.peek()? {
        "@revoked" => Marker::Revoked,
        "@cert-authority" => Marker::Authority,
        word if word.starts_with('@') => return None,
        _ => Marker::None,
    };
    if marker != Marker::None {
        words.next();
    }
    let names = words.next()?;
    let key_type = words.next()?.to_owned();
    let key = BASE64.decode(words.next()?).ok()?;
    let names = match names.strip_prefix("|1|") {
        Some(hashed) => {
            let (salt, hash) = hashed.split_once('|')?;
            Names::Hashed(BASE64.decode(salt).ok()?, BASE64.decode(hash).ok()?)
        }
        None => Names::Patterns(names.to_ascii_lowercase()),
    };
    Some(Entry {
        names,
        marker,
        key_type,
        key,
        file: PathBuf::new(),
        line: 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blob(key_type: &str, body: &str) -> Vec<u8> {
        let length = u32::try_from(key_type.len()).unwrap().to_be_bytes();
        [&length, key_type.as_bytes(), body.as_bytes()].concat()
    }

    fn known(lines: &[(&str, &[u8])]) -> KnownHosts {
        let text: Vec<String> = lines
            .iter()
            .map(|(names, key)| format!("{names} {} {}", key_type(key), BASE64.encode(key)))
            .collect();
        let mut known = KnownHosts::default();
        known.parse(&text.join("\n"), Path::new("/kh"));
        known
    }

    #[test]
    fn keys_are_judged_by_name_type_and_marker() {
        let (ours, other) = (blob("ssh-ed25519", "ours"), blob("ssh-ed25519", "other"));
        let rsa = blob("ssh-rsa", "rsa");
        let changed = Verdict::Changed("/kh:1".to_owned(), PathBuf::from("/kh"));
        let cases: Vec<(&str, &str, u16, &[u8], Verdict)> = vec![
            ("fe1", "fe1", 22, &ours, Verdict::Known),
            ("fe1", "FE1", 22, &ours, Verdict::Known),
            ("fe1,192.168.150.1", "192.168.150.1", 22, &ours, Verdict::Known),
            ("fe1", "fe2", 22, &ours, Verdict::Unknown),
            ("fe1", "fe1", 22, &other, changed.clone()),
            ("fe1", "fe1", 22, &rsa, Verdict::Unknown),
            ("fe1", "fe1", 2222, &ours, Verdict::Unknown),
            ("[fe1]:2222", "fe1", 2222, &ours, Verdict::Known),
            ("[fe1]:2222", "fe1", 2222, &other, changed.clone()),
            ("*.example.org", "fe1.example.org", 22, &ours, Verdict::Known),
            ("fe?,!fe2", "fe1", 22, &ours, Verdict::Known),
            ("fe?,!fe2", "fe2", 22, &ours, Verdict::Unknown),
            (
                "@revoked *",
                "fe1",
                22,
                &ours,
                Verdict::Revoked("/kh:1".to_owned()),
            ),
            ("@cert-authority fe1", "fe1", 22, &ours, Verdict::Unknown),
            ("@somebody-else fe1", "fe1", 22, &ours, Verdict::Unknown),
            ("# fe1", "fe1", 22, &ours, Verdict::Unknown),
        ];
        for (names, address, port, key, expected) in cases {
            let known = known(&[(names, &ours)]);
            assert_eq!(
                known.check(&filed_as(address, port), key),
                expected,
                "{names} for {address}:{port}"
            );
        }
    }

    #[test]
    fn revoked_wins_over_known() {
        let key = blob("ssh-ed25519", "ours");
        let known = known(&[("fe1", &key), ("@revoked fe1", &key)]);
        assert_eq!(known.check("fe1", &key), Verdict::Revoked("/kh:2".to_owned()));
    }

    #[test]
    fn hashed_names_match() {
        // Written by `ssh-keygen -H` for the name [127.0.0.1]:2222.
        let salt = b"12345678901234567890";
        let mac = Hmac::<Sha1>::new_from_slice(salt)
            .unwrap()
            .chain_update(b"[127.0.0.1]:2222")
            .finalize();
        let names = format!("|1|{}|{}", BASE64.encode(salt), BASE64.encode(mac.into_bytes()));
        let key = blob("ecdsa-sha2-nistp256", "k");
        let known = known(&[(&names, &key)]);
        assert_eq!(known.check(&filed_as("127.0.0.1", 2222), &key), Verdict::Known);
        assert_eq!(known.check(&filed_as("127.0.0.1", 22), &key), Verdict::Unknown);
        assert_eq!(known.key_types("[127.0.0.1]:2222"), ["ecdsa-sha2-nistp256"]);
    }

    #[test]
    fn nonsense_is_passed_over() {
        let mut known = KnownHosts::default();
        for line in [
            "",
            "fe1",
            "fe1 ssh-rsa",
            "fe1 ssh-rsa ???",
            "|1|x fe1",
            "|1|?|? ssh-rsa AAAA",
            "@",
            "\u{0}",
        ] {
            known.parse(line, Path::new("/kh"));
        }
        assert_eq!(known, KnownHosts::default());
        assert_eq!(key_type(&[255, 255, 255, 255, 1]), "");
    }
}
