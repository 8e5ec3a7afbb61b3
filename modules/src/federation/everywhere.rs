//! What every zone itself says of a zone's state: a toggle is done when all of them have it.

use std::sync::Arc;

use futures_util::future::join_all;

use crate::host::Host;
use crate::module::{Cx, Failure};
use crate::opennebula::endpoint::Endpoint;
use crate::opennebula::local::LocalOned;
use crate::opennebula::xmlrpc::Client;
use crate::opennebula::zone::{self, ZoneInfo, ZoneState};

/// What one zone says.
pub(crate) struct Says {
    /// The zone that was asked.
    pub(crate) zone: u32,
    /// The state it has stored for the zone in question.
    pub(crate) state: Result<ZoneState, Failure>,
}

/// Asks every zone of the pool for the state of `target`: through its own front-end where the inventory knows it, otherwise at its
/// endpoint. All at once: nothing is changed, and in a federation across continents a look takes as long as the farthest zone.
pub(crate) async fn states_of(cx: &Cx<'_>, oned: &LocalOned, pool: &[ZoneInfo], target: u32) -> Vec<Says> {
    join_all(pool.iter().map(|zone| async move {
        let known = cx.federation.zones.iter().find(|known| known.id == zone.id);
        let front_end = known.and_then(|known| known.hosts.first());
        let state = match front_end {
            Some(name) if name == cx.host.name() => of(cx.host, oned, target).await,
            Some(name) => through(cx, name, target).await,
            None => at_endpoint(cx, oned, &zone.endpoint, target).await,
        };
        Says { zone: zone.id, state }
    }))
    .await
}

/// The state a pool has for a zone.
pub(crate) fn state_in(pool: &[ZoneInfo], id: u32) -> Result<ZoneState, Failure> {
    let zone = pool.iter().find(|zone| zone.id == id);
    zone.map(|zone| zone.state)
        .ok_or_else(|| Failure::failed(format!("there is no zone {id} in the zone pool")))
}

async fn of(host: &dyn Host, oned: &LocalOned, target: u32) -> Result<ZoneState, Failure> {
    Ok(zone::state(&oned.client(host), target).await?)
}

async fn through(cx: &Cx<'_>, name: &str, target: u32) -> Result<ZoneState, Failure> {
    let peer: Arc<dyn Host> = cx.peers.peer(name).await?;
    let oned = LocalOned::of(&*peer, cx.secrets).await?;
    of(&*peer, &oned, target).await
}

async fn at_endpoint(
    cx: &Cx<'_>,
    oned: &LocalOned,
    endpoint: &str,
    target: u32,
) -> Result<ZoneState, Failure> {
    let endpoint = Endpoint::parse(endpoint).map_err(|error| Failure::failed(error.to_string()))?;
    Ok(zone::state(&Client::new(cx.host, endpoint, &oned.auth), target).await?)
}
