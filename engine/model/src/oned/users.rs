//! Users: making one takes four log entries, three of them federated.

use super::{Caller, Done, Oned, read};
use crate::errors::{Code, Refusal};
use crate::objects::{counter_row, password_digest, pool_row, quotas, user, user_row};
use crate::rows::RowOp;
use crate::rpc::{Call, Value};
use crate::schema::Table;
use crate::xml::{field, with_field};

/// The group of plain users.
const USERS: i64 = 1;

impl Oned {
    pub(super) fn allocate_user(&self, call: &Call, caller: Caller) -> Result<Done, Refusal> {
        let (name, password) = (call.text(1)?, call.text(2)?);
        caller.admin("CREATE", "USER")?;
        let wrong = |why: &str| Refusal::new(Code::Allocate, format!("Error allocating a new user. {why}"));
        if name.is_empty() || name.contains([':', '\t', ' ']) {
            return Err(wrong(
                "Invalid NAME, it cannot be empty or contain spaces or colons.",
            ));
        }
        if let Some(id) = self.user_named(name) {
            return Err(wrong(&format!("NAME is already taken by USER {id}.")));
        }
        let id = self.store.last_oid(Table::UserPool) + 1;
        let group = self.store.body(Table::GroupPool, USERS).unwrap_or_default();
        let group = group.replacen("</USERS>", &format!("<ID>{id}</ID></USERS>"), 1);
        let body = user(id, name, (USERS, "users"), &password_digest(password));
        let quota = RowOp::Upsert {
            table: Table::UserQuotas,
            values: [id.into(), quotas(id).into()].into(),
        };
        let operations = vec![
            (counter_row(Table::UserPool, id), true),
            (user_row(id, name, USERS, body), true),
            (quota, false),
            (pool_row(Table::GroupPool, USERS, "users", group), true),
        ];
        Ok((Value::Int(id), operations))
    }

    pub(super) fn delete_user(&self, call: &Call, caller: Caller) -> Result<Done, Refusal> {
        let id = call.int(1)?;
        caller.admin("MANAGE", &format!("USER [{id}]"))?;
        let body = self
            .store
            .body(Table::UserPool, id)
            .ok_or_else(|| Refusal::no_such("user", id))?;
        if id == 0 {
            return Err(Refusal::new(Code::Action, "oneadmin cannot be deleted."));
        }
        let gid: i64 = field(body, "GID").parse().unwrap_or(USERS);
        let mut operations = vec![
            (
                RowOp::Delete {
                    table: Table::UserPool,
                    key: id.into(),
                },
                true,
            ),
            (
                RowOp::Delete {
                    table: Table::UserQuotas,
                    key: id.into(),
                },
                false,
            ),
        ];
        if let Some(group) = self.store.body(Table::GroupPool, gid) {
            let members = field(group, "USERS").replacen(&format!("<ID>{id}</ID>"), "", 1);
            let name = field(group, "NAME").to_owned();
            operations.push((
                pool_row(Table::GroupPool, gid, &name, with_field(group, "USERS", &members)),
                true,
            ));
        }
        Ok((Value::Int(id), operations))
    }

    /// -1 asks for oneself.
    pub(super) fn user_info(&self, call: &Call, caller: Caller) -> Result<Done, Refusal> {
        let id = match call.int(1)? {
            -1 => caller.uid,
            id => id,
        };
        if id != caller.uid {
            caller.admin("USE", &format!("USER [{id}]"))?;
        }
        let body = self
            .store
            .body(Table::UserPool, id)
            .ok_or_else(|| Refusal::no_such("user", id))?;
        Ok(read(Value::Text(body.to_owned())))
    }

    pub(super) fn user_pool(&self, caller: Caller) -> Result<Done, Refusal> {
        caller.admin("USE", "USER")?;
        Ok(read(Value::Text(self.pool("USER_POOL", Table::UserPool))))
    }

    pub(super) fn user_named(&self, name: &str) -> Option<i64> {
        let is_it = |row: &&crate::rows::Row| row.get(1).and_then(|stored| stored.as_text()) == Some(name);
        self.store
            .rows(Table::UserPool)
            .find(is_it)
            .and_then(|row| row.first()?.as_int())
    }
}
