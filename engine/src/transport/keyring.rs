//! Passphrases, asked for once per key file, whatever the number of hosts.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::settings::AskPassphrase;

/// The passphrases of this run.
pub(super) struct Keyring {
    ask: Option<AskPassphrase>,
    /// `None`: declined; nobody is asked again.
    known: Mutex<HashMap<PathBuf, Option<String>>>,
}

impl Keyring {
    pub(super) fn new(ask: Option<AskPassphrase>) -> Self {
        Self {
            ask,
            known: Mutex::default(),
        }
    }

    /// The passphrase of this key. Holds the others up while the operator types: there is one terminal.
    pub(super) fn passphrase(&self, key: &Path) -> Option<String> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known
            .entry(key.to_owned())
            .or_insert_with(|| self.ask.as_ref().and_then(|ask| ask(key)))
            .clone()
    }

    /// Forgets a wrong one.
    pub(super) fn forget(&self, key: &Path) {
        self.known
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(key);
    }
}
