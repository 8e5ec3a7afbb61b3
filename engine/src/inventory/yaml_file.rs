//! Ansible's YAML inventories: groups by name, each with `hosts`, `vars` and `children`.

use std::sync::Arc;

use super::ALL;
use super::draft::Draft;
use crate::diagnostics::{Finding, Source, suggest};
use crate::vault::Vault;
use crate::yaml::{Entry, Node};

const KEYS: [&str; 3] = ["hosts", "vars", "children"];

/// Reads a file into the draft.
pub(super) fn read(source: &Arc<Source>, draft: &mut Draft, vault: &Vault) {
    match vault.parse(source) {
        Err(finding) => draft.findings.push(finding),
        Ok(None) => {}
        Ok(Some(root)) => {
            if let Some(groups) = mapping(&root, "an inventory is a mapping of groups", draft) {
                for entry in groups {
                    group(entry, None, draft);
                }
            }
        }
    }
}

/// The entries of what must be a mapping, or nothing.
fn mapping<'a>(node: &'a Node, expected: &str, draft: &mut Draft) -> Option<&'a [Entry]> {
    if node.is_null() {
        return None;
    }
    let entries = node.as_mapping();
    if entries.is_none() {
        let finding = Finding::at(&node.span, expected, format!("this is {}", node.kind()));
        draft.findings.push(match node.as_sequence() {
            Some(_) => finding.help("write `name:` on a line each, without `- `"),
            None => finding,
        });
    }
    entries
}

fn group(entry: &Entry, parent: Option<&str>, draft: &mut Draft) {
    let (name, place) = (entry.name(), &entry.key.span);
    if parent.is_none() && KEYS.contains(&name) {
        let finding = Finding::at(
            place,
            format!("`{name}` stands where a group's name is expected"),
            "no group",
        );
        draft
            .findings
            .push(finding.help("put it below a group, `all:` for instance"));
        return;
    }
    draft.define_group(name, place);
    if let Some(parent) = parent.filter(|parent| *parent != ALL) {
        let group = draft.define_group(parent, place);
        group.children.insert(name.to_owned(), place.clone());
    }
    let Some(body) = mapping(
        &entry.value,
        "a group is a mapping of `hosts`, `vars` and `children`",
        draft,
    ) else {
        return;
    };
    for part in body {
        match part.name() {
            "hosts" => hosts(name, &part.value, draft),
            "vars" => {
                for var in mapping(&part.value, "`vars` is a mapping of variables", draft).unwrap_or_default()
                {
                    draft.set_group_var(name, var.name(), &var.key.span, &var.value);
                }
            }
            "children" => {
                for child in
                    mapping(&part.value, "`children` is a mapping of groups", draft).unwrap_or_default()
                {
                    group(child, Some(name), draft);
                }
            }
            other => {
                let help = suggest(other, KEYS)
                    .unwrap_or_else(|| "a group has `hosts`, `vars` and `children`".to_owned());
                let message = format!("a group has no `{other}`");
                draft
                    .findings
                    .push(Finding::at(&part.key.span, message, "unknown").help(help));
            }
        }
    }
}

fn hosts(group: &str, node: &Node, draft: &mut Draft) {
    for host in mapping(node, "`hosts` is a mapping of hosts", draft).unwrap_or_default() {
        let names = draft.name_hosts(group, host.name(), &host.key.span);
        for var in mapping(&host.value, "a host is a mapping of variables", draft).unwrap_or_default() {
            draft.set_host_var(&names, var.name(), &var.key.span, &var.value);
        }
    }
}
