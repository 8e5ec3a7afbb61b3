//! `oneuser`: users, which all zones share.

use crate::cli::users::table;
use crate::rpc::Value;

use super::{Stop, Tool, each, ids_of, named, not_xml};

pub(super) fn run(tool: &Tool<'_>) -> Result<String, Stop> {
    match tool.word(0, "a command")? {
        "list" => {
            let pool = tool.text("one.userpool.info", [])?;
            match tool.raw(&pool)? {
                Some(raw) => Ok(raw),
                None => table(&pool, &tool.layout()).map_err(not_xml),
            }
        }
        "show" => {
            let id = match tool.options.words.get(1) {
                None => -1,
                Some(_) => ids(tool)?.first().copied().unwrap_or(-1),
            };
            let body = tool.text("one.user.info", [Value::Int(id)])?;
            tool.raw(&body).map(|raw| raw.unwrap_or(body))
        }
        "create" => {
            let text = |at, what| tool.word(at, what).map(|word| Value::Text(word.to_owned()));
            let driver = Value::Text(tool.options.get("driver").unwrap_or("core").to_owned());
            let parameters = [text(1, "a name")?, text(2, "a password")?, driver];
            let id = tool.call("one.user.allocate", parameters)?;
            Ok(format!("ID: {}\n", id.as_int().unwrap_or(-1)))
        }
        "delete" => each(&ids(tool)?, |id| {
            tool.call("one.user.delete", [Value::Int(id)]).map(|_| ())
        }),
        other => Err(Stop::new(format!("Command {other} is not known"))),
    }
}

fn ids(tool: &Tool<'_>) -> Result<Vec<i64>, Stop> {
    ids_of(tool.word(1, "a user")?, |name| {
        named(&tool.text("one.userpool.info", [])?, "USER", name)
    })
}
