//! `loop`, and what of `with_…` means the same.

use crate::diagnostics::{Finding, suggest};
use crate::template::Templates;
use crate::yaml::{Entry, Node};

use super::load::Loader;
use super::syntax::Loop;

const CONTROLS: &[&str] = &["index_var", "label", "loop_var", "pause"];

impl Loader<'_> {
    /// The loop of a task, if it has one.
    pub(super) fn r#loop(&mut self, entries: &[Entry]) -> Option<Loop> {
        let mut over = None;
        let mut control = None;
        for entry in entries {
            match entry.name() {
                "loop" => over = self.over(entry),
                "loop_control" => control = Some(&entry.value),
                name => {
                    if let Some(kind) = name.strip_prefix("with_") {
                        over = self.with(kind, entry);
                    }
                }
            }
        }
        let mut found = Loop {
            over: over?,
            var: "item".to_owned(),
            index_var: None,
            label: None,
            pause: None,
        };
        if let Some(control) = control {
            self.loop_control(control, &mut found);
        }
        Some(found)
    }

    fn over(&mut self, entry: &Entry) -> Option<Node> {
        let node = &entry.value;
        if node.as_sequence().is_none() && !(node.as_str().is_some() && Templates::is_template(node)) {
            let message = format!("a loop goes over a list, not {}", node.kind());
            let finding = Finding::at(&node.span, message, "expected a list");
            let help = match node.as_str() {
                Some(name) if super::values::is_identifier(name) => {
                    format!("for the variable of that name: `\"{{{{ {name} }}}}\"`")
                }
                _ => "write a list, or a template that yields one; of a mapping: `\"{{ m | dict2items }}\"`"
                    .to_owned(),
            };
            self.wrong(finding.help(help));
            return None;
        }
        Some(self.template(node))
    }

    fn with(&mut self, kind: &str, entry: &Entry) -> Option<Node> {
        let instead = match kind {
            "list" => return self.over(entry),
            "items" => {
                // It flattens one level; where there may be none, it is the same as a loop.
                let may_nest = entry.value.as_sequence().is_some_and(|items| {
                    items.iter().any(|item| {
                        item.as_sequence().is_some()
                            || (item.as_str().is_some() && Templates::is_template(item))
                    })
                });
                if !may_nest {
                    return self.over(entry);
                }
                "use `loop` and say what to flatten: `loop: \"{{ first + second }}\"`"
            }
            "dict" => "use `loop: \"{{ m | dict2items }}\"`; the item has `key` and `value` too",
            "indexed_items" => "use `loop`, and `loop_control: {index_var: index}`",
            "sequence" => "use `loop: \"{{ range(1, 4) | list }}\"`",
            "flattened" => "use `loop: \"{{ lists | flatten }}\"`",
            "together" => "use `loop: \"{{ first | zip(second) | list }}\"`",
            "fileglob" => "use `loop: \"{{ query('fileglob', 'certificates/*.pem') }}\"`",
            "first_found" => "use `lookup('first_found', ['a.yml', 'b.yml'])` where the file is named",
            "file" | "env" | "lines" => {
                "use `loop` over a list; `lookup('file', …)` and `lookup('env', …)` read single things"
            }
            _ => "use `loop` over a list",
        };
        let message = format!("`with_{kind}` is not supported");
        self.wrong(Finding::at(&entry.key.span, message, "not supported").help(instead));
        None
    }

    fn loop_control(&mut self, node: &Node, found: &mut Loop) {
        let Some(entries) = node.as_mapping() else {
            self.expected(node, "a mapping", "loop_control");
            return;
        };
        for entry in entries {
            let value = &entry.value;
            match entry.name() {
                "loop_var" => {
                    if let Some(name) = self.identifier(value, "loop_var") {
                        found.var = name.value;
                    }
                }
                "index_var" => found.index_var = self.identifier(value, "index_var").map(|name| name.value),
                "label" => found.label = Some(self.template(value)),
                "pause" => {
                    self.number(value, "pause");
                    found.pause = value.as_str().and_then(|text| text.parse().ok());
                }
                name => {
                    let message = format!("loop_control has no `{name}`");
                    let help = suggest(name, CONTROLS.iter().copied())
                        .unwrap_or_else(|| format!("there are {}", CONTROLS.join(", ")));
                    self.wrong(Finding::at(&entry.key.span, message, "unknown").help(help));
                }
            }
        }
    }
}
