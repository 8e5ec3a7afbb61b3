//! What the rows say together: whether the federation is in sync and open, and what is odd.

use indexmap::IndexMap;
use nebplay_modules::federation_map::{Federation, Role};
use nebplay_modules::opennebula::conf::Mode;
use nebplay_modules::opennebula::onedb::version::Standing;
use nebplay_modules::opennebula::zone::FedIndex;
use serde::Serialize;

use super::row::Row;

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Verdict {
    /// Whether every zone has the same FED_INDEX; `None`: not known.
    pub(super) in_sync: Option<bool>,
    /// Whether every zone takes writes; `None`: not known.
    pub(super) open: Option<bool>,
    /// The same, as a sentence.
    pub(super) summary: String,
    /// What an operator should look at, a sentence each.
    pub(super) odd: Vec<String>,
}

impl Verdict {
    pub(super) fn of(rows: &[Row], federation: &Federation) -> Self {
        let in_sync = in_sync(rows);
        let open = rows
            .iter()
            .map(|row| row.api.map(|api| api == "open"))
            .reduce(|all, one| match (all, one) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            })
            .flatten();
        let mut odd = differences(rows);
        odd.extend(rows.iter().flat_map(|row| oddities(row, rows)));
        odd.extend(strangers(rows, federation));
        Self {
            in_sync,
            open,
            summary: format!("{}. {}.", said_of_sync(rows, in_sync), said_of_doors(rows)),
            odd,
        }
    }
}

/// Not known as long as one index is not, unless two differ already.
fn in_sync(rows: &[Row]) -> Option<bool> {
    let indices: Vec<FedIndex> = rows.iter().filter_map(|row| row.fed_index).collect();
    if indices.iter().any(|index| !matches!(index, FedIndex::At(_))) {
        return Some(false);
    }
    if indices.windows(2).any(|pair| pair[0] != pair[1]) {
        return Some(false);
    }
    (indices.len() == rows.len()).then_some(true)
}

fn said_of_sync(rows: &[Row], in_sync: Option<bool>) -> String {
    match in_sync {
        Some(true) => {
            let index = rows.iter().find_map(|row| row.fed_index);
            let index = index.map_or_else(String::new, |index| index.to_string());
            match rows {
                [only] => format!("{} is at FED_INDEX {index}", only.name),
                rows => format!("All {} are in sync, at FED_INDEX {index}", counted(rows)),
            }
        }
        Some(false) => {
            let groups = grouped(rows, |row| row.fed_index.map(|index| index.to_string()));
            format!("The zones are not in sync: FED_INDEX {}", list(&groups))
        }
        None if rows.iter().all(|row| row.fed_index.is_none()) => "No zone tells its FED_INDEX".to_owned(),
        None => {
            let silent = rows.iter().filter(|row| row.fed_index.is_none());
            let silent: Vec<&str> = silent.map(|row| row.name.as_str()).collect();
            format!(
                "Not known whether all are in sync: no FED_INDEX of {}",
                silent.join(", ")
            )
        }
    }
}

/// `3 zones`; in an HA zone several front-ends make one.
fn counted(rows: &[Row]) -> String {
    let several = rows.windows(2).any(|pair| pair[0].id == pair[1].id);
    format!("{} {}", rows.len(), if several { "front-ends" } else { "zones" })
}

fn said_of_doors(rows: &[Row]) -> String {
    let groups = grouped(rows, |row| Some(row.api.unwrap_or("not known").to_owned()));
    let words = |state: &str| match state {
        "open" => "open".to_owned(),
        "stopped" | "not known" => state.to_owned(),
        how => format!("kept out ({how})"),
    };
    match groups.first() {
        Some((state, _)) if groups.len() == 1 && rows.len() > 1 => format!("All are {}", words(state)),
        _ => {
            let parts = groups
                .iter()
                .map(|(state, names)| capital(&format!("{}: {}", words(state), names.join(", "))));
            parts.collect::<Vec<_>>().join(". ")
        }
    }
}

/// Values that should be the same everywhere.
fn differences(rows: &[Row]) -> Vec<String> {
    let mut odd = Vec::new();
    for (what, of) in [
        (
            "oned runs in different versions",
            (|row: &Row| row.running.clone()) as fn(&Row) -> _,
        ),
        ("Different versions are installed", |row| row.installed.clone()),
    ] {
        let groups = grouped(rows, of);
        if groups.len() > 1 {
            odd.push(format!("{what}: {}.", list(&groups)));
        }
    }
    let kept_out = rows.iter().filter(|row| row.api.is_some_and(|api| api != "open"));
    let kept_out: Vec<&str> = kept_out.map(|row| row.name.as_str()).collect();
    let open = rows.iter().any(|row| row.api == Some("open"));
    if open && !kept_out.is_empty() {
        odd.push(format!(
            "{} kept out while others are open.",
            is_or_are(&kept_out)
        ));
    }
    odd
}

/// What is odd about one front-end.
fn oddities(row: &Row, rows: &[Row]) -> Vec<String> {
    let mut odd = Vec::new();
    let mut say = |text: String| odd.push(format!("{}: {text}.", row.name));
    if row.configured_id.is_some_and(|id| id != row.id) {
        let id = row.configured_id.unwrap_or_default();
        say(format!("oned.conf says zone {id}, the inventory says {}", row.id));
    }
    let expected = if row.role == Role::Master {
        Mode::Master
    } else {
        Mode::Slave
    };
    if let Some(mode) = row.configured_mode.filter(|mode| *mode != expected) {
        say(format!(
            "oned.conf says FEDERATION/MODE {mode}, the inventory says {expected}"
        ));
    }
    match row.fed_index {
        Some(FedIndex::NoLog) => say(
            "it has no federated log: nothing replicates to it until the federated backup is restored there"
                .to_owned(),
        ),
        Some(FedIndex::Standalone) => say("it stands alone: it is in no federation".to_owned()),
        Some(FedIndex::At(index)) if row.role == Role::Slave && ahead(index, rows) => {
            say(
                "its FED_INDEX is ahead of the master's: the master lost entries, restore this slave"
                    .to_owned(),
            );
        }
        _ => {}
    }
    if let (Some(running), Some(installed)) = (&row.running, &row.installed)
        && running != installed
    {
        say(format!(
            "oned {running} runs although {installed} is installed: it was not restarted"
        ));
    }
    let needed = row.needed_db.as_deref().unwrap_or("another version");
    match row.database {
        Some(Standing::UpgradeNeeded) => say(format!(
            "the database is not at {needed}, which the installed programs need: `onedb upgrade` has not run"
        )),
        Some(Standing::Newer) => say(format!(
            "the database is newer than {needed}, which the installed programs need: it was restored, the new packages are missing"
        )),
        Some(Standing::NotBootstrapped) => {
            say("there is no database: starting oned would begin a new cloud".to_owned());
        }
        Some(Standing::Current) | None => {}
    }
    if let Some(machine) = &row.machine {
        if machine.lock == "stale" {
            say("oned is gone and its lock file is left, which stops onedb".to_owned());
        }
        let half = machine
            .packages
            .iter()
            .filter(|(_, version)| version.ends_with(')'));
        let half: Vec<&str> = half.map(|(package, _)| package.as_str()).collect();
        if !half.is_empty() {
            say(format!("half-installed: {}", half.join(", ")));
        }
        let failed = row.units("failed");
        if !failed.is_empty() {
            say(format!("failed: {}", failed.join(", ")));
        }
        if !machine.masked.is_empty() && row.api == Some("open") {
            say(format!(
                "masked although the zone is open: {}",
                machine.masked.join(", ")
            ));
        }
    }
    odd
}

fn ahead(index: u64, rows: &[Row]) -> bool {
    let master = rows.iter().find(|row| row.role == Role::Master);
    matches!(master.and_then(|row| row.fed_index), Some(FedIndex::At(at)) if index > at)
}

/// Zones of the federation that the inventory does not have: an upgrade would leave them out.
fn strangers(rows: &[Row], federation: &Federation) -> Vec<String> {
    let mut seen = IndexMap::new();
    for zone in rows.iter().flat_map(|row| row.pool.iter()) {
        if !federation.zones.iter().any(|known| known.id == zone.id) {
            seen.insert(zone.id, &zone.name);
        }
    }
    seen.iter()
        .map(|(id, name)| format!("Zone {id} ({name}) is in the federation and was not asked."))
        .collect()
}

/// Names of zones by what they have in common.
fn grouped(rows: &[Row], of: impl Fn(&Row) -> Option<String>) -> IndexMap<String, Vec<&str>> {
    let mut groups: IndexMap<String, Vec<&str>> = IndexMap::new();
    for row in rows {
        if let Some(value) = of(row) {
            groups.entry(value).or_default().push(&row.name);
        }
    }
    groups
}

fn list(groups: &IndexMap<String, Vec<&str>>) -> String {
    let parts = groups
        .iter()
        .map(|(value, names)| format!("{value} in {}", names.join(", ")));
    parts.collect::<Vec<_>>().join("; ")
}

fn is_or_are(names: &[&str]) -> String {
    let verb = if names.len() == 1 { "is" } else { "are" };
    format!("{} {verb}", names.join(", "))
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
