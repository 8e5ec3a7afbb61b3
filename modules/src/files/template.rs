//! `template`: a rendered file of the controller to the host.

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;

use super::mode::Mode;
use super::place::{Wanted, name_of};
use crate::contract::{Contract, Recovery};
use crate::module::{Blocks, Change, Cx, Effect, Failure, Finding, Module, Outcome};

/// Renders a template of the controller and puts the result on the host.
///
/// It may include, import and extend others, which are looked for where it is, and beside it. The file is replaced in one step and read
/// back by its digest.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Template {
    /// The template on the controller, relative to the playbook or its `templates/`.
    src: String,
    /// The path on the host; in a directory it gets the name of `src`.
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
    /// Remove a newline right behind a block (`{% … %}`).
    #[serde(default = "yes")]
    trim_blocks: bool,
    /// Remove white space in front of a block that begins a line.
    #[serde(default)]
    lstrip_blocks: bool,
}

fn yes() -> bool {
    true
}

impl Template {
    async fn content(&self, cx: &Cx<'_>) -> Result<String, Failure> {
        let blocks = Blocks {
            trim: self.trim_blocks,
            lstrip: self.lstrip_blocks,
        };
        cx.controller.render(&self.src, blocks).await
    }

    fn wanted<'a>(&'a self, content: &'a str) -> Wanted<'a> {
        Wanted {
            dest: &self.dest,
            name: name_of(&self.src),
            content: content.as_bytes(),
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
impl Module for Template {
    const NAME: &'static str = "template";
    const CONTRACT: Contract = Contract::general(Recovery::Inspect);
    const EXAMPLE: &'static str = "\
- name: the proxy's maintenance page
  template:
    src: maintenance.html.j2
    dest: /var/www/html/maintenance.html
    mode: \"0644\"
";

    async fn inspect(&self, cx: &Cx<'_>) -> Result<Finding, Failure> {
        let content = self.content(cx).await?;
        self.wanted(&content).inspect(cx).await
    }
}

#[async_trait]
impl Effect for Template {
    async fn apply(&self, cx: &Cx<'_>, change: &Change) -> Result<Outcome, Failure> {
        let content = self.content(cx).await?;
        self.wanted(&content).apply(cx, change).await
    }

    async fn verify(&self, cx: &Cx<'_>, change: &Change, _: &mut Outcome) -> Result<(), Failure> {
        let content = self.content(cx).await?;
        self.wanted(&content).verify(cx, change).await
    }
}
