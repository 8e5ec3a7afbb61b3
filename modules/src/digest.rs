//! SHA-256 as text.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

/// What in a shell script prints the SHA-256 of a file, named by a literal such as `"$1"`, as its output's first word. openssl is four
/// times as fast as coreutils where the processor has instructions for it.
macro_rules! print_sha256 {
    ($file:literal) => {
        concat!(
            "if command -v openssl > /dev/null; then openssl dgst -sha256 -r < ",
            $file,
            "; else sha256sum < ",
            $file,
            "; fi"
        )
    };
}
pub(crate) use print_sha256;

/// SHA-256 in 64 hexadecimal digits; the first of them make a short name.
pub fn sha256(bytes: impl AsRef<[u8]>) -> String {
    hex(&Sha256::digest(bytes))
}

/// Two hexadecimal digits for each byte.
pub fn hex(bytes: &[u8]) -> String {
    let text = String::with_capacity(2 * bytes.len());
    bytes.iter().fold(text, |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn as_sha256sum_prints_it() {
        let nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(super::sha256(""), nothing);
    }
}
