//! `ping`: whether the host answers.

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::contract::{Contract, Privilege};
use crate::module::{Cx, Failure, Finding, Module, Outcome};

/// Runs nothing but a look at who answers: connection, login and privilege work.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Ping {
    /// What to return as `ping`.
    #[serde(default = "pong")]
    data: String,
}

fn pong() -> String {
    "pong".to_owned()
}

#[async_trait]
impl Module for Ping {
    const NAME: &'static str = "ping";
    const CONTRACT: Contract = Contract::reads(Privilege::AsTask);
    const EXAMPLE: &'static str = "\
- name: every host answers, and we are root there
  become: true
  ping:
";

    async fn inspect(&self, cx: &Cx<'_>) -> Result<Finding, Failure> {
        let output = cx.host.run(&cx.command(["id", "-un"])).await?;
        let user = output.text().trim().to_owned();
        if user.is_empty() {
            return Err(Failure::failed(format!(
                "{}: `id` did not answer: {}",
                cx.host.name(),
                output.err_text().trim()
            )));
        }
        let outcome = Outcome::unchanged(format!("answers as {user}"));
        Ok(Finding::NoChange(
            outcome.with("ping", self.data.as_str()).with("user", user),
        ))
    }
}
