//! `zone_disable`.

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::contract::{Contract, Order, Privilege, Recovery};
use crate::federation::everywhere::About;
use crate::federation::guard;
use crate::federation::zone_toggle::{NOTE, Note, Sight, bring_about, not_heard, wait_for_effect};
use crate::memory;
use crate::module::{Change, Cx, Effect, Failure, Finding, Module, Outcome};
use crate::opennebula::zone::ZoneState;

/// Disables a zone, so that its API takes no writes: slaves first, the master last, each at its own endpoint.
///
/// Reads go on, and so do transitions of virtual machines that are under way. A disabled master does not keep local writes out of the
/// slaves, so every zone is disabled; and the master is not before every zone has stored that all slaves are. Where zones do not hear of
/// it for a while it is set once more, which wakes a zone that is stuck. The state survives stop, upgrade and restore. `zone_enable`
/// enables again what this disabled, and nothing that was disabled before. Refused before OpenNebula 6.2 and for HA zones: use `api_block`
/// there.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ZoneDisable {}

#[async_trait]
impl Module for ZoneDisable {
    const NAME: &'static str = "zone_disable";
    const CONTRACT: Contract = Contract::serial(Order::MasterLast, Recovery::Inspect, Privilege::Root);
    const EXAMPLE: &'static str = "- name: Keep the API out\n  zone_disable:\n";

    async fn inspect(&self, cx: &Cx<'_>) -> Result<Finding, Failure> {
        let sight = Sight::of(cx).await?;
        let zone = sight.zone.id;
        if sight.info.state == ZoneState::Disabled {
            // A step that was cut off may have toggled, and not have seen whether others heard of it.
            let not_heard = if sight.is_ours(cx).await? {
                not_heard(cx, &sight).await?
            } else {
                Vec::new()
            };
            if !not_heard.is_empty() {
                return Ok(Finding::change(format!(
                    "make it known that zone {zone} is disabled: {}",
                    not_heard.join("; ")
                )));
            }
            return Ok(Finding::NoChange(
                Outcome::unchanged(format!("zone {zone} is disabled already")).with("state", "off"),
            ));
        }
        sight.can_be_toggled(cx).await?;
        Ok(Finding::change(format!(
            "disable zone {zone} ({})",
            sight.zone.name
        )))
    }
}

#[async_trait]
impl Effect for ZoneDisable {
    async fn apply(&self, cx: &Cx<'_>, _: &Change) -> Result<Outcome, Failure> {
        let sight = Sight::of(cx).await?;
        let zone = sight.zone.id;
        let mut about = About::All;
        if sight.info.state == ZoneState::Enabled {
            sight.is_its_turn(cx, ZoneState::Disabled).await?;
            // Before the toggle: a note too many is removed by zone_enable, one too few would leave the zone disabled for ever.
            memory::overwrite(cx.host, NOTE, &Note { zone }).await?;
            sight.toggle(cx, ZoneState::Disabled).await?;
            about = About::Zone(zone);
        }
        bring_about(cx, ZoneState::Disabled, about).await?;
        Ok(Outcome::changed(format!("zone {zone} is disabled")).with("state", "off"))
    }

    async fn verify(&self, cx: &Cx<'_>, _: &Change, outcome: &mut Outcome) -> Result<(), Failure> {
        // The others' states were proven in every zone before the master was disabled.
        let own = About::Zone(guard::zone_of(cx)?.id);
        wait_for_effect(cx, ZoneState::Disabled, own, outcome).await
    }
}
