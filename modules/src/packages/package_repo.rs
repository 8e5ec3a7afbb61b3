//! `package_repo`: points apt at a repository.

use std::time::Duration;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::apt;
use crate::contract::{Contract, Recovery};
use crate::host::{Command, Exit, FileMeta, RunAs};
use crate::job_run;
use crate::memory;
use crate::module::{Change, Cx, Diff, Effect, Failure, Finding, Module, Outcome};

/// Points apt at a repository and reads its package lists.
///
/// The lines replace the file `/etc/apt/sources.list.d/NAME.list`; what stood there first is remembered for the way back, which is
/// `before: true`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PackageRepo {
    /// One or several lines of sources.list(5), `deb [signed-by=…] URI SUITE COMPONENT…`.
    repo: Option<String>,
    /// Instead of that, put back what stood there before nebplay changed it.
    #[serde(default)]
    before: bool,
    /// Name of the file, without `.list`.
    #[serde(default = "opennebula")]
    name: String,
    /// Fail unless the repository then offers a package `opennebula` of this version.
    version: Option<String>,
}

fn opennebula() -> String {
    "opennebula".to_owned()
}

/// What stood there before nebplay came.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Before {
    path: String,
    content: Option<String>,
}

const LIMIT: u64 = 1 << 20;

impl PackageRepo {
    fn path(&self) -> Result<String, Failure> {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if self.name.is_empty() || !self.name.chars().all(plain) {
            return Err(Failure::failed(format!(
                "`{}` cannot be the name of a file that apt reads",
                self.name
            ))
            .hint("use letters, digits, dashes and underscores"));
        }
        Ok(format!("/etc/apt/sources.list.d/{}.list", self.name))
    }

    fn note(&self) -> String {
        format!("repo-{}", self.name.to_lowercase().replace('.', "-"))
    }

    /// What the file is to hold, `None` within: it is not to be there. `None`: it was never changed, so there is nothing to put back.
    async fn wanted(&self, cx: &Cx<'_>) -> Result<Option<Option<String>>, Failure> {
        match (&self.repo, self.before) {
            (Some(repo), false) => Self::lines(repo).map(|lines| Some(Some(lines))),
            (None, true) => {
                let before: Option<Before> = memory::recall(cx.host, &self.note()).await?;
                Ok(before.map(|before| before.content))
            }
            _ => Err(Failure::failed("give one of `repo` and `before: true`")),
        }
    }

    fn lines(repo: &str) -> Result<String, Failure> {
        let lines: Vec<&str> = repo
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .collect();
        let is_source =
            |line: &&str| line.starts_with("deb ") || line.starts_with("deb-src ") || line.starts_with('#');
        if let Some(bad) = lines.iter().find(|line| !is_source(line)) {
            return Err(Failure::failed(format!(
                "`{bad}` is no line of sources.list: it begins with `deb `"
            )));
        }
        if lines.is_empty() {
            return Err(Failure::failed("`repo` is empty"));
        }
        Ok(lines.join("\n") + "\n")
    }

    async fn present(cx: &Cx<'_>, path: &str) -> Result<Option<String>, Failure> {
        let bytes = cx.host.read_file(path, &RunAs::root(), LIMIT).await?;
        Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// Whether apt's lists already offer the version.
    async fn offers(&self, cx: &Cx<'_>) -> Result<bool, Failure> {
        let Some(version) = &self.version else {
            return Ok(true);
        };
        let command = Command::new(["apt-cache", "madison", "opennebula"]).as_root();
        let offered = apt::read_madison(&cx.host.run(&command).await?.text());
        Ok(offered
            .get("opennebula")
            .into_iter()
            .flatten()
            .any(|offered| apt::is_of(offered, version)))
    }
}

#[async_trait]
impl Module for PackageRepo {
    const NAME: &'static str = "package_repo";
    const CONTRACT: Contract = Contract::general(Recovery::Inspect);
    const EXAMPLE: &'static str = "\
- name: the repository of the new version
  package_repo:
    repo: \"deb [signed-by=/etc/apt/keyrings/opennebula.gpg] {{ repository }} stable opennebula\"
    version: \"{{ target_version }}\"
";

    async fn inspect(&self, cx: &Cx<'_>) -> Result<Finding, Failure> {
        job_run::settle(cx, Self::NAME).await?;
        let path = self.path()?;
        let Some(wanted) = self.wanted(cx).await? else {
            return Ok(Finding::no_change(format!("{path} was not changed by nebplay")));
        };
        let before = Self::present(cx, &path).await?;
        if !self.before && before == wanted && self.offers(cx).await? {
            return Ok(Finding::no_change(format!("{path} is as it should be")));
        }
        let verb = match &wanted {
            Some(_) => "write",
            None => "remove",
        };
        let diff = Diff {
            title: path.clone(),
            before: before.clone().unwrap_or_default(),
            after: wanted.unwrap_or_default(),
        };
        let change = Change::new(format!("{verb} {path} and read the package lists")).diff(diff);
        Ok(Finding::Change(change.seen(json!(Before {
            path,
            content: before
        }))))
    }
}

#[async_trait]
impl Effect for PackageRepo {
    async fn apply(&self, cx: &Cx<'_>, change: &Change) -> Result<Outcome, Failure> {
        let path = self.path()?;
        if let Ok(before) = serde_json::from_value::<Before>(change.seen.clone()) {
            memory::remember(cx.host, &self.note(), &before).await?;
        }
        let wanted = self.wanted(cx).await?.flatten();
        let meta = FileMeta {
            mode: Some(0o644),
            owner: Some("root".to_owned()),
            group: Some("root".to_owned()),
        };
        match wanted {
            Some(wanted) => {
                cx.host
                    .write_file(&path, wanted.as_bytes(), &meta, &RunAs::root())
                    .await?;
            }
            None => {
                cx.host
                    .run(&Command::new(["rm", "-f", "--", &path]).as_root())
                    .await?;
            }
        }
        let script = format!("{}apt_quiet update", apt::QUIET);
        let command = Command::script::<&str>(&script, [])
            .as_root()
            .deadline(Duration::from_secs(900));
        let end = job_run::run(cx, Self::NAME, command).await?;
        if !end.exit.is_some_and(Exit::success) {
            return Err(Failure::failed(format!(
                "{}: apt-get update failed: {}",
                cx.host.name(),
                end.text().trim()
            )));
        }
        Ok(Outcome::changed(change.what.join(", ")))
    }

    async fn verify(&self, cx: &Cx<'_>, _: &Change, _: &mut Outcome) -> Result<(), Failure> {
        let path = self.path()?;
        if Some(Self::present(cx, &path).await?) != self.wanted(cx).await? {
            return Err(Failure::not_verified(format!(
                "{}: {path} does not read back as it was written",
                cx.host.name()
            )));
        }
        if self.offers(cx).await? {
            if self.before {
                memory::forget(cx.host, &self.note()).await?;
            }
            return Ok(());
        }
        let version = self.version.as_deref().unwrap_or_default();
        Err(Failure::not_verified(format!("{}: the repository does not offer opennebula {version}", cx.host.name()))
            .hint("apt-get update exits 0 when a repository could not be read: look at its warnings, the URI and the key"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::module::FailureKind;
    use crate::testing::{FakeHost, FakeWorld};

    const FILE: &str = "/etc/apt/sources.list.d/opennebula.list";

    async fn run(host: &FakeHost) -> Result<Outcome, Failure> {
        let args = json!({"repo": "deb file:/srv/new ./", "version": "7.2"});
        FakeWorld::default().run(host, "package_repo", args).await
    }

    #[tokio::test]
    async fn the_file_is_replaced_and_the_old_one_remembered() {
        let host = FakeHost::new("m")
            .file(FILE, "deb file:/srv/old ./\n")
            .on("madison", 0, "opennebula | 7.2.0-1 | file:/srv/new ./ Packages\n")
            .on("apt_quiet update", 0, "")
            .on("^install -d", 0, "");
        assert!(run(&host).await.unwrap().changed);
        assert_eq!(host.content(FILE).unwrap(), b"deb file:/srv/new ./\n");
        let note = String::from_utf8(
            host.content("/var/lib/nebplay/memory/repo-opennebula.json")
                .unwrap(),
        )
        .unwrap();
        assert!(note.contains("file:/srv/old"));
        assert!(!run(&host).await.unwrap().changed, "a second run changes nothing");
    }

    #[tokio::test]
    async fn what_stood_there_before_is_put_back_once() {
        const NOTE: &str = "/var/lib/nebplay/memory/repo-opennebula.json";
        let back = async |host: &FakeHost| {
            let args = json!({"before": true});
            FakeWorld::default().run(host, "package_repo", args).await
        };
        let host = FakeHost::new("m")
            .file(FILE, "deb file:/srv/new ./\n")
            .file(
                NOTE,
                json!({"path": FILE, "content": "deb file:/srv/old ./\n"}).to_string(),
            )
            .on("apt_quiet update", 0, "")
            .on("^rm -f -- /var/lib/nebplay", 0, "")
            .on("^install -d", 0, "");
        assert!(back(&host).await.unwrap().changed);
        assert_eq!(host.content(FILE).unwrap(), b"deb file:/srv/old ./\n");
        assert!(!back(&FakeHost::new("m")).await.unwrap().changed);
    }

    #[tokio::test]
    async fn an_update_that_brought_nothing_is_not_believed() {
        let host = FakeHost::new("m")
            .on("madison", 0, "opennebula | 7.0.0-1 | file:/srv/old ./ Packages\n")
            .on("apt_quiet update", 0, "W: Failed to fetch\n")
            .on("^install -d", 0, "");
        assert_eq!(run(&host).await.unwrap_err().kind, FailureKind::NotVerified);
    }
}
