//! What `systemctl` says of units.

use super::{OWN, State, Unit, known};
use crate::machine::Machine;
use crate::process::Process;
use crate::programs::is_named;

/// All units, those too of which only a file is there.
fn all(machine: &Machine) -> Vec<(String, Unit)> {
    let mut units: Vec<(String, Unit)> = machine
        .units
        .iter()
        .map(|(name, unit)| (name.clone(), unit.clone()))
        .collect();
    for name in machine.files.names(OWN) {
        if !machine.units.contains_key(&name)
            && let Some(unit) = known(machine, &name)
        {
            units.push((name, unit));
        }
    }
    units.sort_by(|(one, _), (other, _)| one.cmp(other));
    units
}

/// Whether a name is of one of these patterns; no pattern: all are.
fn wanted(name: &str, patterns: &[String]) -> bool {
    let is_of = |pattern: &String| {
        // A pattern's star stands for the kind of unit too.
        let pattern = pattern
            .strip_suffix(".service")
            .filter(|front| front.ends_with('*'))
            .unwrap_or(pattern);
        is_named(name, pattern)
    };
    patterns.is_empty() || patterns.iter().any(is_of)
}

fn load(unit: &Unit) -> &'static str {
    if unit.masked { "masked" } else { "loaded" }
}

fn file_state(unit: &Unit) -> &'static str {
    match unit.enabled {
        _ if unit.masked => "masked",
        Some(true) => "enabled",
        Some(false) => "disabled",
        None => "static",
    }
}

fn sub_state(name: &str, active: State) -> &'static str {
    match active {
        State::Up if name.rsplit('.').next() == Some("timer") => "waiting",
        State::Up => "running",
        State::Down => "dead",
        State::Failed => "failed",
    }
}

pub(super) fn list_units(process: &mut Process<'_>, patterns: &[String]) -> i32 {
    let has = |option: &str| process.args.iter().any(|word| word == option);
    let (every, failed) = (
        has("--all") || has("-a"),
        has("--failed") || has("--state=failed"),
    );
    let units = all(process.machine());
    let fixed = ["dbus.service", "ssh.service", "systemd-journald.service"];
    if patterns.is_empty() && !failed {
        for name in fixed {
            process.say(format!("{name} loaded active running {name}\n"));
        }
    }
    for (name, unit) in units.iter().filter(|(name, _)| wanted(name, patterns)) {
        let shown = if failed {
            unit.active == State::Failed
        } else {
            every || unit.active != State::Down
        };
        if shown {
            let (load, active, sub) = (load(unit), unit.active.word(), sub_state(name, unit.active));
            process.say(format!("{name} {load} {active} {sub} {}\n", unit.description));
        }
    }
    0
}

pub(super) fn list_unit_files(process: &mut Process<'_>, patterns: &[String]) -> i32 {
    let units = all(process.machine());
    for (name, unit) in units.iter().filter(|(name, _)| wanted(name, patterns)) {
        process.say(format!("{name} {} enabled\n", file_state(unit)));
    }
    0
}

pub(super) fn show(process: &mut Process<'_>, names: &[String]) -> i32 {
    let asked: Vec<String> = process
        .args
        .iter()
        .filter_map(|word| {
            word.strip_prefix("--property=")
                .or_else(|| word.strip_prefix("-p"))
        })
        .flat_map(|list| list.split(',').map(str::to_owned))
        .collect();
    let value_only = process.args.iter().any(|word| word == "--value");
    for (number, name) in names.iter().enumerate() {
        let unit = known(process.machine(), name);
        let fragment = match &unit {
            None => String::new(),
            Some(unit) if unit.masked => format!("{OWN}/{name}"),
            Some(unit) if unit.own => format!("{OWN}/{name}"),
            Some(_) => format!("/lib/systemd/system/{name}"),
        };
        let pid = unit.as_ref().and_then(|unit| unit.pid).unwrap_or(0).to_string();
        let active = unit.as_ref().map_or(State::Down, |unit| unit.active);
        let properties = [
            ("MainPID", pid),
            ("Id", name.clone()),
            ("LoadState", unit.as_ref().map_or("not-found", load).to_owned()),
            ("ActiveState", active.word().to_owned()),
            ("SubState", sub_state(name, active).to_owned()),
            ("FragmentPath", fragment),
            ("UnitFileState", unit.as_ref().map_or("", file_state).to_owned()),
        ];
        if number > 0 {
            process.say("\n");
        }
        for (property, value) in properties {
            if asked.is_empty() || asked.iter().any(|name| name == property) {
                let line = if value_only {
                    format!("{value}\n")
                } else {
                    format!("{property}={value}\n")
                };
                process.say(line);
            }
        }
    }
    0
}

pub(super) fn is_active(process: &mut Process<'_>, names: &[String]) -> i32 {
    let mut status = 3;
    for name in names {
        let active = known(process.machine(), name).map_or(State::Down, |unit| unit.active);
        if active == State::Up {
            status = 0;
        }
        process.say(format!("{}\n", active.word()));
    }
    status
}

pub(super) fn is_enabled(process: &mut Process<'_>, names: &[String]) -> i32 {
    let mut status = 1;
    for name in names {
        let Some(unit) = known(process.machine(), name) else {
            process.complain(format!(
                "Failed to get unit file state for {name}: No such file or directory\n"
            ));
            continue;
        };
        if matches!(unit.enabled, Some(true) | None) && !unit.masked {
            status = 0;
        }
        process.say(format!("{}\n", file_state(&unit)));
    }
    status
}

pub(super) fn status(process: &mut Process<'_>, names: &[String]) -> i32 {
    let mut status = 0;
    for name in names {
        match known(process.machine(), name) {
            None => {
                process.complain(format!("Unit {name} could not be found.\n"));
                status = 4;
            }
            Some(unit) => {
                let line = format!(
                    "● {name} - {}\n     Loaded: {} (/lib/systemd/system/{name}; {})\n     Active: {} ({})\n",
                    unit.description,
                    load(&unit),
                    file_state(&unit),
                    unit.active.word(),
                    sub_state(name, unit.active)
                );
                process.say(line);
                if unit.active != State::Up {
                    status = 3;
                }
            }
        }
    }
    status
}
