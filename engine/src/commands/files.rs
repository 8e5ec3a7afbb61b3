//! Files that a run includes, from this machine's disk.

use nebplay_modules::digest::sha256;

use crate::diagnostics::{Findings, Span};
use crate::playbook::{self, Disk, Item, Vars};
use crate::run::Loader;

/// See the module.
pub(super) struct Files;

impl Loader for Files {
    fn tasks(&self, file: &str, from: &Span) -> Result<(Vec<Item>, String), Findings> {
        let (items, source) = playbook::load_tasks(file, from, &Disk)?;
        Ok((items, sha256(&source.text)))
    }

    fn vars(&self, file: &str, from: &Span) -> Result<Vars, Findings> {
        playbook::load_vars(file, from, &Disk)
    }
}
