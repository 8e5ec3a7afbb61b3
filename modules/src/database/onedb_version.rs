//! Module `onedb_version`.

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::contract::{Contract, Privilege};
use crate::module::{Cx, Failure, Finding, Module, Outcome};
use crate::opennebula::onedb::{Access, GivenDatabase, version};

/// Reads which version a zone's database has and which one the installed programs need.
///
/// Registers `shared`, `local`, `required_shared`, `required_local` and `state`: `current`, `upgrade_needed`, `newer` (the database
/// is newer than the programs) or `not_bootstrapped` (missing or empty: oned started on it would begin a new cloud).
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OnedbVersion {
    /// Connection parameters instead of those of oned.conf.
    #[serde(default)]
    database: Option<GivenDatabase>,
}

#[async_trait]
impl Module for OnedbVersion {
    const NAME: &'static str = "onedb_version";
    const CONTRACT: Contract = Contract::reads(Privilege::Oneadmin);
    const EXAMPLE: &'static str = "- name: Read the database's version\n  onedb_version:\n  register: db\n";

    async fn inspect(&self, cx: &Cx<'_>) -> Result<Finding, Failure> {
        let access = Access::of(cx, self.database.as_ref()).await?;
        let version = version::read(cx.host, &access).await?;
        let mut outcome = Outcome::unchanged(format!("{}: {}", access.describe(), version.describe()));
        if let Ok(serde_json::Value::Object(fields)) = serde_json::to_value(&version) {
            outcome.result.extend(fields);
        }
        Ok(Finding::NoChange(outcome.with("mode", access.mode.to_string())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::opennebula::onedb::fake;
    use crate::testing::FakeWorld;
    use serde_json::json;

    #[tokio::test]
    async fn every_state_is_registered() {
        let world = FakeWorld::default();
        let module: OnedbVersion = serde_json::from_value(json!({})).unwrap();
        let host = fake::front_end("m", "MASTER");
        for (installed, state) in [
            ("7.0.0", "current"),
            ("7.2.0", "upgrade_needed"),
            ("6.10.0", "newer"),
        ] {
            fake::install(&host, installed);
            let Finding::NoChange(outcome) = module.inspect(&world.cx_of(&host)).await.unwrap() else {
                panic!("it only reads");
            };
            assert_eq!(outcome.result["state"], json!(state));
            assert_eq!(outcome.result["required_local"], json!(installed));
        }
        std::fs::remove_file(host.mapped(fake::DB)).unwrap();
        let Finding::NoChange(outcome) = module.inspect(&world.cx_of(&host)).await.unwrap() else {
            panic!("it only reads");
        };
        assert_eq!(outcome.result["state"], json!("not_bootstrapped"));
    }
}
