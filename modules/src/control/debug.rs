//! `debug`: show something.

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::contract::Contract;
use crate::module::{Cx, Failure, Finding, Module, Outcome};

/// Shows a message or a value.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Debug {
    /// What to show; text, or any value.
    #[serde(default, deserialize_with = "whatever_it_is")]
    msg: Option<Value>,
    /// An expression, without braces, whose value to show.
    var: Option<Named>,
    /// Show it only from this many `-v` on.
    #[serde(default)]
    verbosity: u8,
}

/// An expression and its value: the engine evaluates, the module shows.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Named {
    /// As it was written.
    name: String,
    /// What it is.
    value: Value,
}

/// `None` where nothing was given; a value that is null is shown as such.
fn whatever_it_is<'de, D: serde::Deserializer<'de>>(given: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(given).map(Some)
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => serde_json::to_string_pretty(other).unwrap_or_default(),
    }
}

#[async_trait]
impl Module for Debug {
    const NAME: &'static str = "debug";
    const CONTRACT: Contract = Contract::control(&["var"]);
    const EXAMPLE: &'static str = "\
- name: where the dump is
  debug:
    msg: \"federated tables are in {{ dump.path }}\"
";

    async fn inspect(&self, _: &Cx<'_>) -> Result<Finding, Failure> {
        let mut outcome = match (&self.msg, &self.var) {
            (Some(_), Some(_)) => return Err(Failure::failed("give either `msg` or `var`, not both")),
            (_, Some(Named { name, value })) => {
                Outcome::unchanged(format!("{name}: {}", shown(value))).with(name, value.clone())
            }
            (Some(value), None) => Outcome::unchanged(shown(value)).with("msg", value.clone()),
            (None, None) => Outcome::unchanged("Hello world!"),
        };
        outcome
            .result
            .insert("verbosity".to_owned(), self.verbosity.into());
        Ok(Finding::NoChange(outcome))
    }
}
