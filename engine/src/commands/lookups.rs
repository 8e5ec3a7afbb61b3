//! What `lookup('env', …)` and `lookup('file', …)` find: the only way for a template into the environment.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use crate::beside;
use crate::events::Secrets;
use crate::template::Lookups;
use crate::vault::Vault;

/// Looks up in this process's environment, and in files beside the playbook.
pub(super) struct ProcessLookups {
    /// The directory of the playbook, for templates that are told none.
    pub(super) directory: PathBuf,
    /// Learns what password variables come to.
    pub(super) secrets: Arc<Secrets>,
    /// Opens files that are encrypted.
    pub(super) vault: Arc<Vault>,
}

impl ProcessLookups {
    /// Those that a template was told, or its own.
    fn directories<'a>(&'a self, told: &'a [String]) -> Vec<&'a Path> {
        match told {
            [] => vec![&self.directory],
            told => told.iter().map(Path::new).collect(),
        }
    }
}

impl Lookups for ProcessLookups {
    fn env(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn file(&self, directories: &[String], folder: &str, path: &str) -> Result<String, String> {
        let places = beside::places(self.directories(directories), folder, Path::new(path));
        let Some(found) = places.iter().find(|place| place.exists()) else {
            return Err(format!(
                "{path}: no such file; looked for {}",
                beside::tried(&places)
            ));
        };
        let cannot = |why: String| format!("cannot read {}: {why}", found.display());
        let text = std::fs::read_to_string(found).map_err(|error| cannot(error.to_string()))?;
        match self.vault.open_file(text.as_bytes()).map_err(cannot)? {
            None => Ok(text),
            Some(opened) => {
                let text = String::from_utf8(opened).map_err(|_| cannot("it is no UTF-8 text".to_owned()))?;
                self.secrets.learn_opened(&text, path);
                Ok(text)
            }
        }
    }

    fn glob(&self, directories: &[String], pattern: &str) -> Result<Vec<String>, String> {
        for directory in self.directories(directories) {
            for place in [directory.join("files"), directory.to_owned()] {
                // The playbook's own directory may be called anything.
                let place = glob::Pattern::escape(&place.to_string_lossy());
                let whole = Path::new(&place).join(pattern);
                let matched = glob::glob(&whole.to_string_lossy())
                    .map_err(|error| format!("`{pattern}` is no pattern: {error}"))?;
                let files = matched.flatten().filter(|path| path.is_file());
                let files: Vec<String> = files.map(|path| path.to_string_lossy().into_owned()).collect();
                if !files.is_empty() {
                    return Ok(files);
                }
            }
        }
        Ok(Vec::new())
    }

    fn find(&self, directories: &[String], path: &str) -> Option<String> {
        // Ansible looks into one of the three in tasks whose action has its name, and into none in others: a lookup knows no task.
        let found = ["", "files", "templates", "vars"].iter().find_map(|folder| {
            let places = beside::places(self.directories(directories), folder, Path::new(path));
            places.into_iter().find(|place| place.is_file())
        })?;
        Some(found.to_string_lossy().into_owned())
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
        assert_eq!(lookups.file(&[], "files", "a").unwrap(), "in files");
        assert_eq!(lookups.file(&[], "files", "b").unwrap(), "beside");
        let missing = lookups.file(&[], "files", "c").unwrap_err();
        assert!(missing.starts_with("c: no such file; looked for /"), "{missing}");
        let inner = directory.path().join("files");
        let several = [directory.path(), &inner].map(|directory| directory.display().to_string());
        assert_eq!(lookups.file(&several[1..], "files", "a").unwrap(), "in files");
        assert_eq!(lookups.file(&several, "files", "b").unwrap(), "beside");
        fs::write(directory.path().join("a"), "beside, and behind").unwrap();
        assert_eq!(lookups.file(&[], "files", "a").unwrap(), "in files");
        assert!(lookups.env("PATH").is_some());

        let names = |paths: Vec<String>| -> Vec<String> {
            let name = |path: &String| path.rsplit('/').next().unwrap_or_default().to_owned();
            paths.iter().map(name).collect()
        };
        fs::write(directory.path().join("files/c"), "").unwrap();
        assert_eq!(
            names(lookups.glob(&[], "[a-c]").unwrap()),
            ["a", "c"],
            "of one place, by name"
        );
        assert_eq!(names(lookups.glob(&[], "b*").unwrap()), ["b"]);
        assert_eq!(
            names(lookups.glob(&[], "file*").unwrap()),
            [""; 0],
            "directories are none"
        );
        let strange = directory.path().join("files/[x]");
        fs::create_dir(&strange).unwrap();
        fs::write(strange.join("d"), "").unwrap();
        let strange = [strange.display().to_string()];
        assert_eq!(names(lookups.glob(&strange, "d*").unwrap()), ["d"]);
        assert!(lookups.glob(&[], "***").unwrap_err().contains("`***`"));
        assert!(!lookups.find(&[], "a").unwrap().ends_with("/files/a"));
        assert!(lookups.find(&[], "c").unwrap().ends_with("/files/c"));
        assert_eq!(lookups.find(&[], "nothing"), None);
    }
}
