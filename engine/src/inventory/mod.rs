//! Hosts, groups, patterns, and variables of hosts.
//!
//! Sources (INI, YAML, a list of names) are read into one [`draft::Draft`]; once all are read it is checked as a whole and
//! becomes an [`Inventory`], which never changes.

mod draft;
mod federation;
mod host_list;
mod ini;
mod ini_line;
mod load;
mod pattern;
mod ranges;
mod resolve;
mod target;
#[cfg(test)]
mod tests;
mod vars_files;
mod yaml_file;
mod zoned;

use std::sync::OnceLock;

use indexmap::IndexMap;

use crate::diagnostics::Span;
use crate::playbook::Vars;
use crate::yaml::Node;

pub use draft::check_variable_name;
pub use ini_line::assignments;
pub use pattern::BadPattern;
pub use target::{Overrides, Render};
pub use vars_files::vars_of_file;
pub use zoned::Zoned;

/// The name of the machine nebplay runs on; it is there without being in any inventory.
pub const LOCALHOST: &str = "localhost";
/// The group of all hosts.
pub const ALL: &str = "all";
/// The group of hosts that are in no other.
pub const UNGROUPED: &str = "ungrouped";

/// All hosts and groups, and the variables that belong to them.
#[derive(Debug)]
pub struct Inventory {
    hosts: IndexMap<String, Host>,
    groups: IndexMap<String, Group>,
    /// `localhost`, for an inventory that does not have it.
    implicit: Host,
}

/// A host.
#[derive(Debug)]
pub struct Host {
    /// Its name in the inventory.
    pub name: String,
    /// Where it is named first; nowhere for the implicit `localhost`.
    pub span: Option<Span>,
    /// Every group it is in, those of groups included, least specific first; `all` is not among them.
    pub groups: Vec<String>,
    /// Its own variables, in the order in which later ones win: inventory, host_vars beside it, host_vars beside the playbook.
    own: Vec<Vars>,
    /// All its variables, merged when they are first asked for.
    merged: OnceLock<Vars>,
}

/// A group.
#[derive(Debug)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// Where it is named first; nowhere for `all` and `ungrouped` unless a file names them.
    pub span: Option<Span>,
    /// Groups in it.
    pub children: Vec<String>,
    /// Hosts that are named in it.
    pub own_hosts: Vec<String>,
    /// Its hosts and those of its groups, each once.
    pub hosts: Vec<String>,
    /// Variables that inventory files give it.
    pub vars: Vars,
    /// Those of group_vars beside the inventory.
    inventory_vars: Vars,
    /// Those of group_vars beside the playbook.
    playbook_vars: Vars,
}

impl Inventory {
    /// All hosts, in the order in which the inventory names them.
    pub fn hosts(&self) -> impl Iterator<Item = &Host> {
        self.hosts.values()
    }

    /// All groups, `all` and `ungrouped` included.
    pub fn groups(&self) -> impl Iterator<Item = &Group> {
        self.groups.values()
    }

    /// The host of that name; `localhost` is always there.
    pub fn host(&self, name: &str) -> Option<&Host> {
        let implicit = (name == LOCALHOST).then_some(&self.implicit);
        self.hosts.get(name).or(implicit)
    }

    /// The group of that name.
    pub fn group(&self, name: &str) -> Option<&Group> {
        self.groups.get(name)
    }

    /// The variables of a host: its groups' and its own, the winning value of each, with the place it was given at.
    /// Values may be templates.
    pub fn host_vars(&self, name: &str) -> Option<&Vars> {
        let host = self.host(name)?;
        Some(host.merged.get_or_init(|| {
            let layers = self.layers(host).into_iter().flatten();
            layers
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect()
        }))
    }

    /// One variable of a host, without merging all of them.
    fn host_var<'a>(&'a self, host: &'a Host, name: &str) -> Option<&'a Node> {
        self.layers(host)
            .into_iter()
            .rev()
            .find_map(|vars| vars.get(name))
    }

    /// Where a host's variables come from; later ones win. In Ansible's order: what inventory files say of groups, then
    /// group_vars of `all`, then group_vars of the other groups, then what is said of the host itself; in each, a group inside
    /// of another wins.
    fn layers<'a>(&'a self, host: &'a Host) -> Vec<&'a Vars> {
        let all = self.groups.get(ALL);
        let groups = || host.groups.iter().filter_map(|name| self.groups.get(name));
        let mut layers: Vec<&Vars> = all.into_iter().chain(groups()).map(|group| &group.vars).collect();
        layers.extend(
            all.into_iter()
                .flat_map(|all| [&all.inventory_vars, &all.playbook_vars]),
        );
        layers.extend(groups().map(|group| &group.inventory_vars));
        layers.extend(groups().map(|group| &group.playbook_vars));
        layers.extend(&host.own);
        layers
    }
}
