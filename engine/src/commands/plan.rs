//! `nebplay plan`: every step in order, its hosts, how many at once, and what allows it.

use clap::Args as ClapArgs;

use super::error::CommandError;
use super::options::{Options, RunArgs};
use super::terminal::Terminal;

pub(super) const EXAMPLES: &str = "\
Examples:
  nebplay plan upgrade.yml -i prod.ini
  nebplay plan upgrade.yml -i prod.ini --json";

/// Arguments of `nebplay plan`: those of the run that is planned.
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    #[command(flatten)]
    run: RunArgs,
}

/// Shows the plan.
pub(super) fn run(args: Args, terminal: &Terminal) -> Result<u8, CommandError> {
    show(&args.run.read()?, terminal)
}

fn show(options: &Options, terminal: &Terminal) -> Result<u8, CommandError> {
    super::run::execute(options, terminal)
}
