//! What is known of the federation beside the inventory, and what becomes of a rehearsal by it.

use std::collections::BTreeMap;
use std::time::Duration;

use nebplay_model::objects::host_state;
use nebplay_model::version::Version;
use nebplay_modules::opennebula::conf::Backend;
use nebplay_modules::opennebula::stand::Stand;
use nebplay_twin::deeds::Deeds;
use nebplay_twin::federation::{At, Federation};
use nebplay_twin::opennebula;
use nebplay_twin::out_of_sync::{self, Reached};
use nebplay_twin::rates::{Rates, Sizes, lasting};

use super::live::{self, Live};
use super::units;
use crate::commands::error::CommandError;
use crate::commands::options::RunArgs;
use crate::rehearsal::invariants::ZoneOf;

/// How much smaller the lists of a repository are on the way than on the host.
const LISTS_PACKED: u64 = 4;

/// What `apt-get update` takes beside fetching them.
const LISTS_READ: Duration = Duration::from_millis(250);

/// What systemd and a unit's end take where its start took nothing; what units of type `simple` take to start says little.
const SYSTEMD: Duration = Duration::from_millis(120);

/// So many hypervisor hosts in the same state stand for all of them.
const ENOUGH: usize = 10;

/// What the zones told; nothing: they were not asked.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// A front-end for each zone, in their order.
    live: Vec<Live>,
}

/// Looks at the zones, if it is to.
pub(super) fn look(run: &RunArgs, from_live: bool) -> Result<Known, CommandError> {
    if !from_live {
        return Ok(Known::default());
    }
    let hosts = run.hosts()?;
    let zones = &hosts.zoned.federation.zones;
    let names = zones.iter().filter_map(|zone| zone.hosts.first().cloned());
    let names = names.collect();
    Ok(Known {
        live: live::look(hosts, names)?,
    })
}

impl Known {
    /// Whether a night was begun in some zone, and is not over.
    pub(super) fn is_under_way(&self) -> bool {
        let first = self.live.first();
        self.live.iter().any(|live| {
            let is_as_first = first.is_some_and(|first| first.stand.installed == live.stand.installed);
            live.stand.is_under_way() || !is_as_first
        })
    }

    /// Where the zones stand, in their order.
    pub(super) fn stands(&self) -> Vec<&Stand> {
        self.live.iter().map(|live| &live.stand).collect()
    }

    /// The version that ran everywhere before the night; `None`: nobody was asked.
    pub(super) fn version(&self) -> Result<Option<Version>, CommandError> {
        let of = |live: &Live| {
            // A zone that has not been upgraded yet says it itself.
            let before = live.stand.before.as_ref().or(live.stand.installed.as_ref());
            before.and_then(|before| before.parse().ok())
        };
        let versions: Vec<Option<Version>> = self.live.iter().map(of).collect();
        let Some(oldest) = versions.iter().min() else {
            return Ok(None);
        };
        if oldest.is_some() && (self.is_under_way() || versions.iter().all(|version| version == oldest)) {
            return Ok(*oldest);
        }
        let said = versions
            .iter()
            .map(|version| version.map_or("none".to_owned(), |version| version.to_string()));
        Err(CommandError::Usage {
            message: format!(
                "the zones do not say which version of OpenNebula they run ({})",
                said.collect::<Vec<_>>().join(", ")
            ),
            help: Some("`nebplay status` shows how far each zone is".to_owned()),
        })
    }

    pub(super) fn sizes(&self, number: usize, assumed: Sizes) -> Sizes {
        let Some(live) = self.live.get(number) else {
            return assumed;
        };
        Sizes {
            database: live.zone.database.unwrap_or(assumed.database),
            federated: live.zone.federated.unwrap_or(assumed.federated),
            packages: live.packages.unwrap_or(assumed.packages),
        }
    }

    /// Where a zone keeps its database; none: nobody was asked.
    pub(super) fn backend(&self, number: usize) -> Option<&Backend> {
        self.live.get(number)?.backend.as_ref()
    }

    /// States of a zone's hypervisor hosts; `None`: nobody was asked, or a night has changed them.
    pub(super) fn hypervisors(&self, number: usize) -> Option<Vec<i64>> {
        // They are read after the size: where there is none, nobody knows whether it has hosts.
        let is_told = |live: &&Live| live.zone.database.is_some() && !self.is_under_way();
        let live = self.live.get(number).filter(is_told)?;
        let states = live.zone.hypervisors.iter();
        Some(some_of_each(states.map(|state| settled(*state))))
    }

    /// How many virtual machines of each zone are in the middle of a transition, in words; `None`: of none.
    pub(super) fn on_their_way(&self, zones: &[ZoneOf]) -> Option<String> {
        let live = zones.iter().zip(&self.live);
        let moving: Vec<String> = live
            .filter(|(_, live)| live.zone.on_their_way > 0)
            .map(|(zone, live)| format!("{} of {}", live.zone.on_their_way, zone.host))
            .collect();
        let moving = (!moving.is_empty()).then(|| moving.join(", "))?;
        Some(format!(
            "measured: virtual machines are on their way ({moving}), for which `vm_check` waits; here they have arrived"
        ))
    }

    /// Whether a zone's database account may make schemas beside its own one.
    pub(super) fn makes_schemas(&self, number: usize) -> bool {
        self.live.get(number).is_some_and(|live| live.zone.makes_schemas)
    }

    pub(super) fn rates(&self, assumed: Rates) -> Rates {
        let slowest =
            |rate: fn(&Live) -> Option<f64>| self.live.iter().filter_map(rate).min_by(f64::total_cmp);
        let longest = |time: fn(&Live) -> Option<Duration>| self.live.iter().filter_map(time).max();
        let lists = self.live.iter().filter_map(|live| live.lists).max();
        Rates {
            link: slowest(|live| live.link).unwrap_or(assumed.link),
            oned: longest(|live| live.oned).unwrap_or(assumed.oned),
            onedb: longest(|live| live.onedb).unwrap_or(assumed.onedb),
            lists: lists.map_or(assumed.lists, |bytes| {
                LISTS_READ + lasting(bytes / LISTS_PACKED, assumed.fetch)
            }),
            spawn: longest(|live| live.spawn).unwrap_or(assumed.spawn),
            unit: longest(|live| live.unit).map_or(assumed.unit, |takes| takes + SYSTEMD),
            round_trip: longest(|live| Some(live.round_trip)).unwrap_or(assumed.round_trip),
            ..assumed
        }
    }

    /// What the repositories offer, beside the version that runs.
    pub(super) fn offered(&self) -> &[Version] {
        self.live.first().map_or(&[], |live| &live.offered)
    }

    /// How far the zones' federated logs are, in the order of the zones; `None`: not every database could be read, or nobody was asked.
    pub(super) fn indexes(&self) -> Option<Vec<Reached>> {
        let of = |live: &Live| live.zone.database.map(|_| live.zone.fed_index);
        let indexes: Option<Vec<Reached>> = self.live.iter().map(of).collect();
        indexes.filter(|indexes| !indexes.is_empty())
    }

    /// What is not as it is on a federation in order: zones that are disabled or not in sync, units that are down or masked.
    pub(super) fn apply(&self, federation: &mut Federation, zones: &[ZoneOf]) {
        let disabled = self.live.first().map_or(&[][..], |live| &live.zone.disabled);
        // The master stands first, and takes no writes once it is disabled.
        for zone in zones.iter().rev().filter(|zone| disabled.contains(&zone.id)) {
            if let Some(at) = federation.find(&zone.host) {
                opennebula::toggle(federation, at, zone.id, false);
            }
        }
        let master = zones.iter().find(|zone| zone.master);
        let master = master.and_then(|master| federation.find(&master.host));
        if let (Some(master), Some(indexes)) = (master, self.indexes()) {
            let at = |zone: &ZoneOf| federation.find(&zone.host);
            let reached = zones.iter().map(at).zip(indexes);
            let reached: Vec<(At, Reached)> = reached.filter_map(|(at, index)| Some((at?, index))).collect();
            out_of_sync::put(federation, master, &reached);
        }
        self.apply_units(federation);
    }

    /// Units that are down, masked, or started by no boot: now, or before a night that is under way.
    pub(super) fn apply_units(&self, federation: &mut Federation) {
        for (at, live) in self.live.iter().enumerate() {
            units::apply(&live.units, federation, at);
        }
        federation.deeds = Deeds::default();
    }
}

/// The state that a hypervisor host comes to by itself out of being monitored.
fn settled(state: u32) -> i64 {
    match state {
        // MONITORING_MONITORED, _ERROR, _INIT, _DISABLED.
        1 => host_state::MONITORED,
        5 => host_state::ERROR,
        6 => host_state::INIT,
        7 => host_state::DISABLED,
        other => i64::from(other),
    }
}

/// Hosts in the same state are treated alike: a few of each are enough.
fn some_of_each(states: impl Iterator<Item = i64>) -> Vec<i64> {
    let mut seen: BTreeMap<i64, usize> = BTreeMap::new();
    let is_one_of_a_few = |state: &i64| {
        let count = seen.entry(*state).or_default();
        *count += 1;
        *count <= ENOUGH
    };
    states.filter(is_one_of_a_few).collect()
}

#[cfg(test)]
mod tests {
    use nebplay_twin::image::{self, Description};
    use nebplay_twin::look;

    use super::*;
    use crate::commands::rehearse::units::DOWN;

    fn with(live: impl Fn(usize, &mut Live)) -> Known {
        let one = |number| {
            let mut told = Live {
                stand: current("7.0.0"),
                ..Live::default()
            };
            live(number, &mut told);
            told
        };
        Known {
            live: (0..3).map(one).collect(),
        }
    }

    #[test]
    fn the_twin_stands_as_the_zones_do() {
        let known = with(|number, told| {
            told.zone.disabled = vec![101];
            told.zone.database = Some(1 << 20);
            told.zone.fed_index = Some(if number == 1 { 7 } else { 9 });
            if number == 1 {
                told.units = [("opennebula.service".to_owned(), DOWN)].into();
            }
        });
        let description = Description::guide(3);
        let zones: Vec<ZoneOf> = description
            .zones
            .iter()
            .map(|zone| ZoneOf {
                id: zone.id,
                host: zone.machine.clone(),
                master: zone.master,
            })
            .collect();
        let mut federation = image::federation(&description);
        known.apply(&mut federation, &zones);
        let now = [0, 1, 2].map(|at| look::zone(&federation, at));
        assert_eq!(now.each_ref().map(|zone| zone.enabled), [true, true, false]);
        assert!(now[1].index < now[0].index && now[0].index == now[2].index);
        assert_eq!(now.map(|zone| zone.runs), [true, false, true]);
        assert!(federation.deeds.in_order().is_empty());
    }

    #[test]
    fn hypervisor_hosts_are_as_they_are_told_and_a_few_of_each_state() {
        let states = [1, 2, 4, 8, 3, 5]
            .into_iter()
            .chain([2; 500])
            .collect::<Vec<u32>>();
        let known = with(|_, told| {
            told.zone.database = Some(1 << 20);
            told.zone.hypervisors.clone_from(&states);
        });
        let mut expected = vec![2, 2, 4, 8, 3, 3];
        expected.extend([2; ENOUGH - 2]);
        assert_eq!(known.hypervisors(0), Some(expected));
        assert_eq!(with(|_, _| {}).hypervisors(0), None);
        assert_eq!(Known::default().hypervisors(0), None);
    }

    #[test]
    fn zones_at_two_versions_are_in_the_middle_of_a_night() {
        let before = with(|_, _| {});
        assert_eq!(before.version().ok().flatten(), Some(Version::V7_0_0));
        assert!(!before.is_under_way());
        let known = with(|number, told| {
            if number == 0 {
                told.stand = current("7.2.0");
            }
        });
        assert!(known.is_under_way());
        assert_eq!(known.version().ok().flatten(), Some(Version::V7_0_0));
    }

    #[test]
    fn where_all_are_upgraded_their_notes_say_from_what() {
        let known = with(|_, told| {
            told.stand = Stand {
                before: Some("7.0.0".to_owned()),
                notes: ["services".to_owned()].into(),
                ..current("7.2.0")
            };
        });
        assert!(known.is_under_way());
        assert_eq!(known.version().ok().flatten(), Some(Version::V7_0_0));
    }

    #[test]
    fn a_zone_without_opennebula_is_no_beginning() {
        let known =
            with(|number, told| told.stand.installed = told.stand.installed.take().filter(|_| number > 0));
        let error = known.version().map_err(|error| error.to_string());
        assert!(
            matches!(&error, Err(said) if said.contains("none, 7.0.0, 7.0.0")),
            "{error:?}"
        );
    }

    fn current(version: &str) -> Stand {
        Stand {
            installed: Some(version.to_owned()),
            database: Some((version.to_owned(), version.to_owned())),
            ..Stand::default()
        }
    }

    #[test]
    fn what_is_not_told_stays_assumed() {
        let assumed = Rates::default();
        assert_eq!(
            with(|_, told| told.round_trip = assumed.round_trip).rates(assumed),
            assumed
        );
        assert_eq!(Known::default().sizes(0, Sizes::default()), Sizes::default());
    }
}
