//! Where playbooks are read from.

use std::path::{Component, Path, PathBuf};

use crate::diagnostics::Span;
use crate::vault::Vault;

/// Reads files; the loader needs nothing else of the world.
pub trait Reader: Send + Sync {
    /// A file's text, or why it cannot be had, as an operator would say it.
    fn read(&self, path: &Path) -> Result<String, String>;

    /// Whether there is such a file.
    fn is_there(&self, path: &Path) -> bool {
        self.read(path).is_ok()
    }

    /// What opens files and values that are encrypted.
    fn vault(&self) -> &Vault {
        &CLOSED
    }
}

/// Opens nothing.
static CLOSED: Vault = Vault::closed();

/// The files of this machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct Disk;

impl Reader for Disk {
    fn read(&self, path: &Path) -> Result<String, String> {
        let bytes = std::fs::read(path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
            _ => error.to_string(),
        })?;
        String::from_utf8(bytes).map_err(|_| "it is not UTF-8 text".to_owned())
    }

    fn is_there(&self, path: &Path) -> bool {
        path.is_file()
    }
}

/// A path as it is written in a file, from where that file is.
pub(super) fn beside(from: &Span, path: &str) -> PathBuf {
    let directory = Path::new(&from.source.name).parent().unwrap_or(Path::new(""));
    plain(&directory.join(path))
}

/// A path without `.` and `..` as far as they can be resolved by looking at it: the same file has the same path.
pub(super) fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        let can_go_up = matches!(plain.components().next_back(), Some(Component::Normal(_)));
        match part {
            Component::CurDir => {}
            Component::ParentDir if can_go_up => {
                plain.pop();
            }
            other => plain.push(other),
        }
    }
    plain
}
