//! OpenNebula's units as systemd has them on a front-end, or as they were before a night that is under way, and the twin's put so.

use std::collections::BTreeMap;

use nebplay_modules::host::Command;
use nebplay_modules::opennebula::stand::UnitBefore;
use nebplay_twin::State;
use nebplay_twin::federation::{At, Federation};

/// A unit of which there is a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LiveUnit {
    name: String,
    runs: bool,
    /// `UnitFileState`: `enabled`, `disabled`, `masked`, `static`, …
    file: String,
}

impl LiveUnit {
    /// `NAME ACTIVE-STATE UNIT-FILE-STATE`
    pub(super) fn read(line: &str) -> Option<Self> {
        let mut words = line.split_whitespace();
        Some(Self {
            name: words.next()?.to_owned(),
            runs: words.next()? == "active",
            file: words.next()?.to_owned(),
        })
    }

    /// As it was before the night, if that is noted of it.
    fn before(self, noted: &BTreeMap<String, UnitBefore>) -> Self {
        let Some(before) = noted.get(&self.name) else {
            return self;
        };
        let file = match before {
            UnitBefore { masked: true, .. } => "masked",
            UnitBefore { enabled: true, .. } => "enabled",
            _ => "disabled",
        };
        Self {
            name: self.name,
            runs: before.up,
            file: file.to_owned(),
        }
    }
}

/// The units as they were before the night, as far as that is noted.
pub(super) fn before(told: Vec<LiveUnit>, noted: &BTreeMap<String, UnitBefore>) -> Vec<LiveUnit> {
    told.into_iter().map(|unit| unit.before(noted)).collect()
}

/// What the host has no file of is down, and no boot starts it. Where nothing is told, all is left as it is.
pub(super) fn apply(told: &[LiveUnit], federation: &mut Federation, at: At) {
    if told.is_empty() {
        return;
    }
    let (mut down, mut up) = (Vec::new(), Vec::new());
    for (name, unit) in &mut federation.machine_mut(at).units {
        if !name.starts_with("opennebula") {
            continue;
        }
        let live = told.iter().find(|live| live.name == *name);
        let file = live.map_or("disabled", |live| &live.file);
        unit.masked = file.starts_with("masked");
        // Whether a masked unit would be enabled is not told.
        if !unit.masked && unit.enabled.is_some() {
            unit.enabled = Some(file.starts_with("enabled"));
        }
        match (unit.active == State::Up, live.is_some_and(|live| live.runs)) {
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
        let lines = [
            "opennebula.service active enabled",
            "opennebula-hem.service active disabled",
            "opennebula-ssh-agent.service active disabled",
            "opennebula-ssh-socks-cleaner.timer active static",
            "opennebula-showback.timer failed static",
            "opennebula-flow.service inactive disabled",
            "opennebula-gate.service inactive masked",
            "opennebula-guacd.service active disabled",
        ];
        let told: Vec<LiveUnit> = lines.iter().filter_map(|line| LiveUnit::read(line)).collect();
        assert_eq!(told.len(), lines.len());
        let mut federation = image::federation(&Description::guide(2));
        apply(&told, &mut federation, 1);
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

    #[test]
    fn a_night_that_is_under_way_has_noted_how_they_were() {
        let noted = [
            ("opennebula.service", true, false, true),
            ("opennebula-hem.service", true, false, false),
            ("opennebula-gate.service", false, true, false),
        ];
        let noted = noted.map(|(name, up, masked, enabled)| {
            let before = UnitBefore { up, masked, enabled };
            (name.to_owned(), before)
        });
        let masked = |name: &str| LiveUnit::read(&format!("{name} inactive masked")).unwrap();
        let names = [
            "opennebula.service",
            "opennebula-hem.service",
            "opennebula-gate.service",
        ];
        let came_with_the_night = LiveUnit::read("opennebula-form.service inactive disabled").unwrap();
        let mut told = names.map(masked).to_vec();
        told.push(came_with_the_night.clone());
        let were = ["active enabled", "active disabled", "inactive masked"];
        let mut expected: Vec<LiveUnit> = names
            .iter()
            .zip(were)
            .map(|(name, state)| LiveUnit::read(&format!("{name} {state}")).unwrap())
            .collect();
        expected.push(came_with_the_night);
        assert_eq!(before(told, &noted.into()), expected);
    }

    #[test]
    fn what_is_no_unit_is_not_read() {
        for line in ["", "opennebula.service", "opennebula.service active"] {
            assert_eq!(LiveUnit::read(line), None, "{line:?}");
        }
    }
}
