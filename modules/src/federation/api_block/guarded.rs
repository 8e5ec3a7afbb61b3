//! What `api_block` and `api_unblock` know of a front-end: who is let through, and what is loaded.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::federation::guard;
use crate::host::{Command, Host, RunAs};
use crate::module::{Cx, Failure};
use crate::opennebula::command::USER;
use crate::opennebula::conf::DEFAULT_PORT;
use crate::opennebula::endpoint::{Endpoint, EndpointError};
use crate::opennebula::local::LocalOned;
use crate::opennebula::zone;

use super::ruleset::{Ruleset, read};

/// The rules, as they are loaded now and at boot.
pub(crate) const FILE: &str = "/var/lib/nebplay/api-block.nft";

/// The unit that loads them; its name and description do not match what the documented stop check greps for.
pub(crate) const UNIT: &str = "nebplay-api-block.service";

/// Where that unit is.
pub(crate) const UNIT_FILE: &str = "/etc/systemd/system/nebplay-api-block.service";

/// Before the network is up, and again whenever somebody reloads the machine's own rules, which may flush ours.
pub(crate) const UNIT_TEXT: &str = "[Unit]
Description=Keep an API out during maintenance (nebplay)
DefaultDependencies=no
After=local-fs.target nftables.service
Before=network-pre.target
Wants=network-pre.target
PartOf=nftables.service
ReloadPropagatedFrom=nftables.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/sbin/nft -f /var/lib/nebplay/api-block.nft
ExecReload=/usr/sbin/nft -f /var/lib/nebplay/api-block.nft

[Install]
WantedBy=multi-user.target
";

/// gRPC, since 7.2.
const GRPC_PORT: u16 = 2634;

/// What is loaded.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Listed {
    /// No table of ours.
    None,
    /// One, as [`read`] tells it.
    Table(Vec<String>),
}

/// Runs a command as root that says nothing when it works.
pub(crate) async fn run(cx: &Cx<'_>, argv: &[&str]) -> Result<(), Failure> {
    let command = Command::new(argv.iter().copied()).as_root();
    let output = cx.host.run(&command).await?;
    if output.exit.success() {
        return Ok(());
    }
    Err(Failure::failed(format!(
        "{}: {}: {}",
        command.display(),
        output.exit,
        output.err_text().trim()
    )))
}

/// Looks at the loaded table.
pub(crate) async fn listed(host: &dyn Host) -> Result<Listed, Failure> {
    let output = host
        .run(
            &Command::new(["nft", "-j", "list", "table", "inet", "nebplay"])
                .as_root()
                .env("LC_ALL", "C"),
        )
        .await?;
    if output.exit.success() {
        return read(&output.text()).map(Listed::Table).map_err(|why| {
            Failure::failed(format!("{}: nft -j list table inet nebplay: {why}", host.name()))
        });
    }
    let error = output.err_text();
    if error.contains("No such file or directory") && !error.contains("not found") {
        return Ok(Listed::None);
    }
    Err(
        Failure::failed(format!("{}: nft: {}: {}", host.name(), output.exit, error.trim()))
            .hint("api_block needs nftables: apt-get install nftables"),
    )
}

/// The rules for this front-end, from what the inventory and OpenNebula say.
pub(crate) async fn wanted(cx: &Cx<'_>, oned: &LocalOned, ports: &[u16]) -> Result<Ruleset, Failure> {
    let zone = guard::zone_of(cx)?;
    let login = uid(cx.host, None).await?;
    let oneadmin = uid(cx.host, Some(USER)).await?;
    if login == oneadmin {
        return Err(Failure::unsafe_to_go_on(format!(
            "nebplay logs in to {} as oneadmin: its own questions cannot be told from those of OpenNebula's services",
            cx.host.name()
        ))
        .hint("log in as another user, with sudo"));
    }
    let mut ruleset = Ruleset {
        ports: if ports.is_empty() {
            [oned.conf.port, DEFAULT_PORT, GRPC_PORT].into()
        } else {
            ports.iter().copied().collect()
        },
        local_users: [0, login].into(),
        remote_users: [0, login, oneadmin].into(),
        ..Ruleset::default()
    };
    let own = addresses_of_endpoints(cx, oned, zone.id, &mut ruleset).await?;
    for peer in cx.federation.zones.iter().flat_map(|zone| &zone.hosts) {
        if peer != cx.host.name() {
            for address in source_addresses(&*cx.peers.peer(peer).await?, own).await? {
                ruleset.allow(address);
            }
        }
    }
    Ok(ruleset)
}

async fn uid(host: &dyn Host, user: Option<&str>) -> Result<u32, Failure> {
    let argv = ["id", "-u", "--"].into_iter().chain(user);
    let output = host.run(&Command::new(argv)).await?;
    let number = output
        .text()
        .trim()
        .parse()
        .ok()
        .filter(|_| output.exit.success());
    number.ok_or_else(|| {
        let who = user.unwrap_or("the login user");
        Failure::failed(format!(
            "{}: id -u does not know {who}: {}",
            host.name(),
            output.err_text().trim()
        ))
    })
}

/// Allows the addresses behind the zones' endpoints, and returns this zone's own. An oned that is down tells none: its slaves'
/// front-ends, in the inventory, are then all there is.
async fn addresses_of_endpoints(
    cx: &Cx<'_>,
    oned: &LocalOned,
    own_zone: u32,
    ruleset: &mut Ruleset,
) -> Result<Option<IpAddr>, Failure> {
    let pool = match zone::pool(&oned.client(cx.host)).await {
        Ok(pool) => pool,
        Err(error) if error.nothing_listens() => Arc::default(),
        Err(error) => return Err(error.into()),
    };
    let master = oned
        .conf
        .federation
        .master_oned
        .iter()
        .map(|endpoint| (u32::MAX, endpoint.as_str()));
    let endpoints: Vec<(u32, &str)> = pool
        .iter()
        .map(|zone| (zone.id, zone.endpoint.as_str()))
        .chain(master)
        .collect();
    let mut own = None;
    for (zone, text) in endpoints {
        let name = match Endpoint::parse(text) {
            Ok(endpoint) => endpoint.address,
            // Behind TLS there is a proxy, whose address is not oned's own.
            Err(EndpointError::Tls(_)) => continue,
            Err(error) => return Err(Failure::failed(format!("zone {zone}: {error}"))),
        };
        for address in resolve(cx.host, &name).await? {
            ruleset.allow(address);
            if zone == own_zone {
                own = own.or(Some(address));
            }
        }
    }
    Ok(own)
}

async fn resolve(host: &dyn Host, name: &str) -> Result<Vec<IpAddr>, Failure> {
    if let Ok(address) = name.parse() {
        return Ok(vec![address]);
    }
    let output = host.run(&Command::new(["getent", "ahosts", "--", name])).await?;
    let text = output.text();
    let found: BTreeSet<IpAddr> = text
        .lines()
        .filter_map(|line| line.split_whitespace().next()?.parse().ok())
        .collect();
    if found.is_empty() {
        return Err(
            Failure::failed(format!("{}: {name} does not resolve", host.name()))
                .hint("a zone's endpoint must resolve on every front-end"),
        );
    }
    Ok(found
        .into_iter()
        .filter(|address| !address.is_loopback())
        .collect())
}

/// The addresses a peer's oned would connect from: the one its route to us has, or all of its own where that is not known.
async fn source_addresses(peer: &dyn Host, to: Option<IpAddr>) -> Result<Vec<IpAddr>, Failure> {
    if let Some(to) = to {
        let output = peer
            .run(&Command::new(["ip", "route", "get", &to.to_string()]))
            .await?;
        let text = output.text();
        let mut words = text.split_whitespace().skip_while(|word| *word != "src").skip(1);
        if output.exit.success()
            && let Some(Ok(source)) = words.next().map(str::parse)
        {
            return Ok(vec![source]);
        }
    }
    let output = peer.run(&Command::new(["hostname", "-I"])).await?;
    let text = output.text();
    let all: Vec<IpAddr> = text
        .split_whitespace()
        .filter_map(|word| word.parse().ok())
        .collect();
    if all.is_empty() {
        return Err(
            Failure::failed(format!("{} does not tell its addresses", peer.name()))
                .hint("check hostname -I there: replication from it must not be kept out"),
        );
    }
    Ok(all)
}

/// Whether oneadmin, as whom OpenNebula's services run, gets a connection over loopback. `None`: there is nothing to try with.
pub(crate) async fn connects_as_oneadmin(host: &dyn Host, port: u16) -> Result<Option<bool>, Failure> {
    let connect = "exec 3<>/dev/tcp/127.0.0.1/$1";
    let port = port.to_string();
    let command = Command::new(["timeout", "5", "bash", "-c", connect, "bash", &port])
        .run_as(RunAs::User(USER.to_owned()))
        .clear_env()
        .deadline(Duration::from_secs(15));
    let output = host.run(&command).await?;
    Ok(match output.exit.rc() {
        0 => Some(true),
        126 | 127 => None,
        _ => Some(false),
    })
}
