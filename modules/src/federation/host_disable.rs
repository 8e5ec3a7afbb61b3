//! `host_disable`.

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::contract::{Contract, Order, Privilege, Recovery};
use crate::federation::hypervisors::{NOTE, Sight, ids, run_onehost};
use crate::memory;
use crate::module::{Change, Cx, Effect, Failure, Finding, Module, Outcome};
use crate::opennebula::machines::{HostState, Hypervisor};
use crate::opennebula::zone::ZoneState;

/// Disables the hypervisor hosts of a zone, so that nothing new starts on them, and remembers how each was.
///
/// Hosts that are disabled or offline already are left alone: `onehost disable` would overwrite it. Impossible in a disabled zone, so
/// it comes before `zone_disable`. `host_enable` brings back what this took out, and nothing else.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HostDisable {}

#[async_trait]
impl Module for HostDisable {
    const NAME: &'static str = "host_disable";
    const CONTRACT: Contract = Contract::serial(Order::Inventory, Recovery::Inspect, Privilege::Root);
    const EXAMPLE: &'static str = "- name: Nothing new starts on the hypervisors\n  host_disable:\n";

    async fn inspect(&self, cx: &Cx<'_>) -> Result<Finding, Failure> {
        let sight = Sight::of(cx).await?;
        let open = open_hosts(&sight.hosts);
        if open.is_empty() {
            return Ok(Finding::NoChange(
                Outcome::unchanged(format!(
                    "none of {} hypervisor hosts takes new machines",
                    sight.hosts.len()
                ))
                .with("hosts", json!(sight.hosts)),
            ));
        }
        if sight.zone_state == ZoneState::Disabled {
            return Err(Failure::unsafe_to_go_on(format!(
                "zone {} is disabled, and hypervisor hosts of a disabled zone cannot be disabled",
                sight.zone
            ))
            .hint("disable the hosts before the zone: zone_enable, host_disable, zone_disable"));
        }
        let names = |host: &&Hypervisor| {
            format!(
                "disable hypervisor host {} ({}, {})",
                host.id, host.name, host.state
            )
        };
        Ok(Finding::Change(Change {
            what: open.iter().map(names).collect(),
            ..Change::default()
        }))
    }
}

fn open_hosts(hosts: &[Hypervisor]) -> Vec<&Hypervisor> {
    hosts.iter().filter(|host| !host.state.is_out()).collect()
}

#[async_trait]
impl Effect for HostDisable {
    async fn apply(&self, cx: &Cx<'_>, _: &Change) -> Result<Outcome, Failure> {
        let sight = Sight::of(cx).await?;
        let open = open_hosts(&sight.hosts);
        // A host that was there at the first run keeps what was recorded of it then; one that came since is added.
        let mut note: Vec<Hypervisor> = memory::recall(cx.host, NOTE).await?.unwrap_or_default();
        for host in &sight.hosts {
            if !note.iter().any(|noted| noted.id == host.id) {
                note.push(host.clone());
            }
        }
        memory::overwrite(cx.host, NOTE, &note).await?;
        run_onehost(cx, &sight, "disable", &open).await?;
        Ok(
            Outcome::changed(format!("disabled {} hypervisor hosts", open.len()))
                .with("disabled", json!(ids(&open))),
        )
    }

    async fn verify(&self, cx: &Cx<'_>, _: &Change, outcome: &mut Outcome) -> Result<(), Failure> {
        let sight = Sight::of(cx).await?;
        let open = open_hosts(&sight.hosts);
        outcome.result.insert("hosts".to_owned(), json!(sight.hosts));
        if open.is_empty() {
            return Ok(());
        }
        let list: Vec<String> = open
            .iter()
            .map(|host| format!("{} {} ({})", host.id, host.name, host.state))
            .collect();
        Err(Failure::not_verified(format!(
            "hypervisor hosts are not {}: {}",
            HostState::DISABLED,
            list.join(", ")
        )))
    }
}
