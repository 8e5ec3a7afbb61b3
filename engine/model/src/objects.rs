//! The bodies of objects, as they stand in the database and in the answers of the API.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use crate::rows::{RowOp, Value};
use crate::schema::Table;
use crate::xml::escape;

/// What a password is stored as: its SHA-256 in hexadecimal.
pub fn password_digest(password: &str) -> String {
    let digest = Sha256::digest(password.as_bytes());
    digest.iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The row of an object of oneadmin in a pool whose columns are the common ones.
pub fn pool_row(table: Table, oid: i64, name: &str, body: String) -> RowOp {
    let values = [
        oid.into(),
        name.into(),
        body.into(),
        0.into(),
        0.into(),
        1.into(),
        1.into(),
        0.into(),
    ];
    RowOp::Upsert {
        table,
        values: values.into(),
    }
}

/// The row of a user, who owns itself.
pub fn user_row(id: i64, name: &str, gid: i64, body: String) -> RowOp {
    let values = [
        id.into(),
        name.into(),
        body.into(),
        id.into(),
        gid.into(),
        1.into(),
        0.into(),
        0.into(),
    ];
    RowOp::Upsert {
        table: Table::UserPool,
        values: values.into(),
    }
}

/// The row that counts the ids of a pool.
pub fn counter_row(table: Table, last_oid: i64) -> RowOp {
    RowOp::Upsert {
        table: Table::PoolControl,
        values: [table.name().into(), last_oid.into()].into(),
    }
}

/// A zone: enabled is state 0, disabled is state 1.
pub fn zone(id: i64, name: &str, state: i64, endpoint: &str) -> String {
    format!(
        "<ZONE><ID>{id}</ID><NAME>{}</NAME><STATE>{state}</STATE><TEMPLATE><ENDPOINT><![CDATA[{endpoint}]]>\
         </ENDPOINT></TEMPLATE><SERVER_POOL></SERVER_POOL></ZONE>",
        escape(name)
    )
}

/// A user of the driver `core`. `password` is a digest.
pub fn user(id: i64, name: &str, group: (i64, &str), password: &str) -> String {
    let (gid, gname) = group;
    format!(
        "<USER><ID>{id}</ID><GID>{gid}</GID><GROUPS><ID>{gid}</ID></GROUPS><GNAME>{gname}</GNAME>\
         <NAME>{}</NAME><PASSWORD><![CDATA[{password}]]></PASSWORD><AUTH_DRIVER><![CDATA[core]]>\
         </AUTH_DRIVER><ENABLED>1</ENABLED><TEMPLATE></TEMPLATE></USER>",
        escape(name)
    )
}

/// A group and its members.
pub fn group(id: i64, name: &str, users: &[i64]) -> String {
    let users = users
        .iter()
        .map(|id| format!("<ID>{id}</ID>"))
        .collect::<Vec<_>>()
        .concat();
    format!(
        "<GROUP><ID>{id}</ID><NAME>{name}</NAME><TEMPLATE></TEMPLATE><USERS>{users}</USERS>\
         <ADMINS></ADMINS></GROUP>"
    )
}

/// A user's quotas in one zone, as 7.0.0 writes them.
pub fn quotas(user: i64) -> String {
    format!(
        "<QUOTAS><ID>{user}</ID><DATASTORE_QUOTA></DATASTORE_QUOTA><NETWORK_QUOTA></NETWORK_QUOTA>\
         <VM_QUOTA></VM_QUOTA><IMAGE_QUOTA></IMAGE_QUOTA></QUOTAS>"
    )
}

/// The states of a hypervisor host that can be set from outside, and those it takes by itself.
pub mod host_state {
    /// Not yet monitored; an enabled host passes through it.
    pub const INIT: i64 = 0;
    /// Monitored and on.
    pub const MONITORED: i64 = 2;
    /// Monitoring failed.
    pub const ERROR: i64 = 3;
    /// Disabled by `onehost disable`.
    pub const DISABLED: i64 = 4;
    /// Taken away by `onehost offline`.
    pub const OFFLINE: i64 = 8;
}

/// A hypervisor host.
pub fn host(id: i64, name: &str, state: i64, drivers: (&str, &str)) -> String {
    let (im, vm) = drivers;
    format!(
        "<HOST><ID>{id}</ID><NAME>{}</NAME><STATE>{state}</STATE><PREV_STATE>{state}</PREV_STATE>\
         <IM_MAD><![CDATA[{im}]]></IM_MAD><VM_MAD><![CDATA[{vm}]]></VM_MAD><CLUSTER_ID>0</CLUSTER_ID>\
         <CLUSTER>default</CLUSTER><HOST_SHARE><MEM_USAGE>0</MEM_USAGE><CPU_USAGE>0</CPU_USAGE>\
         <TOTAL_MEM>0</TOTAL_MEM><TOTAL_CPU>0</TOTAL_CPU><MAX_MEM>0</MAX_MEM><MAX_CPU>0</MAX_CPU>\
         <RUNNING_VMS>0</RUNNING_VMS></HOST_SHARE><VMS></VMS><TEMPLATE></TEMPLATE></HOST>",
        escape(name)
    )
}

/// The row of a hypervisor host.
pub fn host_row(id: i64, name: &str, state: i64, body: String) -> RowOp {
    let values: [Value; _] = [
        id.into(),
        name.into(),
        body.into(),
        state.into(),
        0.into(),
        0.into(),
        1.into(),
        0.into(),
        0.into(),
        0.into(),
    ];
    RowOp::Upsert {
        table: Table::HostPool,
        values: values.into(),
    }
}

/// A virtual machine of oneadmin. `since` is when it was made, in seconds since 1970.
pub fn vm(id: i64, name: &str, state: i64, lcm_state: i64, since: i64) -> String {
    // The state stands again inside MONITORING, as it does in the real one: a reader must take the VM's own.
    format!(
        "<VM><ID>{id}</ID><UID>0</UID><GID>0</GID><UNAME>oneadmin</UNAME><GNAME>oneadmin</GNAME>\
         <NAME>{}</NAME><LAST_POLL>0</LAST_POLL><STATE>{state}</STATE><LCM_STATE>{lcm_state}</LCM_STATE>\
         <RESCHED>0</RESCHED><STIME>{since}</STIME><ETIME>0</ETIME><DEPLOY_ID></DEPLOY_ID>\
         <TEMPLATE><CPU>0.1</CPU><MEMORY>64</MEMORY><VCPU></VCPU></TEMPLATE>\
         <MONITORING><STATE><![CDATA[RUNNING]]></STATE></MONITORING><USER_TEMPLATE></USER_TEMPLATE>\
         <HISTORY_RECORDS></HISTORY_RECORDS></VM>",
        escape(name)
    )
}

/// The row of a virtual machine.
pub fn vm_row(id: i64, name: &str, state: i64, lcm_state: i64, body: &str) -> RowOp {
    let values: [Value; _] = [
        id.into(),
        name.into(),
        body.into(),
        0.into(),
        0.into(),
        state.into(),
        lcm_state.into(),
        1.into(),
        0.into(),
        0.into(),
        body.into(),
    ];
    RowOp::Upsert {
        table: Table::VmPool,
        values: values.into(),
    }
}

/// The row of a datastore, which a running oned rewrites as it monitors.
pub fn datastore_row(id: i64, name: &str) -> RowOp {
    let body = format!("<DATASTORE><ID>{id}</ID><NAME>{name}</NAME><STATE>0</STATE></DATASTORE>");
    let values: [Value; _] = [
        id.into(),
        name.into(),
        body.into(),
        0.into(),
        0.into(),
        1.into(),
        1.into(),
        0.into(),
        0.into(),
    ];
    RowOp::Upsert {
        table: Table::DatastorePool,
        values: values.into(),
    }
}
