//! `blockinfile`: lines of a text file between two markers.

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;

use super::edit::{Edited, File, Place, State, bare};
use super::mode::Mode;
use crate::contract::{Contract, Recovery};
use crate::module::{Change, Cx, Effect, Failure, Finding, Module, Outcome};

/// Sees to it that lines are in a text file, between two markers by which they are found again, or are not.
///
/// The file is replaced in one step and read back by its digest. For a single line use `lineinfile`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct BlockInFile {
    /// The file.
    #[serde(alias = "dest", alias = "destfile", alias = "name")]
    #[schemars(extend("x-aliases" = ["dest", "destfile", "name"]))]
    path: String,
    /// Whether the block is to be there.
    #[serde(default)]
    state: State,
    /// The lines. None: a block that is there is removed with its markers.
    #[serde(default, alias = "content")]
    #[schemars(extend("x-aliases" = ["content"]))]
    block: String,
    /// What stands in front of the block and behind it; `{mark}` is `marker_begin` or `marker_end`. Several blocks in one file need
    /// different ones.
    #[serde(default = "marker")]
    marker: String,
    /// The mark of the line in front of the block.
    #[serde(default = "begin")]
    marker_begin: String,
    /// The mark of the line behind the block.
    #[serde(default = "end")]
    marker_end: String,
    /// Where no block is there yet: behind the last line that this regular expression matches, or at the end (`EOF`).
    insertafter: Option<String>,
    /// The same, in front of that line, or at the beginning (`BOF`).
    insertbefore: Option<String>,
    /// An empty line in front of the block, unless one is there.
    #[serde(default)]
    prepend_newline: bool,
    /// An empty line behind the block, unless one is there.
    #[serde(default)]
    append_newline: bool,
    /// Make the file if there is none.
    #[serde(default)]
    create: bool,
    /// Keep the replaced file beside the new one.
    #[serde(default)]
    backup: bool,
    /// A command that is asked whether the new content is right before it is put in its place; `%s` is the file: `visudo -cf %s`.
    validate: Option<String>,
    /// Permissions: "0640" in quotes, or `u=rw,g=r,o=`.
    mode: Option<Mode>,
    /// Owner's name.
    owner: Option<String>,
    /// Group's name.
    group: Option<String>,
}

/// Ansible's, so that blocks which it wrote are found.
fn marker() -> String {
    "# {mark} ANSIBLE MANAGED BLOCK".to_owned()
}

fn begin() -> String {
    "BEGIN".to_owned()
}

fn end() -> String {
    "END".to_owned()
}

impl BlockInFile {
    fn file(&self) -> File<'_> {
        File {
            path: &self.path,
            mode: self.mode.as_ref(),
            owner: self.owner.as_deref(),
            group: self.group.as_deref(),
            backup: self.backup,
            validate: self.validate.as_deref(),
            missing: self.state.missing(self.create),
        }
    }

    /// The lines in front of the block and behind it. Where they are the same, or several lines, the block is not found again.
    fn markers(&self) -> Result<(String, String), Failure> {
        let begin = self.marker.replace("{mark}", &self.marker_begin);
        let end = self.marker.replace("{mark}", &self.marker_end);
        if begin == end {
            return Err(Failure::failed(format!(
                "the markers in front of the block and behind it are the same: `{begin}`"
            ))
            .hint("`{mark}` in `marker` stands for what tells them apart"));
        }
        for marker in [&begin, &end] {
            if marker.contains(['\n', '\r']) {
                return Err(Failure::failed(format!("a marker is one line, not {marker:?}")));
            }
        }
        Ok((begin, end))
    }

    /// The block with its markers; nothing: there is to be none.
    fn block(&self, begin: &str, end: &str) -> Option<String> {
        let is_wanted = self.state == State::Present && !self.block.is_empty();
        let lines = self.block.strip_suffix('\n').unwrap_or(&self.block);
        is_wanted.then(|| format!("{begin}\n{lines}\n{end}\n"))
    }

    fn edit(&self, text: &str) -> Result<Edited, Failure> {
        let (begin, end) = self.markers()?;
        let block = self.block(&begin, &end);
        let place = Place::of(self.insertafter.as_deref(), self.insertbefore.as_deref())?;
        let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
        let last = |is: &dyn Fn(&str) -> bool| lines.iter().rposition(|line| is(bare(line)));
        let at = match (last(&|line| line == begin), last(&|line| line == end), &block) {
            (Some(one), Some(other), _) => {
                let first = one.min(other);
                lines.drain(first..=one.max(other));
                first
            }
            (_, _, None) => return Ok(Edited::nothing(text)),
            (_, _, Some(_)) => place.among(lines.len(), |pattern| last(&|line| pattern.is_match(line))),
        };
        let (before, after) = lines.split_at(at);
        let mut edited = before.concat();
        if !edited.is_empty() && !edited.ends_with('\n') {
            edited.push('\n');
        }
        let is_present = self.state == State::Present;
        let is_text = |line: Option<&&str>| line.is_some_and(|line| *line != "\n");
        if is_present && self.prepend_newline && is_text(before.last()) {
            edited.push('\n');
        }
        edited.push_str(block.as_deref().unwrap_or_default());
        if is_present && self.append_newline && is_text(after.first()) {
            edited.push('\n');
        }
        edited.push_str(&after.concat());
        if edited == text {
            return Ok(Edited::nothing(text));
        }
        let said = if block.is_some() {
            "Block inserted"
        } else {
            "Block removed"
        };
        Ok(Edited {
            text: edited,
            said: said.to_owned(),
        })
    }
}

#[async_trait]
impl Module for BlockInFile {
    const NAME: &'static str = "blockinfile";
    const CONTRACT: Contract = Contract::general(Recovery::Inspect);
    const EXAMPLE: &'static str = "\
- name: every front-end knows the others
  blockinfile:
    path: /etc/hosts
    block: |
      192.168.150.1 fe-eu-fr
      192.168.150.2 fe-eu-ge
    backup: true
";

    async fn inspect(&self, cx: &Cx<'_>) -> Result<Finding, Failure> {
        self.file().inspect(cx, |text| self.edit(text)).await
    }
}

#[async_trait]
impl Effect for BlockInFile {
    async fn apply(&self, cx: &Cx<'_>, change: &Change) -> Result<Outcome, Failure> {
        self.file().apply(cx, change, |text| self.edit(text)).await
    }

    async fn verify(&self, cx: &Cx<'_>, change: &Change, outcome: &mut Outcome) -> Result<(), Failure> {
        self.file().verify(cx, change, outcome).await
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::digest::sha256;
    use crate::module::FailureKind;
    use crate::testing::{FakeHost, FakeWorld};

    const BLOCK: &str = "# BEGIN ANSIBLE MANAGED BLOCK\nx\n# END ANSIBLE MANAGED BLOCK\n";

    /// What becomes of the text, and what is said of it.
    fn edited(mut args: Value, text: &str) -> Result<(String, String), String> {
        args["path"] = json!("/f");
        let module: BlockInFile = serde_json::from_value(args).unwrap();
        let edited = module.edit(text).map_err(|failure| failure.message)?;
        Ok((edited.text, edited.said))
    }

    /// As Ansible's module does it, to which `engine/tests/ansible` holds it.
    #[test]
    fn edits() {
        let (inserted, removed) = ("Block inserted", "Block removed");
        let there = format!("a\n{BLOCK}b\n");
        let cases = [
            (
                json!({"block": "x"}),
                "a\nb\n",
                format!("a\nb\n{BLOCK}"),
                inserted,
            ),
            (json!({"block": "x\n"}), "a", format!("a\n{BLOCK}"), inserted),
            (json!({"block": "x"}), "", BLOCK.to_owned(), inserted),
            (json!({"block": "x"}), &there, there.clone(), ""),
            (json!({"block": "y"}), &there, there.replace('x', "y"), inserted),
            (
                json!({"block": "x", "insertbefore": "BOF"}),
                "a\n",
                format!("{BLOCK}a\n"),
                inserted,
            ),
            (
                json!({"block": "x", "insertafter": "^a"}),
                "a\nb\n",
                there.clone(),
                inserted,
            ),
            (
                json!({"block": "x", "insertbefore": "^b"}),
                "a\nb\n",
                there.clone(),
                inserted,
            ),
            (
                json!({"block": "x", "insertbefore": "^z"}),
                "a\n",
                format!("a\n{BLOCK}"),
                inserted,
            ),
            (
                json!({"block": "x", "insertafter": "^a"}),
                &format!("b\n{BLOCK}a\n"),
                format!("b\n{BLOCK}a\n"),
                "",
            ),
            (json!({"state": "absent"}), &there, "a\nb\n".to_owned(), removed),
            (json!({"block": ""}), &there, "a\nb\n".to_owned(), removed),
            (
                json!({"state": "absent", "block": "x"}),
                "a\nb",
                "a\nb".to_owned(),
                "",
            ),
            (
                json!({"block": "x", "insertafter": "^a", "prepend_newline": true, "append_newline": true}),
                "a\nb\n",
                format!("a\n\n{BLOCK}\nb\n"),
                inserted,
            ),
            (
                json!({"block": "x", "prepend_newline": true, "append_newline": true}),
                &format!("a\n\n{BLOCK}\nb\n"),
                format!("a\n\n{BLOCK}\nb\n"),
                "",
            ),
            (
                json!({"block": "x", "marker": "; {mark} of mine", "marker_begin": "from", "marker_end": "to"}),
                "a\n",
                "a\n; from of mine\nx\n; to of mine\n".to_owned(),
                inserted,
            ),
            (
                json!({"block": "x"}),
                "# END ANSIBLE MANAGED BLOCK\na\n# BEGIN ANSIBLE MANAGED BLOCK\n",
                BLOCK.to_owned(),
                inserted,
            ),
            (
                json!({"block": "x"}),
                BLOCK.trim_end(),
                BLOCK.to_owned(),
                inserted,
            ),
        ];
        for (args, before, after, said) in cases {
            assert_eq!(
                edited(args.clone(), before),
                Ok((after, said.to_owned())),
                "{args} of {before:?}"
            );
        }
    }

    #[test]
    fn what_does_not_fit_is_told() {
        let cases = [
            (
                json!({"block": "x", "marker": "# mine"}),
                "the markers in front of the block and behind it are the same: `# mine`",
            ),
            (
                json!({"block": "x", "marker": "#\n{mark}"}),
                "a marker is one line, not \"#\\nBEGIN\"",
            ),
            (
                json!({"block": "x", "insertafter": "a", "insertbefore": "b"}),
                "give either `insertafter` or `insertbefore`",
            ),
            (
                json!({"block": "x", "insertafter": "("}),
                "`(` is no regular expression: unclosed group",
            ),
        ];
        for (args, message) in cases {
            assert_eq!(edited(args.clone(), "a\n").unwrap_err(), message, "{args}");
        }
    }

    #[tokio::test]
    async fn a_block_that_was_not_written_is_found_out() {
        let host =
            FakeHost::new("m")
                .file("/etc/x", BLOCK)
                .on("^sha256sum", 0, &format!("{} *x\n", sha256(BLOCK)));
        let run = async |block: &str| {
            let args = json!({"path": "/etc/x", "block": block});
            FakeWorld::default().run(&host, "blockinfile", args).await
        };
        assert!(!run("x").await.unwrap().changed);
        assert_eq!(run("y").await.unwrap_err().kind, FailureKind::NotVerified);
    }
}
