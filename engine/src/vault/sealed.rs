//! The format of ansible-vault, as Ansible's documentation has it ("Format of files encrypted with Ansible Vault"): a header, then
//! hexadecimal digits, which are three lines of hexadecimal digits again: salt, HMAC-SHA256 of the ciphertext, ciphertext. What opens
//! it is AES-256 in counter mode; its keys are made from password and salt.

use aes::Aes256;
use ctr::Ctr128BE;
use ctr::cipher::{KeyIvInit, StreamCipher};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// What a text begins with that ansible-vault has encrypted.
pub(super) const SIGN: &str = "$ANSIBLE_VAULT;";
/// Rounds of the key derivation.
const ROUNDS: u32 = 10_000;
/// Bytes of an AES-256 key, and of the key of the HMAC.
const KEY: usize = 32;
/// Bytes of a block, and of the counter.
const BLOCK: usize = 16;

/// Something encrypted.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Sealed {
    /// Whose password opens it, if it says so.
    pub(super) label: Option<String>,
    salt: Vec<u8>,
    digest: Vec<u8>,
    ciphertext: Vec<u8>,
}

impl Sealed {
    /// Reads it; an error says what is wrong with it, a sentence without an end.
    pub(super) fn read(text: &str) -> Result<Self, &'static str> {
        let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let header = lines.next().and_then(|line| line.strip_prefix(SIGN));
        let mut header = header.ok_or("it does not begin with $ANSIBLE_VAULT")?.split(';');
        let (version, cipher) = (header.next(), header.next());
        if !matches!(version, Some("1.1" | "1.2")) || cipher != Some("AES256") {
            return Err("only versions 1.1 and 1.2 with AES256 are known");
        }
        let label = header.next().map(str::to_owned);
        let cut = "it is damaged: it is not, or not only, three lines of hexadecimal digits";
        let digits: String = lines.collect();
        let inner = unhex(&digits).and_then(|bytes| String::from_utf8(bytes).ok());
        let inner = inner.ok_or(cut)?;
        let mut parts = inner.split('\n').map(unhex);
        let mut part = || parts.next().flatten().filter(|bytes| !bytes.is_empty());
        match (part(), part(), part(), parts.next()) {
            (Some(salt), Some(digest), Some(ciphertext), None) => Ok(Self {
                label,
                salt,
                digest,
                ciphertext,
            }),
            _ => Err(cut),
        }
    }

    /// What is in it; nothing if this is not its password.
    pub(super) fn open(&self, password: &[u8]) -> Option<Vec<u8>> {
        let mut keys = [0; 2 * KEY + BLOCK];
        pbkdf2::pbkdf2_hmac::<Sha256>(password, &self.salt, ROUNDS, &mut keys);
        let (key, rest) = keys.split_at(KEY);
        let (key_of_digest, counter) = rest.split_at(KEY);
        let mut digest = Hmac::<Sha256>::new_from_slice(key_of_digest).ok()?;
        digest.update(&self.ciphertext);
        digest.verify_slice(&self.digest).ok()?;
        let mut content = self.ciphertext.clone();
        Ctr128BE::<Aes256>::new_from_slices(key, counter)
            .ok()?
            .apply_keystream(&mut content);
        // Filled up to whole blocks, each byte of the filling saying how many they are.
        let filling = usize::from(*content.last()?);
        let length = content.len().checked_sub(filling)?;
        content.truncate(length);
        Some(content)
    }
}

fn unhex(digits: &str) -> Option<Vec<u8>> {
    if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) || digits.len() % 2 == 1 {
        return None;
    }
    (0..digits.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok())
        .collect()
}
