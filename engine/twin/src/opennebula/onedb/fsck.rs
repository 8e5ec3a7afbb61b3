//! `onedb fsck`: a backup, the checks of the model, and its repairs.

use nebplay_model::onedb::Stop;
use nebplay_model::onedb::fsck::{Counter, Repair, Seen, User, check, exit, report, version_mismatch};
use nebplay_model::xml::{field, with_field};

use super::{Tool, backup};
use crate::files::Content;
use crate::opennebula::database::Database;

pub(super) fn command(tool: &mut Tool<'_, '_>) -> Result<u8, Stop> {
    let dry = tool.options.has("dry");
    let versions = tool.versions()?;
    let required = tool.required;
    if !dry {
        tool.guard()?;
    }
    if let Some((text, exit)) = version_mismatch(required, versions.shared.version, versions.local.version) {
        tool.process.complain(format!("{text}\n"));
        return Ok(exit);
    }
    if !dry {
        let named = tool.options.get("backup").map(str::to_owned);
        backup::make(tool, named, false)?;
    }
    let (bytes, rate) = (
        tool.process.machine().sizes.database,
        tool.process.federation.rates.check,
    );
    tool.process.works_through(bytes, rate);
    let findings = check(&seen(tool, versions.is_slave));
    if !dry {
        let repairs: Vec<&Repair> = findings
            .iter()
            .filter_map(|finding| finding.repair.as_ref())
            .collect();
        tool.change(|database| repairs.into_iter().for_each(|repair| apply(database, repair)))?;
    }
    let report = report(&findings, dry);
    let log = "/var/log/one/onedb-fsck.log";
    let _ = tool.process.write(log, Content::text(&report));
    tool.say(&format!("{report}A copy of this output was stored in {log}\n"));
    Ok(exit(&findings, required))
}

fn apply(database: &mut Database, repair: &Repair) {
    match repair {
        Repair::Counter { table, last_oid } => database.count(table, *last_oid),
        Repair::Group { user, gid } => {
            database.regroup(*user, *gid, |body| with_field(body, "GID", &gid.to_string()));
        }
    }
}

fn seen(tool: &Tool<'_, '_>, is_slave: bool) -> Seen {
    let Some(database) = tool.database() else {
        return Seen {
            counters: Vec::new(),
            users: Vec::new(),
            groups: Vec::new(),
            is_slave,
        };
    };
    let counters = database.numbered("pool_control").filter_map(|row| {
        let table = row.first()?.clone();
        let greatest = database.greatest(&table)?;
        Some(Counter {
            counted: row.get(1)?.parse().unwrap_or(-1),
            greatest,
            table,
        })
    });
    let users = database.numbered("user_pool").filter_map(|row| {
        Some(User {
            id: row.first()?.parse().ok()?,
            column_gid: row.get(4)?.parse().ok()?,
            gid: field(row.get(2)?, "GID").parse().ok()?,
        })
    });
    let groups = database
        .numbered("group_pool")
        .filter_map(|row| row.first()?.parse().ok());
    Seen {
        counters: counters.collect(),
        users: users.collect(),
        groups: groups.collect(),
        is_slave,
    }
}
