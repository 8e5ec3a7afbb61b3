//! `stat`: what a path names.

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::place::digest_in;
use crate::contract::{Contract, Privilege};
use crate::host::{FileKind, Stat};
use crate::module::{Cx, Failure, Finding, Module, Outcome};

/// Reads what a path names; a path that names nothing is no failure.
///
/// Registers `stat` with `exists` and, where it exists, `path`, `isreg`, `isdir`, `islnk`, `size`, `mode`, `pw_name`, `gr_name`, `uid`,
/// `gid`, `mtime`, whether the task's user may do what (`readable`, `writeable`, `executable`), who may do what by its mode (`rusr`, `wgrp`, `xoth` and so on, `isuid`, `isgid`), of a file `checksum`, and of a link
/// `lnk_target`.
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

/// `sh -c … sh PATH WITH_DIGEST`: what this user may do with it, a letter each; then its digest, if that is wanted and can be had.
const ACCESS: &str = r#"
    for may in r w x; do
        if [ "-$may" "$1" ]; then printf %s "$may"; fi
    done
    echo
    [ -z "$2" ] || sha256sum -b -- "$1"
"#;

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
        let with_digest = self.get_checksum && stat.kind == FileKind::File;
        let words = [self.path.as_str(), if with_digest { "yes" } else { "" }];
        let command = cx.script(ACCESS, words);
        let said = cx.host.run(&command).await?.text();
        let (access, digest) = said.split_once('\n').unwrap_or_default();
        let digest = digest_in(digest);
        let mut value = described(&self.path, &stat);
        let of_this_user = [
            ("exists", Value::from(true)),
            ("readable", access.contains('r').into()),
            ("writeable", access.contains('w').into()),
            ("executable", access.contains('x').into()),
        ];
        if let Value::Object(value) = &mut value {
            let digest = digest.map(|digest| ("checksum", Value::from(digest)));
            value.extend(
                of_this_user
                    .into_iter()
                    .chain(digest)
                    .map(|(name, known)| (name.to_owned(), known)),
            );
        }
        Ok(Finding::NoChange(
            Outcome::unchanged(format!("{} exists", self.path)).with("stat", value),
        ))
    }
}

/// A path and what there is to say of it.
pub(super) fn described(path: &str, stat: &Stat) -> Value {
    let mut value = json!({
        "path": path,
        "isreg": stat.kind == FileKind::File,
        "isdir": stat.kind == FileKind::Directory,
        "islnk": stat.kind == FileKind::Link,
        "size": stat.size,
        "mode": format!("{:04o}", stat.mode),
        "pw_name": stat.owner,
        "gr_name": stat.group,
        "uid": stat.uid,
        "gid": stat.gid,
        "mtime": stat.mtime,
        "isuid": stat.mode & 0o4000 != 0,
        "isgid": stat.mode & 0o2000 != 0,
    });
    if let Value::Object(value) = &mut value {
        for (at, who) in ["oth", "grp", "usr"].into_iter().enumerate() {
            for (bit, what) in ["x", "w", "r"].into_iter().enumerate() {
                let allowed = stat.mode >> (3 * at + bit) & 1 != 0;
                value.insert(format!("{what}{who}"), allowed.into());
            }
        }
        let target = stat.target.as_deref().map(Value::from);
        value.extend(target.map(|target| ("lnk_target".to_owned(), target)));
    }
    value
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::testing::{FakeHost, FakeWorld};

    #[tokio::test]
    async fn a_mode_says_who_may_do_what() {
        let host = FakeHost::new("m").dir("/srv").on("^sh -c", 0, "rx\n");
        let args = json!({"path": "/srv", "get_checksum": false});
        let outcome = FakeWorld::default().run(&host, "stat", args).await.unwrap();
        let stat = &outcome.result["stat"];
        assert_eq!(stat["mode"], "0755");
        for (name, allowed) in [
            ("rusr", true),
            ("wusr", true),
            ("wgrp", false),
            ("xoth", true),
            ("isuid", false),
            ("readable", true),
            ("writeable", false),
            ("executable", true),
        ] {
            assert_eq!(stat[name], Value::from(allowed), "{name}");
        }
        assert_eq!(stat.get("lnk_target"), None);
    }
}
