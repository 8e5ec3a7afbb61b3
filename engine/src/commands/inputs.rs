//! What a run is made from, so that one that goes on can tell whether it still is the same.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use indexmap::IndexMap;
use nebplay_modules::digest::sha256;

use super::hosts::Hosts;
use crate::events::journal::{Header, History};
use crate::events::{Secrets, What};
use crate::playbook::{Disk, Reader, Vars};
use crate::vault::Vault;

/// Hex digits by which values are compared.
const DIGITS: usize = 16;

/// Reads files of this machine and notes what was in them.
#[derive(Debug)]
pub(super) struct Noting {
    seen: Mutex<IndexMap<String, String>>,
    vault: Arc<Vault>,
}

impl Noting {
    pub(super) fn new(vault: &Arc<Vault>) -> Self {
        Self {
            seen: Mutex::default(),
            vault: Arc::clone(vault),
        }
    }

    /// Files by path, with the SHA-256 of what was in them.
    pub(super) fn seen(&self) -> IndexMap<String, String> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Reader for Noting {
    fn read(&self, path: &Path) -> Result<String, String> {
        let text = Disk.read(path)?;
        self.seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(path.display().to_string(), sha256(&text));
        Ok(text)
    }

    fn is_there(&self, path: &Path) -> bool {
        Disk.is_there(path)
    }

    fn vault(&self) -> &Vault {
        &self.vault
    }
}

/// The variables of these hosts and of `-e`, each with a digest of how it is written; in a file that is encrypted, of all of that.
/// Passwords are left out of it: the digest of a short one would give it away.
pub(super) fn variables(
    hosts: &Hosts,
    names: &[String],
    secrets: &Secrets,
) -> IndexMap<String, IndexMap<String, String>> {
    let digests = |vars: &Vars| -> IndexMap<String, String> {
        vars.iter()
            .map(|(name, node)| {
                let written = node.span.text();
                let digest = match &node.span.source.sealed {
                    Some(sealed) => sealed[..DIGITS.min(sealed.len())].to_owned(),
                    None if secrets.scrub(written) == written => sha256(written)[..DIGITS].to_owned(),
                    None => String::new(),
                };
                (name.clone(), digest)
            })
            .collect()
    };
    let of_hosts = names.iter().filter_map(|name| {
        let vars = hosts.zoned.inventory.host_vars(name)?;
        Some((name.clone(), digests(vars)))
    });
    of_hosts
        .chain([("-e".to_owned(), digests(&hosts.extra_vars))])
        .collect()
}

/// What is not as it was when the run began or was resumed last, a sentence each.
pub(super) fn changes(history: &History, now: &Header) -> Vec<String> {
    let before = history.header();
    let mut changes = Vec::new();
    for (file, digest) in &before.inputs {
        match now.inputs.get(file) {
            None => changes.push(format!("{file} is not part of it any more")),
            Some(other) if other != digest => changes.push(format!("{file} has changed")),
            Some(_) => {}
        }
    }
    let new = now
        .inputs
        .keys()
        .filter(|file| !before.inputs.contains_key(*file));
    changes.extend(new.map(|file| format!("{file} is new")));
    for (owner, digests) in &before.variables {
        match now.variables.get(owner) {
            None => changes.push(format!("{owner} does not take part any more")),
            Some(other) => changes.extend(changed_variables(owner, digests, other)),
        }
    }
    let new = now
        .variables
        .keys()
        .filter(|owner| !before.variables.contains_key(*owner));
    changes.extend(new.map(|owner| format!("{owner} takes part now")));
    changes.extend(changed_files(history));
    changes
}

fn changed_variables(
    owner: &str,
    before: &IndexMap<String, String>,
    now: &IndexMap<String, String>,
) -> Vec<String> {
    let of = |name: &str| match owner {
        "-e" => format!("`{name}` of -e"),
        host => format!("the variable `{name}` of {host}"),
    };
    let mut changes = Vec::new();
    for (name, digest) in before {
        match now.get(name) {
            None => changes.push(format!("{} is gone", of(name))),
            Some(other) if other != digest => changes.push(format!("{} has changed", of(name))),
            Some(_) => {}
        }
    }
    let new = now.keys().filter(|name| !before.contains_key(*name));
    changes.extend(new.map(|name| format!("{} is new", of(name))));
    changes
}

/// Files that were read while it ran: includes, variables, templates, what was copied.
fn changed_files(history: &History) -> Vec<String> {
    let mut used: IndexMap<&str, &str> = IndexMap::new();
    for event in &history.events {
        if let What::FileUsed { file, digest } = &event.what {
            used.insert(file, digest);
        }
    }
    let mut changes = Vec::new();
    for (file, digest) in used {
        match std::fs::read(file) {
            Ok(content) if sha256(&content) == digest => {}
            Ok(_) => changes.push(format!("{file} has changed")),
            Err(error) => changes.push(format!("{file} cannot be read any more: {error}")),
        }
    }
    changes
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::events::Event;
    use crate::events::journal::{FORMAT, Journal, read};

    fn header(inputs: &[(&str, &str)], of_fe1: &[(&str, &str)]) -> Header {
        let map = |pairs: &[(&str, &str)]| -> IndexMap<String, String> {
            pairs
                .iter()
                .map(|(name, digest)| ((*name).to_owned(), (*digest).to_owned()))
                .collect()
        };
        Header {
            format: FORMAT,
            run: "r".to_owned(),
            nebplay: String::new(),
            who: String::new(),
            at: 0,
            directory: String::new(),
            arguments: Value::Null,
            inputs: map(inputs),
            variables: [("fe1".to_owned(), map(of_fe1))].into_iter().collect(),
        }
    }

    #[test]
    fn what_has_changed_is_named() {
        let directory = tempfile::TempDir::new().unwrap();
        let template = directory.path().join("t.j2");
        std::fs::write(&template, "new").unwrap();
        let path = directory.path().join("r.jsonl");
        let before = header(
            &[("a.yml", "1"), ("b.yml", "1"), ("c.yml", "1")],
            &[("x", "1"), ("y", "1"), ("z", "1")],
        );
        let journal = Journal::create(&path, before.clone()).unwrap();
        journal.event(&Event {
            seq: 1,
            time: 0,
            elapsed_ms: 0,
            what: What::FileUsed {
                file: template.display().to_string(),
                digest: sha256("old"),
            },
        });
        drop(journal);
        let history = read(&path).unwrap();
        let now = header(
            &[("a.yml", "1"), ("b.yml", "2"), ("d.yml", "1")],
            &[("x", "1"), ("y", "2"), ("w", "1")],
        );
        assert_eq!(
            changes(&history, &now),
            [
                "b.yml has changed".to_owned(),
                "c.yml is not part of it any more".to_owned(),
                "d.yml is new".to_owned(),
                "the variable `y` of fe1 has changed".to_owned(),
                "the variable `z` of fe1 is gone".to_owned(),
                "the variable `w` of fe1 is new".to_owned(),
                format!("{} has changed", template.display()),
            ]
        );
        std::fs::write(&template, "old").unwrap();
        assert!(changes(&history, &before).is_empty());
    }
}
