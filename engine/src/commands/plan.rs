//! `nebplay plan`: every step in order, its hosts, how many at once, and what allows it.

use clap::Args as ClapArgs;

use super::error::CommandError;
use super::options::RunArgs;
use super::{exit, run, terminal};
use crate::plan::Listing;

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

/// Shows the plan. Nothing is run, whatever the options say.
pub(super) fn run(args: Args) -> Result<u8, CommandError> {
    let options = run::read(args.run)?;
    let plan = run::resolve(&options, &run::templates(&options))?;
    let listing = Listing::of(&plan, &options.hosts.zoned.federation, options.forks);
    let text = if options.json {
        serde_json::to_string_pretty(&listing).map_err(std::io::Error::from)? + "\n"
    } else {
        listing.text()
    };
    terminal::print(&text)?;
    Ok(exit::OK)
}
