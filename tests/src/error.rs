//! What can go wrong in the lab. Messages read after "failed to".

use std::path::{Path, PathBuf};

/// Why the lab could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// A program could not be started, or ended badly.
    #[error("run `{command}`: {outcome}\n{stderr}")]
    Program {
        /// The program and its arguments.
        command: String,
        /// How it ended: an exit status, or why it did not start.
        outcome: String,
        /// What it complained of.
        stderr: String,
    },
    /// A file or directory of the lab.
    #[error("{what} {}: {source}", path.display())]
    File {
        /// What was to be done, as a verb.
        what: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// Something did not come up in time.
    #[error("see {what} within {seconds} s\n{last_seen}")]
    Late {
        /// What was waited for.
        what: String,
        /// How long.
        seconds: u64,
        /// What was there instead.
        last_seen: String,
    },
    /// This machine cannot run a lab; the sentence says what it lacks and what would help.
    #[error("run a lab here: {0}")]
    Unsuitable(String),
    /// The caller named something that is not there.
    #[error("{0}")]
    Usage(String),
}

impl LabError {
    /// For `map_err` on file operations: `fs::read(p).map_err(LabError::file("read", p))`.
    pub fn file(what: &'static str, path: impl AsRef<Path>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.as_ref().to_path_buf();
        move |source| Self::File { what, path, source }
    }
}
