//! Owner, group and mode of all that is below a directory.

use super::mode::Mode;
use crate::host::Command;
use crate::module::{Cx, Failure};

/// What all of it is to have.
pub(super) struct Below<'a> {
    pub(super) path: &'a str,
    pub(super) owner: Option<&'a str>,
    pub(super) group: Option<&'a str>,
    pub(super) mode: Option<&'a Mode>,
}

impl Below<'_> {
    /// The conditions of `find` for what has something else. Links have no mode of their own.
    fn conditions(&self) -> Vec<Vec<String>> {
        let owner = self.owner.map(|owner| vec!["!", "-user", owner]);
        let group = self.group.map(|group| vec!["!", "-group", group]);
        let octal = match self.mode {
            Some(mode @ Mode::Bits(_)) => Some(mode.words()),
            _ => None,
        };
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
        let by_words = self.mode.filter(|mode| matches!(mode, Mode::Words(_)));
        if conditions.is_empty() && by_words.is_none() {
            return Ok(None);
        }
        if !self.path.starts_with('/') {
            return Err(Failure::failed(format!(
                "`recurse` needs a whole path, not `{}`",
                self.path
            )));
        }
        let words = ["find", "-P", self.path, "-mindepth", "1"].map(str::to_owned);
        if !conditions.is_empty() {
            let either = conditions.join(&"-o".to_owned());
            let open = words.iter().cloned().chain(["(".to_owned()]);
            let end = [")", "-print", "-quit"].map(str::to_owned);
            let found = self.found(cx, cx.command(open.chain(either).chain(end))).await?;
            let found = found.strip_suffix('\n').unwrap_or(&found);
            if !found.is_empty() {
                return Ok(Some(found.to_owned()));
            }
        }
        let Some(mode) = by_words else {
            return Ok(None);
        };
        let each = ["!", "-type", "l", "-printf", "%y %m %p\\0"].map(str::to_owned);
        let found = self.found(cx, cx.command(words.into_iter().chain(each))).await?;
        let differs = |line: &&str| {
            let mut parts = line.splitn(3, ' ');
            let kind = parts.next().unwrap_or_default();
            let bits = parts.next().and_then(|bits| u32::from_str_radix(bits, 8).ok());
            bits.is_none_or(|bits| mode.of_bits(bits, kind == "d") != bits)
        };
        let other = found.split_terminator('\0').find(differs);
        Ok(other.map(|line| line.splitn(3, ' ').last().unwrap_or_default().to_owned()))
    }

    async fn found(&self, cx: &Cx<'_>, command: Command) -> Result<String, Failure> {
        let output = cx.host.run(&command).await?;
        if !output.exit.success() {
            return Err(Failure::failed(format!(
                "{}: failed to look at what is below {}: {}",
                cx.host.name(),
                self.path,
                output.err_text().trim()
            )));
        }
        Ok(output.text())
    }
}
