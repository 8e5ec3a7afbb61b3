//! What the sources of an inventory say, before it is checked as a whole.

use std::sync::Arc;

use indexmap::{IndexMap, IndexSet};

use super::{ALL, UNGROUPED, ranges};
use crate::diagnostics::{Finding, Findings, Span, suggest};
use crate::playbook::Vars;
use crate::yaml::Node;

/// A host as the sources have it.
pub(super) struct DraftHost {
    pub(super) span: Span,
    pub(super) vars: Vars,
}

/// A group as the sources have it.
#[derive(Default)]
pub(super) struct DraftGroup {
    /// Where it is defined. A group that is only referred to has none.
    pub(super) span: Option<Span>,
    pub(super) hosts: IndexSet<String>,
    pub(super) children: IndexMap<String, Span>,
    pub(super) vars: Vars,
}

/// Everything the sources said so far, and everything that is wrong with it.
#[derive(Default)]
pub(super) struct Draft {
    pub(super) hosts: IndexMap<String, DraftHost>,
    pub(super) groups: IndexMap<String, DraftGroup>,
    /// Where a group is referred to that had not been defined by then.
    pub(super) references: Vec<(String, Span)>,
    pub(super) findings: Findings,
}

impl Draft {
    /// A draft with the groups that every inventory has.
    pub(super) fn new() -> Self {
        let mut draft = Self::default();
        draft.groups.insert(ALL.to_owned(), DraftGroup::default());
        draft.groups.insert(UNGROUPED.to_owned(), DraftGroup::default());
        draft
    }

    /// The group of that name, defined here.
    pub(super) fn define_group(&mut self, name: &str, span: &Span) -> &mut DraftGroup {
        let group = self.groups.entry(name.to_owned()).or_default();
        group.span.get_or_insert_with(|| span.clone());
        group
    }

    /// The group of that name, which some source must define.
    pub(super) fn refer_to_group(&mut self, name: &str, span: &Span) -> &mut DraftGroup {
        self.references.push((name.to_owned(), span.clone()));
        self.groups.entry(name.to_owned()).or_default()
    }

    /// Hosts named in a group, perhaps by ranges, perhaps with a port; the names they stand for.
    pub(super) fn name_hosts(&mut self, group: &str, written: &str, span: &Span) -> Vec<String> {
        let (pattern, port) = split_port(written);
        let names = match hosts(pattern) {
            Ok(names) => names,
            Err(message) => {
                self.findings.push(Finding::at(span, message, ""));
                return Vec::new();
            }
        };
        for name in &names {
            let host = self.hosts.entry(name.clone()).or_insert_with(|| DraftHost {
                span: span.clone(),
                vars: Vars::new(),
            });
            if let Some(port) = port {
                let port = Node::scalar(span.clone(), port, crate::yaml::Style::Plain);
                host.vars.entry("ansible_port".to_owned()).or_insert(port);
            }
        }
        let group = self.groups.entry(group.to_owned()).or_default();
        group.hosts.extend(names.iter().cloned());
        names
    }

    /// Gives hosts a variable.
    pub(super) fn set_host_var(&mut self, hosts: &[String], name: &str, key: &Span, value: &Node) {
        if !self.accepts_name(name, key) {
            return;
        }
        for host in hosts {
            if let Some(host) = self.hosts.get_mut(host)
                && let Err(finding) = set(&mut host.vars, name, key, value)
            {
                // One finding for a line, however many hosts it names.
                self.findings.push(finding);
                return;
            }
        }
    }

    /// Gives a group a variable.
    pub(super) fn set_group_var(&mut self, group: &str, name: &str, key: &Span, value: &Node) {
        if !self.accepts_name(name, key) {
            return;
        }
        let vars = &mut self.groups.entry(group.to_owned()).or_default().vars;
        if let Err(finding) = set(vars, name, key, value) {
            self.findings.push(finding);
        }
    }

    fn accepts_name(&mut self, name: &str, span: &Span) -> bool {
        let wrong = check_variable_name(name, span).err();
        let is_one = wrong.is_none();
        self.findings.extend(wrong);
        is_one
    }

    /// Findings for groups that are referred to and nowhere defined.
    pub(super) fn undefined_groups(&mut self) {
        let groups = &self.groups;
        let known = |group: &DraftGroup| group.span.is_some();
        for (name, span) in &self.references {
            let defined = [ALL, UNGROUPED].contains(&name.as_str()) || groups.get(name).is_some_and(known);
            if !defined {
                let names = groups
                    .iter()
                    .filter(|(_, group)| known(group))
                    .map(|(name, _)| name.as_str());
                let help = suggest(name, names)
                    .unwrap_or_else(|| format!("add a section `[{name}]`, empty perhaps"));
                self.findings.push(
                    Finding::at(span, format!("there is no group `{name}`"), "unknown group").help(help),
                );
            }
        }
    }
}

/// Checks that a variable can have that name.
pub fn check_variable_name(name: &str, span: &Span) -> Result<(), Finding> {
    let mut bytes = name.bytes();
    let is_one = bytes
        .next()
        .is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if is_one {
        return Ok(());
    }
    Err(
        Finding::at(span, format!("no variable can be named `{name}`"), "")
            .help("names consist of letters, digits and `_`, and begin with no digit"),
    )
}

/// A later source overrides an earlier one; inside of one file, two values are a contradiction.
fn set(vars: &mut Vars, name: &str, key: &Span, value: &Node) -> Result<(), Finding> {
    if let Some(before) = vars.get(name)
        && Arc::ptr_eq(&before.span.source, &value.span.source)
        && before.to_value() != value.to_value()
    {
        let mut finding = Finding::at(key, format!("`{name}` gets two values"), "another one here");
        finding
            .labels
            .push((before.span.clone(), "a value here".to_owned()));
        return Err(finding.help("keep one of them"));
    }
    vars.insert(name.to_owned(), value.clone());
    Ok(())
}

/// `fe1:2222` as name and port; addresses of IPv6 have more colons, or brackets.
fn split_port(written: &str) -> (&str, Option<&str>) {
    let is_port = |port: &str| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    match written.rsplit_once(':') {
        Some((name, port)) if is_port(port) => {
            let outside_brackets = name.matches('[').count() == name.matches(']').count();
            let is_ipv6 = name.contains(':') && !name.contains('[');
            if outside_brackets && !is_ipv6 {
                (name, Some(port))
            } else {
                (written, None)
            }
        }
        _ => (written, None),
    }
}

/// The names a host name in an inventory stands for.
fn hosts(pattern: &str) -> Result<Vec<String>, String> {
    let address = pattern.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    if let Some(address) = address.filter(|address| address.parse::<std::net::Ipv6Addr>().is_ok()) {
        return Ok(vec![address.to_owned()]);
    }
    let is_address = pattern.parse::<std::net::Ipv6Addr>().is_ok();
    if !is_address && let Some(odd) = pattern.chars().find(|c| !is_of_a_host_name(*c)) {
        return Err(format!("`{odd}` cannot be in a host name"));
    }
    if pattern.starts_with('-') {
        // It would be an option to whatever gets it as an argument.
        return Err("a host name cannot begin with `-`".to_owned());
    }
    ranges::expand(pattern)
}

fn is_of_a_host_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '[' | ']' | ':' | '@' | '%')
}

#[cfg(test)]
mod tests {
    use super::{hosts, split_port};

    #[test]
    fn ports_behind_names() {
        let cases = [
            ("fe1", ("fe1", None)),
            ("fe1:2222", ("fe1", Some("2222"))),
            ("fe[1:3]:22", ("fe[1:3]", Some("22"))),
            ("fe[1:3]", ("fe[1:3]", None)),
            ("::1", ("::1", None)),
            ("2001:db8::1", ("2001:db8::1", None)),
            ("[2001:db8::1]:22", ("[2001:db8::1]", Some("22"))),
            ("fe1:", ("fe1:", None)),
        ];
        for (written, parts) in cases {
            assert_eq!(split_port(written), parts);
        }
    }

    #[test]
    fn names_no_host_has() {
        let cases = [
            ("a;b", "`;` cannot be in a host name"),
            ("$(x)", "`$` cannot be in a host name"),
            ("-oProxyCommand=x", "`=` cannot be in a host name"),
            ("-x", "a host name cannot begin with `-`"),
        ];
        for (name, message) in cases {
            assert_eq!(hosts(name).unwrap_err(), message);
        }
        assert_eq!(hosts("[2001:db8::1]").unwrap(), ["2001:db8::1"]);
    }
}
