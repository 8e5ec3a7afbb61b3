//! One line: `{"sum":"…","n":1,…}`. The sum is over the rest of the line and the sum of the line before it, so that a line
//! that was changed, left out, repeated or moved is found where it stands.

use nebplay_modules::digest::sha256;

use super::entry::Entry;

/// Hex digits of a sum.
const DIGITS: usize = 16;
/// What stands before the sum, and between it and the rest.
const HEAD: &str = r#"{"sum":""#;
const NECK: &str = r#"","n":"#;

/// The sum of the line before the first.
pub(super) fn first() -> String {
    "0".repeat(DIGITS)
}

fn sum_of(previous: &str, number: u64, body: &str) -> String {
    sha256(format!("{previous} {number} {body}"))[..DIGITS].to_owned()
}

/// The line of a record, with its end; and its sum.
pub(super) fn write(previous: &str, number: u64, entry: &Entry) -> serde_json::Result<(String, String)> {
    let body = serde_json::to_string(entry)?;
    let sum = sum_of(previous, number, &body);
    // The body is an object and never empty: its fields go on behind the number.
    let line = format!("{HEAD}{sum}{NECK}{number},{}\n", &body[1..]);
    Ok((line, sum))
}

/// A line's record and sum, or what is wrong with it.
pub(super) fn read(previous: &str, number: u64, line: &[u8]) -> Result<(Entry, String), &'static str> {
    let text = std::str::from_utf8(line).map_err(|_| "it is not UTF-8 text")?;
    let rest = text.strip_prefix(HEAD).ok_or("it does not begin with a sum")?;
    let (sum, rest) = rest.split_at_checked(DIGITS).ok_or("its sum is cut")?;
    let rest = rest.strip_prefix(NECK).ok_or("it has no number")?;
    let (written, fields) = rest.split_once(',').ok_or("it has nothing but a number")?;
    if written != number.to_string() {
        return Err("its number does not follow that of the line before it");
    }
    let body = format!("{{{fields}");
    if sum != sum_of(previous, number, &body) {
        return Err("its sum does not match: it was changed, or a line before it was");
    }
    let entry =
        serde_json::from_str(&body).map_err(|_| "it is whole, and this nebplay does not understand it")?;
    Ok((entry, sum.to_owned()))
}
