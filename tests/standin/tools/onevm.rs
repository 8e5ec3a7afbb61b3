//! `onevm`: the zone's virtual machines. `standin-state ID|new STATE LCM_STATE` is the lab's own.

use nebplay_model::cli::vms::table;
use nebplay_model::rpc::Value;

use super::{Stop, Tool, finish, not_xml};
use crate::host::{Host, now};

pub(crate) fn main(host: &Host, arguments: &[String]) -> u8 {
    finish(Tool::new(host, arguments).and_then(|tool| run(&tool)))
}

fn run(tool: &Tool) -> Result<String, Stop> {
    match tool.word(0, "a command")? {
        "list" => {
            let pool = tool.text("one.vmpool.info", [-2, -1, -1, -1].map(Value::Int))?;
            match tool.raw(&pool)? {
                Some(raw) => Ok(raw),
                None => table(&pool, now(), &tool.layout()).map_err(not_xml),
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

fn number(tool: &Tool, at: usize) -> Result<i64, Stop> {
    let word = tool.word(at, "a number")?;
    word.parse()
        .map_err(|_| Stop::new(format!("{word} is not a number")))
}
