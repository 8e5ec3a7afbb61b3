//! Files that a run includes, from this machine's disk.

use sha2::{Digest, Sha256};

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

fn sha256(text: &str) -> String {
    let digest = Sha256::digest(text);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::sha256;

    #[test]
    fn digests() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(sha256(""), empty);
    }
}
