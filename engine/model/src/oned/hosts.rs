//! Hypervisor hosts: what `onehost disable` does and overwrites.

use super::{Caller, Done, Oned};
use crate::errors::{Code, Refusal};
use crate::objects::{counter_row, host, host_row, host_state};
use crate::rows::RowOp;
use crate::rpc::{Call, Value};
use crate::schema::Table;
use crate::xml::{escape, field, with_field};

impl Oned {
    pub(super) fn allocate_host(&self, call: &Call, caller: Caller) -> Result<Done, Refusal> {
        let (name, im, vm) = (call.text(1)?, call.text(2)?, call.text(3)?);
        caller.admin("CREATE", "HOST")?;
        let stored = escape(name);
        let taken = self.store.rows(Table::HostPool).find_map(|row| {
            (field(row.get(2)?.as_text()?, "NAME") == stored)
                .then(|| row.first()?.as_int())
                .flatten()
        });
        if let Some(id) = taken {
            let why = format!("Error allocating a new host. NAME is already taken by HOST {id}.");
            return Err(Refusal::new(Code::Internal, why));
        }
        let id = self.store.last_oid(Table::HostPool) + 1;
        let body = host(id, name, host_state::INIT, (im, vm));
        let operations = vec![
            (counter_row(Table::HostPool, id), false),
            (host_row(id, name, host_state::INIT, body), false),
        ];
        Ok((Value::Int(id), operations))
    }

    /// Status 0 enables, 1 disables, 2 takes offline; whatever the state was before is overwritten.
    pub(super) fn set_host_status(&self, call: &Call, caller: Caller) -> Result<Done, Refusal> {
        let (id, status) = (call.int(1)?, call.int(2)?);
        caller.admin("ADMIN", &format!("HOST [{id}]"))?;
        let body = self
            .store
            .body(Table::HostPool, id)
            .ok_or_else(|| Refusal::no_such("host", id))?;
        let state = match status {
            // An enabled host that is already in use stays as it is.
            0 if field(body, "STATE") == "2" => host_state::MONITORED,
            0 => host_state::INIT,
            1 => host_state::DISABLED,
            2 => host_state::OFFLINE,
            _ => return Err(Refusal::new(Code::Action, "Wrong status code")),
        };
        Ok((Value::Int(id), vec![(in_state(id, body, state), false)]))
    }

    /// Whether a look at its hosts would bring anything.
    pub fn has_hosts_waiting(&self) -> bool {
        !self.monitor_hosts().is_empty()
    }

    /// What monitoring brings: a host that waits for it is on.
    pub(super) fn monitor_hosts(&self) -> Vec<(RowOp, bool)> {
        let waiting = |row: &crate::rows::Row| {
            let (id, body) = (row.first()?.as_int()?, row.get(2)?.as_text()?);
            (field(body, "STATE") == "0").then(|| (in_state(id, body, host_state::MONITORED), false))
        };
        self.store.rows(Table::HostPool).filter_map(waiting).collect()
    }
}

fn in_state(id: i64, body: &str, state: i64) -> RowOp {
    let body = with_field(body, "PREV_STATE", field(body, "STATE"));
    let body = with_field(&body, "STATE", &state.to_string());
    let name = field(&body, "NAME").to_owned();
    host_row(id, &name, state, body)
}
