//! `stat`: what a path names.

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::place::digest_on;
use crate::contract::{Contract, Privilege};
use crate::host::FileKind;
use crate::module::{Cx, Failure, Finding, Module, Outcome};

/// Reads what a path names; a path that names nothing is no failure.
///
/// Registers `stat` with `exists` and, where it exists, `isreg`, `isdir`, `islnk`, `size`, `mode`, `pw_name`, `gr_name`,
/// `mtime`, `checksum`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct StatModule {
    /// The path.
    #[serde(alias = "dest", alias = "name")]
    #[schemars(extend("x-aliases" = ["dest", "name"]))]
    path: String,
    /// Whether to read the whole file for its SHA-256.
    #[serde(default = "yes")]
    get_checksum: bool,
}

fn yes() -> bool {
    true
}

#[async_trait]
impl Module for StatModule {
    const NAME: &'static str = "stat";
    const CONTRACT: Contract = Contract::reads(Privilege::AsTask);
    const EXAMPLE: &'static str = "\
- name: is there a dump already
  stat:
    path: /var/lib/one/federated.sql
  register: dump
";

    async fn inspect(&self, cx: &Cx<'_>) -> Result<Finding, Failure> {
        let Some(stat) = cx.host.stat(&self.path, &cx.run_as).await? else {
            let outcome = Outcome::unchanged(format!("{} does not exist", self.path));
            return Ok(Finding::NoChange(outcome.with("stat", json!({"exists": false}))));
        };
        let digest = if self.get_checksum && stat.kind == FileKind::File {
            digest_on(cx, &self.path).await?
        } else {
            None
        };
        let value = json!({
            "exists": true,
            "path": self.path,
            "isreg": stat.kind == FileKind::File,
            "isdir": stat.kind == FileKind::Directory,
            "islnk": stat.kind == FileKind::Link,
            "lnk_target": stat.target,
            "size": stat.size,
            "mode": format!("{:04o}", stat.mode),
            "pw_name": stat.owner,
            "gr_name": stat.group,
            "mtime": stat.mtime,
            "checksum": digest,
        });
        Ok(Finding::NoChange(
            Outcome::unchanged(format!("{} exists", self.path)).with("stat", value),
        ))
    }
}
