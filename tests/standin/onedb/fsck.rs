//! `onedb fsck`: a backup, the checks of the model, and its repairs.

use nebplay_model::onedb::fsck::{Counter, Repair, Seen, User, check, exit, report, version_mismatch};
use nebplay_model::xml::{field, with_field};

use super::{Stop, Tool, backup, failed, guard};
use crate::output;

pub(super) fn command(tool: &Tool) -> Result<u8, Stop> {
    let dry = tool.options.has("dry");
    let versions = tool.versions()?;
    let required = tool.host.tools_version();
    if !dry {
        guard::check(tool)?;
    }
    if let Some((text, exit)) = version_mismatch(required, versions.shared.version, versions.local.version) {
        output::error(&text);
        return Ok(exit);
    }
    if !dry {
        backup::make(tool, tool.options.get("backup"), false)?;
    }
    let findings = check(&seen(tool, versions.is_slave)?);
    if !dry {
        for repair in findings.iter().filter_map(|finding| finding.repair.as_ref()) {
            apply(tool, repair)?;
        }
    }
    let report = report(&findings, dry);
    let log = tool.host.path("/var/log/one/onedb-fsck.log");
    let _ = std::fs::write(&log, &report);
    output::say(&format!(
        "{report}A copy of this output was stored in {}\n",
        log.display()
    ));
    Ok(exit(&findings, required))
}

fn seen(tool: &Tool, is_slave: bool) -> Result<Seen, Stop> {
    let database = &tool.database;
    let tables = database.tables().map_err(failed)?;
    let mut counters = Vec::new();
    let counted = database
        .query("SELECT tablename, last_oid FROM pool_control ORDER BY tablename")
        .map_err(failed)?;
    for row in counted {
        let [table, counted] = row.as_slice() else {
            continue;
        };
        if !tables.contains(table) {
            continue;
        }
        let greatest = database
            .number(&format!("SELECT MAX(oid) FROM {table}"))
            .map_err(failed)?;
        counters.push(Counter {
            table: table.clone(),
            counted: counted.parse().unwrap_or(-1),
            greatest: greatest.unwrap_or(-1),
        });
    }
    let users = database
        .query("SELECT oid, gid, body FROM user_pool ORDER BY oid")
        .map_err(failed)?;
    let user = |row: &Vec<String>| {
        Some(User {
            id: row.first()?.parse().ok()?,
            column_gid: row.get(1)?.parse().ok()?,
            gid: field(row.get(2)?, "GID").parse().ok()?,
        })
    };
    let groups = database.query("SELECT oid FROM group_pool").map_err(failed)?;
    Ok(Seen {
        counters,
        users: users.iter().filter_map(user).collect(),
        groups: groups
            .iter()
            .filter_map(|row| row.first()?.parse().ok())
            .collect(),
        is_slave,
    })
}

fn apply(tool: &Tool, repair: &Repair) -> Result<(), Stop> {
    let sql = match repair {
        Repair::Counter { table, last_oid } => {
            format!("UPDATE pool_control SET last_oid = {last_oid} WHERE tablename = '{table}';\n")
        }
        Repair::Group { user, gid } => {
            let rows = tool
                .database
                .query(&format!("SELECT body FROM user_pool WHERE oid = {user}"))
                .map_err(failed)?;
            let body = rows
                .first()
                .and_then(|row| row.first())
                .cloned()
                .unwrap_or_default();
            let body = tool.database.quote(&with_field(&body, "GID", &gid.to_string()));
            format!("UPDATE user_pool SET gid = {gid}, body = {body} WHERE oid = {user};\n")
        }
    };
    tool.database.script(&sql).map_err(failed)
}
