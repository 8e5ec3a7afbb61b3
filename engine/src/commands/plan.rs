//! `nebplay plan`: every step in order, its hosts, how many at once, and what allows it.

use std::sync::Arc;

use clap::Args as ClapArgs;

use super::error::CommandError;
use super::exit;
use super::options::RunArgs;
use super::run::resolve;
use super::terminal::print;
use super::world::{ThisMachine, directory_of};
use crate::plan::Listing;
use crate::template::Templates;

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
pub(super) fn run(args: Args) -> Result<u8, CommandError> {
    let options = args.run.read()?;
    let directory = directory_of(options.playbooks.first());
    let plan = resolve(
        &options,
        &Templates::with_lookups(Arc::new(ThisMachine { directory })),
    )?;
    let listing = Listing::of(&plan, &options.hosts.zoned.federation, options.forks);
    if options.json {
        print(&format!("{:#}\n", serde_json::json!(listing)))?;
    } else {
        print(&listing.text())?;
    }
    Ok(exit::OK)
}
