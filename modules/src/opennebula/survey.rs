//! One look at the federated index of every zone, and what it says.

use std::fmt::Write as _;

use serde::Serialize;

use crate::host::Host;
use crate::module::Failure;
use crate::opennebula::command::opennebula;
use crate::opennebula::endpoint::Endpoint;
use crate::opennebula::local::LocalOned;
use crate::opennebula::xmlrpc::{Client, RpcError};
use crate::opennebula::zone::{self, CsvRow, FedIndex, ZoneInfo, ZoneState};

/// A zone in a look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ZoneLook {
    /// Its id.
    pub id: u32,
    /// Its name.
    pub name: String,
    /// Its endpoint as written.
    pub endpoint: String,
    /// Its stored state.
    pub state: ZoneState,
    /// How far its federated log is; `None`: it could not be learned.
    pub index: Option<FedIndex>,
    /// Why not.
    pub why: Option<String>,
}

/// All zones at about one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Look {
    /// By id.
    pub zones: Vec<ZoneLook>,
    /// The master's id.
    pub master: u32,
}

/// What a look says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Every zone is at this index.
    Equal(u64),
    /// Slaves are behind, and nothing else is wrong: it may pass by itself, or with a nudge.
    Behind(Vec<String>),
    /// A zone did not answer: it may pass.
    Unknown(Vec<String>),
    /// Waiting cannot help: a slave without a federated log, or ahead of its master.
    Hopeless(Vec<String>),
}

/// How far from equal, to see progress: zones that did not answer, then entries that are missing.
pub type Distance = (usize, u128);

/// Looks at every zone from the master's front-end. Zones are asked by XML-RPC, the master last: a slave that is then ahead of it is
/// really ahead. What cannot be asked that way (no TCP forwarding, an endpoint behind TLS) is taken from `onezone list`.
pub async fn look(host: &dyn Host, oned: &LocalOned, master: u32) -> Result<Look, Failure> {
    let pool = match zone::pool(&oned.client(host)).await {
        Ok(pool) => pool,
        Err(error) if error.nothing_listens() => return from_csv_alone(host, oned, master, error).await,
        Err(error) => return Err(error.into()),
    };
    let mut zones: Vec<ZoneLook> = pool.iter().cloned().map(unknown).collect();
    let mut order: Vec<usize> = (0..zones.len()).collect();
    order.sort_by_key(|&index| zones[index].id == master);
    let mut csv_may_know = false;
    for index in order {
        let zone = &mut zones[index];
        match ask(host, oned, &zone.endpoint).await {
            Ok(fed_index) => zone.index = Some(fed_index),
            Err((why, another_way)) => {
                zone.why = Some(why);
                csv_may_know |= another_way;
            }
        }
    }
    if csv_may_know && let Ok(rows) = csv(host, oned).await {
        fill(&mut zones, &rows);
    }
    Ok(Look { zones, master })
}

fn unknown(zone: ZoneInfo) -> ZoneLook {
    ZoneLook {
        id: zone.id,
        name: zone.name,
        endpoint: zone.endpoint,
        state: zone.state,
        index: None,
        why: None,
    }
}

/// The index behind an endpoint; otherwise why not, and whether the command line may have a way that we have not.
async fn ask(host: &dyn Host, oned: &LocalOned, endpoint: &str) -> Result<FedIndex, (String, bool)> {
    let endpoint = Endpoint::parse(endpoint).map_err(|error| (error.to_string(), true))?;
    let client = Client::new(host, endpoint, &oned.auth);
    match zone::raft_status(&client).await {
        Ok(status) => Ok(status.fed_index),
        Err(error) => Err((error.to_string(), matches!(error, RpcError::NoConnection { .. }))),
    }
}

async fn csv(host: &dyn Host, oned: &LocalOned) -> Result<Vec<CsvRow>, Failure> {
    let output = host
        .run(&opennebula(oned.conf.port, ["onezone", "list", "--csv"]))
        .await?;
    if !output.exit.success() {
        let why = output.err_text().trim().to_owned();
        return Err(Failure::failed(format!("onezone list: {}: {why}", output.exit)));
    }
    zone::parse_csv(&output.text()).map_err(|why| Failure::failed(format!("onezone list --csv: {why}")))
}

fn fill(zones: &mut [ZoneLook], rows: &[CsvRow]) {
    for zone in zones.iter_mut().filter(|zone| zone.index.is_none()) {
        if let Some(index) = rows
            .iter()
            .find(|row| row.zone.id == zone.id)
            .and_then(|row| row.index)
        {
            zone.index = Some(index);
            zone.why = None;
        }
    }
}

async fn from_csv_alone(
    host: &dyn Host,
    oned: &LocalOned,
    master: u32,
    error: RpcError,
) -> Result<Look, Failure> {
    // Where both ways are closed, the first one's words say more.
    let Ok(rows) = csv(host, oned).await else {
        return Err(error.into());
    };
    let zone = |row: CsvRow| ZoneLook {
        why: row
            .index
            .is_none()
            .then(|| "onezone list shows -: down, or no permission".to_owned()),
        index: row.index,
        ..unknown(row.zone)
    };
    Ok(Look {
        zones: rows.into_iter().map(zone).collect(),
        master,
    })
}

impl Look {
    /// The zone of that id.
    pub fn zone(&self, id: u32) -> Option<&ZoneLook> {
        self.zones.iter().find(|zone| zone.id == id)
    }

    /// The master's index, where it has one.
    pub fn master_index(&self) -> Option<u64> {
        match self.zone(self.master)?.index {
            Some(FedIndex::At(index)) => Some(index),
            _ => None,
        }
    }

    /// What it says. `expected` are the zones the inventory knows: one that is missing here is never equal.
    pub fn verdict(&self, expected: &[u32]) -> Verdict {
        let (mut hopeless, mut unknown, mut behind) = (Vec::new(), Vec::new(), Vec::new());
        for id in expected.iter().filter(|id| self.zone(**id).is_none()) {
            hopeless.push(format!("zone {id} of the inventory is not known to OpenNebula"));
        }
        let master = self.master_index();
        for zone in &self.zones {
            let name = format!("zone {} ({})", zone.id, zone.name);
            match (zone.index, master) {
                (None, _) => {
                    let why = zone.why.as_deref().unwrap_or("no answer");
                    unknown.push(format!("{name} did not tell its index: {why}"));
                }
                (Some(FedIndex::NoLog), _) => hopeless.push(format!(
                    "{name} has no federated log (its index is 2^64-1): nothing replicates to it until the federated backup is restored there"
                )),
                (Some(FedIndex::Standalone), _) => {
                    hopeless.push(format!("{name} stands alone (its index is -1): it is no part of the federation"));
                }
                (Some(FedIndex::At(index)), Some(master)) if index > master => hopeless.push(format!(
                    "{name} is at {index}, ahead of its master at {master}: the master has lost what this zone has"
                )),
                (Some(FedIndex::At(index)), Some(master)) if index < master => {
                    behind.push(format!("{name} is at {index} of {master}"));
                }
                (Some(FedIndex::At(_)), _) => {}
            }
        }
        match master {
            _ if !hopeless.is_empty() => Verdict::Hopeless(hopeless),
            _ if !unknown.is_empty() => Verdict::Unknown(unknown),
            _ if !behind.is_empty() => Verdict::Behind(behind),
            Some(index) => Verdict::Equal(index),
            None => Verdict::Hopeless(vec![format!(
                "zone {}, the master, is not known to OpenNebula",
                self.master
            )]),
        }
    }

    /// How far from equal.
    pub fn distance(&self) -> Distance {
        let master = u128::from(self.master_index().unwrap_or(0));
        let mut unknown = 0;
        let mut missing = 0;
        for zone in &self.zones {
            match zone.index {
                Some(FedIndex::At(index)) => missing += master.saturating_sub(u128::from(index)),
                _ => unknown += 1,
            }
        }
        (unknown, missing)
    }

    /// As `onezone list` prints it, with a reason where there is no index.
    pub fn table(&self) -> String {
        let width = |longest: Option<usize>, least: usize| longest.unwrap_or(0).max(least);
        let names = width(self.zones.iter().map(|zone| zone.name.chars().count()).max(), 4);
        let endpoints = width(
            self.zones.iter().map(|zone| zone.endpoint.chars().count()).max(),
            8,
        );
        let mut table = format!(
            "{:>5} {:names$} {:endpoints$} {:>10} STAT\n",
            "ID", "NAME", "ENDPOINT", "FED_INDEX"
        );
        for zone in &self.zones {
            let index = zone
                .index
                .map_or_else(|| "-".to_owned(), |index| index.to_string());
            let role = if zone.id == self.master { "  master" } else { "" };
            let why = zone
                .why
                .as_ref()
                .map_or_else(String::new, |why| format!("  {why}"));
            // Writing to a String cannot fail.
            let _ = writeln!(
                table,
                "{:>5} {:names$} {:endpoints$} {index:>10} {}{role}{why}",
                zone.id, zone.name, zone.endpoint, zone.state
            );
        }
        table
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Indices<'a> = &'a [(u32, Option<FedIndex>)];

    fn a_look(indices: &[(u32, Option<FedIndex>)]) -> Look {
        let zone = |&(id, index): &(u32, Option<FedIndex>)| ZoneLook {
            id,
            name: format!("z{id}"),
            endpoint: "http://h:2633/RPC2".into(),
            state: ZoneState::Enabled,
            index,
            why: None,
        };
        Look {
            zones: indices.iter().map(zone).collect(),
            master: 0,
        }
    }

    #[test]
    fn only_equal_indices_of_all_expected_zones_are_equal() {
        let at = |index| Some(FedIndex::At(index));
        let cases: &[(Indices<'_>, &str)] = &[
            (&[(0, at(5)), (100, at(5)), (101, at(5))], "Equal(5)"),
            (&[(0, at(5)), (100, at(4)), (101, at(5))], "Behind"),
            (&[(0, at(5)), (100, at(6)), (101, at(5))], "Hopeless"),
            (&[(0, at(5)), (100, None), (101, at(5))], "Unknown"),
            (&[(0, at(5)), (100, None), (101, at(6))], "Hopeless"),
            (&[(0, None), (100, at(5)), (101, at(5))], "Unknown"),
            (
                &[(0, at(5)), (100, Some(FedIndex::NoLog)), (101, at(5))],
                "Hopeless",
            ),
            // All equal, and none has a log.
            (
                &[
                    (0, Some(FedIndex::NoLog)),
                    (100, Some(FedIndex::NoLog)),
                    (101, Some(FedIndex::NoLog)),
                ],
                "Hopeless",
            ),
            (
                &[(0, Some(FedIndex::Standalone)), (100, at(5)), (101, at(5))],
                "Hopeless",
            ),
            (&[(0, at(5)), (100, at(5))], "Hopeless"),
            (&[(100, at(5)), (101, at(5))], "Hopeless"),
            // A zone the inventory does not know counts all the same.
            (&[(0, at(5)), (7, at(4)), (100, at(5)), (101, at(5))], "Behind"),
        ];
        for (indices, expected) in cases {
            let verdict = format!("{:?}", a_look(indices).verdict(&[0, 100, 101]));
            assert!(verdict.starts_with(expected), "{indices:?}: {verdict}");
        }
    }

    #[test]
    fn distance_shrinks_with_progress_alone() {
        let at = |index| Some(FedIndex::At(index));
        let stuck = a_look(&[(0, at(10)), (100, at(4))]).distance();
        assert!(a_look(&[(0, at(10)), (100, at(5))]).distance() < stuck);
        assert!(a_look(&[(0, at(11)), (100, at(4))]).distance() > stuck);
        assert!(a_look(&[(0, at(10)), (100, None)]).distance() > stuck);
    }
}
