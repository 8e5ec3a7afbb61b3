//! Virtual machines: listed as the real one lists them, and put into any state by the lab.

use super::{Caller, Done, Oned, read};
use crate::errors::Refusal;
use crate::objects::{counter_row, vm, vm_row};
use crate::rpc::{Call, Value};
use crate::schema::Table;
use crate::xml::field;

/// The state of a VM that is gone.
const DONE: i64 = 6;

impl Oned {
    /// Parameters: filter, first and last id, state. -1 is any state but DONE, -2 any at all.
    pub(super) fn vm_pool(&self, call: &Call) -> Done {
        let wanted = call.int(4).unwrap_or(-1);
        let shown = |state: i64| match wanted {
            -2 => true,
            -1 => state != DONE,
            only => state == only,
        };
        let bodies: String = self
            .store
            .rows(Table::VmPool)
            .rev()
            .filter(|row| row.get(5).and_then(crate::rows::Value::as_int).is_some_and(shown))
            .filter_map(|row| row.get(2)?.as_text())
            .collect();
        read(Value::Text(format!("<VM_POOL>{bodies}</VM_POOL>")))
    }

    /// Not of the real API: puts a VM (-1: a new one) into a state, so that the lab can have any.
    pub(super) fn put_vm(&self, call: &Call, caller: Caller, now: i64) -> Result<Done, Refusal> {
        let (asked, state, lcm_state) = (call.int(1)?, call.int(2)?, call.int(3)?);
        caller.admin("ADMIN", "VM")?;
        let (id, name, counter) = if asked < 0 {
            let id = self.store.last_oid(Table::VmPool) + 1;
            (
                id,
                format!("vm{id}"),
                Some((counter_row(Table::VmPool, id), false)),
            )
        } else {
            let body = self
                .store
                .body(Table::VmPool, asked)
                .ok_or_else(|| Refusal::no_such("virtual machine", asked))?;
            (asked, field(body, "NAME").to_owned(), None)
        };
        let body = vm(id, &name, state, lcm_state, now);
        let row = (vm_row(id, &name, state, lcm_state, &body), false);
        Ok((Value::Int(id), counter.into_iter().chain([row]).collect()))
    }
}
