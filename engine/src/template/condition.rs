//! Conditions: `when`, `until`, `failed_when`, `that`. Strictly true or false.

use std::sync::Arc;

use serde_json::Value as Json;

use crate::diagnostics::Span;
use crate::yaml::{Node, Value as Yaml};

use super::braces::{has_template, lone_expression};
use super::error::{TemplateError, TemplateErrorKind, excerpt, locate};
use super::evaluation::Evaluation;
use super::{Scope, Templates};

impl Templates {
    /// Whether a condition holds; a list holds when all of its items do.
    pub fn condition(&self, node: &Node, scope: &Scope) -> Result<bool, TemplateError> {
        self.condition_in(node, &Evaluation::new(self, scope))
    }

    fn condition_in(&self, node: &Node, evaluation: &Arc<Evaluation>) -> Result<bool, TemplateError> {
        match &node.value {
            Yaml::Scalar { text, .. } => {
                if let Some(fixed) = node.as_bool() {
                    return Ok(fixed);
                }
                let expression =
                    expression_of(text).map_err(|error| error.at(Some(node.span.clone()), ""))?;
                let value = self.expression_in(expression, Some(&node.span), evaluation)?;
                boolean(&value, expression, &node.span)
            }
            Yaml::Sequence(conditions) => {
                // What is undefined in a later one does not matter when an earlier one is false.
                for condition in conditions {
                    if !self.condition_in(condition, evaluation)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Yaml::Mapping(_) => Err(TemplateError::new(
                TemplateErrorKind::NotBoolean,
                "a condition cannot be a mapping",
            )
            .at(Some(node.span.clone()), "expected an expression")
            .help("quote it if it contains `: `")),
        }
    }
}

/// The expression of a condition, which needs no braces and may have them around the whole.
pub(super) fn expression_of(text: &str) -> Result<&str, TemplateError> {
    if let Some(range) = lone_expression(text) {
        return Ok(&text[range]);
    }
    if has_template(text) {
        let error = TemplateError::new(TemplateErrorKind::Syntax, "braces inside of a condition");
        return Err(error.help("a condition is an expression already: write the variable without `{{ }}`"));
    }
    Ok(text)
}

fn boolean(value: &Json, expression: &str, span: &Span) -> Result<bool, TemplateError> {
    let (kind, hint) = match value {
        Json::Bool(value) => return Ok(*value),
        Json::Null => ("nothing", format!("{} is not none", subject(expression))),
        Json::Number(_) => ("a number", format!("{} != 0", subject(expression))),
        Json::String(text) if is_flag(text) => ("a text", format!("{} | bool", subject(expression))),
        Json::String(_) => ("a text", format!("{} | length > 0", subject(expression))),
        Json::Array(_) => ("a list", format!("{} | length > 0", subject(expression))),
        Json::Object(_) => ("a mapping", format!("{} | length > 0", subject(expression))),
    };
    let expression = expression.trim();
    let shown = excerpt(expression, value);
    let message = format!("the condition `{expression}` is {kind}, {shown}, and not true or false");
    Err(TemplateError::new(TemplateErrorKind::NotBoolean, message)
        .at(Some(locate(span, expression)), format!("this is {kind}"))
        .help(format!("say what you mean, for instance `{hint}`")))
}

/// The expression so that a filter after it applies to all of it.
fn subject(expression: &str) -> String {
    let expression = expression.trim();
    let simple = expression
        .chars()
        .all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '[' | ']' | '\''));
    if simple {
        expression.to_owned()
    } else {
        format!("({expression})")
    }
}

fn is_flag(text: &str) -> bool {
    let flags = ["true", "false", "yes", "no", "on", "off", "1", "0"];
    flags.contains(&text.to_ascii_lowercase().as_str())
}
