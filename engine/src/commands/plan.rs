//! `nebplay plan`: every step in order, its hosts, how many at once, and what allows it.

use clap::Args as ClapArgs;

use super::error::CommandError;
use super::exit;
use super::options::RunArgs;
use super::prepare::prepare;
use super::terminal::{self, Terminal};

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
    let prepared = prepare(args.run)?;
    let listing = prepared.listing();
    let text = if prepared.options.json {
        let json = serde_json::to_string_pretty(&listing).map_err(std::io::Error::from)?;
        json + "\n"
    } else {
        listing.text(terminal.width.into())
    };
    terminal::print(&text)?;
    Ok(exit::OK)
}
