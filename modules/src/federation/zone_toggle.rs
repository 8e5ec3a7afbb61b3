//! What `zone_disable` and `zone_enable` share: the toggle at the zone's own endpoint, and its effect in every zone.

mod effect;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::federation::everywhere::{About, ask, state_in};
use crate::federation::guard;
use crate::federation_map::{Role, Zone};
use crate::memory;
use crate::module::{Cx, Failure};
use crate::opennebula::local::LocalOned;
use crate::opennebula::version::Version;
use crate::opennebula::xmlrpc::RpcError;
use crate::opennebula::zone::{self, ZoneInfo, ZoneState};
pub(crate) use effect::{bring_about, not_heard, wait_for_effect};

/// The note that nebplay disabled a zone; without it the zone was disabled by somebody else, and stays so.
pub(crate) const NOTE: &str = "zone-disabled";

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
    /// The zone, as it knows itself.
    pub(crate) info: ZoneInfo,
}

impl<'a> Sight<'a> {
    /// Looks at the zone of this step's host; refuses where the inventory is wrong.
    pub(crate) async fn of(cx: &'a Cx<'_>) -> Result<Self, Failure> {
        let zone = guard::zone_of(cx)?;
        let oned = LocalOned::of(cx.host, cx.secrets).await?;
        guard::agrees(cx.host.name(), zone, &oned.conf)?;
        let info = zone::info(&oned.client(cx.host), zone.id).await?;
        Ok(Self { zone, oned, info })
    }

    /// Whether nebplay disabled it, or was about to.
    pub(crate) async fn is_ours(&self, cx: &Cx<'_>) -> Result<bool, Failure> {
        let note: Option<Note> = memory::recall(cx.host, NOTE).await?;
        Ok(note.is_some_and(|note| note.zone == self.zone.id))
    }

    /// Refuses what `one.zone.enable` cannot do: HA zones, and versions that do not have it.
    pub(crate) async fn can_be_toggled(&self, cx: &Cx<'_>) -> Result<(), Failure> {
        guard::single_server(self.zone, &self.oned.conf, self.info.servers)?;
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
    pub(crate) async fn is_its_turn(&self, cx: &Cx<'_>, wanted: ZoneState) -> Result<(), Failure> {
        let client = self.oned.client(cx.host);
        match (self.zone.role, wanted) {
            (Role::Slave, _) => {
                let master = master_of(cx)?;
                // Asked of the master itself: where it was restarted right after it was enabled, no slave hears of that before its
                // next write, and that is this toggle.
                let told = ask(cx, &self.oned, master, About::Zone(master.id)).await?;
                let master = master.id;
                if state_in(&told, master)? == ZoneState::Enabled {
                    return Ok(());
                }
                Err(Failure::unsafe_to_go_on(format!(
                    "zone {master} is the master and disabled: a slave's state is written through the master, which takes no writes now"
                ))
                .hint("slaves are disabled before the master, and enabled after it: enable the master first"))
            }
            (Role::Master, ZoneState::Disabled) => {
                let pool = zone::pool(&client).await?;
                let open = |zone: &&ZoneInfo| zone.id != self.zone.id && zone.state == ZoneState::Enabled;
                let slaves: Vec<String> = pool.iter().filter(open).map(|zone| zone.id.to_string()).collect();
                if slaves.is_empty() {
                    return effect::wait_until_alike(cx).await;
                }
                Err(Failure::unsafe_to_go_on(format!(
                    "slave zones are still enabled ({}): once the master is disabled they take local writes and can no longer be disabled",
                    slaves.join(", ")
                ))
                .hint("disable every slave at its own endpoint first: run this task on all zones"))
            }
            (Role::Master, ZoneState::Enabled) => Ok(()),
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
                if zone::info(&client, self.zone.id).await?.state == wanted {
                    Ok(())
                } else {
                    Err(error.into())
                }
            }
            Err(error) => Err(Failure::from(error)
                .state(format!("zone {} is {}, as before", self.zone.id, self.info.state))),
        }
    }
}

/// The master zone of the inventory.
fn master_of<'a>(cx: &'a Cx<'_>) -> Result<&'a Zone, Failure> {
    let master = cx.federation.master();
    master.ok_or_else(|| Failure::unsafe_to_go_on("the inventory has no master zone"))
}

#[cfg(test)]
mod tests;
