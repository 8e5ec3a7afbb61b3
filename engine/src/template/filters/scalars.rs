//! Scalars: `bool`, `human_readable`, `human_to_bytes`.

use minijinja::{Environment, Error, Value};

use super::{invalid, text_of};

pub(super) fn add(environment: &mut Environment<'static>) {
    environment.add_filter("bool", bool);
    environment.add_filter("human_readable", human_readable);
    environment.add_filter("human_to_bytes", human_to_bytes);
}

/// What operators write for true and false; anything else is an error rather than false.
fn bool(value: &Value) -> Result<bool, Error> {
    let text = text_of(value)?.to_ascii_lowercase();
    match text.as_str() {
        "true" | "yes" | "on" | "1" | "1.0" | "y" | "t" => Ok(true),
        "false" | "no" | "off" | "0" | "0.0" | "n" | "f" | "" | "none" => Ok(false),
        _ => Err(invalid(
            "neither true (that is: true, yes, on, 1) nor false (false, no, off, 0)",
        )),
    }
}

const UNITS: &[(&str, u32)] = &[("P", 5), ("T", 4), ("G", 3), ("M", 2), ("K", 1)];

/// `1536 | human_readable` is `1.50 KB`.
#[expect(clippy::cast_precision_loss, reason = "two decimals are shown")]
fn human_readable(bytes: u64) -> String {
    for (unit, power) in UNITS {
        let size = 1024_u64.pow(*power);
        if bytes >= size {
            return format!("{:.2} {unit}B", bytes as f64 / size as f64);
        }
    }
    format!("{bytes}.00 Bytes")
}

/// `'2G' | human_to_bytes` is 2147483648.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "checked to be positive; a size with a fraction is approximate anyway"
)]
fn human_to_bytes(size: &Value) -> Result<u64, Error> {
    let text = text_of(size)?;
    let wrong = || invalid("not a size like `512M`");
    let digits = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let number: f64 = text[..digits].parse().map_err(|_| wrong())?;
    let unit = text[digits..].trim().to_ascii_uppercase();
    let unit = unit.trim_end_matches("IB").trim_end_matches('B');
    let power = match unit {
        "" => 0,
        unit => UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?.1,
    };
    Ok((number * 1024_u64.pow(power) as f64) as u64)
}
