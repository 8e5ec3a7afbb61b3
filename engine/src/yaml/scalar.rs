//! What a plain scalar means: YAML 1.1 as operators know it from Ansible, without the traps.
//!
//! `yes`, `on`, `0644` and `~` mean what they mean there. Left as text, although YAML 1.1 says otherwise, is what loses
//! something when it becomes a number: `6.10` (a version), `12:30` (750 in base 60), `2026_11` (202611) and dates.

use serde_json::{Number, Value};

/// The value of a scalar that was written without quotes.
pub(super) fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "yes" | "Yes" | "YES" | "on" | "On" | "ON" | "true" | "True" | "TRUE" => Value::Bool(true),
        "no" | "No" | "NO" | "off" | "Off" | "OFF" | "false" | "False" | "FALSE" => Value::Bool(false),
        _ => number(text).map_or_else(|| Value::String(text.to_owned()), Value::Number),
    }
}

fn number(text: &str) -> Option<Number> {
    let first = *text.as_bytes().first()?;
    if !(first.is_ascii_digit() || matches!(first, b'+' | b'-')) {
        return None;
    }
    integer(text).or_else(|| decimal(text))
}

fn integer(text: &str) -> Option<Number> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (radix, digits) = match digits.as_bytes() {
        [b'0', b'x', ..] => (16, &digits[2..]),
        [b'0', b'b', ..] => (2, &digits[2..]),
        [b'0', _, ..] => (8, &digits[1..]),
        _ => (10, digits),
    };
    // `from_str_radix` would take a second sign.
    if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let magnitude = u64::from_str_radix(digits, radix).ok()?;
    if text.starts_with('-') {
        0_i64.checked_sub_unsigned(magnitude).map(Number::from)
    } else {
        Some(Number::from(magnitude))
    }
}

fn decimal(text: &str) -> Option<Number> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (whole, rest) = unsigned.split_once('.')?;
    let (fraction, exponent) = match rest.split_once(['e', 'E']) {
        Some((fraction, exponent)) => (fraction, Some(exponent)),
        None => (rest, None),
    };
    let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    // YAML 1.1 wants the exponent's sign: `1.5e3` is text there.
    let exponent_is_fine = match exponent {
        Some(exponent) => exponent.strip_prefix(['+', '-']).is_some_and(is_number),
        None => decimal_is_exact(text),
    };
    if is_number(whole) && is_number(fraction) && exponent_is_fine {
        Number::from_f64(text.parse().ok()?)
    } else {
        None
    }
}

/// Whether a decimal number, written back, is the text it was read from. `6.1` is; `6.10` is not, and so is no number:
/// it is a version, most of the time, and `6.1` is another one.
pub fn decimal_is_exact(text: &str) -> bool {
    text.parse::<f64>()
        .is_ok_and(|number| number.is_finite() && format!("{number:?}") == text)
}
