//! `rehearse`: what the twin is to answer where it does not know what a task runs.

use crate::diagnostics::Finding;
use crate::yaml::Node;

use super::load::Loader;
use super::syntax::Answer;

const KEYS: &[&str] = &["rc", "stderr", "stdout"];

impl Loader<'_> {
    /// A mapping of `rc`, `stdout` and `stderr`. Nothing in it is a template: it is read without a host.
    pub(super) fn answer(&mut self, node: &Node) -> Option<Answer> {
        let Some(entries) = node.as_mapping() else {
            self.expected(node, "a mapping of `rc`, `stdout` and `stderr`", "rehearse");
            return None;
        };
        let mut answer = Answer::default();
        for entry in entries {
            let (name, value) = (entry.name(), &entry.value);
            match (name, value.as_str()) {
                ("rc", Some(text)) => {
                    let Ok(rc) = text.parse::<u8>() else {
                        let message = "`rc` is an exit status, from 0 to 255";
                        self.wrong(Finding::at(&value.span, message, "expected a number"));
                        continue;
                    };
                    answer.rc = i32::from(rc);
                }
                ("stdout", Some(text)) => text.clone_into(&mut answer.stdout),
                ("stderr", Some(text)) => text.clone_into(&mut answer.stderr),
                ("rc" | "stdout" | "stderr", None) => self.expected(value, "a text", name),
                _ => self.unknown_key(entry, "`rehearse`", &[KEYS]),
            }
        }
        Some(answer)
    }
}
