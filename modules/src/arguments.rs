//! Arguments of a module: from a value to its struct, with errors that point at the argument.

use schemars::{JsonSchema, Schema, generate::SchemaSettings};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// An argument that is wrong, missing or unknown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ArgumentError {
    /// Name of the argument, where one is to blame.
    pub argument: Option<String>,
    /// What is wrong, a lower-case fragment.
    pub message: String,
    /// What was probably meant.
    pub suggestion: Option<String>,
}

/// The schema of a module's arguments, all in one piece.
pub(crate) fn schema_of<M: JsonSchema>() -> Schema {
    SchemaSettings::draft2020_12()
        .with(|settings| settings.inline_subschemas = true)
        .into_generator()
        .into_root_schema_for::<M>()
}

/// Reads arguments into their struct.
pub(crate) fn read<M: DeserializeOwned + JsonSchema>(value: Value) -> Result<M, ArgumentError> {
    serde_json::from_value(value).map_err(|error| ArgumentError {
        argument: None,
        message: error.to_string(),
        suggestion: None,
    })
}
