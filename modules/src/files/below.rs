//! Owner, group and mode of all that is below a directory.

use crate::host::FileMeta;
use crate::module::{Cx, Failure};

/// What all of it is to have.
pub(super) struct Below<'a> {
    pub(super) path: &'a str,
    pub(super) meta: &'a FileMeta,
}

impl Below<'_> {
    /// The conditions of `find` for what has something else. Links have no mode of their own.
    fn conditions(&self) -> Vec<Vec<String>> {
        let FileMeta { mode, owner, group } = self.meta;
        let owner = owner.as_deref().map(|owner| vec!["!", "-user", owner]);
        let group = group.as_deref().map(|group| vec!["!", "-group", group]);
        let octal = mode.map(|mode| format!("{mode:04o}"));
        let mode = octal
            .as_deref()
            .map(|mode| vec!["!", "-type", "l", "!", "-perm", mode]);
        let all = [owner, group, mode].into_iter().flatten();
        all.map(|words| words.into_iter().map(str::to_owned).collect())
            .collect()
    }

    /// One path that has something else; `None`: none has.
    pub(super) async fn differs(&self, cx: &Cx<'_>) -> Result<Option<String>, Failure> {
        let conditions = self.conditions();
        if conditions.is_empty() {
            return Ok(None);
        }
        if !self.path.starts_with('/') {
            return Err(Failure::failed(format!(
                "`recurse` needs a whole path, not `{}`",
                self.path
            )));
        }
        let either = conditions.join(&"-o".to_owned());
        let words = ["find", "-P", self.path, "-mindepth", "1", "("].map(str::to_owned);
        let end = [")", "-print", "-quit"].map(str::to_owned);
        let command = cx.command(words.into_iter().chain(either).chain(end));
        let output = cx.host.run(&command).await?;
        if !output.exit.success() {
            return Err(Failure::failed(format!(
                "{}: failed to look at what is below {}: {}",
                cx.host.name(),
                self.path,
                output.err_text().trim()
            )));
        }
        let found = output.text();
        let found = found.strip_suffix('\n').unwrap_or(&found);
        Ok((!found.is_empty()).then(|| found.to_owned()))
    }
}
