//! How far the zones' federated logs are, in words: what of it stops the run is known before the night.

use std::cmp::Ordering;

use nebplay_twin::out_of_sync::Reached;

use crate::rehearsal::invariants::ZoneOf;

/// A sentence about it, with what the run makes of it. `reached`: how far each zone is, in their order. `None`: there is no federation.
pub(super) fn sentence(zones: &[ZoneOf], reached: &[Reached]) -> Option<String> {
    if zones.len() < 2 {
        return None;
    }
    let zones = || zones.iter().zip(reached);
    let (_, master) = zones().find(|(zone, _)| zone.master)?;
    let those = |which: &dyn Fn(Reached) -> bool| {
        let found = zones().filter(|(_, reached)| which(**reached));
        found
            .map(|(zone, _)| zone.host.as_str())
            .collect::<Vec<_>>()
            .join(", ")
    };
    let to_master = |reached: Reached| Some(reached?.cmp(&(*master)?));
    let behind = those(&|reached| to_master(reached) == Some(Ordering::Less));
    let ahead = those(&|reached| to_master(reached) == Some(Ordering::Greater));
    let without = those(&|reached| reached.is_none());
    if let (Some(index), true) = (
        master,
        [&behind, &ahead, &without].iter().all(|hosts| hosts.is_empty()),
    ) {
        return Some(format!("FED_INDEX {index} in every zone"));
    }
    let one = |(zone, reached): (&ZoneOf, &Reached)| {
        let reached = reached.map_or("none".to_owned(), |index| index.to_string());
        format!("{} {reached}", zone.host)
    };
    let all: Vec<String> = zones().map(one).collect();
    let mut parts = vec![format!("FED_INDEX {}", all.join(", "))];
    for (hosts, what) in [
        (ahead, "ahead of the master: `fed_index_check` stops the run"),
        (
            without,
            "without a federated log: `fed_index_check` stops the run",
        ),
        (
            behind,
            "behind: `fed_index_check` waits for it, and with `nudge` has the master write once",
        ),
    ] {
        if !hosts.is_empty() {
            parts.push(format!("{hosts} {what}"));
        }
    }
    Some(parts.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_run_makes_of_zones_that_differ_is_told() {
        let zones: Vec<ZoneOf> = (0..3)
            .map(|id| ZoneOf {
                id,
                host: format!("fe{id}"),
                master: id == 0,
            })
            .collect();
        for (reached, said) in [
            ([Some(7), Some(7), Some(7)], "FED_INDEX 7 in every zone"),
            (
                [Some(9), Some(9), Some(7)],
                "FED_INDEX fe0 9, fe1 9, fe2 7; fe2 behind: `fed_index_check` waits for it, and with `nudge` has the master write once",
            ),
            (
                [Some(9), Some(10), None],
                "FED_INDEX fe0 9, fe1 10, fe2 none; fe1 ahead of the master: `fed_index_check` stops the run; fe2 without a \
                 federated log: `fed_index_check` stops the run",
            ),
            (
                [None, Some(7), Some(7)],
                "FED_INDEX fe0 none, fe1 7, fe2 7; fe0 without a federated log: `fed_index_check` stops the run",
            ),
        ] {
            assert_eq!(sentence(&zones, &reached).as_deref(), Some(said));
        }
        assert_eq!(sentence(&zones[..1], &[Some(7)]), None);
    }
}
