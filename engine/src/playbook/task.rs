//! One task.

use indexmap::IndexMap;
use nebplay_modules::arguments::Shape;
use nebplay_modules::registry;

use crate::diagnostics::{Finding, suggest};
use crate::yaml::{Entry, Node};

use super::keys;
use super::load::Loader;
use super::syntax::{Keywords, Spanned, Task};

type Module = &'static registry::Entry;

fn is_keyword(key: &str) -> bool {
    key == "name" || keys::TASK.contains(&key) || keys::COMMON.contains(&key) || key.starts_with("with_")
}

impl Loader<'_> {
    /// A task; nothing where its module is not known.
    pub(super) fn task(&mut self, node: &Node, entries: &[Entry]) -> Option<Task> {
        let module = self.module(node, entries);
        let mut keywords = Keywords::default();
        for entry in entries {
            self.keyword(entry, &mut keywords);
        }
        let field = |name: &str| {
            entries
                .iter()
                .find(|entry| entry.name() == name)
                .map(|entry| &entry.value)
        };
        let name = field("name").and_then(|node| self.text(node, "name"));
        let r#loop = self.r#loop(entries);
        let register = field("register").and_then(|node| self.identifier(node, "register"));
        let until = field("until")
            .map(|node| self.conditions(node))
            .unwrap_or_default();
        let retries = field("retries").map(|node| self.number(node, "retries"));
        let delay = field("delay").map(|node| self.number(node, "delay"));
        keywords.notify = field("notify")
            .map(|node| self.texts(node, "notify", false))
            .unwrap_or_default();
        let listen = field("listen")
            .map(|node| self.texts(node, "listen", false))
            .unwrap_or_default();
        let failed_when = field("failed_when").map(|node| self.conditions(node));
        let rehearse = field("rehearse").and_then(|node| self.answer(node));
        let changed_when = field("changed_when").map(|node| self.conditions(node));
        let (module, named) = module?;
        let args = self.arguments(module, named, field("args"));
        Some(Task {
            name: name.unwrap_or_else(|| Spanned {
                value: module.name.to_owned(),
                span: named.key.span.clone(),
            }),
            span: node.span.clone(),
            module,
            module_span: named.key.span.clone(),
            args,
            keywords,
            register,
            r#loop,
            until,
            retries,
            delay,
            listen,
            failed_when,
            changed_when,
            rehearse,
        })
    }

    /// A key of the task that is an argument of its module. `unnamed`: the argument that the module takes without a name.
    fn misplaced_argument(&mut self, argument: &Entry, module: &Entry, unnamed: Option<&str>) {
        let is_text = module.value.as_str().is_some_and(|text| !text.is_empty());
        let (name, module) = (argument.name(), module.name());
        let message = format!("`{name}` is no keyword of a task, but an argument of `{module}`");
        let help = match unnamed.filter(|_| is_text) {
            Some(unnamed) => {
                format!("write `{unnamed}:` and `{name}:` below `{module}:`, two spaces further in")
            }
            None => format!("write it below `{module}:`, two spaces further in"),
        };
        self.wrong(Finding::at(&argument.key.span, message, "belongs to the module").help(help));
    }

    /// The one key that names a module.
    fn module<'n>(&mut self, node: &Node, entries: &'n [Entry]) -> Option<(Module, &'n Entry)> {
        let candidates: Vec<&Entry> = entries.iter().filter(|entry| !is_keyword(entry.name())).collect();
        let mut found: Vec<(Module, &Entry)> = Vec::new();
        let mut unknown: Vec<&Entry> = Vec::new();
        for &entry in &candidates {
            match registry::find(entry.name()) {
                Some(module) => found.push((module, entry)),
                None => unknown.push(entry),
            }
        }
        match (found.as_slice(), unknown.as_slice()) {
            ([one], []) => return Some(*one),
            ([one], unknown) => {
                let shape = Shape::of(one.0.schema().as_value());
                for entry in unknown {
                    if shape.names().any(|name| name == entry.name()) {
                        self.misplaced_argument(entry, one.1, shape.free_form());
                    } else {
                        self.unknown_key(entry, "task", &[keys::COMMON, keys::TASK]);
                    }
                }
                return Some(*one);
            }
            ([], []) => {
                let place = entries.first().map_or(&node.span, |entry| &entry.key.span);
                let message = "a task without a module";
                self.wrong(
                    Finding::at(place, message, "this task").help("say what to do: `command: uptime`"),
                );
            }
            ([], unknown) => unknown.iter().for_each(|entry| self.unknown_module(entry)),
            ([first, second, ..], _) => {
                let message = format!(
                    "two modules in one task: `{}` and `{}`",
                    first.0.name, second.0.name
                );
                let mut finding = Finding::at(&second.1.key.span, message, "a second module");
                finding
                    .labels
                    .push((first.1.key.span.clone(), "the first".to_owned()));
                self.wrong(finding.help("make it two tasks: a dash begins each"));
            }
        }
        None
    }

    fn unknown_module(&mut self, entry: &Entry) {
        let name = entry.name();
        let short = name.rsplit('.').next().unwrap_or(name);
        if let Some(instead) = keys::other_module(name) {
            let message = format!("there is no module `{name}`");
            self.wrong(Finding::at(&entry.key.span, message, "not supported").help(instead));
            return;
        }
        let modules = registry::all().iter().map(|module| module.name);
        let files = ["import_tasks", "include_tasks", "import_role", "include_role"];
        let keywords = keys::COMMON.iter().chain(keys::TASK).chain(keys::BLOCK).copied();
        let message = format!("there is no module `{name}`");
        let help = suggest(short, modules.chain(files))
            .or_else(|| suggest(short, keywords))
            .unwrap_or_else(|| "`nebplay doc` lists all modules".to_owned());
        self.wrong(Finding::at(&entry.key.span, message, "unknown module").help(help));
    }

    fn arguments(&mut self, module: Module, named: &Entry, further: Option<&Node>) -> IndexMap<String, Node> {
        let schema = module.schema();
        let mut args = self.given(module, schema, named);
        if let Some(further) = further {
            match further.as_mapping() {
                Some(entries) => {
                    for entry in entries {
                        args.entry(entry.name().to_owned())
                            .or_insert_with(|| entry.value.clone());
                    }
                }
                None if further.is_null() => {}
                None => self.expected(further, "a mapping of arguments", "args"),
            }
        }
        self.checked(module, schema, args, named)
    }
}
