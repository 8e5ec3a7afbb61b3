//! Reading single values out of nodes, with a finding for what does not fit.

use std::path::Path;

use crate::diagnostics::{Finding, suggest};
use crate::template::Templates;
use crate::yaml::{Entry, Node, Value as Yaml};

use super::keys;
use super::load::Loader;
use super::syntax::{Spanned, Vars};

/// Whether a text can name a variable.
pub(super) fn is_identifier(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

impl Loader<'_> {
    /// Something else was expected here.
    pub(super) fn expected(&mut self, node: &Node, what: &str, name: &str) {
        let message = format!("`{name}` must be {what}, not {}", node.kind());
        self.wrong(Finding::at(&node.span, message, format!("expected {what}")));
    }

    /// A node that may contain templates, which must be valid ones.
    pub(super) fn template(&mut self, node: &Node) -> Node {
        let findings = self.templates.check(node);
        self.findings.extend(findings);
        node.clone()
    }

    /// A text that is needed before anything runs.
    pub(super) fn fixed_text(&mut self, node: &Node, name: &str) -> Option<Spanned<String>> {
        match node.as_str() {
            Some(_) if Templates::is_template(node) => {
                let message = format!("`{name}` cannot be a template");
                self.wrong(Finding::at(&node.span, message, "needed before anything runs"));
                None
            }
            Some(text) if !node.is_null() => Some(Spanned {
                value: text.to_owned(),
                span: node.span.clone(),
            }),
            _ => {
                self.expected(node, "text", name);
                None
            }
        }
    }

    /// A text that may be a template.
    pub(super) fn text(&mut self, node: &Node, name: &str) -> Option<Spanned<String>> {
        match node.as_str() {
            Some(text) if !node.is_null() => {
                self.template(node);
                Some(Spanned {
                    value: text.to_owned(),
                    span: node.span.clone(),
                })
            }
            _ => {
                self.expected(node, "text", name);
                None
            }
        }
    }

    /// One text or a list of them; one may hold several, with commas, where that is usual.
    pub(super) fn texts(&mut self, node: &Node, name: &str, commas: bool) -> Vec<Spanned<String>> {
        if let Some(items) = node.as_sequence() {
            return items.iter().filter_map(|item| self.text(item, name)).collect();
        }
        let Some(text) = self.text(node, name) else {
            return Vec::new();
        };
        if !commas || Templates::is_template(node) {
            return vec![text];
        }
        let parts = text
            .value
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty());
        parts
            .map(|part| Spanned {
                value: part.to_owned(),
                span: text.span.clone(),
            })
            .collect()
    }

    /// True or false, needed before anything runs.
    pub(super) fn fixed_bool(&mut self, node: &Node, name: &str) -> bool {
        node.as_bool().unwrap_or_else(|| {
            self.expected(node, "true or false", name);
            false
        })
    }

    /// True or false, or a template that yields it.
    pub(super) fn boolean(&mut self, node: &Node, name: &str) -> Node {
        if Templates::is_template(node) {
            return self.template(node);
        }
        self.fixed_bool(node, name);
        node.clone()
    }

    /// A number that is not negative, or a template that yields it.
    pub(super) fn number(&mut self, node: &Node, name: &str) -> Node {
        if Templates::is_template(node) {
            return self.template(node);
        }
        let number = node.as_str().and_then(|text| text.parse::<f64>().ok());
        if number.is_none_or(|number| number < 0.0) {
            self.expected(node, "a number", name);
        }
        node.clone()
    }

    /// Conditions: one or a list.
    pub(super) fn conditions(&mut self, node: &Node) -> Vec<Node> {
        let findings = self.templates.check_condition(node);
        self.findings.extend(findings);
        match &node.value {
            Yaml::Sequence(items) => items.clone(),
            _ => vec![node.clone()],
        }
    }

    /// A variable's name.
    pub(super) fn identifier(&mut self, node: &Node, name: &str) -> Option<Spanned<String>> {
        let text = self.fixed_text(node, name)?;
        if is_identifier(&text.value) {
            return Some(text);
        }
        let message = format!("`{}` cannot be the name of a variable", text.value);
        let better: String = text
            .value
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
            .collect();
        let better = if better.starts_with(|c: char| c.is_ascii_digit()) {
            format!("_{better}")
        } else {
            better
        };
        self.wrong(
            Finding::at(&text.span, message, "letters, digits and `_`, no digit first")
                .help(format!("for instance `{better}`")),
        );
        None
    }

    /// Variables.
    pub(super) fn vars(&mut self, node: &Node) -> Vars {
        if node.is_null() {
            return Vars::new();
        }
        let Some(entries) = node.as_mapping() else {
            self.expected(node, "a mapping of variables", "vars");
            return Vars::new();
        };
        let mut vars = Vars::new();
        for entry in entries {
            if let Some(name) = self.identifier(&entry.key, "vars") {
                let value = self.template(&entry.value);
                vars.insert(name.value, value);
            }
        }
        vars
    }

    /// A path that is known before anything runs.
    pub(super) fn fixed_path<'n>(&mut self, node: &'n Node, name: &str) -> Option<&'n str> {
        self.fixed_text(node, name)?;
        let text = node.as_str()?;
        if Path::new(text).file_name().is_none() {
            self.expected(node, "the name of a file", name);
            return None;
        }
        Some(text)
    }

    /// A keyword that nothing knows, unless it says what is so anyway.
    pub(super) fn unknown_key(&mut self, entry: &Entry, of: &str, known: &[&[&str]]) {
        let name = entry.name();
        if keys::is_so_anyway(name, entry.value.as_str()) {
            return;
        }
        let finding = if let Some(instead) = keys::unsupported(name) {
            let message = format!("the keyword `{name}` is not supported");
            Finding::at(&entry.key.span, message, "not supported").help(instead)
        } else {
            let message = format!("a {of} has no keyword `{name}`");
            let finding = Finding::at(&entry.key.span, message, "unknown keyword");
            let known = known.iter().flat_map(|names| names.iter().copied());
            match suggest(name, known) {
                Some(suggestion) => finding.help(suggestion),
                None => finding,
            }
        };
        self.wrong(finding);
    }
}
