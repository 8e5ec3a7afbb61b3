//! Arguments of a module: from a value to its struct, with errors that point at the argument.
//!
//! The schema of the struct decides. What Ansible would take is taken (`"yes"` where a boolean is meant, `5` where a text is
//! meant); what would lose something is not (`6.1` where a text is meant may have been `6.10`).

mod fit;
mod shape;
#[cfg(test)]
mod tests;

use schemars::{JsonSchema, Schema, generate::SchemaSettings};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::registry::Entry;

pub use shape::Shape;

/// An argument that is wrong, missing or unknown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ArgumentError {
    /// Name of the argument, where one is to blame; `zones[1].id` for something inside of it.
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

/// Reads arguments into their struct, whose schema this is.
pub(crate) fn read<M: DeserializeOwned>(schema: &Schema, value: Value) -> Result<M, ArgumentError> {
    let mut errors = Vec::new();
    let value = if value.is_null() {
        Value::Object(Map::new())
    } else {
        value
    };
    let fitted = fit::Fit::finished(&mut errors).value(Shape::of(schema.as_value()), value, "");
    if let Some(error) = errors.into_iter().next() {
        return Err(error);
    }
    serde_json::from_value(fitted).map_err(|error| ArgumentError {
        argument: None,
        message: error.to_string(),
        suggestion: None,
    })
}

/// Everything that can be said to be wrong with arguments before they are rendered: a text that contains a template may become
/// anything, and passes. Arguments that are expressions are not looked at.
pub fn check(module: &Entry, arguments: &Map<String, Value>) -> Vec<ArgumentError> {
    let schema = module.schema();
    let mut errors = Vec::new();
    fit::Fit::unrendered(&mut errors, module.contract.expressions).value(
        Shape::of(schema.as_value()),
        Value::Object(arguments.clone()),
        "",
    );
    errors
}
