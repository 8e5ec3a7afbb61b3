//! An inventory together with its zones: what a run asks.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use nebplay_modules::federation_map::Federation;
use serde_json::{Map, Value};

use super::Inventory;
use crate::diagnostics::Findings;
use crate::run;
use crate::template::{Binding, Layer, layer_of};

/// An inventory whose zones do not contradict each other.
#[derive(Debug)]
pub struct Zoned {
    /// The inventory.
    pub inventory: Inventory,
    /// Its zones.
    pub federation: Federation,
    /// The whole paths of files that name hosts, by what they were given as.
    files: BTreeMap<String, PathBuf>,
}

impl Zoned {
    /// Works out the zones.
    pub fn new(inventory: Inventory) -> Result<Self, Findings> {
        let federation = inventory.federation()?;
        let mut files = BTreeMap::new();
        for span in inventory.hosts().filter_map(|host| host.span.as_ref()) {
            let name = &span.source.name;
            let file = Path::new(name);
            // What stands on the command line is no file.
            if !files.contains_key(name) && file.is_file() {
                let whole = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
                files.insert(name.clone(), whole);
            }
        }
        Ok(Self {
            inventory,
            federation,
            files,
        })
    }
}

impl run::Inventory for Zoned {
    fn names(&self) -> Vec<String> {
        self.inventory.hosts().map(|host| host.name.clone()).collect()
    }

    fn vars(&self, host: &str) -> Layer {
        let mut vars = self.inventory.host_vars(host).map(layer_of).unwrap_or_default();
        let named = self.inventory.host(host).and_then(|host| host.span.as_ref());
        if let Some(file) = named.and_then(|span| self.files.get(&span.source.name)) {
            let mut set = |name: &str, path: &Path| {
                let value = Value::from(path.display().to_string());
                vars.insert(name.to_owned(), Binding::Value(value));
            };
            set("inventory_dir", file.parent().unwrap_or(file));
            set("inventory_file", file);
        }
        vars
    }

    fn groups(&self) -> Map<String, Value> {
        let groups = self.inventory.groups();
        groups
            .map(|group| (group.name.clone(), Value::from(group.hosts.clone())))
            .collect()
    }

    /// By name, as Ansible has them.
    fn groups_of(&self, host: &str) -> Vec<String> {
        let groups = self.inventory.host(host).map(|host| host.groups.clone());
        let mut groups = groups.unwrap_or_default();
        groups.sort_unstable();
        groups
    }

    fn federation(&self) -> Federation {
        self.federation.clone()
    }
}
