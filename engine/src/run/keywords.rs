//! The keywords of a task, rendered for a host.

use std::collections::BTreeMap;
use std::time::Duration;

use nebplay_modules::host::RunAs;
use nebplay_modules::module::Failure;
use serde_json::Value;

use super::outcome::{finding_failure, template_failure};
use super::world::Options;
use crate::diagnostics::Finding;
use crate::plan::Inherited;
use crate::template::{Scope, TemplateError, Templates};
use crate::yaml::Node;

/// A keyword that could not be rendered, or has a value that it cannot have.
pub(super) enum Trouble {
    /// Its template.
    Template(TemplateError),
    /// Its value.
    Value(Failure),
}

impl From<TemplateError> for Trouble {
    fn from(error: TemplateError) -> Self {
        Self::Template(error)
    }
}

impl Trouble {
    /// As a failure of the step.
    pub(super) fn into_failure(self) -> Failure {
        match self {
            Self::Template(error) => template_failure(error),
            Self::Value(failure) => failure,
        }
    }
}

/// Renders keywords.
pub(super) struct Keywords<'a> {
    pub(super) written: &'a Inherited,
    pub(super) templates: &'a Templates,
    pub(super) scope: &'a Scope,
}

fn wrong(node: &Node, expected: &str) -> Trouble {
    Trouble::Value(finding_failure(&Finding::at(
        &node.span,
        format!("expected {expected}"),
        "this is none",
    )))
}

impl Keywords<'_> {
    /// Yes or no; `default` where nothing is written.
    pub(super) fn flag(&self, node: Option<&Node>, default: bool) -> Result<bool, Trouble> {
        let Some(node) = node else {
            return Ok(default);
        };
        let value = self.templates.render_node(node, self.scope)?;
        truth(&value).ok_or_else(|| wrong(node, "true or false"))
    }

    /// A number of seconds.
    pub(super) fn seconds(&self, node: Option<&Node>) -> Result<Option<Duration>, Trouble> {
        let Some(node) = node else {
            return Ok(None);
        };
        let seconds = self.number(node)?;
        let duration = Duration::try_from_secs_f64(seconds);
        duration.map(Some).map_err(|_| wrong(node, "a number of seconds"))
    }

    /// A whole number.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked to be a whole number that fits"
    )]
    pub(super) fn count(&self, node: &Node) -> Result<u32, Trouble> {
        let number = self.number(node)?;
        if number >= 0.0 && number <= f64::from(u32::MAX) && number.fract() == 0.0 {
            Ok(number as u32)
        } else {
            Err(wrong(node, "a whole number"))
        }
    }

    fn number(&self, node: &Node) -> Result<f64, Trouble> {
        let value = self.templates.render_node(node, self.scope)?;
        let number = match &value {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        number.ok_or_else(|| wrong(node, "a number"))
    }

    /// Where to act instead; `None`: on the host itself.
    pub(super) fn delegate(&self) -> Result<Option<String>, Trouble> {
        let Some(node) = &self.written.delegate_to else {
            return Ok(None);
        };
        match self.templates.render_node(node, self.scope)? {
            Value::String(name) if !name.is_empty() => Ok(Some(name)),
            Value::Null => Ok(None),
            _ => Err(wrong(node, "the name of a host")),
        }
    }

    /// All maps of `environment` as one; values become text.
    pub(super) fn environment(&self) -> Result<BTreeMap<String, String>, Trouble> {
        let mut environment = BTreeMap::new();
        for node in &self.written.environment {
            let maps = match self.templates.render_node(node, self.scope)? {
                Value::Array(maps) => maps,
                map => vec![map],
            };
            for map in maps {
                let Value::Object(map) = map else {
                    return Err(wrong(node, "a mapping of variables"));
                };
                environment.extend(map.into_iter().map(|(name, value)| match value {
                    Value::String(text) => (name, text),
                    other => (name, other.to_string()),
                }));
            }
        }
        Ok(environment)
    }

    /// Whom to become: the inventory's variables win over the playbook, and that over the command line, as in Ansible.
    pub(super) fn run_as(&self, options: &Options) -> Result<RunAs, Trouble> {
        let becomes = match self.scope.get("ansible_become") {
            Some(_) => {
                let value = self.templates.evaluate_text("ansible_become", self.scope)?;
                truth(&value).ok_or_else(|| {
                    Trouble::Value(Failure::failed(
                        "the variable ansible_become is neither true nor false",
                    ))
                })?
            }
            None => self.flag(self.written.r#become.as_ref(), options.r#become)?,
        };
        if !becomes {
            return Ok(RunAs::Login);
        }
        let user = match (self.scope.get("ansible_become_user"), &self.written.become_user) {
            (Some(_), _) => self.templates.evaluate_text("ansible_become_user", self.scope)?,
            (None, Some(node)) => self.templates.render_node(node, self.scope)?,
            (None, None) => Value::Null,
        };
        Ok(match user {
            Value::String(user) if !user.is_empty() => RunAs::User(user),
            _ => options.become_user.clone().map_or_else(RunAs::root, RunAs::User),
        })
    }
}

/// A keyword's value as yes or no; texts as Ansible takes them.
fn truth(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(value) => Some(*value),
        Value::Number(number) => match number.as_i64() {
            Some(0) => Some(false),
            Some(1) => Some(true),
            _ => None,
        },
        Value::String(text) => match text.trim().to_ascii_lowercase().as_str() {
            "yes" | "true" | "on" | "1" | "y" | "t" => Some(true),
            "no" | "false" | "off" | "0" | "n" | "f" | "" => Some(false),
            _ => None,
        },
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}
