//! Putting a content at a path, and reading back that it is there: what `copy` and `template` have in common.

use serde_json::{Value, json};

use super::mode::Mode;
use super::validate::Validation;
use crate::digest::sha256;
use crate::host::{FileKind, FileMeta, Stat};
use crate::module::{Change, Cx, Diff, Failure, Finding, Outcome};

/// What may be put through `copy` and `template`: they hold the content in memory. `distribute` streams.
pub(super) const LIMIT: u64 = 64 << 20;

/// The longest text shown as a difference.
const DIFF_LIMIT: u64 = 128 << 10;

/// What a file should be.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub(super) dest: &'a str,
    /// The name it gets in `dest`, if that turns out to be a directory.
    pub(super) name: Option<&'a str>,
    pub(super) content: &'a [u8],
    pub(super) mode: Option<&'a Mode>,
    pub(super) owner: Option<&'a str>,
    pub(super) group: Option<&'a str>,
    /// Keep the old file beside the new one.
    pub(super) backup: bool,
    /// Replace a file that differs; otherwise only a missing one is written.
    pub(super) force: bool,
    /// What is asked whether the content is right before it is written.
    pub(super) validate: Option<&'a str>,
}

/// The digest of a file as the host computes it; `None`: no regular file is there.
pub(super) async fn digest_on(cx: &Cx<'_>, path: &str) -> Result<Option<String>, Failure> {
    let command = cx.command(["sha256sum", "-b", "--", path]);
    let output = cx.host.run(&command).await?;
    Ok(digest_in(&output.text()).filter(|_| output.exit.success()))
}

/// The digest in a line of `sha256sum`.
pub(super) fn digest_in(line: &str) -> Option<String> {
    // A name with a backslash or a newline is escaped, and the line then begins with a backslash.
    let digest = line.trim_start_matches('\\').split(' ').next()?;
    (digest.len() == 64).then(|| digest.to_owned())
}

/// Whether only owner, group or mode are another.
fn only_meta(change: &Change) -> bool {
    change.seen.get("meta") == Some(&Value::Bool(true))
}

/// The last part of a path: the name that a file of the controller has.
pub(super) fn name_of(src: &str) -> Option<&str> {
    src.rsplit('/').next().filter(|name| !name.is_empty())
}

impl Wanted<'_> {
    /// What is wrong with owner, group or mode.
    fn meta_differs(&self, stat: &Stat) -> Vec<String> {
        let mut differs = Vec::new();
        if let Some(mode) = self.mode.map(|mode| mode.of(stat))
            && stat.mode != mode
        {
            differs.push(format!("mode {:04o} → {mode:04o}", stat.mode));
        }
        if let Some(owner) = self.owner.filter(|owner| !stat.is_owner(owner)) {
            differs.push(format!("owner {} → {owner}", stat.owner));
        }
        if let Some(group) = self.group.filter(|group| !stat.is_group(group)) {
            differs.push(format!("group {} → {group}", stat.group));
        }
        differs
    }

    fn validation(&self) -> Result<Option<Validation>, Failure> {
        self.validate.map(Validation::of).transpose()
    }

    /// Compares with what is there.
    pub(super) async fn inspect(&self, cx: &Cx<'_>) -> Result<Finding, Failure> {
        self.validation()?;
        let stat = cx.host.stat(self.dest, &cx.run_as).await?;
        let Some(stat) = stat else {
            let diff = self.diff(&[]);
            return Ok(Finding::Change(Change {
                diff,
                ..Change::new(format!("write {}", self.dest))
            }));
        };
        if stat.kind == FileKind::Directory {
            if let Some(name) = self.name {
                return self.inspect_in_directory(cx, name).await;
            }
            return Err(
                Failure::failed(format!("{}: {} is a directory", cx.host.name(), self.dest))
                    .hint("give the whole path of the file in `dest`"),
            );
        }
        let same = digest_on(cx, self.dest).await?.as_deref() == Some(&sha256(self.content));
        let differs = self.meta_differs(&stat);
        if (same || !self.force) && differs.is_empty() {
            return Ok(Finding::NoChange(self.outcome(
                cx,
                Outcome::unchanged(format!("{} is as it should be", self.dest)),
            )));
        }
        if same || !self.force {
            return Ok(Finding::Change(
                Change::new(format!("{}: {}", self.dest, differs.join(", "))).seen(json!({"meta": true})),
            ));
        }
        let before = if stat.size <= DIFF_LIMIT {
            cx.host
                .read_file(self.dest, &cx.run_as, DIFF_LIMIT)
                .await?
                .unwrap_or_default()
        } else {
            Vec::new()
        };
        Ok(Finding::Change(Change {
            diff: self.diff(&before),
            ..Change::new(format!("replace {}", self.dest))
        }))
    }

    /// Looks for the file of that name in the directory that `dest` is.
    async fn inspect_in_directory(&self, cx: &Cx<'_>, name: &str) -> Result<Finding, Failure> {
        let dest = format!("{}/{name}", self.dest.trim_end_matches('/'));
        let inside = Wanted {
            dest: &dest,
            name: None,
            ..*self
        };
        let mut finding = Box::pin(inside.inspect(cx)).await?;
        if let Finding::Change(change) = &mut finding {
            change.seen = json!({"dest": dest, "meta": only_meta(change)});
        }
        Ok(finding)
    }

    /// The same with the place that inspect found.
    fn found<'b>(&'b self, change: &'b Change) -> Wanted<'b> {
        let dest = change.seen.get("dest").and_then(Value::as_str);
        Wanted {
            dest: dest.unwrap_or(self.dest),
            ..*self
        }
    }

    fn diff(&self, before: &[u8]) -> Option<Diff> {
        let (before, after) = (
            std::str::from_utf8(before).ok()?,
            std::str::from_utf8(self.content).ok()?,
        );
        let small = self.content.len() as u64 <= DIFF_LIMIT;
        small.then(|| Diff {
            title: self.dest.to_owned(),
            before: before.to_owned(),
            after: after.to_owned(),
        })
    }

    fn outcome(&self, cx: &Cx<'_>, outcome: Outcome) -> Outcome {
        let digest = sha256(self.content);
        cx.secrets.withhold(&digest, self.content);
        outcome
            .with("dest", self.dest)
            .with("checksum", digest)
            .with("size", self.content.len())
    }

    /// Puts it there.
    pub(super) async fn apply(&self, cx: &Cx<'_>, change: &Change) -> Result<Outcome, Failure> {
        self.found(change).put(cx, change).await
    }

    async fn put(&self, cx: &Cx<'_>, change: &Change) -> Result<Outcome, Failure> {
        let mut outcome = self.outcome(cx, Outcome::changed(change.what.join(", ")));
        if only_meta(change) {
            set_meta(cx, self.dest, (self.owner, self.group), self.mode, false).await?;
            return Ok(outcome);
        }
        if let Some(validation) = self.validation()? {
            validation.ask(cx, self.content, self.dest).await?;
        }
        if self.backup
            && let Some(kept) = keep_beside(cx, self.dest).await?
        {
            outcome = outcome.with("backup_file", kept);
        }
        let mode = match self.mode {
            Some(Mode::Bits(bits)) => Some(*bits),
            Some(words) => {
                let stat = cx.host.stat(self.dest, &cx.run_as).await?;
                Some(words.of_file(stat.as_ref()))
            }
            None => None,
        };
        let meta = FileMeta {
            mode,
            owner: self.owner.map(str::to_owned),
            group: self.group.map(str::to_owned),
        };
        cx.host
            .write_file(self.dest, self.content, &meta, &cx.run_as)
            .await?;
        Ok(outcome)
    }

    /// Reads it back by its digest, computed on the host, and its stat.
    pub(super) async fn verify(&self, cx: &Cx<'_>, change: &Change) -> Result<(), Failure> {
        let found = self.found(change);
        found.read_back(cx, change, &sha256(self.content)).await
    }

    /// The same for a content of which the digest is known.
    pub(super) async fn read_back(&self, cx: &Cx<'_>, change: &Change, written: &str) -> Result<(), Failure> {
        let digest = digest_on(cx, self.dest).await?;
        let stat = cx.host.stat(self.dest, &cx.run_as).await?;
        let mut wrong = stat.map_or_else(
            || vec!["it is not there".to_owned()],
            |stat| self.meta_differs(&stat),
        );
        if !only_meta(change) && digest.as_deref() != Some(written) {
            wrong.push("its content is another".to_owned());
        }
        if wrong.is_empty() {
            return Ok(());
        }
        Err(Failure::not_verified(format!(
            "{}: wrote {}, but {}",
            cx.host.name(),
            self.dest,
            wrong.join(", ")
        )))
    }
}

/// Sets mode, owner and group of what is there, and with `below` of all that is below it, without following a link.
pub(super) async fn set_meta(
    cx: &Cx<'_>,
    path: &str,
    (owner, group): (Option<&str>, Option<&str>),
    mode: Option<&Mode>,
    below: bool,
) -> Result<(), Failure> {
    let script = r#"
        [ -z "$2" ] || chown -h ${5:+-R} -- "$2" "$1" || exit
        [ -z "$3" ] || chgrp -h ${5:+-R} -- "$3" "$1" || exit
        umask 022
        [ -z "$4" ] || [ -L "$1" ] || chmod ${5:+-R} -- "$4" "$1"
    "#;
    let mode = mode.map(Mode::words).unwrap_or_default();
    let (owner, group) = (owner.unwrap_or_default(), group.unwrap_or_default());
    let below = if below { "below" } else { "" };
    let command = cx.script(script, [path, owner, group, &mode, below]);
    let output = cx.host.run(&command).await?;
    if output.exit.success() {
        return Ok(());
    }
    let words = output.err_text();
    Err(Failure::failed(format!(
        "{}: failed to set owner or mode of {path}: {}",
        cx.host.name(),
        words.trim()
    )))
}

/// Copies a file beside itself; `None`: there was none.
async fn keep_beside(cx: &Cx<'_>, path: &str) -> Result<Option<String>, Failure> {
    let kept = format!("{path}.{}~", cx.host.clock().now());
    let script = r#"[ -e "$1" ] || exit 9; cp -a -- "$1" "$2""#;
    let command = cx.script(script, [path, kept.as_str()]);
    let output = cx.host.run(&command).await?;
    match output.exit.rc() {
        0 => Ok(Some(kept)),
        9 => Ok(None),
        _ => Err(Failure::failed(format!(
            "{}: failed to keep {path}: {}",
            cx.host.name(),
            output.err_text().trim()
        ))),
    }
}
