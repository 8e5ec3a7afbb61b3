//! `-e`: variables from the command line. `k=v` is text, as in Ansible; a mapping has types; `@FILE` is a file of variables.

use std::path::Path;

use crate::diagnostics::{Finding, Findings, Source, Span};
use crate::inventory::{assignments, check_variable_name, vars_of_file};
use crate::playbook::Vars;
use crate::vault::Vault;
use crate::yaml;

/// Reads all `-e` in order; later ones win.
pub(super) fn read(given: &[String], vault: &Vault) -> Result<Vars, Findings> {
    let mut vars = Vars::new();
    let mut findings = Findings::new();
    for text in given {
        match read_one(text, vault) {
            Ok(more) => vars.extend(more),
            Err(wrong) => findings.extend(wrong),
        }
    }
    if findings.is_empty() {
        Ok(vars)
    } else {
        Err(findings)
    }
}

fn read_one(text: &str, vault: &Vault) -> Result<Vars, Findings> {
    if let Some(path) = text.strip_prefix('@') {
        return vars_of_file(Path::new(path), vault);
    }
    let source = Source::new("-e", text);
    if text.trim_start().starts_with(['{', '[']) {
        let root = vault.parse(&source).map_err(|finding| vec![finding])?;
        let Some(root) = root else { return Ok(Vars::new()) };
        let Some(entries) = root.as_mapping() else {
            let wrong = Finding::at(
                &root.span,
                "-e takes a mapping",
                format!("this is {}", root.kind()),
            );
            return Err(vec![wrong]);
        };
        return checked(
            entries
                .iter()
                .map(|entry| (entry.name(), &entry.key.span, entry.value.clone())),
        );
    }
    let whole = Span {
        start: 0,
        end: text.len(),
        source,
    };
    let help = "-e k=v, -e '{\"k\": [1, 2]}' or -e @FILE";
    let assignments = assignments(&whole).map_err(|finding| vec![finding.help(help)])?;
    checked(
        assignments
            .iter()
            .map(|(name, span, value)| (name.as_str(), span, value.clone())),
    )
}

fn checked<'a>(vars: impl Iterator<Item = (&'a str, &'a Span, yaml::Node)>) -> Result<Vars, Findings> {
    let mut out = Vars::new();
    let mut findings = Findings::new();
    for (name, span, value) in vars {
        match check_variable_name(name, span) {
            Ok(()) => {
                out.insert(name.to_owned(), value);
            }
            Err(finding) => findings.push(finding),
        }
    }
    if findings.is_empty() {
        Ok(out)
    } else {
        Err(findings)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::read;
    use crate::vault::Vault;

    fn values(given: &[&str]) -> Value {
        let given: Vec<String> = given.iter().map(ToString::to_string).collect();
        let vars = read(&given, &Vault::closed()).unwrap();
        Value::Object(
            vars.iter()
                .map(|(name, node)| (name.clone(), node.to_value()))
                .collect::<Map<_, _>>(),
        )
    }

    #[test]
    fn forms() {
        let cases: &[(&[&str], Value)] = &[
            (
                &["a=1 b='x y' c=6.10 d=[1]"],
                json!({"a": "1", "b": "x y", "c": "6.10", "d": "[1]"}),
            ),
            (
                &["a=1", "a=2", "{a: 6.10, b: yes}"],
                json!({"a": "6.10", "b": true}),
            ),
            (
                &["{\"a\": {\"b\": [1, 2.5, null]}}"],
                json!({"a": {"b": [1, 2.5, null]}}),
            ),
            (&["a=b=c"], json!({"a": "b=c"})),
            (&["a="], json!({"a": ""})),
            (&["u='x y' t='{{ z }}'"], json!({"u": "x y", "t": "{{ z }}"})),
            (&[], json!({})),
        ];
        for (given, expected) in cases {
            assert_eq!(values(given), *expected);
        }
    }

    #[test]
    fn what_is_wrong() {
        let cases = [
            ("a", "-e takes `name=value`", "a"),
            ("a=1 b", "-e takes `name=value`", "b"),
            ("a='x", "a quote is opened and never closed", "'"),
            ("1a=2", "no variable can be named `1a`", "1a"),
            ("[1]", "-e takes a mapping", "[1]"),
            ("{a: 1, a: 2}", "`a` is given twice", "a"),
            ("{a-b: 1}", "no variable can be named `a-b`", "a-b"),
        ];
        for (given, message, under) in cases {
            let findings = read(&[given.to_owned()], &Vault::closed()).unwrap_err();
            assert_eq!(
                (findings[0].message.as_str(), findings[0].labels[0].0.text()),
                (message, under)
            );
        }
        assert_eq!(
            read(&["@/no/such".to_owned()], &Vault::closed())
                .unwrap_err()
                .len(),
            1
        );
    }
}
