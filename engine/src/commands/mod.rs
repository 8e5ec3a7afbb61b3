//! One file per subcommand; the only place that prints and reads the environment.

mod age;
mod asking;
mod connections;
mod copy;
mod doc;
pub mod error;
mod execute;
pub mod exit;
mod extra_vars;
mod files;
pub mod hosts;
mod inputs;
mod inventory;
mod jobs;
mod locks;
mod lookups;
mod operator;
pub mod options;
mod plan;
mod prepare;
mod rehearse;
mod resume;
mod run;
mod runs;
mod schema_text;
pub mod state;
mod status;
mod terminal;
mod unlock;
mod vault;
mod way;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use error::CommandError;
use options::RunArgs;
use terminal::Terminal;

const EXAMPLES: &str = "\
Examples:
  nebplay upgrade.yml -i prod.ini --check        look at everything, change nothing
  nebplay upgrade.yml -i prod.ini -e target=7.2.0
  nebplay plan upgrade.yml -i prod.ini           every step, its hosts, and why in this order
  nebplay status -i prod.ini                     the zones of the federation, live
  nebplay resume                                 go on with the run that was cut off, or had failed
  nebplay doc onedb_restore                      a module: arguments, contract, example";

/// Runs Ansible-style playbooks that upgrade and maintain OpenNebula federations, over SSH.
#[derive(Debug, Parser)]
#[command(
    name = "nebplay",
    version,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    arg_required_else_help = true,
    max_term_width = 110,
    after_help = format!("{EXAMPLES}\n\n{}", exit::HELP)
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: RunArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run playbooks: the same as `nebplay PLAYBOOK…`.
    #[command(after_help = run::EXAMPLES)]
    Run(RunArgs),
    /// Show every step in order, its hosts, how many at once, and what allows it. Connects to nothing.
    #[command(after_help = plan::EXAMPLES)]
    Plan(plan::Args),
    /// Rehearse playbooks on a twin of the federation: no host is touched, every single fault is tried.
    #[command(long_about = rehearse::LONG_ABOUT, after_help = rehearse::EXAMPLES)]
    Rehearse(rehearse::Args),
    /// Go on with a run that was cut off, had failed or was interrupted.
    #[command(long_about = resume::LONG_ABOUT, after_help = resume::EXAMPLES)]
    Resume(resume::Args),
    /// List the runs of which this machine has a journal, or remove old ones.
    #[command(after_help = runs::EXAMPLES)]
    Runs(runs::Args),
    /// Show a run as it was seen, from its journal.
    #[command(after_help = runs::SHOW_EXAMPLES)]
    Show(runs::ShowArgs),
    /// Show the zones of the federation, live: index, open or kept out, versions, services.
    #[command(after_help = status::EXAMPLES)]
    Status(status::Args),
    /// Show whose run locks which front-end, and remove locks whose run is over.
    #[command(after_help = unlock::EXAMPLES)]
    Unlock(unlock::Args),
    /// Show what is left of jobs on any host, and what to do with it.
    #[command(after_help = jobs::EXAMPLES)]
    Jobs(jobs::Args),
    /// Show hosts, groups and variables as nebplay reads them.
    #[command(after_help = inventory::EXAMPLES)]
    Inventory(inventory::Args),
    /// Show a module: arguments, contract, example. Without a name: all modules.
    #[command(after_help = doc::EXAMPLES)]
    Doc(doc::Args),
}

/// Runs what the command line asks for.
pub fn main() -> ExitCode {
    let terminal = Terminal::of_process();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(refusal) => {
            // Help and version are asked for; anything else is a wrong command line.
            let code = if refusal.use_stderr() {
                exit::USAGE
            } else {
                exit::OK
            };
            let _ = refusal.print();
            return code.into();
        }
    };
    match dispatch(cli, &terminal) {
        Ok(code) => code.into(),
        Err(error) => {
            terminal.complain(&error);
            error.exit_code().into()
        }
    }
}

fn dispatch(cli: Cli, terminal: &Terminal) -> Result<u8, CommandError> {
    match cli.command {
        None => {
            run::not_a_misspelt_command(
                &cli.run,
                Cli::command().get_subcommands().map(clap::Command::get_name),
            )?;
            run::run(cli.run, terminal)
        }
        Some(Command::Run(args)) => run::run(args, terminal),
        Some(Command::Resume(args)) => resume::run(args, terminal),
        Some(Command::Runs(args)) => runs::run(&args, terminal),
        Some(Command::Show(args)) => runs::show(&args, terminal),
        Some(Command::Rehearse(args)) => rehearse::run(args, terminal),
        Some(Command::Plan(args)) => plan::run(args, terminal),
        Some(Command::Status(args)) => status::run(&args, terminal),
        Some(Command::Unlock(args)) => unlock::run(&args),
        Some(Command::Jobs(args)) => jobs::run(&args, terminal),
        Some(Command::Inventory(args)) => inventory::run(&args),
        Some(Command::Doc(args)) => doc::run(&args, terminal),
    }
}

#[cfg(test)]
mod tests;
