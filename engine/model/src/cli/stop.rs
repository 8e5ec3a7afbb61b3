//! How a command line tool ends without success.

/// The exit code of what did not work.
pub const FAILED: u8 = 255;

/// Why a tool ends without success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stop {
    /// A line for stderr; empty if all was said.
    pub line: String,
    /// The exit code.
    pub exit: u8,
}

impl Stop {
    /// With [`FAILED`].
    pub fn new(line: impl Into<String>) -> Self {
        Self {
            line: line.into(),
            exit: FAILED,
        }
    }
}
