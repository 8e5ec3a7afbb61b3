//! `replace`: all that a regular expression matches in a text file.

use async_trait::async_trait;
use regex::Captures;
use schemars::JsonSchema;
use serde::Deserialize;

use super::edit::{Edited, File, Missing};
use super::mode::Mode;
use crate::contract::{Contract, Recovery};
use crate::module::{Change, Cx, Effect, Failure, Finding, Module, Outcome};
use crate::patterns::{compile, expand};

/// Replaces all that a regular expression matches in a text file; `^` and `$` are those of lines.
///
/// The file is replaced in one step and read back by its digest.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReplaceModule {
    /// The file.
    #[serde(alias = "dest", alias = "destfile", alias = "name")]
    #[schemars(extend("x-aliases" = ["dest", "destfile", "name"]))]
    path: String,
    /// What is replaced.
    regexp: String,
    /// What by; `\\1` and `\\g<name>` stand for groups. Nothing: it is removed.
    #[serde(default)]
    replace: String,
    /// Only behind the first match of this regular expression, in which `.` is the end of a line, too.
    after: Option<String>,
    /// Only in front of the first match of this one.
    before: Option<String>,
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

impl ReplaceModule {
    fn file(&self) -> File<'_> {
        File {
            path: &self.path,
            mode: self.mode.as_ref(),
            owner: self.owner.as_deref(),
            group: self.group.as_deref(),
            backup: self.backup,
            validate: self.validate.as_deref(),
            missing: Missing::Fails("`lineinfile` with `create: true` makes a file"),
        }
    }

    /// The stretch of the text in which is replaced; nothing where `after` or `before` match nothing.
    fn stretch(&self, text: &str) -> Result<Option<std::ops::Range<usize>>, Failure> {
        let find = |pattern: &str, from: usize| {
            let pattern = compile(&format!("(?s){pattern}"), false, false).map_err(Failure::failed)?;
            let found = pattern.find(&text[from..]);
            Ok::<_, Failure>(found.map(|found| from + found.start()..from + found.end()))
        };
        let start = match &self.after {
            None => 0,
            Some(pattern) => match find(pattern, 0)? {
                Some(found) => found.end,
                None => return Ok(None),
            },
        };
        let end = match &self.before {
            None => text.len(),
            Some(pattern) => match find(pattern, start)? {
                Some(found) => found.start,
                None => return Ok(None),
            },
        };
        Ok(Some(start..end))
    }

    fn edit(&self, text: &str) -> Result<Edited, Failure> {
        let pattern = compile(&self.regexp, false, true).map_err(Failure::failed)?;
        let Some(stretch) = self.stretch(text)? else {
            return Ok(Edited::nothing(text));
        };
        let within = &text[stretch.clone()];
        let count = pattern.find_iter(within).count();
        let replaced = pattern.replace_all(within, |found: &Captures<'_>| expand(&self.replace, found));
        if replaced == within {
            return Ok(Edited::nothing(text));
        }
        Ok(Edited {
            text: [&text[..stretch.start], &replaced, &text[stretch.end..]].concat(),
            said: format!("{count} replacements made"),
        })
    }
}

#[async_trait]
impl Module for ReplaceModule {
    const NAME: &'static str = "replace";
    const CONTRACT: Contract = Contract::general(Recovery::Inspect);
    const EXAMPLE: &'static str = "\
- name: the zones' new addresses
  replace:
    path: /etc/hosts
    regexp: '^10\\.0\\.0\\.(\\d+)\\b'
    replace: '10.8.0.\\1'
";

    async fn inspect(&self, cx: &Cx<'_>) -> Result<Finding, Failure> {
        self.file().inspect(cx, |text| self.edit(text)).await
    }
}

#[async_trait]
impl Effect for ReplaceModule {
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

    fn edited(args: Value, text: &str) -> Result<(String, String), String> {
        let mut args = args;
        args["path"] = json!("/f");
        let module: ReplaceModule = serde_json::from_value(args).unwrap();
        let edited = module.edit(text).map_err(|failure| failure.message)?;
        Ok((edited.text, edited.said))
    }

    /// As Ansible's module does it, to which `engine/tests/ansible` holds it.
    #[test]
    fn edits() {
        let text = "a 1\n[x]\na 2\na 3\n[y]\na 4\n";
        let cases = [
            (
                json!({"regexp": "^a (\\d)", "replace": "b\\1"}),
                "b1\n[x]\nb2\nb3\n[y]\nb4\n",
                "4 replacements made",
            ),
            (
                json!({"regexp": " \\d$"}),
                "a\n[x]\na\na\n[y]\na\n",
                "4 replacements made",
            ),
            (
                json!({"regexp": "a", "replace": "b", "after": "\\[x\\]"}),
                "a 1\n[x]\nb 2\nb 3\n[y]\nb 4\n",
                "3 replacements made",
            ),
            (
                json!({"regexp": "a", "replace": "b", "before": "\\[y\\]"}),
                "b 1\n[x]\nb 2\nb 3\n[y]\na 4\n",
                "3 replacements made",
            ),
            (
                json!({"regexp": "a", "replace": "b", "after": "\\[x\\]", "before": "\\[y\\]"}),
                "a 1\n[x]\nb 2\nb 3\n[y]\na 4\n",
                "2 replacements made",
            ),
            (
                json!({"regexp": "a", "replace": "b", "after": "nowhere"}),
                text,
                "",
            ),
            (json!({"regexp": "c", "replace": "b"}), text, ""),
            (json!({"regexp": "a", "replace": "a"}), text, ""),
        ];
        for (args, after, said) in cases {
            assert_eq!(
                edited(args.clone(), text),
                Ok((after.to_owned(), said.to_owned())),
                "{args}"
            );
        }
        assert_eq!(
            edited(json!({"regexp": "("}), text).unwrap_err(),
            "`(` is no regular expression: unclosed group"
        );
    }
}
