//! This machine, as a run sees it: files, environment variables, and the operator.

use std::io::IsTerminal;

use async_trait::async_trait;
use sha2::{Digest, Sha256};

use crate::diagnostics::{Findings, Span};
use crate::playbook::{Disk, Item, Vars, load_tasks, load_vars};
use crate::run::{Loader, Operator};
use crate::template::Lookups;

/// Files of this machine.
pub(super) struct Files;

impl Loader for Files {
    fn tasks(&self, file: &str, from: &Span) -> Result<(Vec<Item>, String), Findings> {
        let (items, source) = load_tasks(file, from, &Disk)?;
        let digest = Sha256::digest(source.text.as_bytes());
        Ok((items, digest.iter().map(|byte| format!("{byte:02x}")).collect()))
    }

    fn vars(&self, file: &str, from: &Span) -> Result<Vars, Findings> {
        load_vars(file, from, &Disk)
    }
}

/// `lookup('env', …)` and `lookup('file', …)`.
pub(super) struct Machine;

impl Lookups for Machine {
    fn env(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn file(&self, path: &str) -> Result<String, String> {
        std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))
    }
}

/// Whoever sits at the terminal.
pub(super) struct AtTheTerminal;

#[async_trait]
impl Operator for AtTheTerminal {
    async fn ask(&self, question: &str, echo: bool) -> Option<String> {
        if !std::io::stdin().is_terminal() {
            return None;
        }
        let question = question.to_owned();
        let answer = tokio::task::spawn_blocking(move || {
            if !echo {
                return rpassword::prompt_password(question).ok();
            }
            rustix::io::write(std::io::stderr(), question.as_bytes()).ok()?;
            let mut line = String::new();
            let read = std::io::stdin().read_line(&mut line).ok()?;
            (read > 0).then(|| line.trim_end_matches(['\n', '\r']).to_owned())
        });
        answer.await.ok().flatten()
    }
}
