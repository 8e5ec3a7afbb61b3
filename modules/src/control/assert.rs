//! `assert`: stop unless something is so.

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::contract::Contract;
use crate::module::{Cx, Failure, Finding, Module};

/// Stops unless every expression is true.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Assert {
    /// The expressions, without braces; one, or a list. Each must be true or false.
    that: Vec<Checked>,
    /// What to say if one of them is false.
    #[serde(alias = "msg")]
    #[schemars(extend("x-aliases" = ["msg"]))]
    fail_msg: Option<String>,
    /// What to say if all are true.
    success_msg: Option<String>,
    /// Say nothing of the expressions.
    #[serde(default)]
    quiet: bool,
}

/// An expression and what became of it: the engine evaluates, the module judges.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Checked {
    /// As it was written.
    expr: String,
    /// Whether it is true.
    ok: bool,
}

#[async_trait]
impl Module for Assert {
    const NAME: &'static str = "assert";
    const CONTRACT: Contract = Contract::control(&["that"]);
    const EXAMPLE: &'static str = "\
- name: the target is a version
  assert:
    that:
      - target_version is match('[0-9]+\\.[0-9]+')
      - target_version is version('6.2', '>=')
    fail_msg: set target_version, for instance -e target_version=7.2
";

    async fn inspect(&self, _: &Cx<'_>) -> Result<Finding, Failure> {
        let Some(broken) = self.that.iter().find(|checked| !checked.ok) else {
            let said = self.success_msg.as_deref();
            return Ok(Finding::no_change(said.unwrap_or(if self.quiet {
                ""
            } else {
                "all assertions hold"
            })));
        };
        let message = match &self.fail_msg {
            Some(said) if self.quiet => said.clone(),
            Some(said) => format!("{said} (`{}` is false)", broken.expr),
            None => format!("`{}` is false", broken.expr),
        };
        let failure = Failure::failed(message)
            .with("assertion", broken.expr.as_str())
            .with("evaluated_to", false);
        Err(match &self.fail_msg {
            Some(said) => failure.with("msg", said.as_str()),
            None => failure,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::{FakeHost, FakeWorld};

    #[tokio::test]
    async fn the_first_false_expression_is_named() {
        let args = json!({"that": [{"expr": "a", "ok": true}, {"expr": "b == 1", "ok": false}], "fail_msg": "set b"});
        let task = crate::registry::find("ansible.builtin.assert")
            .unwrap()
            .task(args)
            .unwrap();
        let (host, world) = (FakeHost::new("m"), FakeWorld::default());
        let failure = task.inspect(&world.cx(&host)).await.unwrap_err();
        assert_eq!(failure.message, "set b (`b == 1` is false)");
    }
}
