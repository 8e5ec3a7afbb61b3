//! Roles: tasks, handlers, variables and files that belong together, in a directory of their own.
//!
//! A role becomes a block of its tasks, before anything runs or, where it is included, when it is reached. Where it is looked for, what it
//! brings, and who wins, is as Ansible's "Roles" page has it; what it brings to the play as a whole is gathered in [`Brought`].

mod as_task;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::diagnostics::{Finding, Span};
use crate::yaml::Node;

use super::load::Loader;
use super::reader::plain;
use super::syntax::{Block, Item, Keywords, PartFiles, Play, Role, RoleRun, Spanned, Vars};

/// The endings that a role's `main` may have.
const ENDINGS: [&str; 2] = ["yml", "yaml"];

/// The parts of a role that are files of YAML, and what another file than `main` is asked for with.
const PARTS: [(&str, &str); 4] = [
    ("tasks", "tasks_from"),
    ("handlers", "handlers_from"),
    ("vars", "vars_from"),
    ("defaults", "defaults_from"),
];

/// What the roles of a play bring to all of it.
#[derive(Default)]
pub(super) struct Brought {
    handlers: Vec<Item>,
    defined: Defined,
    /// What the role that is being loaded was given, and those that depend on it.
    params: Vars,
    /// What those define that depend on it, or have it among their tasks.
    around: Defined,
}

/// Variables that roles define.
#[derive(Default, Clone)]
struct Defined {
    defaults: Vars,
    vars: Vars,
}

impl Defined {
    fn extend(&mut self, other: Self) {
        self.defaults.extend(other.defaults);
        self.vars.extend(other.vars);
    }
}

/// A role as a play, a task or another role asks for it.
struct Asked {
    name: Spanned<String>,
    keywords: Keywords,
    params: Vars,
    /// Which file of each part, where it is not `main`.
    from: PartFiles,
    /// What makes it another than one of the same name.
    with: String,
}

impl Asked {
    /// By nothing but its name.
    fn named(name: Spanned<String>) -> Self {
        Self {
            name,
            keywords: Keywords::default(),
            params: Vars::new(),
            from: Vec::new(),
            with: String::new(),
        }
    }

    fn file(&self, part: &str) -> Option<&str> {
        let file = self.from.iter().find(|(of, _)| *of == part);
        file.map(|(_, file)| file.as_str())
    }
}

fn block(span: &Span, keywords: Keywords, body: Vec<Item>) -> Block {
    Block {
        name: None,
        span: span.clone(),
        keywords,
        body,
        rescue: Vec::new(),
        always: Vec::new(),
        role: None,
    }
}

impl Loader<'_> {
    /// The roles of a play: its `roles` run before its `tasks`, and what they bring is the play's, too.
    pub(super) fn with_roles(&mut self, play: &mut Play, roles: Option<&Node>) {
        let mut items = roles.map(|node| self.roles(node, "roles")).unwrap_or_default();
        items.append(&mut play.tasks);
        play.tasks = items;
        let brought = std::mem::take(&mut self.brought);
        play.defaults = brought.defined.defaults;
        play.role_vars = brought.defined.vars;
        // What is included in another play as well brings its handlers there, too.
        self.included.clear();
        // Of handlers with the same name the last one answers: the play's own.
        play.handlers.splice(0..0, brought.handlers);
    }

    /// A list of roles.
    fn roles(&mut self, node: &Node, key: &str) -> Vec<Item> {
        if node.is_null() {
            return Vec::new();
        }
        let Some(entries) = node.as_sequence() else {
            self.expected(node, "a list of roles", key);
            return Vec::new();
        };
        let mut items = Vec::new();
        for entry in entries {
            if let Some(asked) = self.asked(entry) {
                items.extend(self.role(asked, false));
            }
        }
        items
    }

    /// A name, or a mapping that has one: keywords of blocks, and whatever else is a variable.
    fn asked(&mut self, node: &Node) -> Option<Asked> {
        let Some(entries) = node.as_mapping() else {
            return self.fixed_text(node, "role").map(Asked::named);
        };
        let mut keywords = Keywords::default();
        let mut name = None;
        let mut params = Vars::new();
        for entry in entries {
            match entry.name() {
                "role" | "name" => name = self.fixed_text(&entry.value, "role"),
                _ if self.keyword(entry, &mut keywords) => {}
                _ => {
                    if let Some(param) = self.identifier(&entry.key, "role") {
                        params.insert(param.value, self.template(&entry.value));
                    }
                }
            }
        }
        let Some(name) = name else {
            let message = "a role without a name";
            self.wrong(Finding::at(&node.span, message, "this role").help("say which: `- role: common`"));
            return None;
        };
        Some(Asked {
            keywords,
            params,
            with: node.span.text().to_owned(),
            ..Asked::named(name)
        })
    }

    /// Its tasks, those of the roles it depends on before them. `again`: on hosts that went through it before, too.
    fn role(&mut self, asked: Asked, again: bool) -> Option<Item> {
        let path = self.role_path(&asked.name)?;
        let before = self.brought.handlers.len();
        let span = &asked.name.span;
        let around = self.brought.params.clone();
        self.brought.params.extend(asked.params.clone());
        let contents = self.inside(path.clone(), span, |loader| Some(loader.contents(path, &asked)));
        self.brought.params = around;
        let (role, tasks, handlers) = contents?;
        // What holds for a role holds for its handlers and for what it depends on.
        let keywords = Keywords {
            role: Some(Arc::clone(&role)),
            ..asked.keywords
        };
        let mut all_handlers = self.brought.handlers.split_off(before);
        all_handlers.extend(handlers);
        if !all_handlers.is_empty() {
            let handlers = block(span, keywords.clone(), all_handlers);
            self.brought.handlers.push(Item::Block(Box::new(handlers)));
        }
        Some(Item::Block(Box::new(Block {
            role: Some(RoleRun { role, again }),
            ..block(span, keywords, tasks)
        })))
    }

    /// Reads the files of a role: its variables, which are the play's from then on, tasks, those of what it depends on before them, and
    /// handlers.
    fn contents(&mut self, path: PathBuf, asked: &Asked) -> (Arc<Role>, Vec<Item>, Vec<Item>) {
        let mut vars = |part: &str| {
            let node = self.part(&path, part, asked);
            node.map(|node| self.vars(&node)).unwrap_or_default()
        };
        let own = Defined {
            defaults: vars("defaults"),
            vars: vars("vars"),
        };
        let around = self.brought.around.clone();
        self.brought.around.extend(own.clone());
        let (mut all_tasks, mut known) = self.dependencies(&path, asked);
        // What a role depends on is known in it, and what depends on it or has it among its tasks; its own is stronger.
        known.extend(around.clone());
        known.extend(own.clone());
        let role = Arc::new(Role {
            name: asked.name.value.clone(),
            defaults: known.defaults,
            vars: known.vars,
            params: self.brought.params.clone(),
            asked: asked.with.clone(),
            path,
        });
        self.brought.defined.extend(own);
        let mut items = |part: &str| {
            let node = self.part(&role.path, part, asked);
            node.map(|node| self.items(&node)).unwrap_or_default()
        };
        all_tasks.extend(items("tasks"));
        let handlers = items("handlers");
        self.brought.around = around;
        (role, all_tasks, handlers)
    }

    /// The tasks of what a role depends on, and the variables of that.
    fn dependencies(&mut self, path: &Path, asked: &Asked) -> (Vec<Item>, Defined) {
        let before = std::mem::take(&mut self.brought.defined);
        let meta = self.part(path, "meta", asked);
        let list = meta.as_ref().and_then(|meta| meta.get("dependencies"));
        let tasks = list.map(|node| self.roles(node, "dependencies"));
        let defined = std::mem::replace(&mut self.brought.defined, before);
        self.brought.defined.extend(defined.clone());
        (tasks.unwrap_or_default(), defined)
    }

    /// A file of YAML of a role: `main`, which need not be there, or the one that was asked for.
    fn part(&mut self, role: &Path, part: &str, asked: &Asked) -> Option<Node> {
        let (from, file) = (&asked.name.span, asked.file(part));
        let directory = role.join(part);
        let stem = file.unwrap_or("main");
        let candidates = ENDINGS.map(|ending| directory.join(format!("{stem}.{ending}")));
        let exact = file.map(|file| directory.join(file));
        let found = exact
            .into_iter()
            .chain(candidates.clone())
            .find(|path| self.reader.is_there(path));
        match (found, file) {
            (Some(path), _) => self.root(&path, from)?.1,
            (None, None) => None,
            (None, Some(file)) => {
                let message = format!("the role has no {part} `{file}`");
                let help = format!("looked for {}", candidates[0].display());
                self.wrong(Finding::at(from, message, "this role").help(help));
                None
            }
        }
    }

    /// Where a role is: in `roles` beside the file that names it, or beside one of the directories it lies in; or at a path beside it.
    fn role_path(&mut self, name: &Spanned<String>) -> Option<PathBuf> {
        let file = Path::new(&name.span.source.name);
        let directories = || file.ancestors().skip(1);
        let in_roles = directories().map(|directory| directory.join("roles").join(&name.value));
        let beside = directories().map(|directory| directory.join(&name.value));
        let candidates: Vec<PathBuf> = in_roles.chain(beside).map(|path| plain(&path)).collect();
        let is_role = |path: &&PathBuf| {
            let parts = PARTS.map(|(part, _)| part);
            parts.iter().chain(&["meta"]).any(|part| {
                let main = |ending| path.join(part).join(format!("main.{ending}"));
                ENDINGS.iter().any(|ending| self.reader.is_there(&main(ending)))
            })
        };
        let found = candidates.iter().find(is_role).cloned();
        if found.is_none() {
            let message = format!("there is no role `{}`", name.value);
            let looked = candidates.first().map(|path| path.join("tasks/main.yml"));
            let help = looked.map(|path| format!("looked for {}, and in directories above", path.display()));
            self.wrong(Finding::at(&name.span, message, "unknown role").help(help.unwrap_or_default()));
        }
        found
    }
}
