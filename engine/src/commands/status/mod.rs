//! `nebplay status`: the zones of the federation, as their front-ends tell them at this moment.

mod ask;
mod row;
mod table;
mod verdict;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use clap::Args as ClapArgs;
use nebplay_modules::federation_map::Federation;
use serde::Serialize;

use self::row::Row;
use self::verdict::Verdict;
use super::asking::Asking;
use super::connections::Connections;
use super::error::CommandError;
use super::exit;
use super::hosts::Hosts;
use super::options::{ConnectionArgs, InventoryArgs};
use super::terminal::{self, Terminal};
use crate::events::Secrets;

pub(super) const EXAMPLES: &str = "\
Asks all front-ends at once, over SSH, and changes nothing on any of them. It works at any moment of a night: \
what a stopped or half-upgraded zone cannot tell is shown as `-`, with the reason below the table. Equal indices say that no zone is behind; only `fed_index_check` with `data: true` compares the data.

Exit codes: 0 all was learnt; 2 a front-end was reached and did not tell all; 4 one could not be reached.

Examples:
  nebplay status -i prod.ini
  nebplay status -i prod.ini -l slaves
  nebplay status -i prod.ini --json | jq '.zones[] | {name, fed_index, api}'";

/// How long the end of a failed run waits for the zones.
const PATIENCE: Duration = Duration::from_secs(30);

/// Arguments of `nebplay status`.
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    #[command(flatten)]
    inventory: InventoryArgs,
    #[command(flatten)]
    connection: ConnectionArgs,
    /// As JSON.
    #[arg(long, help_heading = "Output")]
    json: bool,
}

/// Everything, as `--json` writes it.
#[derive(Debug, Serialize)]
struct Report<'a> {
    zones: &'a [Row],
    verdict: &'a Verdict,
}

/// Shows the zones.
pub(super) fn run(args: &Args, terminal: &Terminal) -> Result<u8, CommandError> {
    let hosts = args.inventory.read(&[], Some(&args.connection))?;
    let federation = asked(&hosts);
    if federation.zones.is_empty() {
        return Err(no_zones(&hosts));
    }
    let rows = look(hosts, &federation)?;
    let verdict = Verdict::of(&rows, &federation);
    if args.json {
        let report = Report {
            zones: &rows,
            verdict: &verdict,
        };
        let json = serde_json::to_string_pretty(&report).map_err(std::io::Error::from)?;
        terminal::print(&(json + "\n"))?;
    } else {
        terminal::print(&table::text(&rows, &verdict, terminal))?;
    }
    Ok(exit_code(&rows))
}

/// The zones as they are now, for the end of a run that failed: which step came last is no proof of a state.
pub(super) async fn after_failure(
    connections: Arc<Connections>,
    federation: &Federation,
    secrets: Arc<Secrets>,
    terminal: &Terminal,
) -> String {
    let heading = terminal.heading("THE ZONES NOW");
    match tokio::time::timeout(PATIENCE, ask::all(connections, federation, secrets)).await {
        Ok(rows) => {
            let text = table::text(&rows, &Verdict::of(&rows, federation), terminal);
            format!("\n{heading}\n{text}")
        }
        Err(_) => format!(
            "\n{heading}\nnot all answered within {} seconds\n",
            PATIENCE.as_secs()
        ),
    }
}

/// The zones to ask, each with the front-ends to ask: those of `-l` where it is given.
pub(super) fn asked(hosts: &Hosts) -> Federation {
    let mut federation = hosts.zoned.federation.clone();
    if let Some(limit) = &hosts.limit {
        for zone in &mut federation.zones {
            zone.hosts.retain(|host| limit.contains(host));
        }
        federation.zones.retain(|zone| !zone.hosts.is_empty());
    }
    federation
}

pub(super) fn no_zones(hosts: &Hosts) -> CommandError {
    let (message, help) = if hosts.zoned.federation.zones.is_empty() {
        (
            "the inventory has no zones",
            "put the zones' front-ends into the groups `master` and `slaves`, each with its zone_id",
        )
    } else {
        (
            "-l leaves no front-end of any zone",
            "`nebplay inventory --graph` shows which hosts there are",
        )
    };
    CommandError::Usage {
        message: message.to_owned(),
        help: Some(help.to_owned()),
    }
}

/// Asks all front-ends at once.
fn look(hosts: Hosts, federation: &Federation) -> Result<Vec<Row>, CommandError> {
    let names = federation
        .zones
        .iter()
        .flat_map(|zone| zone.hosts.clone())
        .collect();
    let asking = Asking::of(hosts, names)?;
    let (connections, secrets) = (Arc::clone(&asking.connections), Arc::clone(&asking.secrets));
    let rows = asking.wait(ask::all(connections, federation, secrets));
    asking.end();
    Ok(rows)
}

fn exit_code(rows: &[Row]) -> u8 {
    if rows.iter().any(|row| !row.reached) {
        exit::UNREACHABLE
    } else if rows
        .iter()
        .any(|row| row.unknown.iter().any(|unknown| !unknown.expected))
    {
        exit::FAILED
    } else {
        exit::OK
    }
}
