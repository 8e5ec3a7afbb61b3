//! The federation the lab holds: the three zones of the documentation's page on federations.

/// A zone and the host that is its only front-end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Site {
    /// Name in the inventory, and the machine's own.
    pub host: &'static str,
    /// Address in the lab's network.
    pub address: &'static str,
    /// The zone's number; 0 is the master.
    pub zone_id: u32,
    /// The zone's name.
    pub zone_name: &'static str,
}

/// Master first, then the slaves by number.
pub const SITES: [Site; 3] = [
    Site {
        host: "fe-eu-fr",
        address: "192.168.150.1",
        zone_id: 0,
        zone_name: "M-EU-FR",
    },
    Site {
        host: "fe-eu-ge",
        address: "192.168.150.2",
        zone_id: 100,
        zone_name: "S-EU-GE",
    },
    Site {
        host: "fe-us-ca",
        address: "192.168.150.3",
        zone_id: 101,
        zone_name: "S-US-CA",
    },
];

/// Where nebplay runs: the control namespace's address. Also the package repository's.
pub const CONTROLLER: &str = "192.168.150.254";

/// Where oned keeps its tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Backend {
    /// A file, `/var/lib/one/one.db`.
    #[default]
    Sqlite,
    /// MariaDB on the same host, database `opennebula`.
    Mysql,
}

impl Backend {
    /// As oned.conf spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Mysql => "mysql",
        }
    }
}
