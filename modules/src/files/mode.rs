//! Permissions as operators write them.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};

/// Permission bits, written in octal: `"0640"`, `0640` or `640`.
///
/// In YAML an unquoted `0640` is a number in octal, so both mean the same here. Symbolic modes (`u+x`) are not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mode(pub(super) u32);

impl<'de> Deserialize<'de> for Mode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let digits = text.trim_start_matches("0o");
        match u32::from_str_radix(digits, 8) {
            Ok(bits) if bits <= 0o7777 => Ok(Self(bits)),
            _ => Err(de::Error::custom(format!(
                "`{text}` is no mode: write it in octal, for instance \"0640\""
            ))),
        }
    }
}

impl JsonSchema for Mode {
    fn schema_name() -> Cow<'static, str> {
        "Mode".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "pattern": "^(0o)?[0-7]{1,5}$"})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_octal() {
        for (text, bits) in [
            ("0640", Some(0o640)),
            ("640", Some(0o640)),
            ("0o1777", Some(0o1777)),
            ("0999", None),
            ("u+x", None),
        ] {
            let mode: Result<Mode, _> = serde_json::from_value(text.into());
            assert_eq!(mode.ok().map(|mode| mode.0), bits, "{text}");
        }
    }
}
