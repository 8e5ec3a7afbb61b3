//! `zone_enable`.

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::contract::{Contract, Order, Privilege, Recovery};
use crate::federation::everywhere::About;
use crate::federation::zone_toggle::{NOTE, Sight, bring_about, wait_for_effect};
use crate::memory;
use crate::module::{Change, Cx, Effect, Failure, Finding, Module, Outcome};
use crate::opennebula::zone::ZoneState;

/// Enables a zone that `zone_disable` disabled: the master first, then the slaves, each at its own endpoint.
///
/// A zone that was disabled before nebplay came stays disabled, unless `force` is true. A slave's state is written through the
/// master, so the master comes first whatever the inventory says. With the last one every zone must have stored all states as the
/// master has them. Where zones do not hear of it for a while it is set once more, which wakes a zone that is stuck.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ZoneEnable {
    /// Enable it whoever disabled it.
    #[serde(default)]
    force: bool,
}

#[async_trait]
impl Module for ZoneEnable {
    const NAME: &'static str = "zone_enable";
    const CONTRACT: Contract = Contract::serial(Order::MasterFirst, Recovery::Inspect, Privilege::Root);
    const EXAMPLE: &'static str = "- name: Open the zones again\n  zone_enable:\n";

    async fn inspect(&self, cx: &Cx<'_>) -> Result<Finding, Failure> {
        let sight = Sight::of(cx).await?;
        let zone = sight.zone.id;
        let ours = sight.is_ours(cx).await?;
        match (sight.info.state, ours || self.force) {
            (ZoneState::Disabled, true) => {
                sight.can_be_toggled(cx).await?;
                Ok(Finding::change(format!(
                    "enable zone {zone} ({})",
                    sight.zone.name
                )))
            }
            (ZoneState::Disabled, false) => Ok(Finding::NoChange(
                Outcome::unchanged(format!(
                    "zone {zone} was disabled before nebplay came, and stays so"
                ))
                .with("state", "off")
                .warn(format!(
                    "zone {zone} is disabled; force: true enables it all the same"
                )),
            )),
            (ZoneState::Enabled, _) if ours => Ok(Finding::change(format!(
                "forget that zone {zone} was disabled: it is enabled"
            ))),
            (ZoneState::Enabled, _) => Ok(Finding::NoChange(
                Outcome::unchanged(format!("zone {zone} is enabled already")).with("state", "on"),
            )),
        }
    }
}

#[async_trait]
impl Effect for ZoneEnable {
    async fn apply(&self, cx: &Cx<'_>, _: &Change) -> Result<Outcome, Failure> {
        let sight = Sight::of(cx).await?;
        let zone = sight.zone.id;
        let mut about = About::All;
        if sight.info.state == ZoneState::Disabled {
            sight.is_its_turn(cx, ZoneState::Enabled).await?;
            sight.toggle(cx, ZoneState::Enabled).await?;
            about = About::Zone(zone);
        }
        bring_about(cx, ZoneState::Enabled, about).await?;
        memory::forget(cx.host, NOTE).await?;
        Ok(Outcome::changed(format!("zone {zone} is enabled")).with("state", "on"))
    }

    async fn verify(&self, cx: &Cx<'_>, _: &Change, outcome: &mut Outcome) -> Result<(), Failure> {
        wait_for_effect(cx, ZoneState::Enabled, About::All, outcome).await
    }
}
