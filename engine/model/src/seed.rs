//! What stands in a seeded zone. The shared part is made by the model's own master, so that each zone
//! seeded with the same options gets the same rows and the same federated log.

pub mod options;

use crate::log::{Log, LogEntry};
use crate::objects::{
    counter_row, datastore_row, group, host, host_row, password_digest, pool_row, user, user_row, vm, vm_row,
    zone,
};
use crate::oned::{Identity, Mode, Oned, Outcome};
use crate::onedb::bootstrap_comment;
use crate::rows::{Dialect, RowOp};
use crate::rpc::{Answer, Call, Value};
use crate::schema::Table;
use crate::store::Store;
use crate::version::Version;

/// A zone of the federation.
#[derive(Debug, Clone)]
pub struct ZoneSeed {
    /// OpenNebula's number of it.
    pub id: i64,
    /// Its name; the lab's, if none is given.
    pub name: Option<String>,
    /// Where its oned answers.
    pub endpoint: String,
    /// Whether it is disabled.
    pub disabled: bool,
}

/// What is to be made.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The zone whose database it is.
    pub zone: i64,
    /// Whether that is the master.
    pub is_master: bool,
    /// All zones, the same for each of them.
    pub zones: Vec<ZoneSeed>,
    /// The version of OpenNebula.
    pub version: Version,
    /// How many users the zones share, beside oneadmin and serveradmin.
    pub users: i64,
    /// How many of the users, the last ones, still have their entries in the log.
    pub logged_users: i64,
    /// States of the zone's hypervisor hosts.
    pub hosts: Vec<i64>,
    /// States of the zone's virtual machines: STATE and LCM_STATE.
    pub vms: Vec<(i64, i64)>,
    /// What `is_slave` is in the database.
    pub is_slave: bool,
    /// oneadmin's password.
    pub password: String,
    /// When the cloud was born, seconds since 1970.
    pub time: i64,
}

impl Plan {
    /// What oned itself makes of an empty database: a zone of its own, with nobody in it.
    pub fn bootstrap(zone: i64, version: Version, password: &str, time: i64) -> Self {
        Self {
            zone,
            is_master: true,
            zones: vec![ZoneSeed {
                id: zone,
                name: None,
                endpoint: "http://localhost:2633/RPC2".to_owned(),
                disabled: false,
            }],
            version,
            users: 0,
            logged_users: 0,
            hosts: Vec::new(),
            vms: Vec::new(),
            is_slave: false,
            password: password.to_owned(),
            time,
        }
    }
}

/// What was made.
#[derive(Debug, Clone)]
pub struct Seeded {
    /// The rows.
    pub store: Store,
    /// The log.
    pub entries: Vec<LogEntry>,
    /// The last index of its federated part.
    pub fed_index: u64,
}

/// The first id of the users that are seeded; 0 and 1 are oneadmin and serveradmin.
const FIRST_USER: i64 = 2;
/// Entries each new user takes in the master's log.
const ENTRIES_A_USER: u64 = 4;

/// Makes the rows and the log of a zone. The error says what the model refused.
pub fn seed(plan: &Plan) -> Result<Seeded, String> {
    let mut store = Store::default();
    for operation in shared_rows(plan) {
        store.apply(&operation);
    }
    // SQL in the log is for SQLite's quoting; bodies made here have nothing that MySQL quotes otherwise.
    let identity = Identity {
        zone_id: 0,
        mode: Mode::Master,
        version: plan.version,
        dialect: Dialect::Sqlite,
    };
    let forgotten = u64::try_from((plan.users - plan.logged_users).max(0)).unwrap_or_default();
    let numbers_used = 2 + forgotten * ENTRIES_A_USER;
    let mut master = Oned::new(identity, store, Log::new(Some(numbers_used), []));
    let mut entries = Vec::new();
    // The first federated entry: one is always in the log, or nothing could follow it.
    let zone = RowOp::Upsert {
        table: Table::ZonePool,
        values: zone_row_values(plan),
    };
    entries.push(master.log.append(&zone, true, Dialect::Sqlite, plan.time));
    let session = format!("oneadmin:{}", plan.password);
    for number in (plan.users - plan.logged_users).max(0)..plan.users {
        let text = |text: String| Value::Text(text);
        let parameters = [
            text(format!("user{number}")),
            text(format!("pw{number}")),
            text("core".to_owned()),
        ];
        match master.handle(&Call::new("one.user.allocate", &session, parameters), plan.time) {
            Outcome::Answered {
                answer: Answer::Success(_),
                writes,
            } => entries.extend(writes),
            other => return Err(format!("the model refused a user: {other:?}")),
        }
    }
    let fed_index = master.log.fed_index();
    let mut store = master.store;
    if !plan.is_master {
        entries = replayed(&entries);
    }
    for operation in local_rows(plan) {
        store.apply(&operation);
    }
    Ok(Seeded {
        store,
        entries,
        fed_index,
    })
}

/// A slave has the federated entries only, and numbers them for itself.
fn replayed(entries: &[LogEntry]) -> Vec<LogEntry> {
    let federated = entries.iter().filter(|entry| entry.fed_index.is_some());
    (0..)
        .zip(federated)
        .map(|(number, entry)| LogEntry {
            log_index: number,
            ..entry.clone()
        })
        .collect()
}

fn zone_name(id: i64) -> String {
    match id {
        0 => "M-EU-FR".to_owned(),
        100 => "S-EU-GE".to_owned(),
        101 => "S-US-CA".to_owned(),
        other => format!("zone{other}"),
    }
}

fn zone_row(seed: &ZoneSeed) -> RowOp {
    let name = seed.name.clone().unwrap_or_else(|| zone_name(seed.id));
    let body = zone(seed.id, &name, i64::from(seed.disabled), &seed.endpoint);
    pool_row(Table::ZonePool, seed.id, &name, body)
}

fn zone_row_values(plan: &Plan) -> crate::rows::Row {
    match plan.zones.first().map(zone_row) {
        Some(RowOp::Upsert { values, .. }) => values,
        _ => [].into(),
    }
}

/// Zones, groups, rules, and the users whose entries the log has forgotten.
fn shared_rows(plan: &Plan) -> Vec<RowOp> {
    let forgotten = (plan.users - plan.logged_users).max(0);
    let ids: Vec<i64> = (FIRST_USER..FIRST_USER + forgotten).collect();
    let admins = (0, "oneadmin");
    let account = |id, name: &str, group: (i64, &str), password: &str| {
        user_row(
            id,
            name,
            group.0,
            user(id, name, group, &password_digest(password)),
        )
    };
    let mut rows: Vec<RowOp> = plan.zones.iter().map(zone_row).collect();
    rows.extend([
        pool_row(Table::GroupPool, 0, "oneadmin", group(0, "oneadmin", &[0, 1])),
        pool_row(Table::GroupPool, 1, "users", group(1, "users", &ids)),
        account(0, "oneadmin", admins, &plan.password),
        account(1, "serveradmin", admins, "serveradmin"),
        counter_row(Table::GroupPool, 99),
        counter_row(Table::UserPool, FIRST_USER + forgotten - 1),
    ]);
    for (number, id) in (0..).zip(&ids) {
        rows.push(account(
            *id,
            &format!("user{number}"),
            (1, "users"),
            &format!("pw{number}"),
        ));
    }
    for (oid, right) in [(0, 8), (1, 4), (2, 3)] {
        let values = [oid, 4_294_967_297, 17_592_186_044_416 + oid, right, 4_294_967_296];
        rows.push(RowOp::Upsert {
            table: Table::Acl,
            values: values.map(Into::into).into(),
        });
    }
    rows
}

/// What each zone has for itself.
fn local_rows(plan: &Plan) -> Vec<RowOp> {
    let mut rows = Vec::new();
    // A slave was made from a dump, which has the zones and not their counter: fsck complains for ever.
    let zones = plan.zones.iter().map(|zone| zone.id).max().unwrap_or(99).max(99);
    rows.push(counter_row(
        Table::ZonePool,
        if plan.is_master { zones } else { 99 },
    ));
    rows.extend(
        (0..)
            .zip(["system", "default", "files"])
            .map(|(id, name)| datastore_row(id, name)),
    );
    rows.push(counter_row(Table::DatastorePool, 99));
    for id in (0..2).chain(FIRST_USER..FIRST_USER + plan.users) {
        rows.push(RowOp::Upsert {
            table: Table::UserQuotas,
            values: [id.into(), quotas(id).into()].into(),
        });
    }
    for (id, state) in (0..).zip(&plan.hosts) {
        let name = format!("node{id}");
        let body = host(id, &name, *state, ("kvm", "kvm"));
        rows.push(host_row(id, &name, *state, body));
    }
    rows.extend(counted(Table::HostPool, plan.hosts.len()));
    for (id, (state, lcm_state)) in (0..).zip(&plan.vms) {
        let name = format!("vm{id}");
        let body = vm(id, &name, *state, *lcm_state, plan.time);
        rows.push(vm_row(id, &name, *state, *lcm_state, &body));
    }
    rows.extend(counted(Table::VmPool, plan.vms.len()));
    rows
}

/// The counter of a pool whose ids begin at 0; an empty pool has none.
fn counted(pool: Table, objects: usize) -> Option<RowOp> {
    let last = i64::try_from(objects.checked_sub(1)?).ok()?;
    Some(counter_row(pool, last))
}

/// Quotas with a VM in them, so that the migration to 7.2.0 has something to extend.
fn quotas(user: i64) -> String {
    format!(
        "<QUOTAS><ID>{user}</ID><DATASTORE_QUOTA></DATASTORE_QUOTA><NETWORK_QUOTA></NETWORK_QUOTA>\
         <VM_QUOTA><VM><CPU>-1</CPU><CPU_USED>0</CPU_USED><MEMORY>4096</MEMORY><MEMORY_USED>0</MEMORY_USED>\
         <VMS>5</VMS><VMS_USED>0</VMS_USED></VM></VM_QUOTA><IMAGE_QUOTA></IMAGE_QUOTA></QUOTAS>"
    )
}

/// The version rows. The shared one is the same in all zones, the local one is each zone's own.
pub fn versions(plan: &Plan) -> Vec<String> {
    let (version, comment) = (plan.version, bootstrap_comment(plan.version));
    let local = plan.time + plan.zone % 100 * 7 + if plan.is_master { 0 } else { 6 };
    vec![
        format!(
            "INSERT INTO db_versioning VALUES (0, '{version}', {}, '{comment}')",
            plan.time
        ),
        format!(
            "INSERT INTO local_db_versioning VALUES (0, '{version}', {local}, '{comment}', {})",
            i32::from(plan.is_slave)
        ),
    ]
}

/// Rows that nothing here ever changes.
pub fn fixed_rows(time: i64) -> Vec<String> {
    let market = |id: i64, name: &str| {
        format!(
            "INSERT INTO marketplace_pool VALUES ({id}, '{name}', '<MARKETPLACE><ID>{id}</ID><NAME>{name}\
             </NAME><STATE>0</STATE></MARKETPLACE>', 0, 0, 1, 1, 0)"
        )
    };
    vec![
        "INSERT INTO vdc_pool VALUES (0, 'default', '<VDC><ID>0</ID><NAME>default</NAME></VDC>', 0, 0, 1, 1, 0)"
            .to_owned(),
        market(0, "OpenNebula Public"),
        market(1, "Linux Containers"),
        "INSERT INTO cluster_pool VALUES (0, 'default', '<CLUSTER><ID>0</ID><NAME>default</NAME></CLUSTER>', \
         0, 0, 1, 1, 0)"
            .to_owned(),
        "INSERT INTO group_quotas VALUES (1, '<QUOTAS><ID>1</ID><VM_QUOTA></VM_QUOTA></QUOTAS>')".to_owned(),
        format!("INSERT INTO system_attributes VALUES ('BIRTH', '{time}')"),
    ]
}
