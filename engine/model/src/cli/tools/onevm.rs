//! `onevm`: the zone's virtual machines. `standin-state ID|new STATE LCM_STATE` is the lab's own.

use crate::cli::vms::table;
use crate::rpc::Value;

use super::{Stop, Tool, not_xml};

pub(super) fn run(tool: &Tool<'_>) -> Result<String, Stop> {
    match tool.word(0, "a command")? {
        "list" => {
            let pool = tool.text("one.vmpool.info", [-2, -1, -1, -1].map(Value::Int))?;
            match tool.raw(&pool)? {
                Some(raw) => Ok(raw),
                None => table(&pool, tool.surroundings.now(), &tool.layout()).map_err(not_xml),
            }
        }
        "show" => {
            let body = tool.text("one.vm.info", [Value::Int(number(tool, 1)?), Value::Bool(false)])?;
            tool.raw(&body).map(|raw| raw.unwrap_or(body))
        }
        "standin-state" => {
            let id = if tool.word(1, "a VM")? == "new" {
                -1
            } else {
                number(tool, 1)?
            };
            let parameters = [id, number(tool, 2)?, number(tool, 3)?].map(Value::Int);
            let id = tool.call("one.vm.standin", parameters)?;
            Ok(format!("ID: {}\n", id.as_int().unwrap_or(-1)))
        }
        other => Err(Stop::new(format!("Command {other} is not known"))),
    }
}

fn number(tool: &Tool<'_>, at: usize) -> Result<i64, Stop> {
    let word = tool.word(at, "a number")?;
    word.parse()
        .map_err(|_| Stop::new(format!("{word} is not a number")))
}
