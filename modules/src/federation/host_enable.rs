//! `host_enable`.

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::contract::{Contract, Order, Privilege, Recovery};
use crate::federation::hypervisors::{NOTE, Sight, ids, run_onehost};
use crate::memory;
use crate::module::{Change, Cx, Effect, Failure, Finding, Module, Outcome};
use crate::opennebula::machines::Hypervisor;
use crate::opennebula::zone::ZoneState;

/// Enables the hypervisor hosts that `host_disable` disabled.
///
/// Hosts that were disabled or offline before stay so, and so does what somebody changed since. Impossible in a disabled zone, so it
/// comes after `zone_enable`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HostEnable {}

#[async_trait]
impl Module for HostEnable {
    const NAME: &'static str = "host_enable";
    const CONTRACT: Contract = Contract::serial(Order::MasterFirst, Recovery::Inspect, Privilege::Root);
    const EXAMPLE: &'static str = "- name: Hypervisors as they were\n  host_enable:\n";

    async fn inspect(&self, cx: &Cx<'_>) -> Result<Finding, Failure> {
        let note: Option<Vec<Hypervisor>> = memory::recall(cx.host, NOTE).await?;
        let Some(note) = note else {
            return Ok(Finding::no_change(
                "nebplay disabled no hypervisor host of this zone",
            ));
        };
        let sight = Sight::of(cx).await?;
        let back = to_enable(&note, &sight.hosts);
        let mut what: Vec<String> = back
            .iter()
            .map(|host| format!("enable hypervisor host {} ({})", host.id, host.name))
            .collect();
        if what.is_empty() {
            what.push("forget how the hypervisor hosts were: they are so again".to_owned());
        }
        Ok(Finding::Change(Change {
            what,
            ..Change::default()
        }))
    }
}

/// Those that are disabled now and were not before. Whatever else they are now, somebody wanted it.
fn to_enable<'a>(note: &[Hypervisor], now: &'a [Hypervisor]) -> Vec<&'a Hypervisor> {
    let was_in = |host: &&Hypervisor| {
        note.iter()
            .any(|noted| noted.id == host.id && !noted.state.is_out())
    };
    now.iter()
        .filter(|host| host.state.is_disabled())
        .filter(was_in)
        .collect()
}

#[async_trait]
impl Effect for HostEnable {
    async fn apply(&self, cx: &Cx<'_>, _: &Change) -> Result<Outcome, Failure> {
        let note: Vec<Hypervisor> = memory::recall(cx.host, NOTE).await?.unwrap_or_default();
        let sight = Sight::of(cx).await?;
        let back = to_enable(&note, &sight.hosts);
        if !back.is_empty() && sight.zone_state == ZoneState::Disabled {
            return Err(Failure::unsafe_to_go_on(format!(
                "zone {} is disabled, and hypervisor hosts of a disabled zone cannot be enabled",
                sight.zone
            ))
            .hint("enable the zone first: zone_enable, then host_enable"));
        }
        run_onehost(cx, &sight, "enable", &back).await?;
        let stay: Vec<&Hypervisor> = note.iter().filter(|host| host.state.is_out()).collect();
        Ok(
            Outcome::changed(format!("enabled {} hypervisor hosts", back.len()))
                .with("enabled", json!(ids(&back)))
                .with("left_out", json!(stay)),
        )
    }

    async fn verify(&self, cx: &Cx<'_>, _: &Change, outcome: &mut Outcome) -> Result<(), Failure> {
        let note: Vec<Hypervisor> = memory::recall(cx.host, NOTE).await?.unwrap_or_default();
        let sight = Sight::of(cx).await?;
        outcome.result.insert("hosts".to_owned(), json!(sight.hosts));
        let still: Vec<String> = to_enable(&note, &sight.hosts)
            .iter()
            .map(|host| format!("{} {} ({})", host.id, host.name, host.state))
            .collect();
        if !still.is_empty() {
            return Err(Failure::not_verified(format!(
                "hypervisor hosts are still disabled: {}",
                still.join(", ")
            )));
        }
        // Not before it is proven: until then the note is all that knows which hosts were in.
        memory::forget(cx.host, NOTE).await
    }
}
