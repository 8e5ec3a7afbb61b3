//! The tables of OpenNebula's database, with the names and columns of the real ones.

/// A table whose rows oned itself reads and writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// Access rules.
    Acl,
    /// Datastores; here only as what a running oned writes by itself.
    DatastorePool,
    /// Groups of users, with the list of their members.
    GroupPool,
    /// Hypervisor hosts.
    HostPool,
    /// The last id given out, by pool. Replicated with users, yet in no federated dump.
    PoolControl,
    /// Users.
    UserPool,
    /// Quotas of users in this zone.
    UserQuotas,
    /// Virtual machines.
    VmPool,
    /// Zones of the federation.
    ZonePool,
}

const POOL: &[&str] = &[
    "oid", "name", "body", "uid", "gid", "owner_u", "group_u", "other_u",
];

impl Table {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Acl,
        Self::DatastorePool,
        Self::GroupPool,
        Self::HostPool,
        Self::PoolControl,
        Self::UserPool,
        Self::UserQuotas,
        Self::VmPool,
        Self::ZonePool,
    ];

    /// The name in the database.
    pub fn name(self) -> &'static str {
        match self {
            Self::Acl => "acl",
            Self::DatastorePool => "datastore_pool",
            Self::GroupPool => "group_pool",
            Self::HostPool => "host_pool",
            Self::PoolControl => "pool_control",
            Self::UserPool => "user_pool",
            Self::UserQuotas => "user_quotas",
            Self::VmPool => "vm_pool",
            Self::ZonePool => "zone_pool",
        }
    }

    /// The table of this name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|table| table.name() == name)
    }

    /// Its columns in order; the first one is the key.
    pub fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Acl => &["oid", "userset", "resource", "rights", "zone"],
            Self::DatastorePool => &[
                "oid", "name", "body", "uid", "gid", "owner_u", "group_u", "other_u", "cid",
            ],
            Self::GroupPool | Self::UserPool | Self::ZonePool => POOL,
            Self::HostPool => &[
                "oid", "name", "body", "state", "uid", "gid", "owner_u", "group_u", "other_u", "cid",
            ],
            Self::PoolControl => &["tablename", "last_oid"],
            Self::UserQuotas => &["user_oid", "body"],
            Self::VmPool => &[
                "oid",
                "name",
                "body",
                "uid",
                "gid",
                "state",
                "lcm_state",
                "owner_u",
                "group_u",
                "other_u",
                "short_body",
            ],
        }
    }

    /// The name of the key's column.
    pub fn key(self) -> &'static str {
        self.columns().first().copied().unwrap_or_default()
    }

    /// Where a column stands.
    pub fn column(self, name: &str) -> Option<usize> {
        self.columns().iter().position(|column| *column == name)
    }
}

/// The tables of a federated dump, in its order; after them comes the log.
pub const FEDERATED_TABLES: [&str; 8] = [
    "group_pool",
    "user_pool",
    "acl",
    "zone_pool",
    "vdc_pool",
    "marketplace_pool",
    "marketplaceapp_pool",
    "db_versioning",
];

/// Pools that are empty in the lab and have the common columns.
const EMPTY_POOLS: [&str; 16] = [
    "backupjob_pool",
    "cluster_pool",
    "document_pool",
    "hook_pool",
    "image_pool",
    "network_pool",
    "plan_pool",
    "schedaction_pool",
    "secgroup_pool",
    "template_pool",
    "vmgroup_pool",
    "vn_template_pool",
    "vrouter_pool",
    "vm_monitoring",
    "host_monitoring",
    "vm_showback",
];

/// The statements that make an empty database, for either backend.
pub fn create_statements() -> Vec<String> {
    let pool = "(oid INTEGER PRIMARY KEY, name VARCHAR(128), body MEDIUMTEXT, uid INTEGER, gid INTEGER, \
                owner_u INTEGER, group_u INTEGER, other_u INTEGER";
    let mut statements = vec![
        format!("CREATE TABLE group_pool {pool}, UNIQUE(name))"),
        format!("CREATE TABLE user_pool {pool}, UNIQUE(name))"),
        "CREATE TABLE acl (oid INT PRIMARY KEY, userset BIGINT, resource BIGINT, rights BIGINT, \
         zone BIGINT, UNIQUE(userset, resource, rights, zone))"
            .to_owned(),
        format!("CREATE TABLE zone_pool {pool}, UNIQUE(name))"),
        format!("CREATE TABLE vdc_pool {pool}, UNIQUE(name))"),
        format!("CREATE TABLE marketplace_pool {pool})"),
        format!("CREATE TABLE marketplaceapp_pool {pool}, UNIQUE(name,uid))"),
        "CREATE TABLE db_versioning (oid INTEGER PRIMARY KEY, version VARCHAR(256), timestamp INTEGER, \
         comment VARCHAR(256))"
            .to_owned(),
        "CREATE TABLE local_db_versioning (oid INTEGER PRIMARY KEY, version VARCHAR(256), \
         timestamp INTEGER, comment VARCHAR(256), is_slave BOOLEAN)"
            .to_owned(),
        "CREATE TABLE logdb (log_index BIGINT UNSIGNED PRIMARY KEY, term INTEGER, sqlcmd MEDIUMTEXT, \
         timestamp INTEGER, fed_index BIGINT UNSIGNED, applied BOOLEAN)"
            .to_owned(),
        "CREATE TABLE pool_control (tablename VARCHAR(32) PRIMARY KEY, last_oid BIGINT UNSIGNED)".to_owned(),
        "CREATE TABLE system_attributes (name VARCHAR(128) PRIMARY KEY, body MEDIUMTEXT)".to_owned(),
        "CREATE TABLE user_quotas (user_oid INTEGER PRIMARY KEY, body MEDIUMTEXT)".to_owned(),
        "CREATE TABLE group_quotas (group_oid INTEGER PRIMARY KEY, body MEDIUMTEXT)".to_owned(),
        format!("CREATE TABLE datastore_pool {pool}, cid INTEGER)"),
        "CREATE TABLE host_pool (oid INTEGER PRIMARY KEY, name VARCHAR(128), body MEDIUMTEXT, \
         state INTEGER, uid INTEGER, gid INTEGER, owner_u INTEGER, group_u INTEGER, other_u INTEGER, \
         cid INTEGER)"
            .to_owned(),
        "CREATE TABLE vm_pool (oid INTEGER PRIMARY KEY, name VARCHAR(128), body MEDIUMTEXT, uid INTEGER, \
         gid INTEGER, state INTEGER, lcm_state INTEGER, owner_u INTEGER, group_u INTEGER, \
         other_u INTEGER, short_body MEDIUMTEXT)"
            .to_owned(),
        "CREATE TABLE history (vid INTEGER, seq INTEGER, body MEDIUMTEXT, stime INTEGER, etime INTEGER, \
         PRIMARY KEY(vid,seq))"
            .to_owned(),
        "CREATE TABLE hook_log (hkid INTEGER, exeid INTEGER, timestamp INTEGER, rc INTEGER, \
         body MEDIUMTEXT, PRIMARY KEY(hkid, exeid))"
            .to_owned(),
        "CREATE TABLE cluster_datastore_relation (cid INTEGER, oid INTEGER, PRIMARY KEY(cid, oid))"
            .to_owned(),
        "CREATE TABLE cluster_network_relation (cid INTEGER, oid INTEGER, PRIMARY KEY(cid, oid))".to_owned(),
        "CREATE TABLE cluster_vnc_bitmap (id INTEGER, map LONGTEXT, PRIMARY KEY(id))".to_owned(),
        "CREATE TABLE network_vlan_bitmap (id INTEGER, map LONGTEXT, PRIMARY KEY(id))".to_owned(),
    ];
    statements.extend(
        EMPTY_POOLS
            .iter()
            .map(|name| format!("CREATE TABLE {name} {pool})")),
    );
    statements.extend(INDEXES.iter().map(|index| index.create()));
    statements
}

/// An index that is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Index {
    /// Its name.
    pub name: &'static str,
    /// The table it stands on.
    pub table: &'static str,
    /// The columns, with commas.
    pub columns: &'static str,
}

impl Index {
    /// The statement that makes it.
    pub fn create(self) -> String {
        format!("CREATE INDEX {} ON {} ({})", self.name, self.table, self.columns)
    }
}

/// The indexes that a migration drops first and makes again at its end.
pub const INDEXES: [Index; 3] = [
    Index {
        name: "state_oid_idx",
        table: "vm_pool",
        columns: "state, oid",
    },
    Index {
        name: "applied_idx",
        table: "logdb",
        columns: "applied",
    },
    Index {
        name: "fed_index_idx",
        table: "logdb",
        columns: "fed_index",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_has_the_tables_of_the_real_one() {
        let statements = create_statements();
        let tables = statements
            .iter()
            .filter(|statement| statement.starts_with("CREATE TABLE"))
            .count();
        assert_eq!((tables, statements.len()), (39, 42));
        for table in Table::ALL {
            let made = format!("CREATE TABLE {} (", table.name());
            assert!(
                statements.iter().any(|statement| statement.starts_with(&made)),
                "{made}"
            );
        }
    }
}
