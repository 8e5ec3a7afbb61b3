//! `copy`: a file of the controller, or a text, to the host.

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;

use super::mode::Mode;
use super::place::{LIMIT, Wanted, name_of};
use crate::contract::{Contract, Recovery};
use crate::module::{Change, Cx, Effect, Failure, Finding, Module, Outcome};

/// Puts a file of the controller, a text, or a copy of a file of the host on the host.
///
/// The file is replaced in one step and read back by its digest. For a large file, or one that lies on another host, use `distribute`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Copy {
    /// The file on the controller, relative to the playbook or its `files/`.
    src: Option<String>,
    /// Whether `src` lies on the host itself, by its whole path.
    #[serde(default)]
    remote_src: bool,
    /// The content itself, instead of `src`.
    content: Option<String>,
    /// The path on the host; in a directory, or one that ends in `/`, it gets the name of `src`.
    dest: String,
    /// Permissions: "0640" in quotes, or `u=rw,g=r,o=`.
    mode: Option<Mode>,
    /// Owner's name.
    owner: Option<String>,
    /// Group's name.
    group: Option<String>,
    /// Keep the replaced file beside the new one.
    #[serde(default)]
    backup: bool,
    /// Replace a file whose content differs.
    #[serde(default = "yes")]
    force: bool,
    /// A command that is asked whether the new content is right before it is put in its place; `%s` is the file: `visudo -cf %s`.
    validate: Option<String>,
}

fn yes() -> bool {
    true
}

impl Copy {
    fn dest(&self) -> String {
        match &self.src {
            Some(src) if self.dest.ends_with('/') => {
                format!("{}{}", self.dest, name_of(src).unwrap_or_default())
            }
            _ => self.dest.clone(),
        }
    }

    async fn content(&self, cx: &Cx<'_>) -> Result<Vec<u8>, Failure> {
        let content = match (&self.src, &self.content) {
            (Some(src), None) if self.remote_src => Self::on_host(cx, src).await?,
            (Some(src), None) => cx.controller.read(src).await?,
            (None, Some(text)) => text.clone().into_bytes(),
            _ => return Err(Failure::failed("give either `src` or `content`")),
        };
        if content.len() as u64 > LIMIT {
            return Err(Failure::failed(format!(
                "{} is larger than 64 MiB",
                self.src.as_deref().unwrap_or("content")
            ))
            .hint("use `distribute`, which streams"));
        }
        Ok(content)
    }

    async fn on_host(cx: &Cx<'_>, src: &str) -> Result<Vec<u8>, Failure> {
        let content = cx.host.read_file(src, &cx.run_as, LIMIT).await?;
        content.ok_or_else(|| {
            Failure::failed(format!("{}: there is no file {src}", cx.host.name()))
                .hint("without `remote_src` it would be looked for beside the playbook")
        })
    }

    fn wanted<'a>(&'a self, dest: &'a str, content: &'a [u8]) -> Wanted<'a> {
        Wanted {
            dest,
            name: self.src.as_deref().and_then(name_of),
            content,
            mode: self.mode.as_ref(),
            owner: self.owner.as_deref(),
            group: self.group.as_deref(),
            backup: self.backup,
            force: self.force,
            validate: self.validate.as_deref(),
        }
    }
}

#[async_trait]
impl Module for Copy {
    const NAME: &'static str = "copy";
    const CONTRACT: Contract = Contract::general(Recovery::Inspect);
    const EXAMPLE: &'static str = "\
- name: a notice for whoever logs in
  copy:
    content: \"this zone is being upgraded\\n\"
    dest: /etc/motd
    mode: \"0644\"
";

    async fn inspect(&self, cx: &Cx<'_>) -> Result<Finding, Failure> {
        let content = self.content(cx).await?;
        self.wanted(&self.dest(), &content).inspect(cx).await
    }
}

#[async_trait]
impl Effect for Copy {
    async fn apply(&self, cx: &Cx<'_>, change: &Change) -> Result<Outcome, Failure> {
        let content = self.content(cx).await?;
        self.wanted(&self.dest(), &content).apply(cx, change).await
    }

    async fn verify(&self, cx: &Cx<'_>, change: &Change, _: &mut Outcome) -> Result<(), Failure> {
        let content = self.content(cx).await?;
        self.wanted(&self.dest(), &content).verify(cx, change).await
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::digest::sha256;
    use crate::module::FailureKind;
    use crate::testing::{FakeHost, FakeWorld};

    async fn run(host: &FakeHost, args: Value) -> Result<Outcome, Failure> {
        let world = FakeWorld::default();
        world
            .files
            .lock()
            .unwrap()
            .insert("motd".to_owned(), b"hello\n".to_vec());
        world.run(host, "copy", args).await
    }

    fn digest(content: &[u8]) -> String {
        format!("{} *x\n", sha256(content))
    }

    #[tokio::test]
    async fn a_missing_file_is_written_and_read_back() {
        let host = FakeHost::new("m").on("^sha256sum", 0, &digest(b"hello\n"));
        let outcome = run(&host, json!({"src": "motd", "dest": "/etc/", "mode": "0600"}))
            .await
            .unwrap();
        assert!(outcome.changed);
        assert_eq!(outcome.result["dest"], "/etc/motd");
        assert_eq!(host.content("/etc/motd").unwrap(), b"hello\n");
        assert_eq!(host.stat_of("/etc/motd").unwrap().mode, 0o600);
    }

    #[tokio::test]
    async fn a_file_of_the_host_itself() {
        let host = FakeHost::new("m")
            .file("/etc/motd", "theirs\n")
            .on("^sha256sum", 0, &digest(b"theirs\n"));
        let args = |src: &str| json!({"src": src, "remote_src": true, "dest": "/srv/"});
        let outcome = run(&host, args("/etc/motd")).await.unwrap();
        assert_eq!(outcome.result["dest"], "/srv/motd");
        assert_eq!(host.content("/srv/motd").unwrap(), b"theirs\n");
        let failure = run(&host, args("/etc/none")).await.unwrap_err();
        assert_eq!(failure.message, "m: there is no file /etc/none");
    }

    #[tokio::test]
    async fn in_a_directory_it_keeps_its_name() {
        let host = FakeHost::new("m")
            .dir("/etc")
            .on("^sha256sum", 0, &digest(b"hello\n"));
        let outcome = run(&host, json!({"src": "motd", "dest": "/etc"})).await.unwrap();
        assert_eq!(outcome.result["dest"], "/etc/motd");
        assert_eq!(host.content("/etc/motd").unwrap(), b"hello\n");
        let failure = run(&host, json!({"content": "no name", "dest": "/etc"}))
            .await
            .unwrap_err();
        assert!(failure.message.contains("is a directory"));
    }

    #[tokio::test]
    async fn the_same_content_is_no_change() {
        let host = FakeHost::new("m")
            .file("/etc/motd", "hello\n")
            .on("^sha256sum", 0, &digest(b"hello\n"));
        assert!(
            !run(&host, json!({"src": "motd", "dest": "/etc/motd"}))
                .await
                .unwrap()
                .changed
        );
    }

    #[tokio::test]
    async fn a_disk_that_loses_bytes_is_found_out() {
        let host = FakeHost::new("m").on("^sha256sum", 0, &digest(b"hel"));
        let failure = run(&host, json!({"src": "motd", "dest": "/etc/motd"}))
            .await
            .unwrap_err();
        assert_eq!(failure.kind, FailureKind::NotVerified);
    }
}
