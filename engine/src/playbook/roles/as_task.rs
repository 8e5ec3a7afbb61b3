//! Roles in the place of a task: `import_role`, which brings its tasks before anything runs, and `include_role`, when it is reached.

use crate::playbook::handlers::each_task;
use crate::playbook::keys;
use crate::playbook::load::Loader;
use crate::playbook::section::is_loop;
use crate::playbook::syntax::{Include, Item, Keywords, PartFiles, Role, Spanned};
use crate::template::Templates;
use crate::yaml::{Entry, Node};

use super::{Asked, Defined, PARTS};

/// What makes a role that is a task another one than that which `roles` and dependencies name: going through it is not going through that.
const AS_TASK: &str = "as a task";

/// What messages call `import_role` and `include_role`.
const IMPORT: &str = "role import";
const INCLUDE: &str = "role include";

/// Whether an option says how it is in any case.
fn is_so_anyway(option: &Entry, what: &str) -> bool {
    let says = |words: [&str; 2]| option.value.as_str().is_some_and(|value| words.contains(&value));
    match option.name() {
        "public" if what == INCLUDE => says(["false", "no"]),
        "public" | "allow_duplicates" => says(["true", "yes"]),
        _ => false,
    }
}

/// The roles that an include will bring, as far as that can be said before anything runs.
fn fixed_names(include: &Include) -> Vec<Spanned<String>> {
    let text = |node: &Node| -> Option<Spanned<String>> {
        let is_fixed = !node.is_null() && !Templates::is_template(node);
        node.as_str().filter(|_| is_fixed).map(|text| Spanned {
            value: text.to_owned(),
            span: node.span.clone(),
        })
    };
    if let Some(name) = text(&include.file) {
        return vec![name];
    }
    let Some(over) = &include.r#loop else {
        return Vec::new();
    };
    let written = include.file.as_str().unwrap_or_default();
    let inside = written
        .trim()
        .strip_prefix("{{")
        .and_then(|rest| rest.strip_suffix("}}"));
    let items = over
        .over
        .as_sequence()
        .filter(|_| over.with.is_none())
        .filter(|_| inside.map(str::trim) == Some(&over.var));
    items.unwrap_or_default().iter().filter_map(text).collect()
}

impl Loader<'_> {
    /// `import_role`: the tasks of a role in the place of a task.
    pub(in crate::playbook) fn import_role(&mut self, entries: &[Entry], named: &Entry) -> Option<Item> {
        let mut keywords = Keywords::default();
        for entry in entries {
            match entry.name() {
                "name" => {
                    self.text(&entry.value, "name");
                }
                key if key == named.name() => {}
                _ if self.keyword(entry, &mut keywords) => {}
                _ => self.unknown_key(entry, IMPORT, &[keys::COMMON]),
            }
        }
        let (name, from) = self.named_role(named, IMPORT)?;
        let asked = Asked {
            keywords,
            from,
            with: AS_TASK.to_owned(),
            ..Asked::named(self.fixed_text(name, "name")?)
        };
        self.role(asked, true)
    }

    /// `include_role`: as [`Loader::import_role`], when it is reached.
    pub(in crate::playbook) fn include_role(
        &mut self,
        node: &Node,
        entries: &[Entry],
        named: &Entry,
    ) -> Option<Item> {
        let mut name = None;
        let mut keywords = Keywords::default();
        for entry in entries {
            match entry.name() {
                "name" => name = self.text(&entry.value, "name"),
                key if key == named.name() || is_loop(key) => {}
                _ if self.keyword(entry, &mut keywords) => {}
                _ => self.unknown_key(entry, INCLUDE, &[keys::COMMON, &["loop", "loop_control"]]),
            }
        }
        let (role, from) = self.named_role(named, INCLUDE)?;
        let include = Include {
            name,
            span: node.span.clone(),
            file: self.template(role),
            role: Some(from),
            keywords,
            r#loop: self.loop_of_include(entries),
        };
        for name in fixed_names(&include) {
            self.look_into_role(name, &include);
        }
        Some(Item::Include(Box::new(include)))
    }

    /// The name of a role that is imported or included, and which files of it are meant.
    fn named_role<'n>(&mut self, named: &'n Entry, what: &str) -> Option<(&'n Node, PartFiles)> {
        let mut from = PartFiles::new();
        let mut name = None;
        for option in named.value.as_mapping().unwrap_or_default() {
            match PARTS.iter().find(|(_, key)| *key == option.name()) {
                Some((part, key)) => {
                    from.extend(
                        self.fixed_path(&option.value, key)
                            .map(|file| (*part, file.to_owned())),
                    );
                }
                None if option.name() == "name" => {
                    name = option.value.as_str().map(|_| &option.value);
                }
                None if is_so_anyway(option, what) => {}
                None => {
                    let files = PARTS.map(|(_, key)| key);
                    self.unknown_key(option, what, &[&["name"], &files]);
                }
            }
        }
        if name.is_none() {
            self.expected(&named.value, "a mapping with the `name` of a role", named.name());
        }
        Some((name?, from))
    }

    /// Looks at a role that will be included, for what is wrong with it, and for its handlers, which the play must know before; once, since
    /// it may include itself. Its variables are known in itself alone.
    fn look_into_role(&mut self, name: Spanned<String>, include: &Include) {
        let from = include.role.clone().unwrap_or_default();
        // These decide about the include alone.
        let keywords = Keywords {
            when: Vec::new(),
            tags: Vec::new(),
            run_once: None,
            ..include.keywords.clone()
        };
        let asked = Asked {
            keywords,
            from,
            ..Asked::named(name)
        };
        let Some(path) = self.role_path(&asked.name) else {
            return;
        };
        if self.is_open(&path) {
            return;
        }
        let tasks = asked.file("tasks").unwrap_or("main");
        let mut handlers = Vec::new();
        if self.is_new(path.join("tasks").join(tasks)) {
            let defined = self.brought.defined.clone();
            let before = self.brought.handlers.len();
            self.role(asked, true);
            self.brought.defined = defined;
            handlers = self.brought.handlers.split_off(before);
        }
        // The play has them once, and runs them in the order in which their roles came last.
        let is_its = |item: &Item| {
            let Item::Block(block) = item else { return false };
            block.keywords.role.as_ref().is_some_and(|role| role.path == path)
        };
        let all = std::mem::take(&mut self.brought.handlers);
        let (its, mut others): (Vec<Item>, Vec<Item>) = all.into_iter().partition(is_its);
        others.extend(if handlers.is_empty() { its } else { handlers });
        self.brought.handlers = others;
    }

    /// A role that is included now, among tasks of `around` if it is one's: its tasks, and what its handlers are called.
    pub(in crate::playbook) fn included_role(
        &mut self,
        name: Spanned<String>,
        from: &PartFiles,
        around: Option<&Role>,
    ) -> (Vec<Item>, Vec<String>) {
        if let Some(role) = around {
            self.brought.params.clone_from(&role.params);
            self.brought.around = Defined {
                defaults: role.defaults.clone(),
                vars: role.vars.clone(),
            };
        }
        let asked = Asked {
            from: from.clone(),
            with: AS_TASK.to_owned(),
            ..Asked::named(name)
        };
        let items = self.role(asked, true).into_iter().collect();
        let handlers = std::mem::take(&mut self.brought).handlers;
        let mut names = Vec::new();
        each_task(&handlers, &mut Vec::new(), &mut |handler, around| {
            let role = around.iter().rev().find_map(|keywords| keywords.role.as_ref());
            names.extend(role.map(|role| role.qualified(&handler.name.value)));
        });
        (items, names)
    }
}
