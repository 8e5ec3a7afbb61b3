//! Hosts as a command is to see them: the inventory, `-l`, `-e` and the options for connections together.

use std::collections::HashSet;
use std::sync::Arc;

use super::error::CommandError;
use crate::diagnostics::{Finding, Findings, Source, Span};
use crate::events::Secrets;
use crate::inventory::{Inventory, LOCALHOST, Overrides, Zoned};
use crate::playbook::{Play, Vars};
use crate::template::{Scope, TemplateError, Templates, layer_of};
use crate::transport::Target;
use crate::vault::Vault;
use crate::yaml::{Node, Tag, Value};

/// Hosts as a command is to see them.
#[derive(Debug)]
pub struct Hosts {
    /// All of the inventory, and its zones.
    pub zoned: Arc<Zoned>,
    /// The hosts of `-l`, in the inventory's order; nothing where there is no `-l`.
    pub limit: Option<Vec<String>>,
    /// `-l` as it was given.
    pub limit_given: Option<String>,
    /// `-e`.
    pub extra_vars: Vars,
    /// What the command line says about connections.
    pub overrides: Overrides,
    /// What opens files and values that are encrypted.
    pub vault: Arc<Vault>,
}

impl Hosts {
    /// The hosts of a play, `-l` respected: its `hosts` is a pattern or a list of them, templates over extra variables perhaps.
    pub fn of_play(&self, pattern: &Node, templates: &Templates) -> Result<Vec<String>, Findings> {
        let inventory = &self.zoned.inventory;
        let mut hosts: Vec<&str> = match &pattern.value {
            Value::Sequence(items) if !Templates::is_template(pattern) => {
                let mut findings = Findings::new();
                // A list is one pattern: an exclusion in it counts for the others.
                let parts: Vec<&str> = items.iter().filter_map(Node::as_str).collect();
                for (item, part) in items.iter().zip(&parts) {
                    findings.extend(inventory.select(part).err().map(|bad| bad.at(&item.span)));
                }
                if !findings.is_empty() {
                    return Err(findings);
                }
                inventory
                    .select(&parts.join(","))
                    .map_err(|bad| vec![bad.at(&pattern.span)])?
            }
            _ => {
                let text = self
                    .pattern(pattern, templates)
                    .map_err(|finding| vec![finding])?;
                inventory
                    .select(&text)
                    .map_err(|bad| vec![bad.at(&pattern.span)])?
            }
        };
        if let Some(limit) = &self.limit {
            let limit: HashSet<&str> = limit.iter().map(String::as_str).collect();
            hosts.retain(|host| limit.contains(host));
        }
        Ok(hosts.into_iter().map(str::to_owned).collect())
    }

    /// The name of a play that is a template over its own and extra variables; nothing where it is none, or needs others.
    pub(super) fn name_of_play(&self, play: &Play, templates: &Templates) -> Option<String> {
        let name = Node::text(play.name.span.clone(), play.name.value.as_str());
        if !Templates::is_template(&name) {
            return None;
        }
        let scope = Scope::new()
            .layer(layer_of(&play.vars))
            .layer(layer_of(&self.extra_vars));
        templates.render_to_text(&name, &scope).ok()
    }

    fn pattern(&self, node: &Node, templates: &Templates) -> Result<String, Finding> {
        let scope = Scope::new().layer(layer_of(&self.extra_vars));
        let rendered = templates.render_node(node, &scope).map_err(|error| {
            let finding = error.into_finding();
            match finding.help {
                Some(_) => finding,
                None => finding.help(
                    "`hosts` knows no variables but extra ones (-e): it is read before any host is known",
                ),
            }
        })?;
        let part = |value: &serde_json::Value| value.as_str().map(str::to_owned);
        let text = match &rendered {
            serde_json::Value::Array(parts) => parts
                .iter()
                .map(part)
                .collect::<Option<Vec<_>>>()
                .map(|parts| parts.join(",")),
            other => part(other),
        };
        text.ok_or_else(|| {
            Finding::at(
                &node.span,
                "`hosts` is a pattern, or a list of them",
                format!("this is {}", node.kind()),
            )
        })
    }

    /// Tells what must never be shown: the values of password variables, as far as they are written down.
    pub(super) fn tell_passwords(&self, secrets: &Secrets) {
        let inventory = &self.zoned.inventory;
        let of_hosts = inventory
            .hosts()
            .filter_map(|host| inventory.host_vars(&host.name));
        for (name, node) in of_hosts.chain([&self.extra_vars]).flatten() {
            tell_passwords_in(name, node, secrets);
        }
        if let Some(password) = &self.overrides.become_password {
            secrets.learn(password, "-K");
        }
        for password in self.vault.passwords() {
            secrets.learn(password, "the vault's password");
        }
    }

    /// Where a host is and how to get in. Connection variables may be templates over the host's variables.
    pub fn target(&self, name: &str, templates: &Templates) -> Result<Target, Finding> {
        let scope = self.scope(name);
        let render = |node: &Node| {
            templates
                .render_node(node, &scope)
                .map_err(TemplateError::into_finding)
        };
        self.zoned.inventory.target(name, &self.overrides, &render)
    }

    /// A variable of a host, rendered; none: neither `-e` nor the inventory has it.
    pub(super) fn variable(
        &self,
        host: &str,
        variable: &str,
        templates: &Templates,
    ) -> Result<Option<serde_json::Value>, TemplateError> {
        let of_host = || self.zoned.inventory.host_vars(host)?.get(variable);
        let Some(node) = self.extra_vars.get(variable).or_else(of_host) else {
            return Ok(None);
        };
        templates.render_node(node, &self.scope(host)).map(Some)
    }

    /// What a host's variables see of each other.
    fn scope(&self, host: &str) -> Scope {
        let vars = self.zoned.inventory.host_vars(host);
        Scope::new()
            .layer(vars.map(layer_of).unwrap_or_default())
            .with_value("inventory_hostname", host)
            .layer(layer_of(&self.extra_vars))
    }
}

/// The passwords in a variable: its value, values within it under such names, and those in addresses (`https://user:password@…`).
pub(super) fn tell_passwords_in(name: &str, node: &Node, secrets: &Secrets) {
    match &node.value {
        Value::Mapping(entries) => {
            for entry in entries {
                tell_passwords_in(entry.name(), &entry.value, secrets);
            }
        }
        Value::Sequence(items) => {
            for item in items {
                tell_passwords_in(name, item, secrets);
            }
        }
        Value::Scalar { .. } => {
            let Some(text) = node.as_str().filter(|_| !Templates::is_template(node)) else {
                return;
            };
            let origin = format!("{name}, {}", node.span.place());
            if node.tag.as_ref().is_some_and(Tag::is_secret) {
                secrets.learn_opened(text, &origin);
            }
            secrets.learn_password(name, text, &origin);
            for (_, rest) in text
                .match_indices("://")
                .map(|(at, sign)| text.split_at(at + sign.len()))
            {
                let authority = rest.split(['/', ' ', '?', '#']).next().unwrap_or_default();
                if let Some((login, _)) = authority.rsplit_once('@') {
                    // A login without a password may be a token.
                    secrets.learn(
                        login.split_once(':').map_or(login, |(_, password)| password),
                        &origin,
                    );
                }
            }
        }
    }
}

/// The hosts of `-l`, in the inventory's order.
pub(super) fn limited(inventory: &Inventory, limit: &str) -> Result<Vec<String>, CommandError> {
    let source = match limit.strip_prefix('@') {
        None => Source::new("-l", limit),
        Some(path) => {
            let text = std::fs::read_to_string(path).map_err(|error| CommandError::Io {
                doing: format!("read {path}"),
                error,
            })?;
            Source::new(path, text)
        }
    };
    let mut chosen: Vec<&str> = Vec::new();
    let mut wrong: Vec<Finding> = Vec::new();
    let mut start = 0;
    for line in source.text.split_inclusive('\n') {
        let pattern = line.trim();
        let is_comment = limit.starts_with('@') && pattern.starts_with('#');
        if !pattern.is_empty() && !is_comment {
            match inventory.select(pattern) {
                Ok(hosts) => chosen.extend(hosts),
                Err(bad) => {
                    let span = Span {
                        source: Arc::clone(&source),
                        start,
                        end: start + line.trim_end().len(),
                    };
                    wrong.push(bad.at(&span));
                }
            }
        }
        start += line.len();
    }
    if !wrong.is_empty() {
        return Err(wrong.into());
    }
    let order = inventory
        .hosts()
        .map(|host| host.name.as_str())
        .chain([LOCALHOST]);
    let chosen: HashSet<&str> = chosen.into_iter().collect();
    let mut limited: Vec<String> = order
        .filter(|host| chosen.contains(host))
        .map(str::to_owned)
        .collect();
    limited.dedup();
    if limited.is_empty() {
        return Err(CommandError::usage(format!("-l {limit} leaves no host")));
    }
    Ok(limited)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml;

    fn hosts(limit: Option<&str>) -> Hosts {
        let inventory = Inventory::load(&["m,s1,s2,s3".to_owned()], &[], &Vault::closed()).unwrap();
        let limit = limit.map(|limit| limited(&inventory, limit).unwrap());
        let extra = yaml::parse(&Source::new(
            "-e",
            "{who: 's1:s2', many: [m, s3], n: 3, ansible_host: '10.0.0.{{ n }}'}",
        ));
        let extra = extra.unwrap().unwrap();
        let entries = extra.as_mapping().unwrap().iter();
        let extra_vars: Vars = entries
            .map(|entry| (entry.name().to_owned(), entry.value.clone()))
            .collect();
        Hosts {
            zoned: Arc::new(Zoned::new(inventory).unwrap()),
            limit,
            limit_given: None,
            overrides: Overrides {
                extra: extra_vars.clone(),
                ..Overrides::default()
            },
            extra_vars,
            vault: Arc::default(),
        }
    }

    #[test]
    fn hosts_of_plays() {
        let cases = [
            ("all", None, "m s1 s2 s3"),
            ("s*:!s2", None, "s1 s3"),
            ("[s1, m]", None, "s1 m"),
            ("[all, '!s1']", None, "m s2 s3"),
            ("'{{ who }}'", None, "s1 s2"),
            ("'{{ many }}'", None, "m s3"),
            ("all", Some("s3:s1"), "s1 s3"),
            ("m", Some("s*"), ""),
            ("slave", None, "1: there is no host and no group `slave` [slave]"),
            ("[m, s, '!x']", None, "2: there is no host and no group `s` [s]"),
            (
                "'{{ n }}'",
                None,
                "1: `hosts` is a pattern, or a list of them ['{{ n }}']",
            ),
            (
                "{a: b}",
                None,
                "1: `hosts` is a pattern, or a list of them [{a: b}]",
            ),
        ];
        for (text, limit, expected) in cases {
            let node = yaml::parse(&Source::new("play.yml", text)).unwrap().unwrap();
            let shown = match hosts(limit).of_play(&node, &Templates::new()) {
                Ok(hosts) => hosts.join(" "),
                Err(wrong) => format!("{}: {} [{}]", wrong.len(), wrong[0], wrong[0].labels[0].0.text()),
            };
            assert_eq!(shown, expected, "{text}");
        }
    }

    #[test]
    fn passwords_are_found_wherever_they_stand() {
        let text = "{mysql_password: hunter-1, database: {user: ops, password: hunter-2}, many: [{client_secret: hunter-3}],
            repository: 'deb https://ops:hunter-4@repo.example/x stable y', other: 'https://hunter-5@repo.example', plain: 'https://repo.example/a@b'}";
        let node = yaml::parse(&Source::new("-e", text)).unwrap().unwrap();
        let secrets = Secrets::default();
        tell_passwords_in("all", &node, &secrets);
        for number in 1..=5 {
            let scrubbed = secrets.scrub(&format!("it is hunter-{number}."));
            assert!(!scrubbed.contains("hunter"), "{scrubbed}");
        }
        assert_eq!(
            secrets.scrub("ops at repo.example/a@b"),
            "ops at repo.example/a@b"
        );
    }

    #[test]
    fn an_undefined_variable_in_hosts_is_explained() {
        let node = yaml::parse(&Source::new("play.yml", "'{{ nope }}'"))
            .unwrap()
            .unwrap();
        let wrong = hosts(None).of_play(&node, &Templates::new()).unwrap_err();
        assert!(wrong[0].help.is_some());
    }

    #[test]
    fn connection_variables_are_rendered() {
        assert_eq!(
            hosts(None).target("m", &Templates::new()).unwrap().address,
            "10.0.0.3"
        );
    }

    #[test]
    fn limits() {
        let inventory = Inventory::load(&["m,s1,s2".to_owned()], &[], &Vault::closed()).unwrap();
        let directory = tempfile::TempDir::new().unwrap();
        let file = directory.path().join("hosts");
        std::fs::write(&file, "# failed last night\ns2\n\nm\n").unwrap();
        assert_eq!(
            limited(&inventory, &format!("@{}", file.display())).unwrap(),
            ["m", "s2"]
        );
        assert_eq!(limited(&inventory, "s2,s1").unwrap(), ["s1", "s2"]);
        assert_eq!(limited(&inventory, "s2:!s2").unwrap_err().exit_code(), 64);
        assert_eq!(limited(&inventory, "x").unwrap_err().exit_code(), 3);
        assert_eq!(limited(&inventory, "@/no/such").unwrap_err().exit_code(), 1);
    }
}
