//! Slaves that do the same, step by step: of many, faults strike only at the first and the last.
//!
//! What differs between them is when their turn comes, and the first and the last of them are its extremes. The cost of all faults
//! is then that of a run, which grows with the hosts, times a number that does not.

use std::collections::BTreeMap;

use super::invariants::ZoneOf;
use super::undisturbed::Step;

/// The hosts that no fault strikes at, each with the one whose part it plays.
pub type LeftOut = BTreeMap<String, String>;

/// A step without its host: its task, its item, and whether it acts.
type Part<'a> = (&'a str, Option<&'a str>, bool);

/// Which slaves are left out.
pub fn left_out(steps: &[Step], zones: &[ZoneOf]) -> LeftOut {
    let mut alike: BTreeMap<Vec<Part<'_>>, Vec<&str>> = BTreeMap::new();
    for zone in zones.iter().filter(|zone| !zone.master) {
        let what_it_does = steps.iter().filter(|step| step.step.host == zone.host);
        let what_it_does = what_it_does
            .map(|step| (&*step.step.task, step.step.item.as_deref(), step.acts))
            .collect();
        alike.entry(what_it_does).or_default().push(&zone.host);
    }
    let mut left_out = LeftOut::new();
    for hosts in alike.values() {
        if let [first, between @ .., _last] = &hosts[..] {
            left_out.extend(
                between
                    .iter()
                    .map(|host| ((*host).to_owned(), (*first).to_owned())),
            );
        }
    }
    left_out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::StepRef;

    #[test]
    fn of_alike_slaves_the_first_and_the_last_are_kept() {
        let zone = |host: &str, master| ZoneOf {
            id: 0,
            host: host.to_owned(),
            master,
        };
        let step = |host: &str, task: &str| {
            Step::looking(StepRef {
                id: format!("{task} {host}"),
                task: task.to_owned(),
                host: host.to_owned(),
                delegate: None,
                item: None,
                attempt: 1,
            })
        };
        let names = ["m", "a", "b", "c", "d", "other"];
        let zones: Vec<ZoneOf> = names.iter().map(|name| zone(name, *name == "m")).collect();
        let mut steps: Vec<Step> = names.iter().map(|name| step(name, "stop")).collect();
        steps.push(step("other", "mend"));
        let left_out = left_out(&steps, &zones);
        assert_eq!(left_out.keys().collect::<Vec<_>>(), ["b", "c"]);
        assert!(left_out.values().all(|like| like == "a"));
    }
}
