//! Zones: their state, and who may set it where.

use super::{AskMaster, Caller, Done, Mode, Oned, Purpose, read};
use crate::errors::{Code, Refusal};
use crate::objects::{counter_row, pool_row, zone};
use crate::rows::RowOp;
use crate::rpc::{Call, Value};
use crate::schema::Table;
use crate::xml::{escape, field, with_field};

impl Oned {
    /// Whether this zone is disabled, as its own database says.
    pub fn is_disabled(&self) -> bool {
        let zone = self
            .store
            .body(Table::ZonePool, self.identity.zone_id)
            .unwrap_or_default();
        field(zone, "STATE") == "1"
    }

    /// The other zones and their endpoints.
    pub fn other_zones(&self) -> Vec<(i64, String)> {
        self.store
            .rows(Table::ZonePool)
            .filter_map(|row| {
                let id = row.first()?.as_int()?;
                Some((id, field(row.get(2)?.as_text()?, "ENDPOINT").to_owned()))
            })
            .filter(|(id, _)| *id != self.identity.zone_id)
            .collect()
    }

    pub(super) fn raftstatus(&self, caller: Caller) -> Result<Done, Refusal> {
        caller.admin("ADMIN", &format!("ZONE [{}]", self.identity.zone_id))?;
        Ok(read(Value::Text(format!(
            "<RAFT><SERVER_ID>-1</SERVER_ID><STATE>0</STATE><TERM>0</TERM><VOTEDFOR>-1</VOTEDFOR>\
             <COMMIT>0</COMMIT><LOG_INDEX>-1</LOG_INDEX><LOG_TERM>-1</LOG_TERM>\
             <FEDLOG_INDEX>{}</FEDLOG_INDEX></RAFT>",
            self.shown_index()
        ))))
    }

    /// Repeating the present state is a write like any other.
    pub(super) fn enable_zone(&self, call: &Call, caller: Caller) -> Result<Done, Refusal> {
        let (id, row) = self.toggled(call, caller)?;
        Ok((Value::Int(id), vec![(row, true)]))
    }

    /// A slave's toggle is written by the master.
    pub(super) fn toggle_at_master(&self, call: &Call, caller: Caller) -> Result<AskMaster, Refusal> {
        let (zone, row) = self.toggled(call, caller)?;
        let body = match &row {
            RowOp::Upsert { values, .. } => values
                .get(2)
                .and_then(|body| body.as_text())
                .unwrap_or_default()
                .to_owned(),
            RowOp::Delete { .. } => String::new(),
        };
        let call = Call::new(
            "one.zone.updatedb",
            call.session(),
            [Value::Int(zone), Value::Text(body)],
        );
        Ok(AskMaster {
            call,
            purpose: Purpose::Toggle { zone, row },
        })
    }

    fn toggled(&self, call: &Call, caller: Caller) -> Result<(i64, RowOp), Refusal> {
        let (id, enable) = (call.int(1)?, call.bool(2)?);
        // Asked before who asks: a plain user hears the same.
        if id != self.identity.zone_id {
            return Err(Refusal::not_my_zone());
        }
        caller.admin("ADMIN", &format!("ZONE [{id}]"))?;
        let body = self.zone_body(id)?;
        let state = if enable { "0" } else { "1" };
        Ok((id, zone_row(id, with_field(body, "STATE", state))))
    }

    /// The master writes what a slave sends of itself; refused while the master is disabled.
    pub(super) fn update_zone_row(&self, call: &Call, caller: Caller) -> Result<Done, Refusal> {
        let (id, body) = (call.int(1)?, call.text(2)?);
        caller.admin("ADMIN", &format!("ZONE [{id}]"))?;
        if self.identity.mode != Mode::Master {
            return Err(Refusal::new(
                Code::Action,
                "Can not update zone, this is not the federation master",
            ));
        }
        self.zone_body(id)?;
        Ok((Value::Int(id), vec![(zone_row(id, body.to_owned()), true)]))
    }

    /// The same name again is no write.
    pub(super) fn rename_zone(&self, call: &Call, caller: Caller) -> Result<Done, Refusal> {
        let (id, name) = (call.int(1)?, call.text(2)?);
        caller.admin("MANAGE", &format!("ZONE [{id}]"))?;
        let body = self.zone_body(id)?;
        let name = escape(name);
        if field(body, "NAME") == name {
            return Ok(read(Value::Int(id)));
        }
        Ok((
            Value::Int(id),
            vec![(zone_row(id, with_field(body, "NAME", &name)), true)],
        ))
    }

    /// The same template again is a write.
    pub(super) fn update_zone(&self, call: &Call, caller: Caller) -> Result<Done, Refusal> {
        let (id, template) = (call.int(1)?, call.text(2)?);
        caller.admin("MANAGE", &format!("ZONE [{id}]"))?;
        let body = self.zone_body(id)?;
        let endpoint = template_value(template, "ENDPOINT").unwrap_or_else(|| field(body, "ENDPOINT"));
        let body = with_field(body, "ENDPOINT", &format!("<![CDATA[{endpoint}]]>"));
        Ok((Value::Int(id), vec![(zone_row(id, body), true)]))
    }

    pub(super) fn allocate_zone(&self, call: &Call, caller: Caller) -> Result<Done, Refusal> {
        let template = call.text(1)?;
        caller.admin("CREATE", "ZONE")?;
        let value = |name| {
            template_value(template, name)
                .ok_or_else(|| Refusal::new(Code::Allocate, format!("No {name} in template for zone.")))
        };
        let (name, endpoint) = (value("NAME")?, value("ENDPOINT")?);
        // Ids of zones that join start at 100.
        let id = self.store.last_oid(Table::ZonePool).max(99) + 1;
        let operations = vec![
            (counter_row(Table::ZonePool, id), true),
            (
                pool_row(Table::ZonePool, id, name, zone(id, name, 0, endpoint)),
                true,
            ),
        ];
        Ok((Value::Int(id), operations))
    }

    fn zone_body(&self, id: i64) -> Result<&str, Refusal> {
        self.store
            .body(Table::ZonePool, id)
            .ok_or_else(|| Refusal::no_such("zone", id))
    }
}

fn zone_row(id: i64, body: String) -> RowOp {
    let name = field(&body, "NAME").to_owned();
    pool_row(Table::ZonePool, id, &name, body)
}

/// The value of `NAME = "value"` in a template of lines.
fn template_value<'a>(template: &'a str, name: &str) -> Option<&'a str> {
    template.lines().find_map(|line| {
        let (key, value) = line.split_once('=')?;
        (key.trim() == name).then(|| value.trim().trim_matches('"'))
    })
}
