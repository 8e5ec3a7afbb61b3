//! `loop` and `with_…`.

use crate::diagnostics::{Finding, suggest};
use crate::template::{Listing, Templates};
use crate::yaml::{Entry, Node};

use super::load::Loader;
use super::syntax::{Loop, With};

const CONTROLS: &[&str] = &[
    "extended",
    "extended_allitems",
    "index_var",
    "label",
    "loop_var",
    "pause",
];

impl Loader<'_> {
    /// The loop of a task, if it has one.
    pub(super) fn r#loop(&mut self, entries: &[Entry]) -> Option<Loop> {
        let mut over = None;
        let mut with = None;
        let mut control = None;
        for entry in entries {
            match entry.name() {
                "loop" => over = self.over(entry),
                "loop_control" => control = Some(&entry.value),
                name => {
                    if let Some(kind) = name.strip_prefix("with_") {
                        (over, with) = self.with(kind, entry).unzip();
                    }
                }
            }
        }
        let mut found = Loop {
            over: over?,
            with: with.flatten(),
            var: "item".to_owned(),
            index_var: None,
            extended: false,
            all_items: true,
            label: None,
            pause: None,
        };
        if let Some(control) = control {
            self.loop_control(control, &mut found);
        }
        Some(found)
    }

    /// The loop of an include: what is included for an item is the same on all hosts that have the item at that place, so the rest of the
    /// list must not matter.
    pub(super) fn loop_of_include(&mut self, entries: &[Entry]) -> Option<Loop> {
        let found = self.r#loop(entries)?;
        if found.extended
            && let Some(control) = entries.iter().find(|entry| entry.name() == "loop_control")
        {
            let message = "`extended` is for the loops of tasks, not of includes";
            let finding = Finding::at(&control.value.span, message, "");
            self.wrong(
                finding
                    .help("`index_var` counts the items; the list itself is known where the include stands"),
            );
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

    /// What the list is made of, and how.
    fn with(&mut self, kind: &str, entry: &Entry) -> Option<(Node, Option<With>)> {
        let with = match kind {
            "fileglob" => With::FileGlob,
            "first_found" => With::FirstFound,
            kind => match Listing::named(kind) {
                Some(Listing::List) => return Some((self.over(entry)?, None)),
                Some(listing) => With::Listing(listing),
                None => {
                    let message = format!("`with_{kind}` is not supported");
                    let instead = match kind {
                        "file" | "env" => {
                            "use `loop` over names, and `lookup('file', item)` or `lookup('env', item)` in the task"
                        }
                        "lines" => "`register` what a `command` prints, and `loop` over its `stdout_lines`",
                        _ => "use `loop` over a list",
                    };
                    self.wrong(Finding::at(&entry.key.span, message, "not supported").help(instead));
                    return None;
                }
            },
        };
        let node = &entry.value;
        let is_list_of_scalars = with == With::Listing(Listing::Items)
            && node.as_sequence().is_some_and(|items| {
                let nests = |item: &Node| item.as_sequence().is_some() || Templates::is_template(item);
                !items.iter().any(nests)
            });
        // It may be read as it stands, then.
        let with = (!is_list_of_scalars).then_some(with);
        Some((self.template(node), with))
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
                "extended" => found.extended = self.fixed_bool(value, "extended"),
                "extended_allitems" => {
                    found.all_items = self.fixed_bool(value, "extended_allitems");
                }
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
