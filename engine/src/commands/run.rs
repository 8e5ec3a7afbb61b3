//! `nebplay PLAYBOOK…`: the run itself.

use super::error::CommandError;
use super::execute::{Start, execute};
use super::exit;
use super::options::{Action, RunArgs};
use super::prepare::prepare;
use super::terminal::{self, Terminal};
use crate::diagnostics::suggest;

pub(super) const EXAMPLES: &str = "\
Examples:
  nebplay run upgrade.yml -i prod.ini --check
  nebplay run upgrade.yml -i prod.ini -l 'slaves:!fe3' -K";

/// Runs playbooks.
pub(super) fn run(args: RunArgs, terminal: &Terminal) -> Result<u8, CommandError> {
    let prepared = prepare(args)?;
    match prepared.options.action {
        Action::Run => {
            let start = Start::anew(&prepared)?;
            execute(prepared, start, terminal)
        }
        Action::SyntaxCheck => {
            let names: Vec<String> = prepared
                .options
                .playbooks
                .iter()
                .map(|path| path.display().to_string())
                .collect();
            terminal::print(&format!("{}: nothing is wrong\n", names.join(", ")))?;
            Ok(exit::OK)
        }
        Action::ListHosts => {
            terminal::print(&prepared.listing().host_names())?;
            Ok(exit::OK)
        }
        Action::ListTasks => {
            terminal::print(&prepared.listing().task_names())?;
            Ok(exit::OK)
        }
        Action::ListTags => {
            terminal::print(&prepared.plan.tag_names())?;
            Ok(exit::OK)
        }
    }
}

/// `nebplay pln x.yml`: the first word is neither a file nor a command.
pub(super) fn not_a_misspelt_command<'a>(
    args: &RunArgs,
    commands: impl Iterator<Item = &'a str>,
) -> Result<(), CommandError> {
    let Some(first) = args.playbooks.first().filter(|path| !path.exists()) else {
        return Ok(());
    };
    let word = first.to_string_lossy();
    match suggest(&word, commands) {
        Some(help) if !word.contains(['.', '/']) => Err(CommandError::Usage {
            message: format!("`{word}` is no command and no playbook"),
            help: Some(help),
        }),
        _ => Ok(()),
    }
}
