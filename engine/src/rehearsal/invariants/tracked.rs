//! Where each zone stands at a moment: the fold of the deeds so far.

use std::collections::{BTreeMap, BTreeSet};

use nebplay_model::version::Version;
use nebplay_twin::deeds::{Act, Deed};

use super::{Evidence, ZoneOf};

/// A zone at a moment.
#[derive(Debug, Clone, Default)]
pub struct ZoneAt {
    /// OpenNebula's number of it.
    pub id: i64,
    /// Whether it is the master.
    pub master: bool,
    /// Units of OpenNebula that run.
    pub up: BTreeSet<String>,
    /// oned runs.
    pub runs: bool,
    /// It is enabled.
    pub enabled: bool,
    /// A packet filter keeps its API out.
    pub filtered: bool,
    /// The version that is installed.
    pub installed: Option<Version>,
    /// Its packages were replaced since the beginning.
    pub replaced: bool,
    /// A full backup came to its end while nothing ran, and nothing has run since.
    pub full_backup: bool,
    /// A full backup came to its end at some time, and is still good to go back to.
    pub way_back: bool,
    /// Its database was migrated to the end.
    pub migrated: bool,
    /// A migration was broken off, and the database not put back since.
    pub half_migrated: bool,
    /// The federated tables were restored to the end.
    pub restored: bool,
    /// A federated restore was broken off, and none has come to its end since.
    pub half_restored: bool,
    /// The index of its federated log when it was stopped last.
    pub index: Option<u64>,
}

/// A federated dump.
#[derive(Debug, Clone)]
pub struct Dump {
    /// Whether it came to its end.
    pub whole: bool,
    /// Shared and local version of what was dumped.
    pub versions: Option<(Version, Version)>,
    /// Whether it is the master's.
    pub on_master: bool,
}

/// All zones at a moment, by front-end.
#[derive(Debug, Clone, Default)]
pub struct Tracked {
    /// The zones.
    pub zones: BTreeMap<String, ZoneAt>,
    /// The version everything is upgraded to, known in advance.
    pub target: Option<Version>,
    /// The version that was installed before, if it is the same everywhere.
    pub before: Option<Version>,
    /// The federated dumps, by what is in them.
    pub dumps: BTreeMap<u64, Dump>,
}

/// The version a deed installed.
pub(super) fn installed(deed: &Deed) -> Option<Version> {
    match &deed.act {
        Act::Installed { to: Some(to), .. } => to.split('-').next()?.parse().ok(),
        _ => None,
    }
}

impl Tracked {
    /// Before the first deed.
    pub(super) fn of(evidence: &Evidence<'_>) -> Self {
        let zone = |zone: &ZoneOf| {
            let at = evidence.before.find(&zone.host)?;
            let state = nebplay_twin::look::zone(evidence.before, at);
            let at = ZoneAt {
                id: zone.id,
                master: zone.master,
                up: state.units.into_iter().collect(),
                runs: state.runs,
                enabled: state.enabled,
                filtered: state.filtered,
                installed: state.installed,
                ..ZoneAt::default()
            };
            Some((zone.host.clone(), at))
        };
        let zones: BTreeMap<String, ZoneAt> = evidence.zones.iter().filter_map(zone).collect();
        let mut versions = zones.values().map(|zone| zone.installed);
        let before = versions.next().flatten();
        Self {
            before: before.filter(|_| versions.all(|other| other == before)),
            zones,
            target: evidence.target(),
            dumps: BTreeMap::new(),
        }
    }

    /// The zone of a deed.
    pub(super) fn on(&self, deed: &Deed) -> Option<&ZoneAt> {
        self.zones.get(&*deed.on)
    }

    /// The master zone.
    pub(super) fn master(&self) -> Option<&ZoneAt> {
        self.zones.values().find(|zone| zone.master)
    }

    /// The front-ends and zones that are no masters.
    pub(super) fn slaves(&self) -> impl Iterator<Item = (&String, &ZoneAt)> {
        self.zones.iter().filter(|(_, zone)| !zone.master)
    }

    /// Takes a deed in.
    pub(super) fn take(&mut self, deed: &Deed) {
        if let Act::Dumped {
            content,
            federated: true,
            whole,
            versions,
            ..
        } = &deed.act
        {
            let dump = Dump {
                whole: *whole,
                versions: *versions,
                on_master: self.on(deed).is_some_and(|zone| zone.master),
            };
            self.dumps.insert(*content, dump);
        }
        if let Act::ZoneState { zone, enabled } = deed.act {
            for at in self.zones.values_mut().filter(|at| at.id == zone) {
                at.enabled = enabled;
            }
        }
        let Some(zone) = self.zones.get_mut(&*deed.on) else {
            return;
        };
        match &deed.act {
            Act::UnitStarted(unit) if unit.starts_with("opennebula") => {
                zone.up.insert(unit.clone());
            }
            Act::UnitStopped(unit) => {
                zone.up.remove(unit);
            }
            Act::OnedStarted { .. } => {
                zone.runs = true;
                zone.full_backup = false;
            }
            Act::OnedStopped { index, .. } => {
                zone.runs = false;
                zone.index = *index;
            }
            Act::ApiFiltered(filtered) => zone.filtered = *filtered,
            Act::Dumped {
                federated: false,
                whole,
                ..
            } => {
                zone.full_backup |= *whole && zone.up.is_empty();
                zone.way_back |= *whole && zone.up.is_empty();
            }
            Act::Restored {
                federated: true,
                whole,
                ..
            } => {
                zone.restored |= *whole;
                zone.half_restored = !whole;
            }
            Act::Restored { whole, .. } if *whole => {
                (zone.migrated, zone.half_migrated) = (false, false);
                (zone.restored, zone.half_restored) = (false, false);
            }
            Act::Migrated { whole, from, to } => {
                zone.migrated |= *whole;
                zone.half_migrated = !whole && from != to;
            }
            Act::Installed { .. } => {
                if let Some(version) = installed(deed) {
                    zone.replaced |= zone.installed.is_some_and(|before| before != version);
                    zone.installed = Some(version);
                }
            }
            _ => {}
        }
    }
}

impl ZoneAt {
    /// Something that the upgrade changed is not as it was, given what it leads to.
    pub(super) fn is_changed(&self, target: Option<Version>) -> bool {
        let database = self.migrated || self.half_migrated || self.restored || self.half_restored;
        database || (self.replaced && self.installed == target)
    }
}
