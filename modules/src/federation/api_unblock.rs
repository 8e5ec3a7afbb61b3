//! `api_unblock`.

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::contract::{Contract, Order, Privilege, Recovery};
use crate::federation::api_block::guarded::{
    FILE, Listed, UNIT, UNIT_FILE, connects_as_oneadmin, listed, run,
};
use crate::host::RunAs;
use crate::module::{Change, Cx, Effect, Failure, FailureKind, Finding, Module, Outcome};
use crate::opennebula::local::LocalOned;
use crate::opennebula::zone;

/// Opens the API of a front-end again: removes what `api_block` made, and nothing else.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ApiUnblock {}

/// The traces of a block that are there.
async fn traces(cx: &Cx<'_>) -> Result<Vec<String>, Failure> {
    let mut found = Vec::new();
    for path in [UNIT_FILE, FILE] {
        if cx.host.stat(path, &RunAs::root()).await?.is_some() {
            found.push(path.to_owned());
        }
    }
    match listed(cx.host).await {
        Ok(Listed::Table(_)) => found.push("table inet nebplay".to_owned()),
        Ok(Listed::None) => {}
        // api_block leaves its files before it loads anything: without them, a host where nft is missing or may not be used was
        // never blocked.
        Err(failure) if failure.kind == FailureKind::Failed && found.is_empty() => {}
        Err(failure) => return Err(failure),
    }
    Ok(found)
}

#[async_trait]
impl Module for ApiUnblock {
    const NAME: &'static str = "api_unblock";
    const CONTRACT: Contract = Contract::serial(Order::MasterFirst, Recovery::Inspect, Privilege::Root);
    const EXAMPLE: &'static str = "- name: Open the API again\n  api_unblock:\n";

    async fn inspect(&self, cx: &Cx<'_>) -> Result<Finding, Failure> {
        let found = traces(cx).await?;
        if found.is_empty() {
            return Ok(Finding::no_change("nothing of nebplay's keeps the API out"));
        }
        Ok(Finding::Change(Change {
            what: found.iter().map(|trace| format!("remove {trace}")).collect(),
            seen: json!(found),
            diff: None,
        }))
    }
}

#[async_trait]
impl Effect for ApiUnblock {
    async fn apply(&self, cx: &Cx<'_>, _: &Change) -> Result<Outcome, Failure> {
        // What would load it again goes first.
        if cx.host.stat(UNIT_FILE, &RunAs::root()).await?.is_some() {
            run(cx, &["systemctl", "disable", "--now", UNIT]).await?;
            run(cx, &["rm", "-f", "--", UNIT_FILE]).await?;
            run(cx, &["systemctl", "daemon-reload"]).await?;
        }
        run(cx, &["rm", "-f", "--", FILE]).await?;
        if let Listed::Table(_) = listed(cx.host).await? {
            run(cx, &["nft", "delete", "table", "inet", "nebplay"]).await?;
        }
        Ok(Outcome::changed("the API is open again"))
    }

    async fn verify(&self, cx: &Cx<'_>, _: &Change, outcome: &mut Outcome) -> Result<(), Failure> {
        let left = traces(cx).await?;
        if !left.is_empty() {
            return Err(Failure::not_verified(format!("still there: {}", left.join(", "))));
        }
        // Where oned answers us it must answer its own services too; where it is down nobody can tell.
        let oned = LocalOned::of(cx.host, cx.secrets).await?;
        let answers = zone::pool(&oned.client(cx.host)).await.is_ok();
        if answers && connects_as_oneadmin(cx.host, oned.conf.port).await? == Some(false) {
            return Err(Failure::not_verified(format!(
                "oned runs, and oneadmin still gets no connection to port {}",
                oned.conf.port
            ))
            .hint("some other firewall rule keeps it out: nft list ruleset"));
        }
        outcome.result.insert("answers".to_owned(), json!(answers));
        Ok(())
    }
}
