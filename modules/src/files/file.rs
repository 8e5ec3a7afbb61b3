//! `file`: directories, links, owners and modes.

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::below::Below;
use super::mode::Mode;
use super::place::set_meta;
use crate::contract::{Contract, Recovery};
use crate::host::{Command, FileKind, Stat};
use crate::module::{Change, Cx, Effect, Failure, Finding, Module, Outcome};

/// Makes directories and links, removes paths, and sets owners and modes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    /// The path.
    #[serde(alias = "dest", alias = "name")]
    #[schemars(extend("x-aliases" = ["dest", "name"]))]
    path: String,
    /// What it should be.
    #[serde(default)]
    state: State,
    /// Where a link points.
    src: Option<String>,
    /// Permissions: "0640" in quotes, or `u=rwX,g=rX,o=`.
    mode: Option<Mode>,
    /// Owner's name.
    owner: Option<String>,
    /// Group's name.
    group: Option<String>,
    /// Of a directory: all that is below it gets the same owner, group and mode, which is that of directories and of files then. Links are
    /// not followed.
    #[serde(default)]
    recurse: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum State {
    /// It must exist; only owner and mode are set.
    #[default]
    File,
    /// A directory; parents that are made for it get the same owner and mode.
    Directory,
    /// A symbolic link to `src`.
    Link,
    /// An empty file if there is none.
    Touch,
    /// Nothing: a directory is removed with all that is in it.
    Absent,
}

impl File {
    /// Makes the directory and what is missing of its parents, each with the mode from its first moment on: cut off, none is left
    /// open to others.
    fn make(&self, cx: &Cx<'_>) -> Command {
        let script = r#"
            at=$1 mode=$2 owner=$3 group=$4
            set --
            while [ ! -e "$at" ]; do set -- "$at" "$@"; at=$(dirname -- "$at"); done
            for directory; do
                mkdir -p ${mode:+-m "$mode"} -- "$directory" || exit
                [ -z "$owner" ] || chown -- "$owner" "$directory" || exit
                [ -z "$group" ] || chgrp -- "$group" "$directory" || exit
            done
        "#;
        let mode = self.mode.as_ref().map(Mode::of_new_directory);
        let mode = mode.map(|bits| format!("{bits:05o}")).unwrap_or_default();
        let (owner, group) = (self.owner.as_deref(), self.group.as_deref());
        let words = [
            &self.path,
            &mode,
            owner.unwrap_or_default(),
            group.unwrap_or_default(),
        ];
        cx.script(script, words)
    }

    /// What is not as it should be, below it too.
    async fn to_do(&self, cx: &Cx<'_>, stat: Option<&Stat>) -> Result<Vec<String>, Failure> {
        let mut what = self.differs(stat)?;
        if !self.recurse {
            return Ok(what);
        }
        if self.state != State::Directory {
            return Err(Failure::failed("`recurse` is for `state: directory`"));
        }
        let path = self.path.as_str();
        let below = Below {
            path,
            owner: self.owner.as_deref(),
            group: self.group.as_deref(),
            mode: self.mode.as_ref(),
        };
        if stat.is_some()
            && let Some(other) = below.differs(cx).await?
        {
            what.push(format!(
                "set owner and mode of what is below {path}, {other} for one"
            ));
        }
        Ok(what)
    }

    /// Registers what is there now.
    fn tell(&self, stat: Option<&Stat>, outcome: &mut Outcome) {
        let state = match stat.map(|stat| stat.kind) {
            None => "absent",
            Some(FileKind::Directory) => "directory",
            Some(FileKind::Link) => "link",
            Some(FileKind::File | FileKind::Other) => "file",
        };
        let mut set = |name: &str, value: Value| outcome.result.insert(name.to_owned(), value);
        set("path", self.path.as_str().into());
        set("state", state.into());
        if let Some(stat) = stat {
            set("mode", format!("{:04o}", stat.mode).into());
            set("owner", stat.owner.as_str().into());
            set("group", stat.group.as_str().into());
            set("uid", stat.uid.into());
            set("gid", stat.gid.into());
            set("size", stat.size.into());
        }
    }

    /// What is not as it should be.
    fn differs(&self, stat: Option<&Stat>) -> Result<Vec<String>, Failure> {
        let path = &self.path;
        let kind = stat.map(|stat| stat.kind);
        let mut what = Vec::new();
        match (self.state, kind) {
            (State::Absent, None) => return Ok(what),
            (State::Absent, Some(_)) => return Ok(vec![format!("remove {path}")]),
            (State::File, None) => {
                return Err(Failure::failed(format!("{path} does not exist")).hint("`state: touch` makes it"));
            }
            (State::Directory, None) => what.push(format!("make directory {path}")),
            (State::Touch, None) => what.push(format!("make {path}")),
            (State::Link, _) => {
                let src = self
                    .src
                    .as_deref()
                    .ok_or_else(|| Failure::failed("a link needs `src`"))?;
                if kind.is_some_and(|kind| kind != FileKind::Link) {
                    return Err(
                        Failure::failed(format!("{path} exists and is no link")).hint("remove it first")
                    );
                }
                if stat.and_then(|stat| stat.target.as_deref()) != Some(src) {
                    what.push(format!("link {path} to {src}"));
                }
            }
            (State::Directory, Some(kind)) if kind != FileKind::Directory => {
                return Err(
                    Failure::failed(format!("{path} exists and is no directory")).hint("remove it first")
                );
            }
            _ => {}
        }
        let wanted = self.mode.as_ref().map(|mode| match (stat, self.state) {
            (None, State::Directory) => mode.of_new_directory(),
            _ => mode.of_file(stat),
        });
        if let Some(wanted) = wanted
            && stat.is_none_or(|stat| stat.mode != wanted)
            && self.state != State::Link
        {
            what.push(format!("set mode {wanted:04o} of {path}"));
        }
        let has = |is: fn(&Stat, &str) -> bool, wanted: &str| stat.is_some_and(|stat| is(stat, wanted));
        if let Some(owner) = &self.owner
            && !has(Stat::is_owner, owner)
        {
            what.push(format!("set owner {owner} of {path}"));
        }
        if let Some(group) = &self.group
            && !has(Stat::is_group, group)
        {
            what.push(format!("set group {group} of {path}"));
        }
        Ok(what)
    }
}

#[async_trait]
impl Module for File {
    const NAME: &'static str = "file";
    const CONTRACT: Contract = Contract::general(Recovery::Inspect);
    const EXAMPLE: &'static str = "\
- name: a place for dumps
  file:
    path: /var/lib/one/dumps
    state: directory
    owner: oneadmin
    group: oneadmin
    mode: \"0700\"
";

    async fn inspect(&self, cx: &Cx<'_>) -> Result<Finding, Failure> {
        let stat = cx.host.stat(&self.path, &cx.run_as).await?;
        let what = self.to_do(cx, stat.as_ref()).await?;
        if what.is_empty() {
            let mut outcome = Outcome::unchanged(format!("{} is as it should be", self.path));
            self.tell(stat.as_ref(), &mut outcome);
            return Ok(Finding::NoChange(outcome));
        }
        Ok(Finding::Change(Change {
            what,
            ..Change::default()
        }))
    }
}

#[async_trait]
impl Effect for File {
    async fn apply(&self, cx: &Cx<'_>, change: &Change) -> Result<Outcome, Failure> {
        let path = self.path.as_str();
        // The root of a file system is never what somebody meant to remove.
        if self.state == State::Absent && path.trim_end_matches('/').is_empty() {
            return Err(Failure::unsafe_to_go_on("refused to remove /"));
        }
        let command = match self.state {
            State::Absent => Some(cx.command(["rm", "-rf", "--", path])),
            State::Directory => Some(self.make(cx)),
            State::Touch => Some(cx.command(["touch", "-a", "--", path])),
            // With -f it puts the new one in the place of an old one: at no moment there is none.
            State::Link => {
                let target = self.src.as_deref().unwrap_or_default();
                Some(cx.command(["ln", "-sfT", "--", target, path]))
            }
            State::File => None,
        };
        if let Some(command) = command {
            let output = cx.host.run(&command).await?;
            if !output.exit.success() {
                let words = output.err_text();
                return Err(Failure::failed(format!(
                    "{}: {}: {}",
                    cx.host.name(),
                    change.what.join(", "),
                    words.trim()
                )));
            }
        }
        if self.state != State::Absent {
            let owners = (self.owner.as_deref(), self.group.as_deref());
            set_meta(cx, path, owners, self.mode.as_ref(), self.recurse).await?;
        }
        Ok(Outcome::changed(change.what.join(", ")))
    }

    async fn verify(&self, cx: &Cx<'_>, _: &Change, outcome: &mut Outcome) -> Result<(), Failure> {
        let stat = cx.host.stat(&self.path, &cx.run_as).await?;
        let left = self.to_do(cx, stat.as_ref()).await?;
        if left.is_empty() {
            self.tell(stat.as_ref(), outcome);
            return Ok(());
        }
        Err(Failure::not_verified(format!(
            "{}: still to do: {}",
            cx.host.name(),
            left.join(", ")
        )))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::module::FailureKind;
    use crate::testing::{FakeHost, FakeWorld};
    use crate::testing_local::LocalHost;

    async fn run(host: &FakeHost, args: Value) -> Result<Outcome, Failure> {
        FakeWorld::default().run(host, "file", args).await
    }

    /// Does, on this machine, what there is to do.
    async fn done(host: &LocalHost, args: Value) {
        let module: File = serde_json::from_value(args).unwrap();
        let world = FakeWorld::default();
        let cx = world.cx_of(host);
        let Finding::Change(change) = module.inspect(&cx).await.unwrap() else {
            panic!("nothing to do");
        };
        let mut outcome = module.apply(&cx, &change).await.unwrap();
        module.verify(&cx, &change, &mut outcome).await.unwrap();
    }

    #[tokio::test]
    async fn what_is_there_already_is_no_change() {
        let host = FakeHost::new("m").dir("/srv").file("/etc/x", "");
        for args in [
            json!({"path": "/srv", "state": "directory"}),
            json!({"path": "/gone", "state": "absent"}),
            json!({"path": "/etc/x", "mode": "0644", "owner": "root"}),
        ] {
            assert!(!run(&host, args.clone()).await.unwrap().changed, "{args}");
        }
        assert!(host.asked().is_empty());
    }

    #[tokio::test]
    async fn the_path_has_ansibles_other_names() {
        let host = FakeHost::new("m").dir("/srv");
        for name in ["path", "dest", "name"] {
            assert!(
                !run(&host, json!({name: "/srv", "state": "directory"}))
                    .await
                    .unwrap()
                    .changed
            );
        }
    }

    #[tokio::test]
    async fn a_removal_that_did_not_happen_is_found_out() {
        let host = FakeHost::new("m").file("/etc/x", "").on("^rm", 0, "");
        let failure = run(&host, json!({"path": "/etc/x", "state": "absent"}))
            .await
            .unwrap_err();
        assert_eq!(failure.kind, FailureKind::NotVerified);
    }

    #[tokio::test]
    async fn a_link_takes_the_place_of_one_that_leads_elsewhere() {
        let host = LocalHost::new("m");
        host.write("/var/lib/one/new", "");
        for target in ["new", "newer"] {
            let args = json!({"path": "/var/lib/one/link", "state": "link", "src": target});
            done(&host, args).await;
        }
        let beside = std::fs::read_dir(host.mapped("/var/lib/one")).unwrap();
        assert_eq!(beside.count(), 2);
    }

    #[tokio::test]
    async fn all_that_is_below_a_directory() {
        let host = LocalHost::new("m");
        host.write("/var/lib/one/d/e/f", "");
        host.write("/var/lib/one/outside", "");
        std::os::unix::fs::symlink("../outside", host.mapped("/var/lib/one/d/link")).unwrap();
        let args = json!({"path": "/var/lib/one/d", "state": "directory", "recurse": true, "mode": "0700"});
        done(&host, args.clone()).await;
        let world = FakeWorld::default();
        let cx = world.cx_of(&host);
        for (path, mode) in [("d", 0o700), ("d/e", 0o700), ("d/e/f", 0o700), ("outside", 0o644)] {
            let path = format!("/var/lib/one/{path}");
            let stat = cx.host.stat(&path, &cx.run_as).await.unwrap().unwrap();
            assert_eq!(stat.mode, mode, "{path}");
        }
        let module: File = serde_json::from_value(args).unwrap();
        assert!(matches!(module.inspect(&cx).await, Ok(Finding::NoChange(_))));
        let file = json!({"path": "/var/lib/one/outside", "recurse": true});
        let module: File = serde_json::from_value(file).unwrap();
        let failure = module.inspect(&cx).await.unwrap_err();
        assert_eq!(failure.message, "`recurse` is for `state: directory`");
    }

    #[tokio::test]
    async fn modes_by_words_of_all_that_is_below() {
        use std::os::unix::fs::PermissionsExt as _;
        let host = LocalHost::new("m");
        for (name, mode) in [("plain", 0o600), ("program", 0o700), ("d/ed with \n", 0o666)] {
            let path = format!("/var/lib/one/t/{name}");
            host.write(&path, "");
            std::fs::set_permissions(host.mapped(&path), std::fs::Permissions::from_mode(mode)).unwrap();
        }
        let args =
            json!({"path": "/var/lib/one/t", "state": "directory", "recurse": true, "mode": "u=rwX,go=rX"});
        done(&host, args.clone()).await;
        let world = FakeWorld::default();
        let cx = world.cx_of(&host);
        for (path, mode) in [
            ("t", 0o755),
            ("t/d", 0o755),
            ("t/plain", 0o644),
            ("t/program", 0o755),
            ("t/d/ed with \n", 0o644),
        ] {
            let path = format!("/var/lib/one/{path}");
            let stat = cx.host.stat(&path, &cx.run_as).await.unwrap().unwrap();
            assert_eq!(format!("{:o}", stat.mode), format!("{mode:o}"), "{path}");
        }
        let module: File = serde_json::from_value(args).unwrap();
        assert!(matches!(module.inspect(&cx).await, Ok(Finding::NoChange(_))));
        done(&host, json!({"path": "/var/lib/one/t/plain", "mode": "a+x"})).await;
        done(
            &host,
            json!({"path": "/var/lib/one/t/new", "state": "touch", "mode": "u+x,g+w"}),
        )
        .await;
        done(
            &host,
            json!({"path": "/var/lib/one/t/dir", "state": "directory", "mode": "o="}),
        )
        .await;
        for (path, mode) in [("plain", 0o755), ("new", 0o764), ("dir", 0o750)] {
            let path = format!("/var/lib/one/t/{path}");
            let stat = cx.host.stat(&path, &cx.run_as).await.unwrap().unwrap();
            assert_eq!(format!("{:o}", stat.mode), format!("{mode:o}"), "{path}");
        }
    }

    #[tokio::test]
    async fn a_mode_takes_set_group_id_from_a_directory() {
        use std::os::unix::fs::PermissionsExt as _;
        let host = LocalHost::new("m");
        host.write("/var/lib/one/s/file", "");
        let path = host.mapped("/var/lib/one/s");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o2775)).unwrap();
        done(
            &host,
            json!({"path": "/var/lib/one/s", "state": "directory", "mode": "0755"}),
        )
        .await;
        assert_eq!(
            std::fs::metadata(&path).unwrap().permissions().mode() & 0o7777,
            0o755
        );
    }

    #[tokio::test]
    async fn one_below_that_stays_as_it_was_is_found_out() {
        let host = FakeHost::new("m")
            .dir("/srv")
            .on("^find", 0, "/srv/x\n")
            .on("chown", 0, "");
        let args = json!({"path": "/srv", "state": "directory", "recurse": true, "owner": "oneadmin"});
        let failure = run(&host, args).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::NotVerified);
        assert!(failure.message.contains("/srv/x for one"), "{}", failure.message);
    }

    #[tokio::test]
    async fn parents_that_are_made_are_as_the_directory() {
        let host = LocalHost::new("m");
        let args = json!({"path": "/var/lib/one/a/b c", "state": "directory", "mode": "0750"});
        done(&host, args).await;
        let world = FakeWorld::default();
        let cx = world.cx_of(&host);
        for path in ["/var/lib/one/a", "/var/lib/one/a/b c"] {
            let stat = cx.host.stat(path, &cx.run_as).await.unwrap().unwrap();
            assert_eq!((stat.kind, stat.mode), (FileKind::Directory, 0o750), "{path}");
        }
    }

    #[tokio::test]
    async fn the_root_is_never_removed() {
        let host = FakeHost::new("m").dir("/").on("^rm", 0, "");
        let failure = run(&host, json!({"path": "/", "state": "absent"}))
            .await
            .unwrap_err();
        assert_eq!(failure.kind, FailureKind::Unsafe);
        assert!(host.asked().is_empty());
    }
}
