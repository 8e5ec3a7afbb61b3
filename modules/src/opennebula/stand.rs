//! How far a zone is in an upgrade, as its front-end shows it: what is installed, what the database is migrated to, what runs, and what
//! nebplay has noted. Two zones that stand alike are at the same place of the same night.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display};

use super::onedb::{Access, version};
use super::version::release_of_package;
use crate::federation::api_block::guarded;
use crate::host::{Command, Host};
use crate::memory;
use crate::module::Failure;
use crate::packages::saved;
pub use crate::services::service_stop::Before as UnitBefore;
use crate::services::service_stop::NOTE as SERVICES;

/// What stands for the packet filter among the notes.
const PACKET_FILTER: &str = "packet-filter";

/// The note of a migration that was begun.
const MIGRATION: &str = "migration";

/// Where a zone stands. Versions are releases (see [`release_of_package`]).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stand {
    /// The version of OpenNebula that is installed.
    pub installed: Option<String>,
    /// The version that was installed before the night, if it has come that far.
    pub before: Option<String>,
    /// The versions of the database: shared and local. `None`: it has none, or nobody can tell.
    pub database: Option<(String, String)>,
    /// The units of OpenNebula, and whether each runs and starts at boot, in systemd's words.
    pub units: BTreeMap<String, String>,
    /// What nebplay has noted there, and whether it keeps the API out by a packet filter.
    pub notes: BTreeSet<String>,
}

const LOOK: &str = r#"# nebplay: how far this zone is
dpkg-query -W -f '${db:Status-Abbrev} ${Version}\n' opennebula 2>/dev/null | awk '$1 == "ii" { print "installed", $2 }'
for unit in $(systemctl list-unit-files --no-legend 'opennebula*.service' 'opennebula*.timer' | awk '{ print $1 }'); do
  echo unit "$unit" $(systemctl is-active "$unit") $(systemctl is-enabled "$unit" 2>/dev/null)
done
for note in "$1"/*.json; do [ ! -e "$note" ] || echo note "$(basename "$note" .json)"; done
[ ! -e "$2" ] || echo note packet-filter
exit 0"#;

impl Stand {
    /// Reads it. Nothing is changed.
    pub async fn of(host: &dyn Host, access: &Access) -> Result<Self, Failure> {
        let look = Command::script(LOOK, [memory::DIRECTORY, guarded::FILE]);
        let output = host.run(&look.as_root()).await?;
        let mut stand = Self::read(&output.text());
        stand.before = saved::before(host)
            .await?
            .and_then(|package| release_of_package(&package));
        // A database that onedb cannot read is one that has no version.
        if let Ok(found) = version::read(host, access).await {
            stand.database = found.shared.zip(found.local);
        }
        Ok(stand)
    }

    fn read(text: &str) -> Self {
        let mut stand = Self::default();
        for (what, value) in text.lines().filter_map(|line| line.trim().split_once(' ')) {
            match (what, value.split_once(' ')) {
                ("installed", _) => stand.installed = release_of_package(value),
                ("note", _) => _ = stand.notes.insert(value.to_owned()),
                ("unit", Some((unit, state))) => {
                    stand.units.insert(unit.to_owned(), state.to_owned());
                }
                _ => {}
            }
        }
        stand
    }

    /// The units as they were before the night: as noted, and those that it has not stopped, or has put back, as they are.
    pub async fn units_before(&self, host: &dyn Host) -> Result<BTreeMap<String, UnitBefore>, Failure> {
        let noted: Option<BTreeMap<String, UnitBefore>> = memory::recall(host, SERVICES).await?;
        let noted = noted.unwrap_or_default();
        let before = |(name, state): (&String, &String)| {
            let before = noted.get(name).cloned().unwrap_or_else(|| as_it_is(state));
            (name.clone(), before)
        };
        Ok(self.units.iter().map(before).collect())
    }

    /// Whether the database is at another version than the programs.
    fn is_half_done(&self) -> bool {
        match (&self.installed, &self.database) {
            (Some(installed), Some((shared, local))) => installed != shared || installed != local,
            // Nobody can tell; the playbook looks again.
            _ => false,
        }
    }

    /// The notes that are there as long as a night is under way. That of a migration which came to its end is a trace of a run that was
    /// cut off before it saw that.
    fn of_the_night(&self) -> BTreeSet<&str> {
        let is_over = !self.is_half_done();
        let notes = self.notes.iter().map(String::as_str);
        notes
            .filter(|note| memory::TO_PUT_BACK.contains(note) || *note == PACKET_FILTER)
            .filter(|note| !is_over || *note != MIGRATION)
            .collect()
    }

    /// Whether a night was begun here and not brought to its end.
    pub fn is_under_way(&self) -> bool {
        self.is_half_done() || !self.of_the_night().is_empty()
    }

    /// Whether this is where that other one stood, which has nothing of earlier nights, and maybe not every unit.
    pub fn is_as(&self, other: &Self) -> bool {
        let is_same_unit =
            |(unit, state): (&String, &String)| self.units.get(unit).is_none_or(|its| its == state);
        self.installed == other.installed
            && self.database == other.database
            && self.of_the_night() == other.of_the_night()
            && other.notes.is_subset(&self.notes)
            && other.units.iter().all(is_same_unit)
    }
}

/// A unit of this state, in the words of [`Stand::units`].
fn as_it_is(state: &str) -> UnitBefore {
    let (active, file) = state.split_once(' ').unwrap_or((state, ""));
    UnitBefore {
        up: active == "active",
        masked: file.starts_with("masked"),
        enabled: file.starts_with("enabled"),
    }
}

impl Display for Stand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let none = || "none".to_owned();
        let database = self.database.as_ref();
        let database =
            database.map_or_else(none, |(shared, local)| format!("shared {shared}, local {local}"));
        let units: Vec<String> = self
            .units
            .iter()
            .map(|(unit, state)| format!("{unit} {state}"))
            .collect();
        let notes: Vec<&str> = self.notes.iter().map(String::as_str).collect();
        write!(
            f,
            "OpenNebula {}; database {database}; units: {}; notes: {}",
            self.installed.clone().unwrap_or_else(none),
            units.join(", "),
            if notes.is_empty() {
                "none".to_owned()
            } else {
                notes.join(", ")
            }
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::FakeHost;

    const STOPPED: &str = "installed 1:7.0.0.1-1+deb12\nunit opennebula.service inactive masked\n\
                           unit opennebula-ssh-agent.service inactive masked\nnote services\nnote dump-0a1b\n";

    fn stand(text: &str) -> Stand {
        Stand {
            database: Some(("7.0.0".to_owned(), "7.0.0".to_owned())),
            ..Stand::read(text)
        }
    }

    #[test]
    fn what_a_front_end_says_is_read() {
        let stand = stand(STOPPED);
        assert_eq!(stand.installed.as_deref(), Some("7.0.0"));
        assert_eq!(stand.units["opennebula.service"], "inactive masked");
        assert_eq!(stand.notes, ["dump-0a1b", "services"].map(str::to_owned).into());
        assert_eq!(Stand::read("installed\nunit x\n\n?"), Stand::default());
    }

    #[tokio::test]
    async fn units_are_as_they_were_before_they_were_stopped() {
        let note = r#"{"opennebula.service": {"up": true, "masked": false, "enabled": true}, "nginx.service": {"up": true, "masked": false}}"#;
        let stand = stand(&format!(
            "{STOPPED}unit opennebula-flow.service active disabled\n"
        ));
        let host = FakeHost::new("fe").file(&format!("{}/services.json", memory::DIRECTORY), note);
        let before = stand.units_before(&host).await.unwrap();
        let told: Vec<_> = before
            .iter()
            .map(|(name, unit)| (name.as_str(), unit.up, unit.masked, unit.enabled))
            .collect();
        assert_eq!(
            told,
            [
                ("opennebula-flow.service", true, false, false),
                ("opennebula-ssh-agent.service", false, true, false),
                ("opennebula.service", true, false, true),
            ],
            "nginx is none of OpenNebula's"
        );
        let garbled = FakeHost::new("fe").file(&format!("{}/services.json", memory::DIRECTORY), "{");
        assert!(stand.units_before(&garbled).await.is_err());
    }

    #[test]
    fn a_night_is_under_way_where_a_note_or_half_an_upgrade_is_left() {
        assert!(stand(STOPPED).is_under_way());
        let done = |text: &str| !stand(text).is_under_way();
        assert!(done("installed 7.0.0-1\nnote dump-0a1b\n"));
        assert!(!done("installed 7.2.0-1\n"));
        assert!(!done("installed 7.0.0-1\nnote packet-filter\n"));
    }

    #[test]
    fn notes_of_earlier_nights_are_of_no_account_and_those_of_this_one_are() {
        let now = stand(STOPPED);
        let then = |text: &str| now.is_as(&stand(text));
        assert!(then(&STOPPED.replace("note dump-0a1b\n", "")));
        assert!(then(
            &STOPPED.replace("unit opennebula-ssh-agent.service inactive masked\n", "")
        ));
        assert!(!then(&STOPPED.replace("note services\n", "")));
        assert!(!then(&STOPPED.replace("inactive masked", "active enabled")));
        assert!(!then(&STOPPED.replace("7.0.0.1", "7.2.0")));
        assert!(!then(&format!("{STOPPED}note dump-ffff\n")));
    }
}
