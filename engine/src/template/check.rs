//! What can be said about templates before anything runs.

use std::sync::LazyLock;

use minijinja::ErrorKind;
use regex::Regex;

use crate::diagnostics::{Finding, Findings, Span, suggest};
use crate::yaml::{Node, Tag, Value as Yaml};

use super::Templates;
use super::braces::{QUOTED, code_in, has_template, lone_expression};
use super::condition::expression_of;
use super::error::locate;

impl Templates {
    /// Whether a node has anything that must be rendered before its value is known.
    pub fn is_template(node: &Node) -> bool {
        match &node.value {
            Yaml::Scalar { text, .. } => {
                !node.tag.as_ref().is_some_and(Tag::is_literal) && has_template(text)
            }
            Yaml::Sequence(items) => items.iter().any(Self::is_template),
            Yaml::Mapping(entries) => entries
                .iter()
                .any(|entry| Self::is_template(&entry.key) || Self::is_template(&entry.value)),
        }
    }

    /// Everything that is no template among the texts of a node.
    pub fn check(&self, node: &Node) -> Findings {
        let mut findings = Findings::new();
        self.check_into(node, &mut findings);
        findings
    }

    fn check_into(&self, node: &Node, findings: &mut Findings) {
        match &node.value {
            Yaml::Scalar { text, .. } if Self::is_template(node) => {
                let lone = lone_expression(text);
                let source = lone.clone().map_or(text.as_str(), |range| &text[range]);
                self.check_source(source, lone.is_some(), &node.span, findings);
            }
            Yaml::Scalar { .. } => {}
            Yaml::Sequence(items) => items.iter().for_each(|item| self.check_into(item, findings)),
            Yaml::Mapping(entries) => {
                for entry in entries {
                    self.check_into(&entry.key, findings);
                    self.check_into(&entry.value, findings);
                }
            }
        }
    }

    /// Everything that is wrong with an expression that stands without braces, or a list of them.
    pub fn check_condition(&self, node: &Node) -> Findings {
        let mut findings = Findings::new();
        match &node.value {
            Yaml::Scalar { text, .. } if lone_expression(text).is_some() => {
                let expression = lone_expression(text).map_or("", |range| text[range].trim());
                let finding = Finding::at(&node.span, "braces around a condition", "an expression already");
                findings.push(finding.help(format!("write `{expression}`")));
            }
            Yaml::Scalar { text, .. } => match expression_of(text) {
                Ok(expression) if expression.trim().is_empty() => findings.push(
                    Finding::at(&node.span, "an empty condition", "expected an expression")
                        .help("leave it out, or say `true`"),
                ),
                Ok(expression) => self.check_source(expression, true, &node.span, &mut findings),
                Err(error) => findings.push(error.at(Some(node.span.clone()), "").into_finding()),
            },
            Yaml::Sequence(items) => {
                findings.extend(items.iter().flat_map(|item| self.check_condition(item)));
            }
            Yaml::Mapping(_) => findings.push(
                Finding::at(
                    &node.span,
                    "a condition cannot be a mapping",
                    "expected an expression",
                )
                .help("quote it if it contains `: `"),
            ),
        }
        findings
    }

    fn check_source(&self, source: &str, as_expression: bool, span: &Span, findings: &mut Findings) {
        if let Err(error) = self.compile(source, as_expression, Some(span)) {
            findings.push(error.into_finding());
            return;
        }
        for (what, name) in filters_and_tests(source, as_expression) {
            if self.exists(what, &name) {
                continue;
            }
            let place = locate(span, &name);
            let finding = Finding::at(
                &place,
                format!("there is no {what} `{name}`"),
                format!("unknown {what}"),
            );
            findings.push(match suggest(&name, COMMON.iter().copied()) {
                Some(suggestion) => finding.help(suggestion),
                None => finding.help("there are Jinja's own, and Ansible's for text, lists, mappings, formats, paths and versions"),
            });
        }
    }

    /// Calls it with nothing: only one that does not exist says so.
    fn exists(&self, what: &str, name: &str) -> bool {
        let mut state = self.environment.empty_state();
        match what {
            FILTER => is_known(state.apply_filter(name, &[]).err(), ErrorKind::UnknownFilter),
            _ => is_known(state.perform_test(name, &[]).err(), ErrorKind::UnknownTest),
        }
    }
}

fn is_known(error: Option<minijinja::Error>, unknown: ErrorKind) -> bool {
    error.is_none_or(|error| error.kind() != unknown)
}

const FILTER: &str = "filter";
const TEST: &str = "test";

/// Names that a misspelt one may have meant; whether one exists is asked of the environment.
const COMMON: &[&str] = &[
    "abs",
    "b64decode",
    "b64encode",
    "basename",
    "bool",
    "capitalize",
    "center",
    "changed",
    "combine",
    "contains",
    "default",
    "defined",
    "dict2items",
    "difference",
    "dirname",
    "extract",
    "failed",
    "falsy",
    "first",
    "flatten",
    "float",
    "from_json",
    "from_yaml",
    "groupby",
    "hash",
    "human_readable",
    "in",
    "indent",
    "int",
    "intersect",
    "items2dict",
    "join",
    "last",
    "length",
    "list",
    "lower",
    "mandatory",
    "map",
    "match",
    "max",
    "min",
    "path_join",
    "product",
    "quote",
    "regex",
    "regex_findall",
    "regex_replace",
    "regex_search",
    "reject",
    "rejectattr",
    "replace",
    "reverse",
    "round",
    "search",
    "select",
    "selectattr",
    "sha1",
    "skipped",
    "sort",
    "split",
    "splitext",
    "strftime",
    "string",
    "subset",
    "succeeded",
    "sum",
    "superset",
    "ternary",
    "title",
    "to_json",
    "to_nice_json",
    "to_nice_yaml",
    "to_yaml",
    "trim",
    "truncate",
    "truthy",
    "type_debug",
    "undefined",
    "union",
    "unique",
    "unreachable",
    "upper",
    "version",
    "zip",
];

/// The filters and tests that a template names.
fn filters_and_tests(source: &str, as_expression: bool) -> Vec<(&'static str, String)> {
    static TEXT: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(&format!("(?s){QUOTED}")).ok());
    static NAMED: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"\|\s*([A-Za-z_][\w.]*)|\bis\s+(?:not\s+)?([A-Za-z_][\w.]*)").ok());
    let (Some(quoted), Some(named)) = (&*TEXT, &*NAMED) else {
        return Vec::new();
    };
    let pieces: Vec<&str> = if as_expression {
        vec![source]
    } else {
        code_in(source).into_iter().map(|code| &source[code]).collect()
    };
    let mut names = Vec::new();
    for piece in pieces {
        let bare = quoted.replace_all(piece, "''");
        for name in named.captures_iter(&bare) {
            if let Some(filter) = name.get(1) {
                names.push((FILTER, filter.as_str().to_owned()));
            } else if let Some(test) = name.get(2) {
                names.push((TEST, test.as_str().to_owned()));
            }
        }
    }
    names
}
