//! What stands where in a federation, for those who judge a night: read from the machines themselves.

use std::collections::BTreeSet;

use nebplay_model::version::Version;

use crate::federation::{At, Federation};
use crate::opennebula::daemon::{self, Running};
use crate::programs::network;
use crate::programs::systemd::State;

/// A zone at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZoneNow {
    /// Units of OpenNebula that run.
    pub units: BTreeSet<String>,
    /// Units that are masked.
    pub masked: BTreeSet<String>,
    /// Units that start at boot, be they masked or not.
    pub at_boot: BTreeSet<String>,
    /// Whether oned runs.
    pub runs: bool,
    /// Whether the zone is enabled, as its own database has it.
    pub enabled: bool,
    /// Whether a packet filter keeps its API out.
    pub filtered: bool,
    /// The version of the installed oned.
    pub installed: Option<Version>,
    /// Shared and local version of its database; `None`: there is none.
    pub versions: Option<(Version, Version)>,
    /// What all zones must have alike.
    pub shared_data: String,
    /// The index of its federated log, while oned runs.
    pub index: Option<u64>,
}

/// The zone of a front-end.
pub fn zone(federation: &Federation, at: At) -> ZoneNow {
    let machine = federation.machine(at);
    let database = daemon::database(machine);
    let ours = || {
        machine
            .units
            .iter()
            .filter(|(name, _)| name.starts_with("opennebula"))
    };
    ZoneNow {
        units: ours()
            .filter(|(_, unit)| unit.active == State::Up)
            .map(|(name, _)| name.clone())
            .collect(),
        masked: machine
            .units
            .iter()
            .filter(|(_, unit)| unit.masked)
            .map(|(name, _)| name.clone())
            .collect(),
        at_boot: ours()
            .filter(|(_, unit)| unit.enabled == Some(true))
            .map(|(name, _)| name.clone())
            .collect(),
        runs: machine.oned.is_some(),
        enabled: machine.oned.as_ref().is_none_or(Running::enabled),
        filtered: machine.filter.as_ref().is_some_and(network::Filter::keeps_out),
        installed: daemon::program_version(machine),
        versions: database.and_then(|database| database.both_versions()),
        shared_data: database
            .map(|database| database.shared_data())
            .unwrap_or_default(),
        index: machine.oned.as_ref().map(Running::index),
    }
}

/// The names of the users a zone's database has.
pub fn users(federation: &Federation, at: At) -> BTreeSet<String> {
    daemon::database(federation.machine(at))
        .map(|database| database.users())
        .unwrap_or_default()
}
