//! How far the zones' federated logs are. The twin's zones are in sync; real ones that are not say so before the night.

use crate::rehearsal::invariants::ZoneOf;

/// A sentence about it, with what the run makes of it. `told`: what each zone has, in their order; `None`: no federated log.
pub(super) fn sentence(zones: &[ZoneOf], told: impl Iterator<Item = Option<u64>>) -> Option<String> {
    let told: Vec<(&ZoneOf, Option<u64>)> = zones.iter().zip(told).collect();
    let (_, master) = told.iter().find(|(zone, _)| zone.master)?;
    let master = (*master)?;
    let those = |which: &dyn Fn(Option<u64>) -> bool| {
        let found = told.iter().filter(|(_, index)| which(*index));
        found
            .map(|(zone, _)| zone.host.as_str())
            .collect::<Vec<_>>()
            .join(", ")
    };
    let behind = those(&|index| index.is_some_and(|index| index < master));
    let ahead = those(&|index| index.is_some_and(|index| index > master));
    let without = those(&|index| index.is_none());
    if [&behind, &ahead, &without].iter().all(|hosts| hosts.is_empty()) {
        return Some(format!("measured: FED_INDEX {master} in every zone"));
    }
    let one = |(zone, index): &(&ZoneOf, Option<u64>)| {
        let index = index.map_or("none".to_owned(), |index| index.to_string());
        format!("{} {index}", zone.host)
    };
    let all: Vec<String> = told.iter().map(one).collect();
    let mut parts = vec![format!("measured: FED_INDEX {}", all.join(", "))];
    for (hosts, what) in [
        (ahead, "ahead of the master: `fed_index_check` stops the run"),
        (
            without,
            "without a federated log: `fed_index_check` stops the run",
        ),
        (behind, "behind: `fed_index_check` waits for it"),
    ] {
        if !hosts.is_empty() {
            parts.push(format!("{hosts} {what}"));
        }
    }
    parts.push("rehearsed as if all were in sync".to_owned());
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
        for (told, said) in [
            ([None, Some(7), Some(7)], None),
            (
                [Some(7), Some(7), Some(7)],
                Some("measured: FED_INDEX 7 in every zone"),
            ),
            (
                [Some(9), Some(9), Some(7)],
                Some(
                    "measured: FED_INDEX fe0 9, fe1 9, fe2 7; fe2 behind: `fed_index_check` waits for it; rehearsed as if all were \
                     in sync",
                ),
            ),
            (
                [Some(9), Some(10), None],
                Some(
                    "measured: FED_INDEX fe0 9, fe1 10, fe2 none; fe1 ahead of the master: `fed_index_check` stops the run; fe2 \
                     without a federated log: `fed_index_check` stops the run; rehearsed as if all were in sync",
                ),
            ),
        ] {
            assert_eq!(sentence(&zones, told.into_iter()).as_deref(), said);
        }
    }
}
