//! One file per subcommand; the only place that prints and reads the environment.

use std::process::ExitCode;

/// Runs what the command line asks for.
pub fn main() -> ExitCode {
    ExitCode::SUCCESS
}
