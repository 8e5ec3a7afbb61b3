//! How a command ends when it cannot do what it was asked for.

use std::io;

use nebplay_modules::lock::LockError;

use super::exit;
use crate::diagnostics::{Finding, Findings};

/// Why a command did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// Files are wrong; each finding says where.
    #[error("{} in what was given", count(.0.len()))]
    Files(Findings),
    /// The command line is wrong.
    #[error("{message}")]
    Usage {
        /// What is wrong with it.
        message: String,
        /// What to do about it.
        help: Option<String>,
    },
    /// Another run has the federation, or part of it.
    #[error("{message}")]
    Locked {
        /// Where, and who.
        message: String,
        /// What to do about it.
        next: String,
    },
    /// A host could not be locked, although nobody else has it.
    #[error("{0}; nothing was run")]
    NotLocked(LockError),
    /// Hosts that were to be asked could not be, or did not tell.
    #[error("{}", said.join("\nerror: "))]
    NotTold {
        /// Of each host, why.
        said: Vec<String>,
        /// Whether one of them could not be reached.
        unreachable: bool,
        /// What to do about it.
        next: String,
    },
    /// Input or output of this machine failed.
    #[error("cannot {doing}: {error}")]
    Io {
        /// What was tried.
        doing: String,
        /// Why it failed.
        error: io::Error,
    },
}

impl CommandError {
    /// The command line is wrong.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::Usage {
            message: message.into(),
            help: None,
        }
    }

    /// The exit code it ends with.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Files(_) => exit::BAD_FILES,
            Self::Usage { .. } => exit::USAGE,
            Self::Locked { .. } => exit::LOCKED,
            Self::NotTold {
                unreachable: true, ..
            } => exit::UNREACHABLE,
            Self::NotLocked(_) | Self::NotTold { .. } => exit::FAILED,
            // `nebplay doc | head`: whoever reads has seen enough.
            Self::Io { error, .. } if error.kind() == io::ErrorKind::BrokenPipe => exit::OK,
            Self::Io { .. } => exit::INTERNAL,
        }
    }
}

impl From<Findings> for CommandError {
    fn from(findings: Findings) -> Self {
        Self::Files(findings)
    }
}

impl From<Finding> for CommandError {
    fn from(finding: Finding) -> Self {
        Self::Files(vec![finding])
    }
}

impl From<io::Error> for CommandError {
    /// Writing what a command has to say is all the input and output that has no better description.
    fn from(error: io::Error) -> Self {
        Self::Io {
            doing: "write to the standard output".to_owned(),
            error,
        }
    }
}

/// `1 error`, `3 errors`.
pub(super) fn count(errors: usize) -> String {
    match errors {
        1 => "1 error".to_owned(),
        errors => format!("{errors} errors"),
    }
}
