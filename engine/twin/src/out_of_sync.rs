//! A federation whose zones are not equally far in the federated log, made of one that is in sync: zones in which time is turned back after
//! the master has written. As in a real one, a slave that fell behind while its master did not look stays behind until the next write.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::deeds::Deeds;
use crate::federation::{At, Federation};
use crate::opennebula::{self, daemon};

/// How far the federated log of a zone is: its last index; `None`: it has no entry.
pub type Reached = Option<u64>;

/// Lets the zones differ as these do, each a front-end and how far its log is. Their order is kept and not the numbers: a zone that is
/// behind another one lacks as many writes as there are zones at different indexes between them. No deed is left of it.
pub fn put(federation: &mut Federation, master: At, zones: &[(At, Reached)]) {
    let mut levels: BTreeSet<u64> = zones.iter().filter_map(|(_, reached)| *reached).collect();
    // The furthest zones are where all of them come to.
    levels.pop_last();
    let next_client = federation.next_client();
    federation.set_next_client(Duration::MAX);
    let mut as_they_were: Vec<(At, Federation)> = Vec::new();
    for level in levels {
        let at_this = zones.iter().filter(|(_, reached)| *reached == Some(level));
        as_they_were.extend(at_this.map(|(at, _)| (*at, federation.clone())));
        write(federation, master);
    }
    for (at, then) in as_they_were {
        federation.take_machine(at, &then);
    }
    for (at, _) in zones.iter().filter(|(_, reached)| reached.is_none()) {
        daemon::forget_federated_log(federation.machine_mut(*at));
    }
    federation.set_next_client(next_client);
    federation.deeds = Deeds::default();
}

/// A federated write that changes nothing: the master zone's state is set to what it is.
fn write(federation: &mut Federation, master: At) {
    if let Some((zone, is_enabled)) = daemon::own_zone(federation.machine(master)) {
        opennebula::toggle(federation, master, zone, is_enabled);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::{self, Description};
    use crate::look;

    /// How far each zone is, as oned has it: the master first.
    fn indexes(federation: &Federation) -> Vec<u64> {
        let now = (0..federation.len()).map(|at| look::zone(federation, at));
        now.map(|zone| zone.index.unwrap_or_default()).collect()
    }

    #[test]
    fn zones_differ_as_they_are_told_to() {
        let none = u64::MAX;
        for (told, is_so) in [
            ([Some(7), Some(7), Some(7)], "0 0 0"),
            ([Some(9), Some(7), Some(9)], "1 0 1"),
            ([Some(9), Some(8), Some(3)], "2 1 0"),
            ([Some(5), Some(9), Some(5)], "0 1 0"),
            ([Some(5), None, Some(5)], "0 none 0"),
            ([None, None, None], "none none none"),
        ] {
            let mut federation = image::federation(&Description::guide(3));
            let before = federation.now();
            let zones: Vec<(At, Reached)> = told.into_iter().enumerate().collect();
            put(&mut federation, 0, &zones);
            let found = indexes(&federation);
            let ranks: BTreeSet<u64> = found.iter().copied().filter(|index| *index != none).collect();
            let rank = |index: &u64| {
                let rank = ranks.iter().position(|other| other == index);
                rank.map_or("none".to_owned(), |rank| rank.to_string())
            };
            let said: Vec<String> = found.iter().map(rank).collect();
            assert_eq!(said.join(" "), is_so, "{told:?}: {found:?}");
            assert!(federation.now() >= before);
            assert!(federation.deeds.in_order().is_empty());
        }
    }

    #[test]
    fn a_zone_that_is_behind_stays_so_until_the_master_writes() {
        let mut federation = image::federation(&Description {
            clients: false,
            ..Description::guide(3)
        });
        put(&mut federation, 0, &[(0, Some(9)), (1, Some(7)), (2, Some(9))]);
        let then = federation.now() + Duration::from_secs(600);
        federation.advance(then);
        let found = indexes(&federation);
        assert!(found[1] < found[0], "{found:?}");
        write(&mut federation, 0);
        let found = indexes(&federation);
        assert!(found.iter().all(|index| *index == found[0]), "{found:?}");
    }
}
