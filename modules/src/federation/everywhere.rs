//! What zones themselves say of the zones' states: each has a copy of its own, which follows the master's.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;

use crate::federation_map::Zone;
use crate::host::Host;
use crate::module::{Cx, Failure};
use crate::opennebula::endpoint::Endpoint;
use crate::opennebula::local::LocalOned;
use crate::opennebula::xmlrpc::Client;
use crate::opennebula::zone::{self, Pool, ZoneInfo, ZoneState};

/// Zones that catch up by themselves were seen to within a second; one that has not moved for so long waits for another federated write.
pub(crate) const STUCK_AFTER: Duration = Duration::from_secs(15);

/// What a zone is asked for.
#[derive(Clone, Copy)]
pub(crate) enum About {
    /// One zone: of a large federation far less than all.
    Zone(u32),
    /// All zones.
    All,
}

/// What a zone has stored, by id.
pub(crate) type Told = Result<Pool, Failure>;

/// Asks these zones, each through its own front-end where the inventory knows it, otherwise at its endpoint; the answers are in their
/// order. At once: nothing is changed, and in a federation across continents a look takes as long as the farthest zone.
pub(crate) async fn ask_all(cx: &Cx<'_>, oned: &LocalOned, zones: &[&ZoneInfo], about: About) -> Vec<Told> {
    join_all(zones.iter().map(|zone| async move {
        match cx.federation.zones.iter().find(|known| known.id == zone.id) {
            Some(known) => ask(cx, oned, known, about).await,
            None => at_endpoint(cx, oned, &zone.endpoint, about).await,
        }
    }))
    .await
}

/// Asks a zone of the inventory, through its front-end. `oned`: that of this step's host.
pub(crate) async fn ask(cx: &Cx<'_>, oned: &LocalOned, zone: &Zone, about: About) -> Told {
    match zone.hosts.first() {
        Some(name) if name == cx.host.name() => of(cx.host, oned, about).await,
        Some(name) => {
            let peer: Arc<dyn Host> = cx.peers.peer(name).await?;
            let oned = LocalOned::of(&*peer, cx.secrets).await?;
            of(&*peer, &oned, about).await
        }
        None => Err(Failure::failed(format!(
            "the inventory has no front-end of zone {}",
            zone.id
        ))),
    }
}

/// The state a pool has for a zone.
pub(crate) fn state_in(pool: &[ZoneInfo], id: u32) -> Result<ZoneState, Failure> {
    zone::find(pool, id)
        .map(|zone| zone.state)
        .ok_or_else(|| Failure::failed(format!("there is no zone {id} in the zone pool")))
}

async fn of(host: &dyn Host, oned: &LocalOned, about: About) -> Told {
    told(&oned.client(host), about).await
}

async fn at_endpoint(cx: &Cx<'_>, oned: &LocalOned, endpoint: &str, about: About) -> Told {
    let endpoint = Endpoint::parse(endpoint).map_err(|error| Failure::failed(error.to_string()))?;
    told(&Client::new(cx.host, endpoint, &oned.auth), about).await
}

async fn told(client: &Client<'_>, about: About) -> Told {
    Ok(match about {
        About::Zone(zone) => [zone::info(client, zone).await?].into(),
        About::All => zone::pool(client).await?,
    })
}
