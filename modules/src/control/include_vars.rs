//! `include_vars`: variables from a file.

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::contract::Contract;
use crate::module::{Cx, Directive, Failure, Finding, Module, Outcome};

/// Reads variables from a YAML or JSON file beside the playbook, for the rest of the run. Templates in them are evaluated when they
/// are used.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-free-form" = "file"))]
pub(super) struct IncludeVars {
    /// The file, relative to the playbook or its `vars/`.
    file: String,
    /// Put them all into this one variable.
    name: Option<String>,
}

#[async_trait]
impl Module for IncludeVars {
    const NAME: &'static str = "include_vars";
    const CONTRACT: Contract = Contract::control(&[]);
    const EXAMPLE: &'static str = "\
- name: what belongs to this version
  include_vars: \"{{ target_version }}.yml\"
";

    async fn inspect(&self, cx: &Cx<'_>) -> Result<Finding, Failure> {
        let vars = cx.controller.vars_file(&self.file).await?;
        let vars = match &self.name {
            Some(name) => Map::from_iter([(name.clone(), Value::Object(vars))]),
            None => vars,
        };
        let mut outcome = Outcome::unchanged(match vars.len() {
            1 => format!("1 variable from {}", self.file),
            many => format!("{many} variables from {}", self.file),
        });
        outcome
            .result
            .insert("ansible_facts".to_owned(), Value::Object(vars.clone()));
        outcome.directive = Some(Directive::SetVars(vars));
        Ok(Finding::NoChange(outcome))
    }
}
