//! `lineinfile`: one line of a text file.

use async_trait::async_trait;
use regex::Regex;
use schemars::JsonSchema;
use serde::Deserialize;

use super::edit::{Edited, File, Place, State, bare};
use super::mode::Mode;
use crate::contract::{Contract, Recovery};
use crate::module::{Change, Cx, Effect, Failure, Finding, Module, Outcome};
use crate::patterns::{compile, expand};

/// Sees to it that a line is in a text file, or is not.
///
/// The file is replaced in one step and read back by its digest. For all that a regular expression matches use `replace`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LineInFile {
    /// The file.
    #[serde(alias = "dest", alias = "destfile", alias = "name")]
    #[schemars(extend("x-aliases" = ["dest", "destfile", "name"]))]
    path: String,
    /// Whether the line is to be there.
    #[serde(default)]
    state: State,
    /// The line. With `backrefs`, `\1` and `\g<name>` in it stand for groups of `regexp`.
    #[serde(alias = "value")]
    #[schemars(extend("x-aliases" = ["value"]))]
    line: Option<String>,
    /// The last line that this regular expression matches is replaced; with `state: absent` all that it matches are removed. Write it so
    /// that it matches the new line, too.
    #[serde(alias = "regex")]
    #[schemars(extend("x-aliases" = ["regex"]))]
    regexp: Option<String>,
    /// The same with a text that the line contains.
    search_string: Option<String>,
    /// Where no line matches: behind the last line that this regular expression matches, or at the end (`EOF`), or the beginning (`BOF`).
    insertafter: Option<String>,
    /// The same, in front of that line, or at the beginning (`BOF`).
    insertbefore: Option<String>,
    /// Fill groups of `regexp` in; where it matches nothing, nothing is done.
    #[serde(default)]
    backrefs: bool,
    /// The first match counts instead of the last.
    #[serde(default)]
    firstmatch: bool,
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

/// Which lines are meant.
enum Match<'a> {
    Pattern(Regex),
    Containing(&'a str),
    Same(&'a str),
}

impl Match<'_> {
    fn is(&self, line: &str) -> bool {
        match self {
            Self::Pattern(pattern) => pattern.is_match(line),
            Self::Containing(text) => line.contains(text),
            Self::Same(text) => line == *text,
        }
    }
}

impl LineInFile {
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

    fn matching(&self) -> Result<Match<'_>, Failure> {
        match (&self.regexp, &self.search_string, &self.line) {
            (Some(_), Some(_), _) => Err(Failure::failed("give either `regexp` or `search_string`")),
            (Some(pattern), None, _) => compile(pattern, false, false)
                .map(Match::Pattern)
                .map_err(Failure::failed),
            (None, Some(text), _) => Ok(Match::Containing(text)),
            (None, None, Some(line)) => Ok(Match::Same(bare(line))),
            (None, None, None) => Err(Failure::failed("give `line`, `regexp` or `search_string`")),
        }
    }

    fn edit(&self, text: &str) -> Result<Edited, Failure> {
        match (self.state, &self.line) {
            (State::Present, Some(line)) => self.present(text, line, &self.matching()?),
            (State::Present, None) => Err(Failure::failed("`line` is missing")),
            (State::Absent, _) => Ok(absent(text, &self.matching()?)),
        }
    }

    fn present(&self, text: &str, line: &str, matching: &Match<'_>) -> Result<Edited, Failure> {
        let pattern = match matching {
            Match::Pattern(pattern) => Some(pattern),
            _ if self.backrefs => return Err(Failure::failed("`backrefs` needs `regexp`")),
            _ => None,
        };
        let place = Place::of(self.insertafter.as_deref(), self.insertbefore.as_deref())?;
        let mut lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
        let chosen = |is: &dyn Fn(&str) -> bool| {
            let mut found = lines.iter().enumerate().filter(|(_, line)| is(bare(line)));
            let found = if self.firstmatch {
                found.next()
            } else {
                found.last()
            };
            found.map(|(at, _)| at)
        };
        // A line that is there already is not added once more, even if `regexp` does not match it.
        let is_there = || chosen(&|other| other == bare(line));
        if let Some(at) = chosen(&|line| matching.is(line)).or_else(is_there) {
            let found = pattern.filter(|_| self.backrefs);
            let found = found.and_then(|pattern| pattern.captures(bare(&lines[at])));
            let mut new = found.map_or_else(|| line.to_owned(), |found| expand(line, &found));
            if !new.ends_with('\n') {
                new.push('\n');
            }
            if lines[at] == new {
                return Ok(Edited::nothing(text));
            }
            lines[at] = new;
            return Ok(changed(&lines, "line replaced"));
        }
        if self.backrefs {
            return Ok(Edited::nothing(text));
        }
        let at = place.among(lines.len(), |pattern| chosen(&|line| pattern.is_match(line)));
        if at == lines.len()
            && let Some(last) = lines.last_mut()
            && !last.ends_with('\n')
        {
            last.push('\n');
        }
        lines.insert(at, format!("{}\n", line.strip_suffix('\n').unwrap_or(line)));
        Ok(changed(&lines, "line added"))
    }
}

fn absent(text: &str, matching: &Match<'_>) -> Edited {
    let lines = text.split_inclusive('\n');
    let (gone, kept): (Vec<&str>, Vec<&str>) = lines.partition(|line| matching.is(bare(line)));
    if gone.is_empty() {
        return Edited::nothing(text);
    }
    Edited {
        text: kept.concat(),
        said: format!("{} line(s) removed", gone.len()),
    }
}

fn changed(lines: &[String], said: &str) -> Edited {
    Edited {
        text: lines.concat(),
        said: said.to_owned(),
    }
}

#[async_trait]
impl Module for LineInFile {
    const NAME: &'static str = "lineinfile";
    const CONTRACT: Contract = Contract::general(Recovery::Inspect);
    const EXAMPLE: &'static str = "\
- name: oned listens on this address alone
  lineinfile:
    path: /etc/one/oned.conf
    regexp: '^LISTEN_ADDRESS\\s*='
    line: LISTEN_ADDRESS = \"10.0.0.1\"
    backup: true
";

    async fn inspect(&self, cx: &Cx<'_>) -> Result<Finding, Failure> {
        self.file().inspect(cx, |text| self.edit(text)).await
    }
}

#[async_trait]
impl Effect for LineInFile {
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

    /// What becomes of the text, and what is said of it.
    fn edited(args: Value, text: &str) -> Result<(String, String), String> {
        let mut args = args;
        args["path"] = json!("/f");
        let module: LineInFile = serde_json::from_value(args).unwrap();
        let edited = module.edit(text).map_err(|failure| failure.message)?;
        Ok((edited.text, edited.said))
    }

    /// As Ansible's module does it, to which `engine/tests/ansible` holds it.
    #[test]
    fn edits() {
        let conf = "# PORT = 1\nPORT = 2\nLOG = [ A ]\nPORT = 3\n";
        let cases = [
            (
                json!({"line": "NEW"}),
                "# PORT = 1\nPORT = 2\nLOG = [ A ]\nPORT = 3\nNEW\n",
                "line added",
            ),
            (json!({"line": "PORT = 2"}), conf, ""),
            (
                json!({"regexp": "^PORT", "line": "PORT = 9"}),
                "# PORT = 1\nPORT = 2\nLOG = [ A ]\nPORT = 9\n",
                "line replaced",
            ),
            (
                json!({"regexp": "^PORT", "line": "PORT = 9", "firstmatch": true}),
                "# PORT = 1\nPORT = 9\nLOG = [ A ]\nPORT = 3\n",
                "line replaced",
            ),
            (
                json!({"regexp": "3$", "line": "PORT = 2"}),
                "# PORT = 1\nPORT = 2\nLOG = [ A ]\nPORT = 2\n",
                "line replaced",
            ),
            (json!({"regexp": "^NONE", "line": "PORT = 2"}), conf, ""),
            (
                json!({"search_string": "= [", "line": "LOG = [ B ]"}),
                "# PORT = 1\nPORT = 2\nLOG = [ B ]\nPORT = 3\n",
                "line replaced",
            ),
            (
                json!({"regexp": "^(LOG) = \\[ (?P<what>.) \\]", "line": "\\1 = \\g<what>", "backrefs": true}),
                "# PORT = 1\nPORT = 2\nLOG = A\nPORT = 3\n",
                "line replaced",
            ),
            (
                json!({"regexp": "^(NONE)", "line": "\\1", "backrefs": true}),
                conf,
                "",
            ),
            (
                json!({"line": "NEW", "insertafter": "^PORT"}),
                "# PORT = 1\nPORT = 2\nLOG = [ A ]\nPORT = 3\nNEW\n",
                "line added",
            ),
            (
                json!({"line": "NEW", "insertafter": "^PORT", "firstmatch": true}),
                "# PORT = 1\nPORT = 2\nNEW\nLOG = [ A ]\nPORT = 3\n",
                "line added",
            ),
            (
                json!({"line": "NEW", "insertbefore": "^LOG"}),
                "# PORT = 1\nPORT = 2\nNEW\nLOG = [ A ]\nPORT = 3\n",
                "line added",
            ),
            (
                json!({"line": "NEW", "insertbefore": "^NONE"}),
                "# PORT = 1\nPORT = 2\nLOG = [ A ]\nPORT = 3\nNEW\n",
                "line added",
            ),
            (
                json!({"line": "NEW", "insertbefore": "BOF"}),
                "NEW\n# PORT = 1\nPORT = 2\nLOG = [ A ]\nPORT = 3\n",
                "line added",
            ),
            (
                json!({"state": "absent", "regexp": "^PORT"}),
                "# PORT = 1\nLOG = [ A ]\n",
                "2 line(s) removed",
            ),
            (
                json!({"state": "absent", "line": "PORT = 3"}),
                "# PORT = 1\nPORT = 2\nLOG = [ A ]\n",
                "1 line(s) removed",
            ),
            (json!({"state": "absent", "search_string": "nowhere"}), conf, ""),
        ];
        for (args, text, said) in cases {
            assert_eq!(
                edited(args.clone(), conf),
                Ok((text.to_owned(), said.to_owned())),
                "{args}"
            );
        }
        let no_newline = edited(json!({"line": "b"}), "a").unwrap();
        assert_eq!(no_newline.0, "a\nb\n");
        let windows = edited(json!({"line": "b"}), "a\r\nb\r\n").unwrap();
        assert_eq!(windows, ("a\r\nb\n".to_owned(), "line replaced".to_owned()));
    }

    #[test]
    fn what_does_not_fit_is_told() {
        let cases = [
            (json!({}), "`line` is missing"),
            (json!({"regexp": "a"}), "`line` is missing"),
            (
                json!({"state": "absent"}),
                "give `line`, `regexp` or `search_string`",
            ),
            (
                json!({"line": "a", "regexp": "a", "search_string": "b"}),
                "give either `regexp` or `search_string`",
            ),
            (
                json!({"line": "a", "insertafter": "a", "insertbefore": "b"}),
                "give either `insertafter` or `insertbefore`",
            ),
            (
                json!({"line": "a", "backrefs": true}),
                "`backrefs` needs `regexp`",
            ),
            (
                json!({"line": "a", "regexp": "("}),
                "`(` is no regular expression: unclosed group",
            ),
        ];
        for (args, message) in cases {
            assert_eq!(edited(args.clone(), "a\n").unwrap_err(), message, "{args}");
        }
    }

    async fn run(host: &FakeHost, args: Value) -> Result<Outcome, Failure> {
        FakeWorld::default().run(host, "lineinfile", args).await
    }

    #[tokio::test]
    async fn a_line_that_is_there_is_no_change_and_one_that_was_not_written_is_found_out() {
        let host =
            FakeHost::new("m")
                .file("/etc/x", "a\n")
                .on("^sha256sum", 0, &format!("{} *x\n", sha256("a\n")));
        let line = |line: &str| json!({"path": "/etc/x", "line": line});
        assert!(!run(&host, line("a")).await.unwrap().changed);
        let failure = run(&host, line("b")).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::NotVerified);
    }

    #[tokio::test]
    async fn a_file_that_is_not_there_is_made_if_it_is_to_be() {
        let host = FakeHost::new("m").on("^sha256sum", 0, &format!("{} *x\n", sha256("b\n")));
        let failure = run(&host, json!({"path": "/etc/x", "line": "b"}))
            .await
            .unwrap_err();
        assert_eq!(failure.message, "m: /etc/x does not exist");
        let absent = run(&host, json!({"path": "/etc/x", "line": "b", "state": "absent"})).await;
        assert!(!absent.unwrap().changed);
        let outcome = run(&host, json!({"path": "/etc/x", "line": "b", "create": true}))
            .await
            .unwrap();
        assert!(outcome.changed);
        assert_eq!(host.content("/etc/x").unwrap(), b"b\n");
    }

    #[tokio::test]
    async fn what_is_no_text_is_left_alone() {
        let host = FakeHost::new("m").file("/etc/x", b"\xff\n");
        let failure = run(&host, json!({"path": "/etc/x", "line": "b"}))
            .await
            .unwrap_err();
        assert_eq!(failure.message, "m: /etc/x is no UTF-8 text");
    }
}
