//! The daemon: one zone's state, and what a call does to it.
//!
//! [`Oned::handle`] answers a call, or says what must be asked of the master first. Whatever it returns to
//! be written is already in the model's own memory; if writing fails, the caller loads the model anew.

mod hosts;
mod users;
mod vms;
mod zones;

use std::sync::Arc;

use crate::errors::Refusal;
use crate::log::{Log, LogEntry, NO_INDEX, OutOfOrder};
use crate::objects::{datastore_row, password_digest};
use crate::replication::Shipment;
use crate::rows::{Dialect, Row, RowOp, Statement};
use crate::rpc::{Answer, Call, Value};
use crate::schema::Table;
use crate::store::Store;
use crate::version::Version;
use crate::xml::field;

/// The zone's part in the federation: FEDERATION/MODE of oned.conf.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// No federation.
    Standalone,
    /// The one zone that orders the writes.
    Master,
    /// Forwards federated writes to the master and replays its log.
    Slave,
}

/// What does not change while oned runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// FEDERATION/ZONE_ID.
    pub zone_id: i64,
    /// FEDERATION/MODE.
    pub mode: Mode,
    /// The version of the installed oned.
    pub version: Version,
    /// How statements are quoted.
    pub dialect: Dialect,
}

/// One zone's oned.
#[derive(Debug, Clone)]
pub struct Oned {
    /// What it is.
    pub identity: Identity,
    /// The rows it has.
    pub store: Store,
    /// Its log's indexes.
    pub log: Log,
    accepted: Option<Accepted>,
}

/// Who was accepted last: a master sends its entries one after the other.
#[derive(Debug, Clone)]
struct Accepted {
    session: String,
    /// The user's row. One that was written again is another one.
    row: Row,
    caller: Caller,
}

/// What a call came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Answered; these entries are to be executed and logged, in one transaction.
    Answered {
        /// The answer.
        answer: Answer,
        /// What was written.
        writes: Vec<LogEntry>,
    },
    /// A slave asks its master; hand the master's answer to [`Oned::after_master`].
    AskMaster(AskMaster),
}

/// A call a slave makes to its master.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskMaster {
    /// What to send.
    pub call: Call,
    /// Who waits for it.
    pub purpose: Purpose,
}

/// Why a slave asks its master.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purpose {
    /// A federated write: the master's answer is the client's.
    Forward,
    /// The slave's own state: the zone's new row.
    Toggle {
        /// The zone.
        zone: i64,
        /// Its row once the master agreed.
        row: RowOp,
    },
}

/// What a method does, which decides who may do it where and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Changes nothing.
    Read,
    /// Changes this zone.
    Local,
    /// Changes what all zones share.
    Federated,
    /// Allowed in a disabled zone too.
    Always,
}

/// Who calls.
#[derive(Debug, Clone, Copy)]
struct Caller {
    uid: i64,
    is_admin: bool,
}

impl Caller {
    /// Refuses all but the group oneadmin.
    fn admin(self, right: &str, object: &str) -> Result<(), Refusal> {
        if self.is_admin {
            Ok(())
        } else {
            Err(Refusal::not_authorized(self.uid, right, object))
        }
    }
}

/// The data of the answer, and the operations with whether they are federated.
type Done = (Value, Vec<(RowOp, bool)>);

impl Oned {
    /// A zone from what its database holds.
    pub fn new(identity: Identity, store: Store, log: Log) -> Self {
        Self {
            identity,
            store,
            log,
            accepted: None,
        }
    }

    /// What oned writes by itself after a start: it monitors its datastores. Local, yet it uses up numbers.
    pub fn started(&mut self, now: i64) -> Vec<LogEntry> {
        let operations = vec![
            (datastore_row(0, "system"), false),
            (datastore_row(1, "default"), false),
        ];
        self.commit(operations, now)
    }

    /// The federated index this zone shows: -1 without a federation, 2^64-1 with an empty log.
    pub fn shown_index(&self) -> String {
        match self.identity.mode {
            Mode::Standalone => "-1".to_owned(),
            Mode::Master | Mode::Slave => self.log.fed_index().to_string(),
        }
    }

    /// Answers `call` at the time `now` (seconds since 1970).
    pub fn handle(&mut self, call: &Call, now: i64) -> Outcome {
        let Some(kind) = kind_of(&call.method) else {
            return answered(Answer::no_such_method(&call.method));
        };
        let caller = match self.authenticate(call.session()) {
            Ok(caller) => caller,
            Err(refusal) => return answered(Answer::refused(&call.method, &refusal)),
        };
        if call.method == "one.zone.fedreplicate" {
            return self.replicate(call, caller, now);
        }
        if matches!(kind, Kind::Local | Kind::Federated) && self.is_disabled() {
            return answered(Answer::refused(&call.method, &Refusal::zone_disabled()));
        }
        if kind == Kind::Federated && self.identity.mode == Mode::Slave {
            return Outcome::AskMaster(AskMaster {
                call: call.clone(),
                purpose: Purpose::Forward,
            });
        }
        if call.method == "one.zone.enable" && self.identity.mode == Mode::Slave {
            return match self.toggle_at_master(call, caller) {
                Ok(ask) => Outcome::AskMaster(ask),
                Err(refusal) => answered(Answer::refused(&call.method, &refusal)),
            };
        }
        match self.perform(call, caller, now) {
            Ok((value, operations)) => {
                let writes = self.commit(operations, now);
                Outcome::Answered {
                    answer: Answer::Success(value),
                    writes,
                }
            }
            Err(refusal) => answered(Answer::refused(&call.method, &refusal)),
        }
    }

    /// The answer to the client once the master answered, or could not be reached for the reason given.
    pub fn after_master(&mut self, asked: &AskMaster, method: &str, came: Result<Answer, String>) -> Answer {
        match (&asked.purpose, came) {
            (Purpose::Forward, Ok(answer)) => answer,
            (Purpose::Forward, Err(_)) => Answer::refused(method, &Refusal::no_master()),
            (Purpose::Toggle { zone, row }, Ok(Answer::Success(_))) => {
                // The log brings the same row in a moment; until then this zone must not act on the old one.
                self.store.apply(row);
                Answer::Success(Value::Int(*zone))
            }
            (Purpose::Toggle { .. }, Ok(Answer::Failure { message, .. } | Answer::Fault { message, .. })) => {
                Answer::refused(method, &Refusal::master_refused_zone(&message))
            }
            (Purpose::Toggle { .. }, Err(why)) => {
                Answer::refused(method, &Refusal::master_refused_zone(&why))
            }
        }
    }

    /// Time passes: hosts that were enabled get monitored.
    pub fn tick(&mut self, now: i64) -> Vec<LogEntry> {
        let operations = self.monitor_hosts();
        self.commit(operations, now)
    }

    fn perform(&self, call: &Call, caller: Caller, now: i64) -> Result<Done, Refusal> {
        match call.method.as_str() {
            "one.system.version" => Ok(read(Value::Text(self.identity.version.to_string()))),
            "one.zonepool.info" => Ok(read(Value::Text(self.pool("ZONE_POOL", Table::ZonePool)))),
            "one.zone.info" => self.info("zone", Table::ZonePool, call),
            "one.zone.raftstatus" => self.raftstatus(caller),
            "one.zone.enable" => self.enable_zone(call, caller),
            "one.zone.updatedb" => self.update_zone_row(call, caller),
            "one.zone.rename" => self.rename_zone(call, caller),
            "one.zone.update" => self.update_zone(call, caller),
            "one.zone.allocate" => self.allocate_zone(call, caller),
            "one.user.allocate" => self.allocate_user(call, caller),
            "one.user.delete" => self.delete_user(call, caller),
            "one.user.info" => self.user_info(call, caller),
            "one.userpool.info" => self.user_pool(caller),
            "one.grouppool.info" => Ok(read(Value::Text(self.pool("GROUP_POOL", Table::GroupPool)))),
            "one.host.allocate" => self.allocate_host(call, caller),
            "one.host.status" => self.set_host_status(call, caller),
            "one.host.info" => self.info("host", Table::HostPool, call),
            "one.hostpool.info" => Ok(read(Value::Text(self.pool("HOST_POOL", Table::HostPool)))),
            "one.vm.info" => self.info("virtual machine", Table::VmPool, call),
            "one.vmpool.info" | "one.vmpool.infoextended" => Ok(self.vm_pool(call)),
            "one.vm.standin" => self.put_vm(call, caller, now),
            _ => Err(Refusal::new(crate::errors::Code::Internal, "Not in the stand-in")),
        }
    }

    /// Numbers, remembers and returns what is to be written. In a standalone zone all writes are local.
    fn commit(&mut self, operations: Vec<(RowOp, bool)>, now: i64) -> Vec<LogEntry> {
        let mut entries = Vec::with_capacity(operations.len());
        for (operation, federated) in operations {
            let federated = federated && self.identity.mode == Mode::Master;
            self.store.apply(&operation);
            entries.push(self.log.append(&operation, federated, self.identity.dialect, now));
        }
        entries
    }

    fn replicate(&mut self, call: &Call, caller: Caller, now: i64) -> Outcome {
        let parameters = || -> Result<(Shipment, &str), Refusal> {
            caller.admin("ADMIN", "ZONE")?;
            let (index, previous) = (call.int(1)?.cast_unsigned(), call.int(2)?.cast_unsigned());
            Ok((Shipment { index, previous }, call.text(3)?))
        };
        let (shipment, sql) = match parameters() {
            Ok(parameters) => parameters,
            Err(refusal) => return answered(Answer::refused(&call.method, &refusal)),
        };
        let statement = Statement::read(sql, self.identity.dialect);
        let (last, writes) = match self.replay(shipment, &statement, now) {
            Ok(entry) => (shipment.index, vec![entry]),
            // Not a failure of the call: the master learns where this zone is and goes on from there.
            Err(OutOfOrder { last }) => (last, Vec::new()),
        };
        Outcome::Answered {
            answer: Answer::Success(Value::Long(last.cast_signed())),
            writes,
        }
    }

    /// What `one.zone.fedreplicate` does, of a statement that has been read: a master's entry comes to all its slaves.
    pub fn take(
        &mut self,
        session: &str,
        shipment: Shipment,
        statement: &Statement,
        now: i64,
    ) -> Result<Result<LogEntry, OutOfOrder>, Refusal> {
        self.authenticate(session)?.admin("ADMIN", "ZONE")?;
        Ok(self.replay(shipment, statement, now))
    }

    fn replay(
        &mut self,
        Shipment { index, previous }: Shipment,
        statement: &Statement,
        now: i64,
    ) -> Result<LogEntry, OutOfOrder> {
        let entry = self.log.append_replicated(index, previous, &statement.sql, now)?;
        if let Some(operation) = &statement.operation {
            self.store.apply(operation);
        }
        Ok(entry)
    }

    fn authenticate(&mut self, session: &str) -> Result<Caller, Refusal> {
        let is_still = |known: &&Accepted| {
            let row = self.store.row(Table::UserPool, known.caller.uid);
            known.session == session && row.is_some_and(|row| Arc::ptr_eq(row, &known.row))
        };
        if let Some(known) = self.accepted.as_ref().filter(is_still) {
            return Ok(known.caller);
        }
        self.accepted = self.accept(session);
        let accepted = self.accepted.as_ref().map(|known| known.caller);
        accepted.ok_or_else(Refusal::not_authenticated)
    }

    fn accept(&self, session: &str) -> Option<Accepted> {
        let (name, password) = session.split_once(':')?;
        let uid = self.user_named(name)?;
        let row = self.store.row(Table::UserPool, uid)?;
        let body = self.store.body(Table::UserPool, uid)?;
        if field(body, "PASSWORD") != password_digest(password) {
            return None;
        }
        let caller = Caller {
            uid: field(body, "ID").parse().ok()?,
            is_admin: field(body, "GID") == "0",
        };
        Some(Accepted {
            session: session.to_owned(),
            row: Arc::clone(row),
            caller,
        })
    }

    fn info(&self, kind: &str, table: Table, call: &Call) -> Result<Done, Refusal> {
        let id = call.int(1)?;
        let body = self
            .store
            .body(table, id)
            .ok_or_else(|| Refusal::no_such(kind, id))?;
        Ok(read(Value::Text(body.to_owned())))
    }

    /// All bodies of a pool, the newest first, as the real one lists them.
    fn pool(&self, tag: &str, table: Table) -> String {
        let column = table.column("body").unwrap_or_default();
        let bodies: String = self
            .store
            .rows(table)
            .rev()
            .filter_map(|row| row.get(column)?.as_text())
            .collect();
        format!("<{tag}>{bodies}</{tag}>")
    }
}

fn kind_of(method: &str) -> Option<Kind> {
    Some(match method {
        "one.system.version"
        | "one.zonepool.info"
        | "one.zone.info"
        | "one.zone.raftstatus"
        | "one.user.info"
        | "one.userpool.info"
        | "one.grouppool.info"
        | "one.host.info"
        | "one.hostpool.info"
        | "one.vm.info"
        | "one.vmpool.info"
        | "one.vmpool.infoextended" => Kind::Read,
        "one.zone.enable" | "one.zone.fedreplicate" => Kind::Always,
        "one.zone.updatedb" | "one.host.allocate" | "one.host.status" | "one.vm.standin" => Kind::Local,
        "one.zone.rename" | "one.zone.update" | "one.zone.allocate" | "one.user.allocate"
        | "one.user.delete" => Kind::Federated,
        _ => return None,
    })
}

/// Nothing is written.
fn read(value: Value) -> Done {
    (value, Vec::new())
}

fn answered(answer: Answer) -> Outcome {
    Outcome::Answered {
        answer,
        writes: Vec::new(),
    }
}

/// What a slave's answer to `one.zone.fedreplicate` means: the last index it has now.
pub fn replicated_to(answer: &Answer) -> Option<u64> {
    match answer {
        Answer::Success(value) => value.as_int().map(i64::cast_unsigned),
        Answer::Failure { .. } | Answer::Fault { .. } => None,
    }
}

/// The call that ships an entry to a slave. `previous` may be [`NO_INDEX`].
pub fn shipment_call(session: &str, index: u64, previous: u64, sql: &str) -> Call {
    debug_assert_ne!(index, NO_INDEX);
    let parameters = [
        Value::Long(index.cast_signed()),
        Value::Long(previous.cast_signed()),
        Value::Text(sql.to_owned()),
    ];
    Call::new("one.zone.fedreplicate", session, parameters)
}

#[cfg(test)]
mod tests;
