//! A small POSIX shell in memory: it runs scripts on a machine that is no more than a trait.
//!
//! A rehearsal's twin runs with it the very scripts that modules send to real hosts, and the `shell` tasks of users. Everything is
//! synchronous: the stages of a pipeline run one after the other, and what is put in the background has ended when the next command
//! begins. What it does not know it says, with status 2, instead of guessing.
//!
//! The grammar is that of POSIX.1-2024, "Shell Command Language"; where that leaves a choice, dash's.

mod arithmetic;
mod ast;
mod builtins;
mod expand;
mod glob;
mod lexis;
mod parser;
mod shell;
mod system;
mod test_command;
pub mod tools;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

pub use system::{Call, Ended, FileTest, System};

/// A script that was read; a clone costs nothing.
#[derive(Debug, Clone)]
pub struct Script(Arc<ast::List>);

/// Why a text is no script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyntaxError {
    /// The line it is on, from 1.
    pub line: usize,
    /// What is wrong.
    pub message: String,
}

impl std::fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: Syntax error: {}", self.line, self.message)
    }
}

impl std::error::Error for SyntaxError {}

/// What a shell is started with.
#[derive(Debug, Clone, Default)]
pub struct Start {
    /// `$0`.
    pub name: String,
    /// `$1`, `$2`, ….
    pub args: Vec<String>,
    /// Its environment.
    pub env: BTreeMap<String, String>,
    /// Where it runs, an absolute path.
    pub cwd: String,
    /// What it reads.
    pub stdin: Bytes,
    /// `$$`.
    pub pid: u32,
    /// The mask for new files.
    pub umask: u32,
    /// How deep it is in what called it.
    pub depth: usize,
}

/// Reads a script.
pub fn parse(text: &str) -> Result<Script, SyntaxError> {
    parser::parse(text).map(|list| Script(Arc::new(list)))
}

/// Runs a script to its end.
pub fn run(script: &Script, start: Start, system: &mut dyn System) -> Ended {
    shell::run(&script.0, start, system)
}
