//! Scalars: `bool`, `human_readable`, `human_to_bytes`, `filesizeformat`, `type_debug`, `is truthy`, `is falsy`.

use minijinja::value::{Kwargs, Rest, ValueKind, ValueOrKwargs};
use minijinja::{Environment, Error, Value};

use super::given::Given;
use super::{invalid, text_of};

pub(super) fn add(environment: &mut Environment<'static>) {
    environment.add_filter("bool", bool);
    environment.add_filter("human_readable", human_readable);
    environment.add_filter("human_to_bytes", human_to_bytes);
    environment.add_filter("filesizeformat", filesizeformat);
    environment.add_filter("type_debug", type_debug);
    environment.add_test("truthy", truthy);
    environment.add_test("falsy", |value: &Value, options: Kwargs| {
        truthy(value, options).map(|yes| !yes)
    });
}

/// `is truthy(convert_bool=false)`: whether there is anything; if asked, texts that mean true or false do.
fn truthy(value: &Value, options: Kwargs) -> Result<bool, Error> {
    let convert: Option<bool> = options.get("convert_bool")?;
    options.assert_all_used()?;
    Ok(match bool(value) {
        Ok(said) if convert == Some(true) => said,
        _ => value.is_true(),
    })
}

/// What Python calls the type of a value.
fn type_debug(value: &Value) -> &'static str {
    match value.kind() {
        ValueKind::None => "NoneType",
        ValueKind::Bool => "bool",
        ValueKind::Number if value.is_integer() => "int",
        ValueKind::Number => "float",
        ValueKind::Seq if value.is_tuple() => "tuple",
        ValueKind::Seq | ValueKind::Iterable => "list",
        ValueKind::Map => "dict",
        _ => "str",
    }
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

/// `1536 | human_readable(isbits=false, unit=none)` is `1.50 KB`.
#[expect(clippy::cast_precision_loss, reason = "two decimals are shown")]
fn human_readable(bytes: u64, given: Rest<ValueOrKwargs>) -> Result<String, Error> {
    let given = Given::new(given)?;
    let bits = given.get(0, "isbits")?.unwrap_or(false);
    let unit: Option<String> = given.get(1, "unit")?;
    given.end(2)?;
    let wanted = unit.map(|unit| unit.trim_end_matches(['b', 'B']).to_ascii_uppercase());
    let found = UNITS.iter().find(|(unit, power)| match wanted.as_deref() {
        Some(wanted) => *unit == wanted,
        None => bytes >= 1024_u64.pow(*power),
    });
    Ok(match found {
        Some((unit, power)) => {
            let size = bytes as f64 / 1024_u64.pow(*power) as f64;
            format!("{size:.2} {unit}{}", if bits { 'b' } else { 'B' })
        }
        None if wanted.is_none_or(|wanted| wanted.is_empty()) => {
            format!("{bytes}.00 {}", if bits { "bits" } else { "Bytes" })
        }
        None => return Err(invalid("human_readable: the units are K, M, G, T and P")),
    })
}

/// `1500 | filesizeformat(binary=false)` is `1.5 kB`.
fn filesizeformat(bytes: f64, given: Rest<ValueOrKwargs>) -> Result<String, Error> {
    let given = Given::new(given)?;
    let binary = given.get(0, "binary")?.unwrap_or(false);
    given.end(1)?;
    let (base, units) = if binary {
        (1024.0, ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"])
    } else {
        (1000.0, ["kB", "MB", "GB", "TB", "PB", "EB"])
    };
    if bytes < base {
        let one = bytes.total_cmp(&1.0).is_eq();
        return Ok(format!("{bytes:.0} {}", if one { "Byte" } else { "Bytes" }));
    }
    let mut size = bytes / base;
    let mut names = units.iter();
    let mut name = names.next();
    while size >= base && !names.as_slice().is_empty() {
        size /= base;
        name = names.next();
    }
    Ok(format!("{size:.1} {}", name.unwrap_or(&"")))
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
