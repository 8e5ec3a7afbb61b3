//! What `lookup('env', …)` and `lookup('file', …)` find: the only way for a template into the environment.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use crate::events::Secrets;
use crate::template::Lookups;
use crate::vault::Vault;

/// Looks up in this process's environment, and in files beside the playbook.
pub(super) struct ProcessLookups {
    /// The directory of the playbook; relative paths start there, or in its `files/`.
    pub(super) directory: PathBuf,
    /// Learns what password variables come to.
    pub(super) secrets: Arc<Secrets>,
    /// Opens files that are encrypted.
    pub(super) vault: Arc<Vault>,
}

impl Lookups for ProcessLookups {
    fn env(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn file(&self, playbook_dir: Option<&str>, path: &str) -> Result<String, String> {
        let directory = playbook_dir.map_or(self.directory.as_path(), Path::new);
        let beside = directory.join(path);
        let in_files = directory.join("files").join(path);
        let found = if !beside.exists() && in_files.exists() {
            in_files
        } else {
            beside
        };
        let cannot = |why: String| format!("cannot read {}: {why}", found.display());
        let text = std::fs::read_to_string(&found).map_err(|error| cannot(error.to_string()))?;
        match self.vault.open_file(text.as_bytes()).map_err(cannot)? {
            None => Ok(text),
            Some(opened) => {
                let text = String::from_utf8(opened).map_err(|_| cannot("it is no UTF-8 text".to_owned()))?;
                self.secrets.learn_opened(&text, path);
                Ok(text)
            }
        }
    }

    fn now(&self) -> jiff::Zoned {
        jiff::Zoned::now()
    }

    fn evaluated(&self, name: &str, value: &Value) {
        self.secrets.learn_passwords(name, value);
    }

    fn opened(&self, value: &Value) {
        if let Some(text) = value.as_str() {
            self.secrets.learn_opened(text, "vault");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn files_beside_the_playbook() {
        let directory = tempfile::TempDir::new().unwrap();
        fs::create_dir(directory.path().join("files")).unwrap();
        fs::write(directory.path().join("files/a"), "in files").unwrap();
        fs::write(directory.path().join("b"), "beside").unwrap();
        let lookups = ProcessLookups {
            directory: directory.path().to_owned(),
            secrets: Arc::default(),
            vault: Arc::default(),
        };
        assert_eq!(lookups.file(None, "a").unwrap(), "in files");
        assert_eq!(lookups.file(None, "b").unwrap(), "beside");
        assert!(lookups.file(None, "c").unwrap_err().contains("/c: "));
        let inner = directory.path().join("files");
        assert_eq!(lookups.file(inner.to_str(), "a").unwrap(), "in files");
        assert!(lookups.env("PATH").is_some());
    }
}
