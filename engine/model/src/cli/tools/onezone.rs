//! `onezone`: lists zones with the index each one's own endpoint tells, and sets their state.

use std::time::Duration;

use crate::cli::zones::{Zone, show, table, zone, zones};
use crate::rpc::{Answer, Call, Value};
use crate::xml::field;

use super::{Stop, Tool, each, ids_of, named, not_xml};

/// How long a zone may take to tell its index.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) fn run(tool: &Tool<'_>) -> Result<String, Stop> {
    match tool.word(0, "a command")? {
        "list" => list(tool),
        "show" => {
            let body = tool.text("one.zone.info", [Value::Int(id(tool, 1)?), Value::Bool(false)])?;
            match tool.raw(&body)? {
                Some(raw) => Ok(raw),
                None => Ok(show(&zone(&body).map_err(not_xml)?)),
            }
        }
        command @ ("enable" | "disable") => set_state(tool, command == "enable"),
        "rename" => {
            let name = tool.word(2, "a name")?.to_owned();
            tool.call("one.zone.rename", [Value::Int(id(tool, 1)?), Value::Text(name)])?;
            Ok(String::new())
        }
        "update" => {
            let template = read(tool, tool.word(2, "a file")?)?;
            let parameters = [Value::Int(id(tool, 1)?), Value::Text(template), Value::Int(0)];
            tool.call("one.zone.update", parameters)?;
            Ok(String::new())
        }
        "create" => {
            let template = read(tool, tool.word(1, "a file")?)?;
            let id = tool.call("one.zone.allocate", [Value::Text(template), Value::Int(-1)])?;
            Ok(format!("ID: {}\n", id.as_int().unwrap_or(-1)))
        }
        other => Err(Stop::new(format!("Command {other} is not known"))),
    }
}

fn list(tool: &Tool<'_>) -> Result<String, Stop> {
    let pool = tool.text("one.zonepool.info", [])?;
    if let Some(raw) = tool.raw(&pool)? {
        return Ok(raw);
    }
    let zones = zones(&pool).map_err(not_xml)?;
    let asked: Vec<(Zone, Option<String>)> = zones
        .into_iter()
        .map(|zone| (zone.clone(), fed_index(tool, &zone.endpoint)))
        .collect();
    Ok(table(&asked, &tool.layout()))
}

/// None is down, refused, anything.
fn fed_index(tool: &Tool<'_>, endpoint: &str) -> Option<String> {
    let call = Call::new("one.zone.raftstatus", &tool.session, []);
    match tool.surroundings.call(endpoint, &call, PATIENCE) {
        Ok(Answer::Success(Value::Text(status))) => Some(field(&status, "FEDLOG_INDEX").to_owned()),
        _ => None,
    }
}

/// All zones of the list are asked at the one endpoint; only its own obeys.
fn set_state(tool: &Tool<'_>, enable: bool) -> Result<String, Stop> {
    let word = tool.word(1, "a zone")?;
    let ids = ids_of(word, |name| {
        named(&tool.text("one.zonepool.info", [])?, "ZONE", name)
    })?;
    each(&ids, |id| {
        tool.call("one.zone.enable", [Value::Int(id), Value::Bool(enable)])
            .map(|_| ())
    })
}

fn id(tool: &Tool<'_>, at: usize) -> Result<i64, Stop> {
    let word = tool.word(at, "a zone")?;
    word.parse()
        .or_else(|_| named(&tool.text("one.zonepool.info", [])?, "ZONE", word))
}

fn read(tool: &Tool<'_>, file: &str) -> Result<String, Stop> {
    let text = tool.surroundings.read(file);
    text.ok_or_else(|| Stop::new(format!("No such file or directory @ rb_sysopen - {file}")))
}
