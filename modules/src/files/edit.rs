//! Editing a text file of the host in place: what `lineinfile`, `blockinfile` and `replace` have in common.
//!
//! Rules and results are those of Ansible's modules of these names (ansible-core 2.19).

use regex::Regex;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::mode::Mode;
use super::place::{LIMIT, Wanted};
use crate::module::{Change, Cx, Failure, Finding, Outcome};
use crate::patterns::compile;

/// What is to become of a line, or of a block of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum State {
    /// It is there.
    #[default]
    Present,
    /// It is not.
    Absent,
}

impl State {
    /// What becomes of a file that is not there, whether or not it may be made.
    pub(super) fn missing(self, create: bool) -> Missing {
        match self {
            Self::Present if create => Missing::IsMade,
            Self::Present => Missing::Fails("`create: true` makes it"),
            Self::Absent => Missing::IsFine,
        }
    }
}

/// Where something new goes.
pub(super) enum Place {
    First,
    Last,
    After(Regex),
    Before(Regex),
}

impl Place {
    /// As `insertafter` and `insertbefore` say it; at the end, unless they say something.
    pub(super) fn of(after: Option<&str>, before: Option<&str>) -> Result<Self, Failure> {
        let pattern = |text: &str| compile(text, false, false).map_err(Failure::failed);
        match (after, before) {
            (Some(_), Some(_)) => Err(Failure::failed("give either `insertafter` or `insertbefore`")),
            (_, Some("BOF")) | (Some("BOF"), _) => Ok(Self::First),
            (Some("EOF"), _) | (None, Some("EOF") | None) => Ok(Self::Last),
            (Some(text), None) => pattern(text).map(Self::After),
            (None, Some(text)) => pattern(text).map(Self::Before),
        }
    }

    /// In front of which of so many lines; `find` finds the line that a pattern means. At the end where there is none.
    pub(super) fn among(&self, lines: usize, find: impl Fn(&Regex) -> Option<usize>) -> usize {
        let found = match self {
            Self::First => Some(0),
            Self::Last => None,
            Self::After(pattern) => find(pattern).map(|at| at + 1),
            Self::Before(pattern) => find(pattern),
        };
        found.unwrap_or(lines)
    }
}

/// A line without its end.
pub(super) fn bare(line: &str) -> &str {
    line.trim_end_matches(['\r', '\n'])
}

/// A text after an edit, and what was done to it, as Ansible says it; no words: nothing.
pub(super) struct Edited {
    pub(super) text: String,
    pub(super) said: String,
}

impl Edited {
    /// There is nothing to do.
    pub(super) fn nothing(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            said: String::new(),
        }
    }
}

/// A file that is to be edited.
pub(super) struct File<'a> {
    pub(super) path: &'a str,
    pub(super) mode: Option<&'a Mode>,
    pub(super) owner: Option<&'a str>,
    pub(super) group: Option<&'a str>,
    /// Keep the old file beside the new one.
    pub(super) backup: bool,
    /// What is asked whether the new text is right before it is written.
    pub(super) validate: Option<&'a str>,
    pub(super) missing: Missing,
}

/// What becomes of a file that is not there.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    /// That is an error; what to do about it.
    Fails(&'static str),
    /// It is made: an empty text is edited.
    IsMade,
    /// Then there is nothing to do.
    IsFine,
}

impl File<'_> {
    /// Its text; nothing where there is no file.
    async fn text(&self, cx: &Cx<'_>) -> Result<Option<String>, Failure> {
        let name = cx.host.name();
        let Some(content) = cx.host.read_file(self.path, &cx.run_as, LIMIT).await? else {
            return Ok(None);
        };
        let text = String::from_utf8(content)
            .map_err(|_| Failure::failed(format!("{name}: {} is no UTF-8 text", self.path)))?;
        Ok(Some(text))
    }

    /// Nothing: there is no file, and nothing to do.
    async fn edited(
        &self,
        cx: &Cx<'_>,
        edit: impl Fn(&str) -> Result<Edited, Failure>,
    ) -> Result<Option<Edited>, Failure> {
        match (self.text(cx).await?, self.missing) {
            (Some(text), _) => edit(&text).map(Some),
            (None, Missing::IsMade) => edit("").map(Some),
            (None, Missing::IsFine) => Ok(None),
            (None, Missing::Fails(hint)) => {
                Err(Failure::failed(format!("{}: {} does not exist", cx.host.name(), self.path)).hint(hint))
            }
        }
    }

    fn wanted<'a>(&'a self, content: &'a str) -> Wanted<'a> {
        Wanted {
            dest: self.path,
            name: None,
            content: content.as_bytes(),
            mode: self.mode,
            owner: self.owner,
            group: self.group,
            backup: self.backup,
            force: true,
            validate: self.validate,
        }
    }

    /// What the edit would change.
    pub(super) async fn inspect(
        &self,
        cx: &Cx<'_>,
        edit: impl Fn(&str) -> Result<Edited, Failure>,
    ) -> Result<Finding, Failure> {
        let Some(edited) = self.edited(cx, edit).await? else {
            return Ok(Finding::no_change("file not present"));
        };
        Ok(match self.wanted(&edited.text).inspect(cx).await? {
            Finding::NoChange(outcome) => Finding::NoChange(outcome.with("msg", "")),
            Finding::Change(change) if !edited.said.is_empty() => Finding::Change(Change {
                what: vec![format!("{}: {}", self.path, edited.said)],
                ..change
            }),
            other => other,
        })
    }

    /// Edits what is there now: it may have changed since the look.
    pub(super) async fn apply(
        &self,
        cx: &Cx<'_>,
        change: &Change,
        edit: impl Fn(&str) -> Result<Edited, Failure>,
    ) -> Result<Outcome, Failure> {
        let Some(edited) = self.edited(cx, edit).await? else {
            return Ok(Outcome::unchanged("file not present"));
        };
        let outcome = self.wanted(&edited.text).apply(cx, change).await?;
        Ok(outcome.with("msg", edited.said))
    }

    /// Reads back what was written, by its digest: an edit that is done again may find something else to do.
    pub(super) async fn verify(
        &self,
        cx: &Cx<'_>,
        change: &Change,
        outcome: &Outcome,
    ) -> Result<(), Failure> {
        let written = outcome.result.get("checksum").and_then(Value::as_str);
        self.wanted("")
            .read_back(cx, change, written.unwrap_or_default())
            .await
    }
}
