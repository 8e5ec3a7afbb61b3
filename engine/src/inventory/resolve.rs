//! From what the sources say to an inventory that is right as a whole.

use std::collections::HashMap;
use std::sync::OnceLock;

use indexmap::{IndexMap, IndexSet};

use super::draft::{Draft, DraftGroup};
use super::{ALL, Group, Host, Inventory, LOCALHOST, UNGROUPED};
use crate::diagnostics::{Finding, Findings, Span};
use crate::playbook::Vars;
use crate::yaml::Node;

/// Checks a draft and makes an inventory of it, still without the variables that stand in files of their own.
pub(super) fn resolve(mut draft: Draft) -> Result<Inventory, Findings> {
    draft.undefined_groups();
    let mut findings = std::mem::take(&mut draft.findings);
    findings.extend(named_twice(&draft));
    let depths = match depths(&draft.groups) {
        Ok(depths) => depths,
        Err(finding) => {
            findings.push(finding);
            HashMap::new()
        }
    };
    let mut order = Vec::with_capacity(draft.groups.len());
    for (name, group) in &draft.groups {
        match priority(group) {
            Ok(priority) => order.push((
                depths.get(name.as_str()).copied().unwrap_or(0),
                priority,
                name.as_str(),
            )),
            Err(finding) => findings.push(finding),
        }
    }
    if !findings.is_empty() {
        return Err(findings);
    }
    // Least specific first: what comes later wins.
    order.sort_unstable();
    let order: Vec<String> = order.into_iter().map(|(.., name)| name.to_owned()).collect();
    Ok(assemble(draft, &order))
}

fn assemble(draft: Draft, order: &[String]) -> Inventory {
    let members: IndexMap<&str, IndexSet<&str>> = draft
        .groups
        .keys()
        .map(|name| (name.as_str(), members(name, &draft)))
        .collect();
    let mut groups_of: IndexMap<&str, Vec<String>> = draft
        .hosts
        .keys()
        .map(|name| (name.as_str(), Vec::new()))
        .collect();
    for group in order.iter().filter(|name| *name != ALL) {
        for host in &members[group.as_str()] {
            if let Some(groups) = groups_of.get_mut(host) {
                groups.push(group.clone());
            }
        }
    }
    let host_groups: Vec<Vec<String>> = groups_of.into_values().collect();
    let hosts_of: Vec<Vec<String>> = members
        .into_values()
        .map(|hosts| hosts.into_iter().map(str::to_owned).collect())
        .collect();
    let hosts = draft
        .hosts
        .into_iter()
        .zip(host_groups)
        .map(|((name, host), groups)| {
            let made = Host {
                name: name.clone(),
                span: Some(host.span),
                groups,
                own: vec![host.vars],
                merged: OnceLock::new(),
            };
            (name, made)
        });
    let groups = draft
        .groups
        .into_iter()
        .zip(hosts_of)
        .map(|((name, group), hosts)| {
            let made = Group {
                name: name.clone(),
                span: group.span,
                children: group.children.into_keys().collect(),
                own_hosts: group.hosts.into_iter().collect(),
                hosts,
                vars: group.vars,
                inventory_vars: Vars::new(),
                playbook_vars: Vars::new(),
            };
            (name, made)
        });
    Inventory {
        hosts: hosts.collect(),
        groups: groups.collect(),
        implicit: Host {
            name: LOCALHOST.to_owned(),
            span: None,
            groups: Vec::new(),
            own: vec![local_connection()],
            merged: OnceLock::new(),
        },
    }
}

/// The hosts of a group: its own, then those of its groups.
fn members<'a>(name: &str, draft: &'a Draft) -> IndexSet<&'a str> {
    if name == ALL {
        return draft.hosts.keys().map(String::as_str).collect();
    }
    if name == UNGROUPED {
        let grouped: IndexSet<&str> = draft
            .groups
            .iter()
            .filter(|(name, _)| ![ALL, UNGROUPED].contains(&name.as_str()))
            .flat_map(|(_, group)| group.hosts.iter().map(String::as_str))
            .collect();
        return draft
            .hosts
            .keys()
            .map(String::as_str)
            .filter(|host| !grouped.contains(host))
            .collect();
    }
    let mut hosts = IndexSet::new();
    let mut seen = IndexSet::from([name]);
    let mut at = 0;
    while let Some(&name) = seen.get_index(at) {
        at += 1;
        if let Some(group) = draft.groups.get(name) {
            hosts.extend(group.hosts.iter().map(String::as_str));
            seen.extend(group.children.keys().map(String::as_str));
        }
    }
    hosts
}

/// A name that is a host's and a group's means two things in a pattern, unless the group is that host.
fn named_twice(draft: &Draft) -> Findings {
    let clashes = draft.groups.iter().filter_map(|(name, group)| {
        let span = group.span.as_ref()?;
        let host = draft.hosts.get(name)?;
        let same = group.children.is_empty() && group.hosts.iter().eq([name]);
        (!same).then(|| {
            let mut finding = Finding::at(span, format!("`{name}` is a group and a host"), "a group here");
            finding.labels.push((host.span.clone(), "a host here".to_owned()));
            finding.help("rename one of them: a pattern could not tell them apart")
        })
    });
    clashes.collect()
}

fn priority(group: &DraftGroup) -> Result<i64, Finding> {
    let Some(node) = group.vars.get("ansible_group_priority") else {
        return Ok(1);
    };
    node.as_str().and_then(|text| text.parse().ok()).ok_or_else(|| {
        Finding::at(
            &node.span,
            "`ansible_group_priority` is a whole number",
            format!("this is {}", node.kind()),
        )
    })
}

/// How many groups a group is in, one in the other; or the circle they make.
fn depths(groups: &IndexMap<String, DraftGroup>) -> Result<HashMap<&str, usize>, Finding> {
    let mut depths: HashMap<&str, usize> = groups.keys().map(|name| (name.as_str(), 1)).collect();
    depths.insert(ALL, 0);
    // Parents before children: whoever has no parent left goes next (Kahn).
    let mut parents: HashMap<&str, usize> = HashMap::new();
    for child in groups.values().flat_map(|group| group.children.keys()) {
        *parents.entry(child).or_default() += 1;
    }
    let mut ready: Vec<&str> = groups
        .keys()
        .map(String::as_str)
        .filter(|name| !parents.contains_key(name))
        .collect();
    let mut done = 0;
    while let Some(name) = ready.pop() {
        done += 1;
        let below = depths.get(name).copied().unwrap_or(0) + 1;
        for child in groups
            .get(name)
            .into_iter()
            .flat_map(|group| group.children.keys())
        {
            let depth = depths.entry(child).or_insert(1);
            *depth = below.max(*depth);
            if let Some(left) = parents.get_mut(child.as_str()) {
                *left -= 1;
                if *left == 0 {
                    ready.push(child);
                }
            }
        }
    }
    if done == groups.len() {
        return Ok(depths);
    }
    let in_doubt = |name: &str| parents.get(name).is_some_and(|left| *left > 0);
    Err(circle(groups, &in_doubt))
}

/// The finding for groups that hold each other, every step of the circle shown.
fn circle(groups: &IndexMap<String, DraftGroup>, in_doubt: &dyn Fn(&str) -> bool) -> Finding {
    // Every group in doubt has a parent in doubt, so that going up ends in the circle.
    let parent = |child: &str| {
        groups
            .iter()
            .filter(|(name, _)| in_doubt(name))
            .find_map(|(name, group)| group.children.get(child).map(|span| (name.as_str(), span)))
    };
    let mut steps: Vec<(&str, &Span)> = Vec::new();
    let mut at = groups
        .keys()
        .map(String::as_str)
        .find(|name| in_doubt(name))
        .unwrap_or_default();
    let mut path = vec![at];
    while let Some((up, span)) = parent(at) {
        steps.push((at, span));
        if let Some(begin) = path.iter().position(|name| *name == up) {
            steps.drain(..begin);
            path.drain(..begin);
            break;
        }
        path.push(up);
        at = up;
    }
    path.reverse();
    path.rotate_right(1);
    let names: Vec<String> = path
        .iter()
        .chain(path.first())
        .map(|name| format!("`{name}`"))
        .collect();
    let labels = steps
        .iter()
        .rev()
        .map(|(child, span)| ((*span).clone(), format!("puts `{child}` into the circle")));
    Finding {
        message: format!("groups hold each other: {}", names.join(" holds ")),
        labels: labels.collect(),
        help: Some("take one of them out".to_owned()),
    }
}

impl Inventory {
    /// Adds what files in group_vars and host_vars say.
    pub(super) fn add_vars(&mut self, files: super::vars_files::VarsFiles) {
        for (name, vars, beside_playbook) in files.groups {
            if let Some(group) = self.groups.get_mut(&name) {
                let layer = if beside_playbook {
                    &mut group.playbook_vars
                } else {
                    &mut group.inventory_vars
                };
                layer.extend(vars);
            }
        }
        for (name, vars) in files.hosts {
            match self.hosts.get_mut(&name) {
                Some(host) => host.own.push(vars),
                None if name == LOCALHOST => self.implicit.own.push(vars),
                None => {}
            }
        }
    }
}

/// What is known of the implicit `localhost`: it is not connected to over SSH.
fn local_connection() -> Vars {
    let source = crate::diagnostics::Source::new("(implicit localhost)", "local");
    let span = Span {
        source,
        start: 0,
        end: 5,
    };
    Vars::from([("ansible_connection".to_owned(), Node::text(span, "local"))])
}
