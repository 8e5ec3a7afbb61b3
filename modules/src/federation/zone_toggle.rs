//! What `zone_disable` and `zone_enable` share: the toggle at the zone's own endpoint, and its effect in every zone.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::federation::everywhere::{Says, state_in, states_of};
use crate::federation::guard;
use crate::federation_map::{Role, Zone};
use crate::module::{Cx, Failure, FailureKind, Outcome};
use crate::opennebula::local::LocalOned;
use crate::opennebula::version::Version;
use crate::opennebula::xmlrpc::RpcError;
use crate::opennebula::zone::{self, ZoneInfo, ZoneState};

/// The note that nebplay disabled a zone; without it the zone was disabled by somebody else, and stays so.
pub(crate) const NOTE: &str = "zone-disabled";

/// How long the other zones get to hear of a toggle: a second is usual, a slave far behind takes minutes.
const PATIENCE: Duration = Duration::from_mins(5);

/// What the note says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Note {
    /// The zone that was enabled before.
    pub(crate) zone: u32,
}

/// A zone about to be toggled, as it is.
pub(crate) struct Sight<'a> {
    /// The zone, as the inventory has it.
    pub(crate) zone: &'a Zone,
    /// Its oned.
    pub(crate) oned: LocalOned,
    /// All zones, as it knows them.
    pub(crate) pool: Vec<ZoneInfo>,
}

impl<'a> Sight<'a> {
    /// Looks at the zone of this step's host; refuses where the inventory is wrong.
    pub(crate) async fn of(cx: &'a Cx<'_>) -> Result<Self, Failure> {
        let zone = guard::zone_of(cx)?;
        let oned = LocalOned::of(cx.host, cx.secrets).await?;
        guard::agrees(cx.host.name(), zone, &oned.conf)?;
        let pool = zone::pool(&oned.client(cx.host)).await?;
        Ok(Self { zone, oned, pool })
    }

    /// The zone's present state.
    pub(crate) fn state(&self) -> Result<ZoneState, Failure> {
        state_in(&self.pool, self.zone.id)
    }

    /// Refuses what `one.zone.enable` cannot do: HA zones, and versions that do not have it.
    pub(crate) async fn can_be_toggled(&self, cx: &Cx<'_>) -> Result<(), Failure> {
        let servers = self
            .pool
            .iter()
            .find(|zone| zone.id == self.zone.id)
            .map_or(0, |zone| zone.servers);
        guard::single_server(self.zone, &self.oned.conf, servers)?;
        let text = zone::system_version(&self.oned.client(cx.host)).await?;
        let version: Version = text
            .parse()
            .map_err(|error| Failure::failed(format!("one.system.version: {error}")))?;
        if version.series() < (6, 2) {
            return Err(Failure::unsafe_to_go_on(format!(
                "zone {} runs OpenNebula {version}, which cannot disable zones: that came with 6.2",
                self.zone.id
            ))
            .hint("keep the API out with api_block on every front-end"));
        }
        Ok(())
    }

    /// Why this toggle would fail, or lock somebody out, at this moment. Looked at right before acting: the plan's earlier steps have
    /// changed what `inspect` saw in check mode.
    pub(crate) fn is_its_turn(&self, cx: &Cx<'_>, wanted: ZoneState) -> Result<(), Failure> {
        let Some(master) = cx.federation.master() else {
            return Err(Failure::unsafe_to_go_on("the inventory has no master zone"));
        };
        let open = |zone: &&ZoneInfo| zone.id != master.id && zone.state == ZoneState::Enabled;
        match (self.zone.role, wanted) {
            (Role::Slave, _) if state_in(&self.pool, master.id)? == ZoneState::Disabled => {
                Err(Failure::unsafe_to_go_on(format!(
                    "zone {} is the master and disabled: a slave's state is written through the master, which takes no writes now",
                    master.id
                ))
                .hint("slaves are disabled before the master, and enabled after it: enable the master first"))
            }
            (Role::Master, ZoneState::Disabled) if self.pool.iter().any(|zone| open(&zone)) => {
                let slaves: Vec<String> = self.pool.iter().filter(open).map(|zone| zone.id.to_string()).collect();
                Err(Failure::unsafe_to_go_on(format!(
                    "slave zones are still enabled ({}): once the master is disabled they take local writes and can no longer be disabled",
                    slaves.join(", ")
                ))
                .hint("disable every slave at its own endpoint first: run this task on all zones"))
            }
            _ => Ok(()),
        }
    }

    /// Toggles, at the zone's own endpoint. An answer that got lost is settled by looking.
    pub(crate) async fn toggle(&self, cx: &Cx<'_>, wanted: ZoneState) -> Result<(), Failure> {
        let client = self.oned.client(cx.host).limit(Duration::from_secs(30));
        let enable = wanted == ZoneState::Enabled;
        match zone::enable(&client, self.zone.id, enable).await {
            Ok(()) => Ok(()),
            Err(
                error @ (RpcError::TimedOut { .. } | RpcError::Broken { .. } | RpcError::Malformed { .. }),
            ) => {
                let pool = zone::pool(&client).await?;
                if state_in(&pool, self.zone.id)? == wanted {
                    Ok(())
                } else {
                    Err(error.into())
                }
            }
            Err(error) => {
                let state = self
                    .state()
                    .map_or_else(|_| "unknown".to_owned(), |state| state.to_string());
                Err(Failure::from(error).state(format!("zone {} is {state}, as before", self.zone.id)))
            }
        }
    }
}

/// Waits until every zone says that this host's zone has the wanted state.
pub(crate) async fn wait_everywhere(
    cx: &Cx<'_>,
    wanted: ZoneState,
    outcome: &mut Outcome,
) -> Result<(), Failure> {
    let clock = cx.host.clock();
    let limit = cx.timeout.unwrap_or(PATIENCE);
    let start = clock.monotonic();
    loop {
        // Read anew: the pool is small, and it is what is in doubt.
        let sight = Sight::of(cx).await?;
        let target = sight.zone.id;
        let says = states_of(cx, &sight.oned, &sight.pool, target).await;
        let missing: Vec<&Says> = says
            .iter()
            .filter(|says| !matches!(&says.state, Ok(state) if *state == wanted))
            .collect();
        if missing.is_empty() {
            let zones: Vec<u32> = says.iter().map(|says| says.zone).collect();
            outcome.result.insert("seen_in_zones".to_owned(), zones.into());
            return Ok(());
        }
        if clock.monotonic().saturating_sub(start) >= limit {
            return Err(not_everywhere(&missing, target, wanted));
        }
        clock.sleep(Duration::from_secs(1)).await;
    }
}

fn not_everywhere(missing: &[&Says], target: u32, wanted: ZoneState) -> Failure {
    let line = |says: &&Says| match &says.state {
        Ok(state) => format!("zone {} has it {state}", says.zone),
        Err(failure) => format!("zone {}: {}", says.zone, failure.message),
    };
    let unreachable = missing.iter().find_map(|says| says.state.as_ref().err());
    // A zone that cannot be asked is unreachable, not lying.
    let kind = match unreachable {
        Some(failure) if missing.iter().all(|says| says.state.is_err()) => failure.kind,
        _ => FailureKind::NotVerified,
    };
    let lines: Vec<String> = missing.iter().map(line).collect();
    Failure::new(
        kind,
        format!(
            "zone {target} is not {wanted} in every zone: {}",
            lines.join("; ")
        ),
    )
    .state(format!(
        "zone {target} was set {wanted}; other zones do not all know it"
    ))
    .hint("run fed_index_check with nudge: true on the master, then this task again")
}

#[cfg(test)]
mod tests;
