//! Permissions as operators write them.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};

use crate::host::{FileKind, Stat};
use crate::symbolic_mode::SymbolicMode;

/// What a new file or directory has before a mode by words is applied.
const NEW_FILE: u32 = 0o644;
const NEW_DIRECTORY: u32 = 0o755;

/// Permissions, in octal, `"0640"`, `0640` or `640`, or by words, `u=rw,g=r,o=`.
///
/// In YAML an unquoted `0640` is a number in octal, so both mean the same here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Mode {
    /// These bits.
    Bits(u32),
    /// What these words make of the bits that are there.
    Words(SymbolicMode),
}

impl Mode {
    /// The bits that something should have which has these.
    pub(super) fn of_bits(&self, bits: u32, is_directory: bool) -> u32 {
        match self {
            Self::Bits(bits) => *bits,
            Self::Words(words) => words.apply(bits, is_directory),
        }
    }

    /// The bits that what is there should have.
    pub(super) fn of(&self, stat: &Stat) -> u32 {
        self.of_bits(stat.mode, stat.kind == FileKind::Directory)
    }

    /// The bits that a file should have, which may not be there yet.
    pub(super) fn of_file(&self, stat: Option<&Stat>) -> u32 {
        stat.map_or_else(|| self.of_bits(NEW_FILE, false), |stat| self.of(stat))
    }

    /// The bits of a directory that is made.
    pub(super) fn of_new_directory(&self) -> u32 {
        self.of_bits(NEW_DIRECTORY, true)
    }

    /// As chmod takes it. With five digits it takes set-user-ID and set-group-ID from directories too, where the mode has none.
    pub(super) fn words(&self) -> String {
        match self {
            Self::Bits(bits) => format!("{bits:05o}"),
            Self::Words(words) => words.text().to_owned(),
        }
    }
}

impl<'de> Deserialize<'de> for Mode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let digits = text.trim_start_matches("0o");
        if let Some(bits) = u32::from_str_radix(digits, 8).ok().filter(|bits| *bits <= 0o7777) {
            return Ok(Self::Bits(bits));
        }
        match text.parse::<SymbolicMode>() {
            Ok(words) if words.is_steady() => Ok(Self::Words(words)),
            Ok(_) => Err(de::Error::custom(format!(
                "`{text}` comes to another mode each time it is applied: nobody could tell whether it was"
            ))),
            Err(_) => Err(de::Error::custom(format!(
                "`{text}` is no mode: write it in octal, for instance \"0640\", or by words, `u=rw,g=r,o=`"
            ))),
        }
    }
}

impl JsonSchema for Mode {
    fn schema_name() -> Cow<'static, str> {
        "Mode".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "pattern": "^((0o)?[0-7]{1,5}|[ugoa]*[-+=].*)$"})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_octal_or_by_words() {
        for (text, said) in [
            ("0640", "00640"),
            ("640", "00640"),
            ("0o1777", "01777"),
            ("u=rw,g=r,o=", "u=rw,g=r,o="),
            ("0999", "is no mode"),
            ("17777", "is no mode"),
            ("x", "is no mode"),
            ("a=u,u-x", "comes to another mode each time"),
        ] {
            let mode: Result<Mode, _> = serde_json::from_value(text.into());
            let came = mode.map_or_else(|error| error.to_string(), |mode| mode.words());
            assert!(came.contains(said), "{text}: {came}");
        }
        let mode: Mode = serde_json::from_value("a+X".into()).unwrap();
        assert_eq!((mode.of_file(None), mode.of_new_directory()), (0o644, 0o755));
    }
}
