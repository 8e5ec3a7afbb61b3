//! `nebplay inventory`: hosts, groups and variables as nebplay reads them, in the shapes of `ansible-inventory`.

use std::collections::HashSet;

use clap::Args as ClapArgs;
use serde_json::{Map, Value, json};

use super::error::CommandError;
use super::exit;
use super::hosts::Hosts;
use super::options::InventoryArgs;
use super::terminal;
use crate::diagnostics::suggest;
use crate::events::is_password;
use crate::inventory::{ALL, Group, Inventory};
use crate::playbook::Vars;
use crate::yaml::{Node, Tag, Value as Yaml};

pub(super) const EXAMPLES: &str = "\
Values of password variables, and what is encrypted, are not shown.

Examples:
  nebplay inventory -i prod.ini --graph
  nebplay inventory -i prod.ini --host fe1
  nebplay inventory -i prod.ini --list | jq '._meta.hostvars'";

/// What stands in the place of what nobody is to see.
const NOT_SHOWN: &str = "(not shown)";

/// Arguments of `nebplay inventory`.
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    #[command(flatten)]
    inventory: InventoryArgs,
    #[command(flatten)]
    shape: Shape,
    /// With --graph: variables too.
    #[arg(long, conflicts_with_all = ["list", "host"])]
    vars: bool,
}

#[derive(Debug, ClapArgs)]
#[group(required = true, multiple = false)]
struct Shape {
    /// Everything, as JSON in the shape of a dynamic inventory.
    #[arg(long)]
    list: bool,
    /// The groups as a tree.
    #[arg(long)]
    graph: bool,
    /// The variables of one host, as JSON.
    #[arg(long, value_name = "HOST")]
    host: Option<String>,
}

/// Shows the inventory.
pub(super) fn run(args: &Args) -> Result<u8, CommandError> {
    let hosts = args.inventory.read(&[], None)?;
    let text = match &args.shape.host {
        Some(host) => format!("{:#}\n", Value::Object(one(&hosts, host)?)),
        None if args.shape.graph => graph(&hosts, args.vars),
        None => format!("{:#}\n", list(&hosts)),
    };
    terminal::print(&text)?;
    Ok(exit::OK)
}

fn one(hosts: &Hosts, name: &str) -> Result<Map<String, Value>, CommandError> {
    let Some(vars) = hosts.zoned.inventory.host_vars(name) else {
        let names = hosts.zoned.inventory.hosts().map(|host| host.name.as_str());
        return Err(CommandError::Usage {
            message: format!("there is no host `{name}`"),
            help: suggest(name, names),
        });
    };
    Ok(values(vars, &hosts.extra_vars))
}

/// Variables as data, extra variables last.
fn values(vars: &Vars, extra: &Vars) -> Map<String, Value> {
    let mut values = Map::new();
    for (name, node) in vars.iter().chain(extra) {
        let value = if is_password(name) {
            json!(NOT_SHOWN)
        } else {
            shown(node)
        };
        values.insert(name.clone(), value);
    }
    values
}

/// What a node means, without what was or is encrypted in it.
fn shown(node: &Node) -> Value {
    match &node.value {
        Yaml::Sequence(items) => items.iter().map(shown).collect(),
        Yaml::Mapping(entries) => {
            let entries = entries
                .iter()
                .map(|entry| (entry.name().to_owned(), shown(&entry.value)));
            Value::Object(entries.collect())
        }
        Yaml::Scalar { .. } => match &node.tag {
            Some(tag) if tag.is_secret() || *tag == Tag::Vault => json!(NOT_SHOWN),
            _ => node.to_value(),
        },
    }
}

/// Whether a host is one of `-l`.
fn chosen(hosts: &Hosts) -> impl Fn(&str) -> bool {
    let limit: Option<HashSet<String>> = hosts.limit.as_ref().map(|limit| limit.iter().cloned().collect());
    move |host| limit.as_ref().is_none_or(|limit| limit.contains(host))
}

fn list(hosts: &Hosts) -> Value {
    let inventory = &hosts.zoned.inventory;
    let is_chosen = chosen(hosts);
    let mut list = Map::new();
    let vars = inventory
        .hosts()
        .filter(|host| is_chosen(&host.name))
        .filter_map(|host| {
            let vars = values(inventory.host_vars(&host.name)?, &hosts.extra_vars);
            Some((host.name.clone(), Value::Object(vars)))
        });
    list.insert(
        "_meta".to_owned(),
        json!({"hostvars": vars.collect::<Map<_, _>>()}),
    );
    for group in inventory.groups() {
        let mut shown = Map::new();
        let children = children(inventory, group);
        if !children.is_empty() {
            shown.insert("children".to_owned(), json!(children));
        }
        let members: Vec<&String> = members(inventory, group)
            .iter()
            .filter(|host| is_chosen(host))
            .collect();
        if !members.is_empty() {
            shown.insert("hosts".to_owned(), json!(members));
        }
        if !shown.is_empty() {
            list.insert(group.name.clone(), Value::Object(shown));
        }
    }
    Value::Object(list)
}

/// The groups in a group; in `all`, those that are in no other.
fn children<'a>(inventory: &'a Inventory, group: &'a Group) -> Vec<&'a str> {
    if group.name != ALL {
        return group.children.iter().map(String::as_str).collect();
    }
    let inner: HashSet<&String> = inventory.groups().flat_map(|group| &group.children).collect();
    let outer = inventory
        .groups()
        .filter(|group| group.name != ALL && !inner.contains(&group.name));
    outer.map(|group| group.name.as_str()).collect()
}

/// The hosts to show directly in a group: hosts of `all` are in some group, `ungrouped` if nothing else.
fn members<'a>(inventory: &'a Inventory, group: &'a Group) -> &'a [String] {
    match group.name.as_str() {
        ALL => &[],
        crate::inventory::UNGROUPED => inventory.group(&group.name).map_or(&[], |group| &group.hosts),
        _ => &group.own_hosts,
    }
}

fn graph(hosts: &Hosts, vars: bool) -> String {
    let mut text = String::new();
    if let Some(all) = hosts.zoned.inventory.group(ALL) {
        branch(hosts, all, 0, vars, &chosen(hosts), &mut text);
    }
    text
}

fn branch(
    hosts: &Hosts,
    group: &Group,
    depth: usize,
    vars: bool,
    is_chosen: &dyn Fn(&str) -> bool,
    text: &mut String,
) {
    let mark = |depth: usize| "  |".repeat(depth) + if depth == 0 { "" } else { "--" };
    text.extend([&mark(depth), "@", &group.name, ":\n"]);
    for child in children(&hosts.zoned.inventory, group) {
        if let Some(child) = hosts.zoned.inventory.group(child) {
            branch(hosts, child, depth + 1, vars, is_chosen, text);
        }
    }
    let leaf = |depth: usize, name: &str, value: &Value| format!("{}{{{name} = {value}}}\n", mark(depth));
    for host in members(&hosts.zoned.inventory, group)
        .iter()
        .filter(|host| is_chosen(host))
    {
        text.extend([&mark(depth + 1), host.as_str(), "\n"]);
        let of_host = hosts.zoned.inventory.host_vars(host).filter(|_| vars);
        for (name, value) in of_host
            .map(|of_host| values(of_host, &hosts.extra_vars))
            .into_iter()
            .flatten()
        {
            *text += &leaf(depth + 2, &name, &value);
        }
    }
    if vars {
        for (name, value) in values(&group.vars, &Vars::new()) {
            *text += &leaf(depth + 1, &name, &value);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use clap::Parser;
    use serde_json::json;
    use tempfile::TempDir;

    use super::{Args, Hosts, graph, list, one};

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        args: Args,
    }

    fn hosts(options: &[&str]) -> Hosts {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("hosts.ini");
        let text = "lone\n[zones:children]\nmaster\nslaves\n[master]\nm zone_id=0 ansible_become_pass=x\n[slaves]\n\
                    s1 zone_id=1\ns2 zone_id=2\n[zones:vars]\nversion=6.10\n";
        fs::write(&path, text).unwrap();
        let inventory = path.display().to_string();
        let line = ["x", "--list", "-i", &inventory]
            .into_iter()
            .chain(options.iter().copied());
        Cli::parse_from(line).args.inventory.read(&[], None).unwrap()
    }

    #[test]
    fn the_tree() {
        insta::assert_snapshot!(graph(&hosts(&[]), false), @r#"
        @all:
          |--@ungrouped:
          |  |--lone
          |--@zones:
          |  |--@master:
          |  |  |--m
          |  |--@slaves:
          |  |  |--s1
          |  |  |--s2
        "#);
        insta::assert_snapshot!(graph(&hosts(&["-l", "s1"]), true), @r#"
        @all:
          |--@ungrouped:
          |--@zones:
          |  |--@master:
          |  |--@slaves:
          |  |  |--s1
          |  |  |  |--{version = "6.10"}
          |  |  |  |--{zone_id = 1}
          |  |--{version = "6.10"}
        "#);
    }

    #[test]
    fn the_list() {
        let list = list(&hosts(&["-l", "slaves:!s2", "-e", "{x: [1]}"]));
        let expected = json!({
            "_meta": {"hostvars": {"s1": {"version": "6.10", "zone_id": 1, "x": [1]}}},
            "all": {"children": ["ungrouped", "zones"]},
            "zones": {"children": ["master", "slaves"]},
            "slaves": {"hosts": ["s1"]},
        });
        assert_eq!(list, expected);
    }

    #[test]
    fn one_host() {
        let vars = one(&hosts(&[]), "m").unwrap();
        assert_eq!(
            json!(vars),
            json!({"version": "6.10", "zone_id": 0, "ansible_become_pass": "(not shown)"})
        );
        assert_eq!(one(&hosts(&[]), "s11").unwrap_err().exit_code(), 64);
    }
}
