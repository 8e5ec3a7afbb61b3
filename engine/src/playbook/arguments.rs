//! Arguments of a task: as a mapping or as `k=v`, checked against the module's schema.

use indexmap::IndexMap;
use nebplay_modules::arguments::{self, ArgumentError, Shape};
use nebplay_modules::registry::Entry as Module;
use schemars::Schema;
use serde_json::{Map, Value as Json};

use crate::diagnostics::{Finding, Span};
use crate::template::Templates;
use crate::yaml::{Entry, Node, Style, Value as Yaml};

use super::free_form;
use super::load::Loader;

type Args = IndexMap<String, Node>;

impl Loader<'_> {
    /// The arguments that stand behind the module's name.
    pub(super) fn given(&mut self, module: &Module, schema: &Schema, named: &Entry) -> Args {
        let node = &named.value;
        if let Some(entries) = node.as_mapping() {
            return entries
                .iter()
                .map(|entry| (entry.name().to_owned(), entry.value.clone()))
                .collect();
        }
        if node.is_null() {
            return Args::new();
        }
        if node.as_sequence().is_some() {
            let message = format!("arguments of `{}` are a mapping, not a list", module.name);
            self.wrong(Finding::at(&node.span, message, "").help("leave out the dashes: `name: value`"));
            return Args::new();
        }
        match free_form::read(node, Shape::of(schema.as_value())) {
            Ok(args) => args,
            Err(finding) => {
                self.wrong(finding);
                Args::new()
            }
        }
    }

    /// The arguments as the module will read them, with everything that is wrong with them found.
    pub(super) fn checked(&mut self, module: &Module, schema: &Schema, args: Args, named: &Entry) -> Args {
        let shape = Shape::of(schema.as_value());
        let mut settled = Args::new();
        let mut values = Map::new();
        for (name, node) in args {
            if module.contract.expressions.contains(&name.as_str()) {
                let findings = self.templates.check_condition(&node);
                self.findings.extend(findings);
                values.insert(name.clone(), node.to_value());
                settled.insert(name, node);
                continue;
            }
            let node = self.template(&node);
            let node = match shape.property(&name) {
                Some(shape) => settle(node, shape),
                None => node,
            };
            values.insert(name.clone(), known(&node));
            settled.insert(name, node);
        }
        // A module that does not get its arguments right in the first place would only be blamed for what is missing.
        if named.value.as_sequence().is_none() {
            for error in arguments::check(module, &values) {
                let finding = located(&error, module, shape, &settled, named);
                self.wrong(finding);
            }
        }
        settled
    }
}

/// Takes what was written literally where text is meant: `6.10`, `0644` and `no` are text there, with quotes or without.
fn settle(node: Node, shape: Shape<'_>) -> Node {
    let null = node.is_null();
    let Node { span, tag, value } = node;
    let value = match value {
        Yaml::Scalar { text, .. } if shape.is_text() && !null => Yaml::Scalar {
            text,
            style: Style::Text,
        },
        Yaml::Sequence(items) => match shape.items() {
            Some(shape) => Yaml::Sequence(items.into_iter().map(|item| settle(item, shape)).collect()),
            None => Yaml::Sequence(items),
        },
        Yaml::Mapping(entries) => {
            let settled = entries
                .into_iter()
                .map(|entry| match shape.property(entry.name()) {
                    Some(shape) => Entry {
                        value: settle(entry.value, shape),
                        ..entry
                    },
                    None => entry,
                });
            Yaml::Mapping(settled.collect())
        }
        scalar @ Yaml::Scalar { .. } => scalar,
    };
    Node { span, tag, value }
}

/// The value of a node as far as it is known: a template stays the text it is.
fn known(node: &Node) -> Json {
    match &node.value {
        Yaml::Scalar { text, .. } if Templates::is_template(node) => Json::from(text.as_str()),
        Yaml::Scalar { .. } => node.to_value(),
        Yaml::Sequence(items) => items.iter().map(known).collect(),
        Yaml::Mapping(entries) => {
            let entries = entries
                .iter()
                .map(|entry| (entry.name().to_owned(), known(&entry.value)));
            Json::Object(entries.collect())
        }
    }
}

/// An error of the module's as a finding at the argument it is about.
fn located(error: &ArgumentError, module: &Module, shape: Shape<'_>, args: &Args, named: &Entry) -> Finding {
    let place = error
        .argument
        .as_deref()
        .and_then(|path| find(path, shape, args, named));
    let span = place.unwrap_or(&named.key.span);
    let message = format!("{}: {}", module.name, error.message);
    let finding = Finding::at(span, message, "");
    match &error.suggestion {
        Some(suggestion) => finding.help(suggestion.clone()),
        None => finding.help(format!("`nebplay doc {}` describes its arguments", module.name)),
    }
}

/// The place of an argument, as deep as its path leads: the key where it is unknown, or else its value.
fn find<'n>(path: &str, shape: Shape<'_>, args: &'n Args, named: &'n Entry) -> Option<&'n Span> {
    let mut parts = path.split(['.', '[']).map(|part| part.trim_end_matches(']'));
    let first = parts.next()?;
    let mut node = args.get(first)?;
    let mut shape = shape.property(first);
    let mut here = match named.value.entry(first) {
        Some(entry) if shape.is_none() || node.span.text().is_empty() => &entry.key.span,
        _ => &node.span,
    };
    for part in parts {
        here = if let Yaml::Sequence(items) = &node.value {
            node = items.get(part.parse::<usize>().ok()?)?;
            shape = shape.and_then(Shape::items);
            &node.span
        } else {
            let Some(entry) = node.entry(part) else { break };
            node = &entry.value;
            shape = shape.and_then(|shape| shape.property(part));
            if shape.is_some() {
                &node.span
            } else {
                &entry.key.span
            }
        };
    }
    Some(here)
}
