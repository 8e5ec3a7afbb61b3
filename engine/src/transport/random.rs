//! Words nobody can guess.

use std::io::Read;

use nebplay_modules::digest::hex;

/// 128 random bits in hexadecimal. Without a source of randomness nothing can be told apart safely: an error.
pub(super) fn word() -> std::io::Result<String> {
    let mut bytes = [0_u8; 16];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(hex(&bytes))
}
