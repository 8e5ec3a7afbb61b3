//! What is known of one front-end.

use std::collections::BTreeMap;

use nebplay_modules::federation_map::{Role, Zone};
use nebplay_modules::host::HostError;
use nebplay_modules::opennebula::conf::Mode;
use nebplay_modules::opennebula::onedb::version::Standing;
use nebplay_modules::opennebula::status::{MachineStatus, ZoneStatus};
use nebplay_modules::opennebula::zone::{FedIndex, Pool};
use serde::Serialize;

/// What is known of one front-end; `None` is not known, and `unknown` says why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Row {
    /// The zone's id, name and role, from the inventory.
    pub(super) id: u32,
    pub(super) name: String,
    pub(super) role: Role,
    /// The front-end's inventory name.
    pub(super) host: String,
    /// Whether the front-end could be logged in to.
    pub(super) reached: bool,
    pub(super) endpoint: Option<String>,
    pub(super) fed_index: Option<FedIndex>,
    /// `open`, or how it is kept out: `disabled`, `blocked`, `stopped`.
    pub(super) api: Option<&'static str>,
    /// Version of the installed oned.
    pub(super) installed: Option<String>,
    /// Version of the running oned.
    pub(super) running: Option<String>,
    /// Versions of the database's federated tables and of its own.
    pub(super) shared_db: Option<String>,
    pub(super) local_db: Option<String>,
    /// What the installed programs need.
    pub(super) needed_db: Option<String>,
    pub(super) database: Option<Standing>,
    /// From oned.conf.
    pub(super) configured_id: Option<u32>,
    pub(super) configured_mode: Option<Mode>,
    /// Units, packages and locks.
    pub(super) machine: Option<MachineStatus>,
    pub(super) unknown: Vec<Unknown>,
    /// The zones it knows.
    #[serde(skip)]
    pub(super) pool: Pool,
}

/// Nothing at all is known.
pub(super) const ALL: &str = "everything";

/// Something that is not known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Unknown {
    /// What.
    pub(super) what: &'static str,
    /// Why.
    pub(super) why: String,
    /// Nothing is wrong with that: who could tell it is stopped.
    pub(super) expected: bool,
}

impl Row {
    pub(super) fn new(zone: &Zone, host: &str, status: Result<ZoneStatus, HostError>) -> Self {
        let mut row = Self {
            id: zone.id,
            name: zone.name.clone(),
            role: zone.role,
            host: host.to_owned(),
            reached: status.is_ok(),
            endpoint: None,
            fed_index: None,
            api: None,
            installed: None,
            running: None,
            shared_db: None,
            local_db: None,
            needed_db: None,
            database: None,
            configured_id: None,
            configured_mode: None,
            machine: None,
            unknown: Vec::new(),
            pool: Pool::default(),
        };
        match status {
            Ok(status) => row.read(status),
            // What failed to connect carries the whole reason; the name of the host stands before it anyhow.
            Err(HostError::Unreachable { why, .. }) => row.missing(ALL, &why),
            Err(error) => row.missing(ALL, &error.to_string()),
        }
        row
    }

    fn read(&mut self, status: ZoneStatus) {
        self.api = Some(status.kept_out()).filter(|word| *word != "unknown");
        match status.conf.value() {
            Some(conf) => {
                self.configured_id = Some(conf.zone_id);
                self.configured_mode = Some(conf.mode);
            }
            None => self.missing("configuration", status.conf.why().unwrap_or_default()),
        }
        let out_of_reach = status.out_of_reach();
        match status.api {
            Ok(api) => {
                self.endpoint = Some(api.endpoint);
                self.fed_index = Some(api.fed_index);
                self.running = Some(api.version);
                self.pool = api.pool;
            }
            Err(_) if self.api == Some("stopped") => self.unknown.push(Unknown {
                what: "FED_INDEX, running version",
                why: "oned is stopped".to_owned(),
                expected: true,
            }),
            Err(silence) if out_of_reach => self.missing(
                "API",
                &format!(
                    "oned runs, and its port does not answer (it may still be starting, or sshd forbids TCP forwarding): {}",
                    silence.why
                ),
            ),
            Err(silence) => self.missing("API", &silence.why),
        }
        match status.oned_version.value() {
            Some(version) => self.installed = Some(version.to_string()),
            None => self.missing("installed version", status.oned_version.why().unwrap_or_default()),
        }
        match status.database.value() {
            Some(database) => {
                self.database = Some(database.state);
                self.shared_db.clone_from(&database.shared);
                self.local_db.clone_from(&database.local);
                self.needed_db.clone_from(&database.required_local);
            }
            None => self.missing("database", status.database.why().unwrap_or_default()),
        }
        match status.machine.value() {
            Some(machine) => self.machine = Some(machine.clone()),
            None => self.missing("services", status.machine.why().unwrap_or_default()),
        }
    }

    /// One reason for several things is said once.
    fn missing(&mut self, what: &'static str, why: &str) {
        if self.unknown.iter().all(|known| known.why != why) {
            self.unknown.push(Unknown {
                what,
                why: why.to_owned(),
                expected: false,
            });
        }
    }

    /// How many units are up, and how many failed or are masked.
    pub(super) fn services(&self) -> Option<String> {
        let machine = self.machine.as_ref()?;
        let count = |state: &str| machine.units.values().filter(|unit| *unit == state).count();
        let mut text = format!("{} up", count("active"));
        for (number, word) in [
            (count("activating"), "starting"),
            (count("failed"), "failed"),
            (machine.masked.len(), "masked"),
        ] {
            if number > 0 {
                text = format!("{text}, {number} {word}");
            }
        }
        Some(text)
    }

    /// Units in that state.
    pub(super) fn units(&self, state: &str) -> Vec<&str> {
        let units: Option<&BTreeMap<_, _>> = self.machine.as_ref().map(|machine| &machine.units);
        units
            .into_iter()
            .flatten()
            .filter(|(_, is)| *is == state)
            .map(|(unit, _)| unit.as_str())
            .collect()
    }
}

/// A zone that does not answer still has an endpoint: every other zone knows it.
pub(super) fn endpoints_from_others(rows: &mut [Row]) {
    let known: BTreeMap<u32, String> = rows
        .iter()
        .flat_map(|row| row.pool.iter())
        .map(|zone| (zone.id, zone.endpoint.clone()))
        .collect();
    for row in rows {
        if row.endpoint.is_none() {
            row.endpoint = known.get(&row.id).cloned();
        }
    }
}
