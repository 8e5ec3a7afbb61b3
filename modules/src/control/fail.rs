//! `fail`: stop.

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::contract::Contract;
use crate::module::{Cx, Failure, Finding, Module};

/// Fails, with a message; put a `when` on it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Fail {
    /// What to say.
    #[serde(default = "because")]
    msg: String,
}

fn because() -> String {
    "Failed as requested from task".to_owned()
}

#[async_trait]
impl Module for Fail {
    const NAME: &'static str = "fail";
    const CONTRACT: Contract = Contract::control(&[]);
    const EXAMPLE: &'static str = "\
- name: refuse to go on
  fail:
    msg: \"{{ zone_name }} is an HA zone\"
  when: servers | length > 1
";

    async fn inspect(&self, _: &Cx<'_>) -> Result<Finding, Failure> {
        Err(Failure::failed(&self.msg))
    }
}
