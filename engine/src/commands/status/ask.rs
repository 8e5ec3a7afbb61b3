//! Asks every front-end, all at once.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use nebplay_modules::federation_map::Federation;
use nebplay_modules::host::{HostError, Lines, RunAs};
use nebplay_modules::module::{Blocks, Controller, Cx, Failure, Peers, Progress};
use nebplay_modules::opennebula::status::{ZoneStatus, zone_status};
use serde_json::{Map, Value};

use super::row::{Row, endpoints_from_others};
use crate::commands::connections::Connections;
use crate::events::Secrets;

/// A row for every front-end, in the order of the zones.
pub(super) async fn all(
    connections: Arc<Connections>,
    federation: &Federation,
    secrets: Arc<Secrets>,
) -> Vec<Row> {
    let mut under_way = Vec::new();
    for zone in &federation.zones {
        for host in &zone.hosts {
            let (connections, secrets) = (Arc::clone(&connections), Arc::clone(&secrets));
            let (federation, name) = (federation.clone(), host.clone());
            let answer =
                tokio::spawn(async move { one(&name, connections.as_ref(), &federation, &secrets).await });
            under_way.push((zone, host, answer));
        }
    }
    let mut rows = Vec::new();
    for (zone, host, answer) in under_way {
        let status = answer.await.unwrap_or_else(|error| {
            Err(HostError::Refused {
                host: host.clone(),
                what: "asking it".to_owned(),
                why: error.to_string(),
            })
        });
        rows.push(Row::new(zone, host, status));
    }
    endpoints_from_others(&mut rows);
    for row in &mut rows {
        for unknown in &mut row.unknown {
            unknown.why = secrets.scrub(&unknown.why);
        }
    }
    rows
}

async fn one(
    name: &str,
    connections: &Connections,
    federation: &Federation,
    secrets: &Secrets,
) -> Result<ZoneStatus, HostError> {
    let host = connections.peer(name).await?;
    let cx = Cx {
        host: host.as_ref(),
        federation,
        peers: connections,
        controller: &Nothing,
        progress: &Nothing,
        secrets,
        step: "status",
        run: "status",
        in_doubt: false,
        run_as: RunAs::Login,
        environment: &BTreeMap::new(),
        timeout: None,
    };
    Ok(zone_status(&cx).await)
}

/// There is no playbook here that files could be beside, and nothing goes on that could be shown.
struct Nothing;

impl Lines for Nothing {
    fn line(&self, _: &str, _: bool) {}
}

impl Progress for Nothing {
    fn bytes(&self, _: u64, _: u64) {}
}

impl Nothing {
    fn refuse<T>(name: &str) -> Result<T, Failure> {
        Err(Failure::failed(format!(
            "{name}: there is no playbook that it could be beside"
        )))
    }
}

#[async_trait]
impl Controller for Nothing {
    async fn read(&self, name: &str) -> Result<Vec<u8>, Failure> {
        Self::refuse(name)
    }
    async fn render(&self, name: &str, _: Blocks) -> Result<String, Failure> {
        Self::refuse(name)
    }
    async fn vars_file(&self, name: &str) -> Result<Map<String, Value>, Failure> {
        Self::refuse(name)
    }
    async fn write(&self, name: &str, _: &[u8]) -> Result<(), Failure> {
        Self::refuse(name)
    }
}
