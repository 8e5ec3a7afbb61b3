//! The federation as the inventory has it: which host is a front-end of which zone.

use serde::{Deserialize, Serialize};

/// What a zone is in its federation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The one that owns the federated tables.
    Master,
    /// One that receives them.
    Slave,
}

/// A zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Zone {
    /// Its id in OpenNebula: 0 is the master of a federation made as the docs say, but the role decides, not the number.
    pub id: u32,
    /// Its name.
    pub name: String,
    /// Its role.
    pub role: Role,
    /// Inventory names of its front-ends; one, unless it is an HA zone.
    pub hosts: Vec<String>,
}

/// All zones the inventory knows. Empty where it has none: nebplay is then a plain playbook engine.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Federation {
    /// Master first, then slaves by id.
    pub zones: Vec<Zone>,
}

impl Federation {
    /// The zone whose front-end this host is.
    pub fn zone_of(&self, host: &str) -> Option<&Zone> {
        self.zones
            .iter()
            .find(|zone| zone.hosts.iter().any(|name| name == host))
    }

    /// The master zone.
    pub fn master(&self) -> Option<&Zone> {
        self.zones.iter().find(|zone| zone.role == Role::Master)
    }

    /// The slave zones, by id.
    pub fn slaves(&self) -> impl Iterator<Item = &Zone> {
        self.zones.iter().filter(|zone| zone.role == Role::Slave)
    }
}
