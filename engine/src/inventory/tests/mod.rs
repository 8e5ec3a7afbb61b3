//! Inventories as data: what a text says, and what is wrong with it.

mod federation;
mod files;
mod patterns;
mod reading;
mod targets;
mod wrong;

use super::draft::Draft;
use super::{Inventory, ini, resolve, yaml_file};
use crate::diagnostics::{Findings, Source};
use crate::vault::Vault;

/// An inventory from the text of a file; `hosts.yml` makes it YAML.
fn read(name: &str, text: &str) -> Result<Inventory, Findings> {
    let mut draft = Draft::new();
    let source = Source::new(name, text);
    if name == "hosts.yml" {
        yaml_file::read(&source, &mut draft, &Vault::closed());
    } else {
        ini::read(&source, &mut draft);
    }
    resolve::resolve(draft)
}

fn ini(text: &str) -> Inventory {
    read("hosts.ini", text).unwrap()
}

/// Findings, one a line: `line: message [underlined | label] (help)`.
fn shown(findings: &Findings) -> String {
    let lines = findings.iter().map(|finding| {
        let labels = finding.labels.iter();
        let labels = labels.map(|(span, label)| format!(" [{}: {} | {label}]", span.line(), span.text()));
        let help = finding.help.iter().map(|help| format!(" ({help})"));
        finding.message.clone() + &labels.chain(help).collect::<String>()
    });
    lines.collect::<Vec<_>>().join("\n")
}
