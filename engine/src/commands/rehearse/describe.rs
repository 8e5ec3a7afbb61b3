//! The federation that is rehearsed on: what the inventory says, and what is assumed where it says nothing.

use clap::Args as ClapArgs;
use nebplay_model::version::Version;
use nebplay_modules::federation_map::Role;
use nebplay_modules::opennebula::onedb::Kind;
use nebplay_twin::image::{self, Description, Zone};
use nebplay_twin::rates::{Rates, Sizes};

use super::backend;
use super::known::Known;
use crate::commands::error::CommandError;
use crate::commands::prepare::Prepared;

const MIB: u64 = 1024 * 1024;

/// What is assumed of the federation.
#[derive(Debug, Clone, ClapArgs)]
#[command(next_help_heading = "The federation rehearsed on")]
pub(super) struct Assumed {
    /// The version of OpenNebula that runs.
    #[arg(long, value_name = "VERSION", default_value = "7.0.0")]
    running: String,
    /// The version that the repositories offer beside it.
    #[arg(long, value_name = "VERSION", default_value = "7.2.0")]
    offered: String,
    /// Where the zones keep their databases; otherwise as the variable `database` says, or as --from-live finds it, or in SQLite.
    #[arg(long, value_name = "sqlite|mysql", value_parser = backend::kind)]
    backend: Option<Kind>,
    /// MiB of each zone's database.
    #[arg(long, value_name = "MIB", default_value_t = 2048)]
    database_size: u64,
    /// MiB of the federated tables, as a dump.
    #[arg(long, value_name = "MIB", default_value_t = 200)]
    federated_size: u64,
    /// Mbit/s between the controller and each front-end.
    #[arg(long, value_name = "MBIT", default_value_t = 90)]
    link: u64,
    /// Users that the zones share, in the twin.
    #[arg(long, value_name = "N", default_value_t = 10)]
    users: u32,
    /// No client writes on the master while its API is open: nothing but the playbook wakes a slave that fell behind.
    #[arg(long)]
    no_clients: bool,
    /// Look at the real zones first: versions, sizes, units, links, and how far a night is that was stopped. Nothing is changed there.
    #[arg(long)]
    pub(super) from_live: bool,
    /// How long steps took in an earlier run of this playbook: the beginning of its name (`nebplay runs`), or `latest`.
    #[arg(long, value_name = "RUN")]
    pub(super) measured: Option<String>,
}

impl Assumed {
    fn rates(&self) -> Rates {
        #[expect(clippy::cast_precision_loss, reason = "a rate of a link")]
        let link = self.link as f64 * 1e6 / 8.0;
        Rates {
            link,
            ..Rates::default()
        }
    }

    fn sizes(&self) -> Sizes {
        Sizes {
            database: self.database_size * MIB,
            federated: self.federated_size * MIB,
            ..Sizes::default()
        }
    }

    /// What is assumed and what is known, a sentence each.
    pub(super) fn sentences(&self, description: &Description) -> Vec<String> {
        let rates = description.rates;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "whole MiB/s"
        )]
        let mib = |rate: f64| (rate / MIB as f64).round() as u64;
        let mut sentences = if self.from_live {
            let sizes = description.zones.iter().map(|zone| {
                let sizes = zone.sizes;
                format!(
                    "{} {} MiB in {}, {} federated, packages {}",
                    zone.machine,
                    sizes.database / MIB,
                    backend::name(&zone.backend),
                    sizes.federated / MIB,
                    sizes.packages / MIB
                )
            });
            vec![
                format!("measured: {};", sizes.collect::<Vec<_>>().join("; ")),
                format!(
                    "measured: OpenNebula {}; the slowest link {} MiB/s; a call {} ms; oned answers after {:.1} s",
                    description.version,
                    mib(rates.link),
                    rates.round_trip.as_millis(),
                    rates.oned.as_secs_f64()
                ),
            ]
        } else {
            vec![format!(
                "assumed: databases of {} MiB in {} (--database-size, --backend), {} MiB of them federated (--federated-size), links of {} Mbit/s (--link); oned answers after {} s",
                self.database_size,
                backend::names(description),
                self.federated_size,
                self.link,
                rates.oned.as_secs()
            )]
        };
        sentences.push(format!(
            "assumed: a second dumps {} MiB, loads {}, migrates {}, checks {}, reads {}, unpacks {}; compressed, a dump is {:.0} % of its size",
            mib(rates.dump),
            mib(rates.load),
            mib(rates.migrate),
            mib(rates.check),
            mib(rates.read),
            mib(rates.unpack),
            rates.compressed * 100.0,
        ));
        sentences
    }
}

fn version(text: &str, option: &str) -> Result<Version, CommandError> {
    text.parse()
        .map_err(|error| CommandError::usage(format!("--{option}: {error}")))
}

/// The federation of an inventory.
pub(super) fn description(
    prepared: &Prepared,
    assumed: &Assumed,
    known: &Known,
    seed: u64,
) -> Result<Description, CommandError> {
    let federation = &prepared.options.hosts.zoned.federation;
    if federation.zones.is_empty() {
        return Err(CommandError::Usage {
            message: "the inventory has no zones: there is nothing to rehearse on".to_owned(),
            help: Some("a rehearsal needs groups `master` and `slaves`, with zone_id for each host: see inventories/example.ini".to_owned()),
        });
    }
    let mut zones = Vec::new();
    for (number, zone) in federation.zones.iter().enumerate() {
        let [host] = zone.hosts.as_slice() else {
            let message = format!(
                "zone {} has {} front-ends, which cannot be rehearsed yet",
                zone.name,
                zone.hosts.len()
            );
            return Err(CommandError::usage(message));
        };
        let target = prepared.options.hosts.target(host, &prepared.templates);
        let address = target.ok().map(|target| target.address);
        let address = address.filter(|address| address.parse::<std::net::IpAddr>().is_ok());
        zones.push(Zone {
            id: i64::from(zone.id),
            name: zone.name.clone(),
            master: zone.role == Role::Master,
            machine: host.clone(),
            address: address.unwrap_or_else(|| image::address(number)),
            backend: backend::of(prepared, host, assumed.backend, known.backend(number)),
            makes_schemas: known.makes_schemas(number),
            hosts: known.hypervisors(number).unwrap_or_else(|| vec![2, 2]),
            sizes: known.sizes(number, assumed.sizes()),
        });
    }
    let running = match known.version()? {
        Some(version) => version,
        None => version(&assumed.running, "running")?,
    };
    let mut offered = vec![running];
    // What a repository offers that only the playbook sets up is not known yet.
    let assumed_too = version(&assumed.offered, "offered")?;
    for version in known.offered().iter().chain([&assumed_too]) {
        if !offered.contains(version) {
            offered.push(*version);
        }
    }
    Ok(Description {
        zones,
        version: running,
        offered,
        users: assumed.users,
        clients: !assumed.no_clients,
        password: backend::PASSWORD.to_owned(),
        rates: Rates {
            seed,
            ..known.rates(assumed.rates())
        },
        ..Description::guide(0)
    })
}
