//! Which front-ends a run locks, and in which order.

use std::collections::HashSet;

use nebplay_modules::federation_map::Federation;

use crate::plan::Plan;

/// See the module.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::commands) struct Wanted {
    /// Those that the plan acts on, in the order that every controller keeps: the master zone first, then by zone id, then by
    /// name. Two runs that keep it cannot both lose against each other.
    pub(super) first: Vec<String>,
    /// Those that may turn out to be acted on: locked when they are first connected.
    pub(super) perhaps: HashSet<String>,
}

impl Wanted {
    /// The front-ends that a plan acts on; none of a plan that only reads, or of check mode.
    pub(in crate::commands) fn of(plan: &Plan, federation: &Federation, check: bool) -> Self {
        let Some(touched) = plan.touched().filter(|_| !check) else {
            return Self::default();
        };
        let in_order = in_order(federation);
        let (first, others): (Vec<String>, Vec<String>) = in_order
            .into_iter()
            .partition(|name| touched.hosts.contains(name.as_str()));
        Self {
            first,
            perhaps: others.into_iter().filter(|_| touched.others_perhaps).collect(),
        }
    }
}

/// All front-ends: the master's first, then by zone id, then by name.
pub(in crate::commands) fn in_order(federation: &Federation) -> Vec<String> {
    let mut names = Vec::new();
    for zone in federation.master().into_iter().chain(federation.slaves()) {
        let mut hosts = zone.hosts.clone();
        hosts.sort();
        names.extend(hosts);
    }
    names
}

#[cfg(test)]
mod tests {
    use nebplay_modules::federation_map::{Role, Zone};

    use super::*;

    #[test]
    fn the_order_is_the_same_whatever_the_inventory_says() {
        let zone = |id, role, hosts: &[&str]| Zone {
            id,
            name: String::new(),
            role,
            hosts: hosts.iter().map(|name| (*name).to_owned()).collect(),
        };
        let federation = Federation {
            zones: vec![
                zone(7, Role::Master, &["m"]),
                zone(0, Role::Slave, &["z", "a"]),
                zone(101, Role::Slave, &["b"]),
            ],
        };
        assert_eq!(in_order(&federation), ["m", "a", "z", "b"]);
    }
}
