//! OpenNebula's units on the twin, put as they are on a front-end.

use std::collections::BTreeMap;

use nebplay_modules::host::Command;
use nebplay_modules::opennebula::stand::UnitBefore;
use nebplay_twin::State;
use nebplay_twin::federation::{At, Federation};

/// A unit that nothing runs and no boot starts: also one of which the host has no file.
pub(super) const DOWN: UnitBefore = UnitBefore {
    up: false,
    masked: false,
    enabled: false,
};

/// Puts them so. Where nothing is told, all is left as it is.
pub(super) fn apply(told: &BTreeMap<String, UnitBefore>, federation: &mut Federation, at: At) {
    if told.is_empty() {
        return;
    }
    let (mut down, mut up) = (Vec::new(), Vec::new());
    for (name, unit) in &mut federation.machine_mut(at).units {
        if !name.starts_with("opennebula") {
            continue;
        }
        let live = told.get(name).unwrap_or(&DOWN);
        unit.masked = live.masked;
        // Whether a masked unit would be enabled is not told.
        if !unit.masked && unit.enabled.is_some() {
            unit.enabled = Some(live.enabled);
        }
        match (unit.active == State::Up, live.up) {
            (true, false) => down.push(name.clone()),
            (false, true) => up.push(name.clone()),
            _ => {}
        }
    }
    for (verb, names) in [("stop", down), ("start", up)] {
        if !names.is_empty() {
            let argv = ["systemctl".to_owned(), verb.to_owned()];
            let command = Command::new(argv.into_iter().chain(names)).as_root();
            federation.execute(at, &command, None);
        }
    }
}

#[cfg(test)]
mod tests {
    use nebplay_twin::image::{self, Description};
    use nebplay_twin::look;

    use super::*;

    #[test]
    fn each_unit_is_as_it_is_told() {
        let up = UnitBefore { up: true, ..DOWN };
        let told = [
            (
                "opennebula.service",
                UnitBefore {
                    enabled: true,
                    ..up.clone()
                },
            ),
            ("opennebula-hem.service", up.clone()),
            ("opennebula-ssh-agent.service", up.clone()),
            ("opennebula-ssh-socks-cleaner.timer", up.clone()),
            ("opennebula-showback.timer", DOWN),
            ("opennebula-flow.service", DOWN),
            ("opennebula-gate.service", UnitBefore { masked: true, ..DOWN }),
            ("opennebula-guacd.service", up),
        ]
        .map(|(name, unit)| (name.to_owned(), unit));
        let mut federation = image::federation(&Description::guide(2));
        apply(&told.into(), &mut federation, 1);
        let now = look::zone(&federation, 1);
        assert_eq!(
            now.units.iter().map(String::as_str).collect::<Vec<_>>(),
            [
                "opennebula-guacd.service",
                "opennebula-hem.service",
                "opennebula-ssh-agent.service",
                "opennebula-ssh-socks-cleaner.timer",
                "opennebula.service",
            ],
            "this host has no FireEdge"
        );
        assert_eq!(now.masked.iter().collect::<Vec<_>>(), ["opennebula-gate.service"]);
        assert_eq!(
            now.at_boot.iter().collect::<Vec<_>>(),
            ["opennebula-gate.service", "opennebula.service"]
        );
    }
}
