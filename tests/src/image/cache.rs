//! A directory of things that are slow to make, each under the digest of all it was made from.

use crate::LabError;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Entries nobody used for so long are removed when a new one of their kind is made.
const KEPT: Duration = Duration::from_secs(72 * 3600);

/// The cache: `$NEBPLAY_LAB_CACHE`, or `nebplay-lab` in the user's cache directory.
#[derive(Debug, Clone)]
pub struct Cache {
    directory: PathBuf,
    /// Hears the kind of an entry before it is made.
    tell: fn(&str),
}

impl Cache {
    /// Where the environment says it is.
    pub fn from_environment() -> Result<Self, LabError> {
        let set = |name: &str| {
            std::env::var_os(name)
                .filter(|value| !value.is_empty())
                .map(PathBuf::from)
        };
        let directory = set("NEBPLAY_LAB_CACHE")
            .or_else(|| set("XDG_CACHE_HOME").map(|cache| cache.join("nebplay-lab")))
            .or_else(|| set("HOME").map(|home| home.join(".cache/nebplay-lab")))
            .ok_or_else(|| LabError::Usage("find a place for the cache: set NEBPLAY_LAB_CACHE".to_owned()))?;
        fs::create_dir_all(&directory).map_err(LabError::file("create", &directory))?;
        Ok(Self {
            directory,
            tell: |_| (),
        })
    }

    /// The same, and whoever waits for an entry to be made hears what is made.
    pub fn telling(self, tell: fn(&str)) -> Self {
        Self { tell, ..self }
    }

    /// A directory that only ever speeds up making another entry, such as downloaded packages.
    pub fn scratch(&self, name: &str) -> Result<PathBuf, LabError> {
        let path = self.directory.join(name);
        fs::create_dir_all(&path).map_err(LabError::file("create", &path))?;
        Ok(path)
    }

    /// The entry of this kind and digest. If it is missing, `build` fills an empty directory, and it is there whole or not at all;
    /// other processes that want one of the same kind wait.
    pub fn entry(
        &self,
        kind: &str,
        digest: &str,
        build: impl FnOnce(&Path) -> Result<(), LabError>,
    ) -> Result<PathBuf, LabError> {
        let entry = self.directory.join(format!("{kind}-{digest}"));
        if touch(&entry) {
            return Ok(entry);
        }
        let _held = lock(&self.directory.join(format!("{kind}.lock")))?;
        if touch(&entry) {
            return Ok(entry);
        }
        let unfinished = self.directory.join(format!("{kind}.unfinished"));
        remove(&unfinished)?;
        fs::create_dir_all(&unfinished).map_err(LabError::file("create", &unfinished))?;
        (self.tell)(kind);
        build(&unfinished)?;
        fs::rename(&unfinished, &entry).map_err(LabError::file("move into place", &entry))?;
        touch(&entry);
        self.prune(kind, &entry)?;
        Ok(entry)
    }

    fn prune(&self, kind: &str, newest: &Path) -> Result<(), LabError> {
        let prefix = format!("{kind}-");
        let entries = fs::read_dir(&self.directory).map_err(LabError::file("list", &self.directory))?;
        for path in entries.flatten().map(|entry| entry.path()) {
            let ours = path
                .file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with(&prefix));
            if ours && path.is_dir() && path != newest && unused_for(&path) > KEPT {
                remove(&path)?;
                drop(fs::remove_file(path.with_extension("used")));
            }
        }
        Ok(())
    }
}

/// Marks an entry as used now; false if there is none.
fn touch(entry: &Path) -> bool {
    let mark = entry.with_extension("used");
    entry.is_dir() && fs::write(mark, "").is_ok()
}

/// A lock between processes, held until dropped.
fn lock(path: &Path) -> Result<fs::File, LabError> {
    let file = fs::File::create(path).map_err(LabError::file("open", path))?;
    rustix::fs::flock(&file, rustix::fs::FlockOperation::LockExclusive)
        .map_err(|error| LabError::file("lock", path)(error.into()))?;
    Ok(file)
}

fn unused_for(entry: &Path) -> Duration {
    fs::metadata(entry.with_extension("used"))
        .and_then(|mark| mark.modified())
        .ok()
        .and_then(|used| SystemTime::now().duration_since(used).ok())
        .unwrap_or_default()
}

fn remove(path: &Path) -> Result<(), LabError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(LabError::file("remove", path)(error))
        }
        _ => Ok(()),
    }
}

/// A short name for what something is made from.
pub(super) fn digest<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> String {
    use sha2::{Digest, Sha256};
    use std::fmt::Write;
    let mut hasher = Sha256::new();
    for part in parts {
        // With the length first, moving a byte from one part to the next is a change.
        hasher.update(part.len().to_le_bytes());
        hasher.update(part);
    }
    let mut text = String::new();
    for byte in &hasher.finalize()[..8] {
        write!(text, "{byte:02x}").ok();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_built_once_and_never_seen_half_done() {
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache {
            directory: directory.path().to_path_buf(),
            tell: |_| (),
        };
        let failed = cache.entry("thing-of-test", "1", |path| {
            fs::write(path.join("part"), "").unwrap();
            Err(LabError::Usage("stop".to_owned()))
        });
        assert!(failed.is_err());
        let built = cache.entry("thing-of-test", "1", |path| {
            assert!(!path.join("part").exists(), "what a failed attempt left is gone");
            fs::write(path.join("whole"), "").map_err(LabError::file("write", path))
        });
        assert!(built.unwrap().join("whole").exists());
        let again = cache.entry("thing-of-test", "1", |_| panic!("built twice"));
        assert!(again.is_ok());
    }

    #[test]
    fn a_digest_knows_where_its_parts_end() {
        assert_ne!(digest([b"ab".as_slice(), b"c"]), digest([b"a".as_slice(), b"bc"]));
    }
}
