//! Files that a run includes, from this machine's disk.

use std::sync::Arc;

use super::hosts::tell_passwords_in;
use super::inputs::Noting;
use crate::diagnostics::{Findings, Span};
use crate::events::{Events, What};
use crate::playbook::{self, Item, PartFiles, Role, Vars};
use crate::run::{IncludedRole, Loader};
use crate::vault::Vault;
use nebplay_modules::digest::sha256;

/// See the module. Tells what was read.
pub(super) struct Files {
    events: Arc<Events>,
    vault: Arc<Vault>,
}

impl Files {
    pub(super) fn new(events: Arc<Events>, vault: Arc<Vault>) -> Self {
        Self { events, vault }
    }

    fn tell(&self, reader: &Noting) {
        for (file, digest) in reader.seen() {
            self.events.emit(What::FileUsed { file, digest });
        }
    }
}

impl Loader for Files {
    fn tasks(&self, file: &str, from: &Span) -> Result<(Vec<Item>, String), Findings> {
        let reader = Noting::new(&self.vault);
        let (items, source) = playbook::load_tasks(file, from, &reader)?;
        self.tell(&reader);
        Ok((items, sha256(&source.text)))
    }

    fn role(
        &self,
        name: &str,
        files: &PartFiles,
        around: Option<&Role>,
        from: &Span,
    ) -> Result<IncludedRole, Findings> {
        let reader = Noting::new(&self.vault);
        let (items, handlers) = playbook::load_role(name, files, around, from, &reader)?;
        self.tell(&reader);
        let digests = reader.seen().into_iter().map(|(_, digest)| digest);
        Ok(IncludedRole {
            items,
            handlers,
            digest: sha256(digests.collect::<String>()),
        })
    }

    fn vars(&self, file: &str, from: &Span) -> Result<Vars, Findings> {
        let reader = Noting::new(&self.vault);
        let vars = playbook::load_vars(file, from, &reader)?;
        self.tell(&reader);
        for (name, node) in &vars {
            tell_passwords_in(name, node, self.events.secrets());
        }
        Ok(vars)
    }

    fn opened(&self, name: &str, content: Vec<u8>) -> Result<Vec<u8>, String> {
        let Some(opened) = self.vault.open_file(&content)? else {
            return Ok(content);
        };
        let text = String::from_utf8_lossy(&opened);
        self.events.secrets().learn_opened(&text, name);
        Ok(opened)
    }
}
