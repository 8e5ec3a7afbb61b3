//! `onehost`: the zone's hypervisor hosts.

use crate::cli::hosts::table;
use crate::rpc::Value;

use super::{Stop, Tool, each, ids_of, named, not_xml};

pub(super) fn run(tool: &Tool<'_>) -> Result<String, Stop> {
    match tool.word(0, "a command")? {
        "list" => {
            let pool = pool(tool)?;
            match tool.raw(&pool)? {
                Some(raw) => Ok(raw),
                None => table(&pool, &tool.layout()).map_err(not_xml),
            }
        }
        "show" => {
            let ids = ids(tool)?;
            let id = ids.first().copied().unwrap_or(-1);
            let body = tool.text("one.host.info", [Value::Int(id)])?;
            tool.raw(&body).map(|raw| raw.unwrap_or(body))
        }
        "create" => {
            let name = tool.word(1, "a name")?.to_owned();
            let driver = |option| Value::Text(tool.options.get(option).unwrap_or("dummy").to_owned());
            let parameters = [Value::Text(name), driver("im"), driver("vm"), Value::Int(-1)];
            let id = tool.call("one.host.allocate", parameters)?;
            Ok(format!("ID: {}\n", id.as_int().unwrap_or(-1)))
        }
        "enable" => set(tool, 0),
        "disable" => set(tool, 1),
        "offline" => set(tool, 2),
        other => Err(Stop::new(format!("Command {other} is not known"))),
    }
}

fn set(tool: &Tool<'_>, status: i64) -> Result<String, Stop> {
    each(&ids(tool)?, |id| {
        tool.call("one.host.status", [Value::Int(id), Value::Int(status)])
            .map(|_| ())
    })
}

fn ids(tool: &Tool<'_>) -> Result<Vec<i64>, Stop> {
    ids_of(tool.word(1, "a host")?, |name| named(&pool(tool)?, "HOST", name))
}

fn pool(tool: &Tool<'_>) -> Result<String, Stop> {
    tool.text("one.hostpool.info", [])
}
