//! `slurp`: what is in a file of the host.

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::contract::{Contract, Privilege};
use crate::module::{Cx, Failure, Finding, Module, Outcome};

/// A variable is kept in memory and in the journal: what is larger is for `fetch`.
const MOST: u64 = 1 << 20;

/// Reads a file of the host into a variable.
///
/// Files up to 1 MiB. Registers `content`, in base64 (`| b64decode` is the text), and `source`. What is read stands in the journal as any result does: put
/// `no_log: true` on it where it is a secret.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Slurp {
    /// The file.
    #[serde(alias = "path")]
    #[schemars(extend("x-aliases" = ["path"]))]
    src: String,
}

#[async_trait]
impl Module for Slurp {
    const NAME: &'static str = "slurp";
    const CONTRACT: Contract = Contract::reads(Privilege::AsTask);
    const EXAMPLE: &'static str = "\
- name: what oned.conf says
  slurp:
    src: /etc/one/oned.conf
  register: conf
- name: it is a slave
  assert:
    that: (conf.content | b64decode) is search('MODE *= *\"SLAVE\"')
";

    async fn inspect(&self, cx: &Cx<'_>) -> Result<Finding, Failure> {
        let Some(content) = cx.host.read_file(&self.src, &cx.run_as, MOST).await? else {
            let message = format!("{}: there is no file {}", cx.host.name(), self.src);
            return Err(Failure::failed(message));
        };
        let outcome = Outcome::unchanged(format!("{} has {} bytes", self.src, content.len()))
            .with("content", STANDARD.encode(&content))
            .with("encoding", "base64")
            .with("source", self.src.as_str());
        Ok(Finding::NoChange(outcome))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::{FakeHost, FakeWorld};

    #[tokio::test]
    async fn a_file_comes_in_base64() {
        let (world, host) = (
            FakeWorld::default(),
            FakeHost::new("m").file("/etc/motd", "hello\n"),
        );
        let outcome = world
            .run(&host, "slurp", json!({"src": "/etc/motd"}))
            .await
            .unwrap();
        assert_eq!(outcome.result["content"], "aGVsbG8K");
        assert_eq!(outcome.result["source"], "/etc/motd");
        let missing = world.run(&host, "slurp", json!({"src": "/etc/none"})).await;
        let failure = missing.unwrap_err();
        assert_eq!(failure.message, "m: there is no file /etc/none");
    }
}
