//! Exit codes: documented, and stable.

use crate::events::RunResult;

/// All went well; there may have been nothing to do.
pub const OK: u8 = 0;
/// Something unexpected: an error of nebplay or of the machine it runs on.
pub const INTERNAL: u8 = 1;
/// A task failed on a host, and every host was reached.
pub const FAILED: u8 = 2;
/// A file is wrong: playbook, inventory, variables, template. Nothing was run.
pub const BAD_FILES: u8 = 3;
/// A host could not be reached.
pub const UNREACHABLE: u8 = 4;
/// Another run has the federation, or part of it. Nothing was run.
pub const LOCKED: u8 = 5;
/// The command line is wrong.
pub const USAGE: u8 = 64;
/// Interrupted by Ctrl-C or TERM; the recap says how far it got.
pub const INTERRUPTED: u8 = 130;

/// The same, at the end of `--help`.
pub(super) const HELP: &str = "\
Exit codes:
  0    all went well; there may have been nothing to do
  1    something unexpected: an error of nebplay or of this machine
  2    a task failed on a host; every host was reached
  3    a file is wrong (playbook, inventory, variables, template): nothing was run
  4    a host could not be reached
  5    another run has the federation, or part of it (`nebplay unlock`): nothing was run
  64   the command line is wrong
  130  interrupted";

/// How a run ended, as an exit code.
pub fn of_run(result: RunResult) -> u8 {
    match result {
        RunResult::Ok => OK,
        RunResult::Failed => FAILED,
        RunResult::Unreachable => UNREACHABLE,
        RunResult::Interrupted => INTERRUPTED,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_lists_every_code() {
        let listed: Vec<u8> = HELP
            .lines()
            .filter_map(|line| line.split_whitespace().next()?.parse().ok())
            .collect();
        assert_eq!(
            listed,
            [
                OK,
                INTERNAL,
                FAILED,
                BAD_FILES,
                UNREACHABLE,
                LOCKED,
                USAGE,
                INTERRUPTED
            ]
        );
    }
}
