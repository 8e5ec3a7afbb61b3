//! Plays.

use crate::diagnostics::Finding;
use crate::inventory::LOCALHOST;
use crate::yaml::{Entry, Node};

use super::keys;
use super::load::Loader;
use super::syntax::{Batch, Keywords, Play, Spanned, Vars};

const IMPORT: [&str; 2] = ["import_playbook", "ansible.builtin.import_playbook"];

/// Whether the hosts of a play are this machine.
fn is_localhost(entries: &[Entry]) -> bool {
    let hosts = entries.iter().find(|entry| entry.name() == "hosts");
    hosts.is_some_and(|hosts| hosts.value.as_str() == Some(LOCALHOST))
}

impl Loader<'_> {
    /// The plays of a playbook.
    pub(super) fn plays(&mut self, root: &Node) -> Vec<Play> {
        let Some(items) = root.as_sequence() else {
            let message = format!("a playbook is a list of plays, not {}", root.kind());
            self.wrong(
                Finding::at(&root.span, message, "").help("each play begins with a dash: `- hosts: all`"),
            );
            return Vec::new();
        };
        let mut plays = Vec::new();
        for item in items {
            let Some(entries) = item.as_mapping() else {
                self.expected(item, "a mapping", "play");
                continue;
            };
            if let Some(import) = entries.iter().find(|entry| IMPORT.contains(&entry.name())) {
                plays.extend(self.import_playbook(import, entries));
            } else {
                plays.extend(self.play(item, entries));
            }
        }
        plays
    }

    /// The plays of another file; `when` and `tags` count for all of them.
    fn import_playbook(&mut self, import: &Entry, entries: &[Entry]) -> Vec<Play> {
        let mut keywords = Keywords::default();
        let mut vars = Vars::new();
        for entry in entries {
            match entry.name() {
                "vars" => vars = self.vars(&entry.value),
                "name" => {
                    self.text(&entry.value, "name");
                }
                "when" | "tags" => {
                    self.keyword(entry, &mut keywords);
                }
                name if IMPORT.contains(&name) => {}
                _ => self.unknown_key(
                    entry,
                    "playbook import",
                    &[&["name", "when", "tags", "vars", "import_playbook"]],
                ),
            }
        }
        let Some(file) = self.fixed_path(&import.value, "import_playbook") else {
            return Vec::new();
        };
        let mut plays = self.imported_playbook(file, &import.value.span);
        for play in &mut plays {
            play.keywords.when.splice(0..0, keywords.when.iter().cloned());
            play.keywords.tags.extend(keywords.tags.iter().cloned());
            // Stronger than the play's own, as in Ansible.
            play.vars.extend(vars.clone());
        }
        plays
    }

    fn play(&mut self, node: &Node, entries: &[Entry]) -> Option<Play> {
        let findings_before = self.findings.len();
        let mut name = None;
        let mut hosts = None;
        let mut roles = None;
        let mut play = Play {
            name: Spanned {
                value: String::new(),
                span: node.span.clone(),
            },
            hosts: node.clone(),
            vars: Vars::new(),
            vars_files: Vec::new(),
            defaults: Vars::new(),
            role_vars: Vars::new(),
            keywords: Keywords::default(),
            serial: Vec::new(),
            any_errors_fatal: false,
            gather_facts: false,
            pre_tasks: Vec::new(),
            tasks: Vec::new(),
            post_tasks: Vec::new(),
            handlers: Vec::new(),
        };
        for entry in entries {
            let value = &entry.value;
            match entry.name() {
                "name" => name = self.text(value, "name"),
                "hosts" => hosts = self.hosts(value),
                "vars" => play.vars = self.vars(value),
                "vars_files" => play.vars_files = self.vars_files(value),
                "serial" => play.serial = self.serial(value),
                "any_errors_fatal" => play.any_errors_fatal = self.fixed_bool(value, "any_errors_fatal"),
                "gather_facts" => play.gather_facts = self.fixed_bool(value, "gather_facts"),
                "pre_tasks" => play.pre_tasks = self.items(value),
                "tasks" => play.tasks = self.items(value),
                "post_tasks" => play.post_tasks = self.items(value),
                "handlers" => play.handlers = self.items(value),
                "roles" => roles = Some(value),
                // It is not connected to in any other way.
                "connection" if value.as_str() == Some("local") && is_localhost(entries) => {}
                _ if self.keyword(entry, &mut play.keywords) => {}
                _ => self.unknown_key(entry, "play", &[keys::COMMON, keys::PLAY]),
            }
        }
        self.with_roles(&mut play, roles);
        let Some(hosts) = hosts else {
            // One that is misspelt has been found already.
            let close = |entry: &Entry| crate::diagnostics::suggest(entry.name(), ["hosts"]).is_some();
            if !entries.iter().any(close) {
                let place = entries.first().map_or(&node.span, |entry| &entry.key.span);
                self.wrong(
                    Finding::at(place, "a play without `hosts`", "this play")
                        .help("say on which hosts: `hosts: all`"),
                );
            }
            return None;
        };
        play.name = name.unwrap_or_else(|| Spanned {
            value: hosts.span.text().trim_matches(['"', '\'']).to_owned(),
            span: hosts.span.clone(),
        });
        play.hosts = hosts;
        self.check_handlers(&play, findings_before);
        self.check_contracts(&play);
        Some(play)
    }

    fn hosts(&mut self, node: &Node) -> Option<Node> {
        let is_list = node
            .as_sequence()
            .is_some_and(|items| items.iter().all(|item| item.as_str().is_some()));
        if !is_list && (node.as_str().is_none() || node.is_null()) {
            self.expected(node, "a pattern of hosts and groups", "hosts");
            return None;
        }
        Some(self.template(node))
    }

    fn vars_files(&mut self, node: &Node) -> Vec<Node> {
        if node.is_null() {
            return Vec::new();
        }
        let files = match node.as_sequence() {
            Some(files) => files.to_vec(),
            None => vec![node.clone()],
        };
        for file in &files {
            self.text(file, "vars_files");
            let fixed = file
                .as_str()
                .filter(|_| !crate::template::Templates::is_template(file));
            if let Some(path) = fixed
                && let Err(findings) = super::load_vars(path, &file.span, self.reader)
            {
                self.findings.extend(findings);
            }
        }
        files
    }

    fn serial(&mut self, node: &Node) -> Vec<Spanned<Batch>> {
        let sizes = match node.as_sequence() {
            Some(sizes) => sizes,
            None => std::slice::from_ref(node),
        };
        let mut serial = Vec::new();
        for size in sizes {
            let text = size.as_str().unwrap_or_default();
            let batch = match text.strip_suffix('%') {
                Some(percent) => percent
                    .trim()
                    .parse()
                    .ok()
                    .filter(|percent| (0.0..=100.0).contains(percent) && *percent > 0.0)
                    .map(Batch::Percent),
                None => text.parse().ok().filter(|hosts| *hosts > 0).map(Batch::Hosts),
            };
            match batch {
                Some(value) => serial.push(Spanned {
                    value,
                    span: size.span.clone(),
                }),
                None => self.wrong(
                    Finding::at(
                        &size.span,
                        "`serial` is a number of hosts or a part like `50%`",
                        "expected a number or a percentage",
                    )
                    .help("it is needed before anything runs, and so cannot be a template"),
                ),
            }
        }
        serial
    }
}
