//! An inventory together with its zones: what a run asks.

use nebplay_modules::federation_map::Federation;
use serde_json::{Map, Value};

use super::Inventory;
use crate::diagnostics::Findings;
use crate::run;
use crate::template::{Layer, layer_of};

/// An inventory whose zones do not contradict each other.
#[derive(Debug)]
pub struct Zoned {
    /// The inventory.
    pub inventory: Inventory,
    /// Its zones.
    pub federation: Federation,
}

impl Zoned {
    /// Works out the zones.
    pub fn new(inventory: Inventory) -> Result<Self, Findings> {
        let federation = inventory.federation()?;
        Ok(Self {
            inventory,
            federation,
        })
    }
}

impl run::Inventory for Zoned {
    fn names(&self) -> Vec<String> {
        self.inventory.hosts().map(|host| host.name.clone()).collect()
    }

    fn vars(&self, host: &str) -> Layer {
        self.inventory.host_vars(host).map(layer_of).unwrap_or_default()
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
