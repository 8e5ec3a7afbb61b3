//! `api_block`.

pub(crate) mod guarded;
pub(crate) mod ruleset;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::contract::{Contract, Order, Privilege, Recovery};
use crate::host::{Command, FileMeta, RunAs};
use crate::module::{Change, Cx, Diff, Effect, Failure, Finding, Module, Outcome};
use crate::opennebula::local::LocalOned;
use crate::opennebula::zone;

use guarded::{FILE, Listed, UNIT, UNIT_FILE, UNIT_TEXT, connects_as_oneadmin, listed, wanted};
use ruleset::Ruleset;

/// Keeps the API of a front-end out with nftables: nobody but the federation itself, root and nebplay reaches its ports.
///
/// For versions before 6.2 and HA zones, where `zone_disable` cannot be used; run it on every front-end. Connections to the API's
/// ports are reset over IPv4 and IPv6, also those that are open already and those of this machine's own services, which write through
/// loopback. The federation's own addresses pass, so that replication goes on. It is a table of its own (`inet nebplay`), loaded at
/// boot by a unit of its own; `api_unblock` removes exactly that. Services that run as oneadmin and use another zone's API directly
/// are not told from its oned: stop them.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ApiBlock {
    /// The ports of the API. By default that of oned.conf, 2633 (XML-RPC) and 2634 (gRPC, since 7.2).
    #[serde(default)]
    ports: Vec<u16>,
}

#[async_trait]
impl Module for ApiBlock {
    const NAME: &'static str = "api_block";
    const CONTRACT: Contract = Contract::serial(Order::MasterLast, Recovery::Inspect, Privilege::Root);
    const EXAMPLE: &'static str = "- name: Keep the API out\n  api_block:\n";

    async fn inspect(&self, cx: &Cx<'_>) -> Result<Finding, Failure> {
        let oned = LocalOned::of(cx.host, cx.secrets).await?;
        let ruleset = wanted(cx, &oned, &self.ports).await?;
        let before = match listed(cx.host).await? {
            Listed::Table(lines) => lines,
            Listed::None => Vec::new(),
        };
        if before == ruleset.lines() && is_lasting(cx, &ruleset).await? {
            return Ok(Finding::NoChange(result(
                &ruleset,
                Outcome::unchanged("the API is kept out already"),
            )));
        }
        let answers = zone::pool(&oned.client(cx.host)).await.is_ok();
        let text = |lines: &[String]| lines.iter().map(|line| format!("{line}\n")).collect::<String>();
        Ok(Finding::Change(
            Change::new(format!(
                "reset connections to the ports {}, except from {}",
                ruleset
                    .ports
                    .iter()
                    .map(u16::to_string)
                    .collect::<Vec<_>>()
                    .join(", "),
                ruleset.addresses().join(", ")
            ))
            .seen(json!({ "answers": answers }))
            .diff(Diff {
                title: "nft list table inet nebplay".to_owned(),
                before: text(&before),
                after: text(&ruleset.lines()),
            }),
        ))
    }
}

fn result(ruleset: &Ruleset, outcome: Outcome) -> Outcome {
    outcome
        .with("ports", json!(ruleset.ports))
        .with("except", json!(ruleset.addresses()))
}

/// Whether the block would be there after a reboot.
async fn is_lasting(cx: &Cx<'_>, ruleset: &Ruleset) -> Result<bool, Failure> {
    let root = RunAs::root();
    let file = cx.host.read_file(FILE, &root, 1 << 20).await?;
    let unit = cx.host.read_file(UNIT_FILE, &root, 1 << 16).await?;
    if file.as_deref() != Some(ruleset.text().as_bytes()) || unit.as_deref() != Some(UNIT_TEXT.as_bytes()) {
        return Ok(false);
    }
    let enabled = cx
        .host
        .run(&Command::new(["systemctl", "is-enabled", UNIT]).as_root())
        .await?;
    Ok(enabled.text().trim() == "enabled")
}

#[async_trait]
impl Effect for ApiBlock {
    async fn apply(&self, cx: &Cx<'_>, _: &Change) -> Result<Outcome, Failure> {
        let oned = LocalOned::of(cx.host, cx.secrets).await?;
        let ruleset = wanted(cx, &oned, &self.ports).await?;
        let owned = |mode| FileMeta {
            mode: Some(mode),
            owner: Some("root".to_owned()),
            group: Some("root".to_owned()),
        };
        let root = RunAs::root();
        guarded::run(
            cx,
            &[
                "install",
                "-d",
                "-m",
                "0700",
                "-o",
                "root",
                "-g",
                "root",
                "/var/lib/nebplay",
            ],
        )
        .await?;
        cx.host
            .write_file(FILE, ruleset.text().as_bytes(), &owned(0o600), &root)
            .await?;
        // Refused whole or loaded whole; what nft does not take must not be what boots.
        guarded::run(cx, &["nft", "--check", "--file", FILE]).await?;
        cx.host
            .write_file(UNIT_FILE, UNIT_TEXT.as_bytes(), &owned(0o644), &root)
            .await?;
        guarded::run(cx, &["systemctl", "daemon-reload"]).await?;
        guarded::run(cx, &["systemctl", "enable", UNIT]).await?;
        guarded::run(cx, &["systemctl", "restart", UNIT]).await?;
        Ok(result(&ruleset, Outcome::changed("the API is kept out")))
    }

    async fn verify(&self, cx: &Cx<'_>, change: &Change, outcome: &mut Outcome) -> Result<(), Failure> {
        let oned = LocalOned::of(cx.host, cx.secrets).await?;
        let ruleset = wanted(cx, &oned, &self.ports).await?;
        match listed(cx.host).await? {
            Listed::Table(lines) if lines == ruleset.lines() => {}
            Listed::Table(_) => {
                return Err(Failure::not_verified(
                    "the loaded table inet nebplay is not the one that was meant",
                ));
            }
            Listed::None => {
                return Err(Failure::not_verified(
                    "there is no table inet nebplay after it was loaded",
                ));
            }
        }
        if !is_lasting(cx, &ruleset).await? {
            return Err(Failure::not_verified(format!(
                "{UNIT} is not enabled: the block would not survive a reboot"
            )));
        }
        match connects_as_oneadmin(cx.host, oned.conf.port).await? {
            Some(true) => {
                return Err(Failure::not_verified(format!(
                    "oneadmin still reaches port {} over loopback, so services of this machine do too",
                    oned.conf.port
                )));
            }
            Some(false) => {}
            None => outcome
                .warnings
                .push("no bash to try a connection from loopback with".to_owned()),
        }
        let answered = change.seen["answers"] == json!(true);
        if answered && let Err(error) = zone::pool(&oned.client(cx.host)).await {
            return Err(
                Failure::not_verified(format!("nebplay itself no longer reaches the API: {error}"))
                    .hint("run api_unblock, and see which user the connections of this login belong to"),
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
