//! Lists of tasks: tasks, blocks, imports and includes.

use crate::diagnostics::Finding;
use crate::template::Templates;
use crate::yaml::{Entry, Node};

use super::keys;
use super::load::Loader;
use super::syntax::{Block, Include, Item, Keywords, Spanned};

/// What brings the tasks of another file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Brings {
    /// Now.
    Import,
    /// When it is reached.
    Include,
}

/// What a key brings, and whether it is a role.
fn brings(key: &str) -> Option<(Brings, bool)> {
    match key.strip_prefix("ansible.builtin.").unwrap_or(key) {
        "import_tasks" => Some((Brings::Import, false)),
        "include_tasks" => Some((Brings::Include, false)),
        "import_role" => Some((Brings::Import, true)),
        "include_role" => Some((Brings::Include, true)),
        _ => None,
    }
}

impl Loader<'_> {
    /// The items of a list of tasks.
    pub(super) fn items(&mut self, node: &Node) -> Vec<Item> {
        if node.is_null() {
            return Vec::new();
        }
        let Some(items) = node.as_sequence() else {
            let message = format!("expected a list of tasks, not {}", node.kind());
            self.wrong(
                Finding::at(&node.span, message, "")
                    .help("each task begins with a dash: `- command: uptime`"),
            );
            return Vec::new();
        };
        items.iter().filter_map(|item| self.item(item)).collect()
    }

    fn item(&mut self, node: &Node) -> Option<Item> {
        let Some(entries) = node.as_mapping() else {
            let message = format!("a task is a mapping, not {}", node.kind());
            let finding = Finding::at(&node.span, message, "expected a task");
            self.wrong(finding.help("name the module and its arguments: `- command: uptime`"));
            return None;
        };
        if entries.iter().any(|entry| keys::BLOCK.contains(&entry.name())) {
            return Some(Item::Block(Box::new(self.block(node, entries))));
        }
        let brought = entries
            .iter()
            .find_map(|entry| brings(entry.name()).map(|brings| (brings, entry)));
        match brought {
            Some(((brings, false), entry)) => self.other_file(node, entries, brings, entry),
            Some(((Brings::Import, true), entry)) => self.import_role(entries, entry),
            Some(((Brings::Include, true), entry)) => self.include_role(node, entries, entry),
            None => self.task(node, entries).map(|task| Item::Task(Box::new(task))),
        }
    }

    fn block(&mut self, node: &Node, entries: &[Entry]) -> Block {
        let mut block = Block {
            name: None,
            span: node.span.clone(),
            keywords: Keywords::default(),
            body: Vec::new(),
            rescue: Vec::new(),
            always: Vec::new(),
            role: None,
        };
        for entry in entries {
            match entry.name() {
                "name" => block.name = self.text(&entry.value, "name"),
                "block" => block.body = self.items(&entry.value),
                "rescue" => block.rescue = self.items(&entry.value),
                "always" => block.always = self.items(&entry.value),
                "notify" => block.keywords.notify = self.texts(&entry.value, "notify", false),
                _ if self.keyword(entry, &mut block.keywords) => {}
                name if keys::TASK.contains(&name) || name.starts_with("with_") => {
                    let message = format!("a block cannot have `{name}`");
                    self.wrong(
                        Finding::at(&entry.key.span, message, "for tasks only")
                            .help("say it at each of its tasks; for a loop, put them into a file and loop over `include_tasks`"),
                    );
                }
                _ => self.unknown_key(entry, "block", &[keys::COMMON, keys::BLOCK]),
            }
        }
        if !entries.iter().any(|entry| entry.name() == "block") {
            let place = entries.first().map_or(&node.span, |entry| &entry.key.span);
            self.wrong(
                Finding::at(place, "`rescue` and `always` need a `block`", "no block here")
                    .help("put the tasks they belong to into `block:` beside them"),
            );
        }
        block
    }

    fn other_file(&mut self, node: &Node, entries: &[Entry], brings: Brings, named: &Entry) -> Option<Item> {
        let mut name: Option<Spanned<String>> = None;
        let mut keywords = Keywords::default();
        for entry in entries {
            match entry.name() {
                "name" => name = self.text(&entry.value, "name"),
                _ if self.keyword(entry, &mut keywords) => {}
                key if key == named.name() => {}
                key if is_loop(key) && brings == Brings::Include => {}
                key if is_loop(key) => {
                    let message = "an import cannot be repeated: it happens before anything runs";
                    self.wrong(Finding::at(&entry.key.span, message, "").help("use `include_tasks`"));
                }
                _ => self.unknown_key(entry, "file of tasks", &[keys::COMMON, &["loop", "loop_control"]]),
            }
        }
        let file = self.named_file(named)?;
        let fixed = !Templates::is_template(&file);
        if brings == Brings::Import {
            if !fixed {
                let message = "the file of an import cannot be a template: it is needed before anything runs";
                self.wrong(Finding::at(&file.span, message, "").help("use `include_tasks`"));
                return None;
            }
            let path = self.fixed_path(&file, "import_tasks")?;
            let (body, _) = self.tasks_of(path, &file.span)?;
            return Some(Item::Block(Box::new(Block {
                name,
                span: node.span.clone(),
                keywords,
                body,
                rescue: Vec::new(),
                always: Vec::new(),
                role: None,
            })));
        }
        if fixed && let Some(path) = self.fixed_path(&file, "include_tasks") {
            self.look_into(path, &file.span);
        }
        Some(Item::Include(Box::new(Include {
            name,
            span: node.span.clone(),
            file,
            role: None,
            keywords,
            r#loop: self.loop_of_include(entries),
        })))
    }

    /// `include_tasks: file.yml`, or with `file:`.
    fn named_file(&mut self, entry: &Entry) -> Option<Node> {
        let node = match entry.value.as_mapping() {
            Some(options) => {
                for option in options {
                    if option.name() != "file" {
                        self.unknown_key(option, "file of tasks", &[&["file"]]);
                    }
                }
                entry.value.get("file").unwrap_or(&entry.value)
            }
            None => &entry.value,
        };
        if node.as_str().is_none() || node.is_null() {
            self.expected(node, "the name of a file", entry.name());
            return None;
        }
        Some(self.template(node))
    }
}

pub(super) fn is_loop(key: &str) -> bool {
    key == "loop" || key == "loop_control" || key.starts_with("with_")
}
