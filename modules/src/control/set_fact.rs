//! `set_fact`: a variable for the rest of the run.

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::contract::Contract;
use crate::module::{Cx, Directive, Failure, Finding, Module, Outcome};

/// Sets variables of the host for the rest of the run; every argument is one.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(super) struct SetFact(Map<String, Value>);

#[async_trait]
impl Module for SetFact {
    const NAME: &'static str = "set_fact";
    const CONTRACT: Contract = Contract::control(&[]);
    const EXAMPLE: &'static str = "\
- name: remember where the dump is
  set_fact:
    federated_dump: \"{{ dump.path }}\"
";

    async fn inspect(&self, _: &Cx<'_>) -> Result<Finding, Failure> {
        // Ansible's own option, which has no meaning here: nothing is cached between runs.
        let facts = self.0.iter().filter(|(name, _)| *name != "cacheable");
        let facts: Map<_, _> = facts.map(|(name, value)| (name.clone(), value.clone())).collect();
        if let Some(bad) = facts.keys().find(|name| !is_identifier(name)) {
            return Err(Failure::failed(format!("`{bad}` cannot be a variable's name"))
                .hint("use letters, digits and underscores, and no digit first"));
        }
        let mut outcome = Outcome::default();
        outcome
            .result
            .insert("ansible_facts".to_owned(), Value::Object(facts.clone()));
        outcome.directive = Some(Directive::SetVars(facts));
        Ok(Finding::NoChange(outcome))
    }
}

fn is_identifier(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
}
