//! The command line tools: clients of oned, whatever zone it is.

pub(crate) mod onehost;
pub(crate) mod oneuser;
pub(crate) mod onevm;
pub(crate) mod onezone;

use std::time::Duration;

use nebplay_model::cli::columns::Layout;
use nebplay_model::cli::json;
use nebplay_model::rpc::{Answer, Call, Value};
use nebplay_model::version::Version;
use nebplay_model::xml::Element;

use crate::host::Host;
use crate::http;
use crate::options::{Known, Options, flag, valued};
use crate::output;

/// The exit code of whatever did not work.
const FAILED: u8 = 255;

/// The options all tools have.
const OPTIONS: [Known; 13] = [
    valued(None, "endpoint"),
    valued(None, "user"),
    valued(None, "password"),
    flag(None, "csv"),
    flag(None, "no-header"),
    flag(None, "no-pager"),
    valued(Some('l'), "list"),
    flag(Some('x'), "xml"),
    flag(Some('j'), "json"),
    valued(Some('i'), "im"),
    valued(Some('v'), "vm"),
    valued(None, "driver"),
    flag(None, "all"),
];

/// Why a tool ends without success: a line for stderr (none if all was said), and the exit code.
#[derive(Debug)]
struct Stop {
    line: String,
    exit: u8,
}

impl Stop {
    fn new(line: impl Into<String>) -> Self {
        Self {
            line: line.into(),
            exit: FAILED,
        }
    }
}

/// A tool at work: its options, and the oned it talks to.
struct Tool {
    options: Options,
    endpoint: String,
    session: String,
    version: Version,
}

impl Tool {
    fn new(host: &Host, arguments: &[String]) -> Result<Self, Stop> {
        let options = Options::parse(arguments, &OPTIONS).map_err(Stop::new)?;
        let session = match (options.get("user"), options.get("password")) {
            (Some(user), Some(password)) => format!("{user}:{password}"),
            _ => host.session(),
        };
        let endpoint = options.get("endpoint").map_or_else(Host::endpoint, str::to_owned);
        Ok(Self {
            options,
            endpoint,
            session,
            version: host.tools_version(),
        })
    }

    /// The word at place `at`, the command being 0.
    fn word(&self, at: usize, what: &str) -> Result<&str, Stop> {
        let word = self.options.words.get(at).map(String::as_str);
        word.ok_or_else(|| Stop::new(format!("Command requires {what}")))
    }

    fn call(&self, method: &str, parameters: impl IntoIterator<Item = Value>) -> Result<Value, Stop> {
        let call = Call::new(method, &self.session, parameters);
        match http::call(&self.endpoint, &call, Duration::from_secs(30)) {
            Ok(Answer::Success(value)) => Ok(value),
            Ok(Answer::Failure { message, .. } | Answer::Fault { message, .. }) => Err(Stop::new(message)),
            Err(error) => Err(Stop::new(error.to_string())),
        }
    }

    /// The text a call answers with.
    fn text(&self, method: &str, parameters: impl IntoIterator<Item = Value>) -> Result<String, Stop> {
        let value = self.call(method, parameters)?;
        value
            .as_text()
            .map(str::to_owned)
            .ok_or_else(|| Stop::new(format!("{method} answered no text")))
    }

    fn layout(&self) -> Layout {
        let only = self
            .options
            .get("list")
            .map(|names| names.split(',').map(str::to_owned).collect());
        Layout {
            csv: self.options.has("csv"),
            only,
            no_header: self.options.has("no-header"),
        }
    }

    /// A pool as `-x` or `-j` shows it; none if neither was asked for.
    fn raw(&self, body: &str) -> Result<Option<String>, Stop> {
        let element = || Element::parse(body).map_err(not_xml);
        if self.options.has("xml") {
            return Ok(Some(element()?.indented()));
        }
        if self.options.has("json") {
            let json = json::document(&element()?, self.version);
            return json.map(Some).ok_or_else(|| Stop {
                line: json::NO_JSON.to_owned(),
                exit: 1,
            });
        }
        Ok(None)
    }
}

fn not_xml(error: nebplay_model::xml::NotXml) -> Stop {
    Stop::new(error.to_string())
}

/// The ids of objects named by a list `0,2`, a range `2..4`, or a name, which `find` looks up.
fn ids_of(word: &str, find: impl Fn(&str) -> Result<i64, Stop>) -> Result<Vec<i64>, Stop> {
    let mut ids = Vec::new();
    for part in word.split(',') {
        let range = part
            .split_once("..")
            .and_then(|(first, last)| Some(first.parse::<i64>().ok()?..=last.parse::<i64>().ok()?));
        match (range, part.parse()) {
            (Some(range), _) => ids.extend(range),
            (None, Ok(id)) => ids.push(id),
            (None, Err(_)) => ids.push(find(part)?),
        }
    }
    Ok(ids)
}

/// Does the same to each object. One that fails stops none of the others, but the whole is failed.
fn each(ids: &[i64], act: impl Fn(i64) -> Result<(), Stop>) -> Result<String, Stop> {
    let mut failed = false;
    for stop in ids.iter().filter_map(|id| act(*id).err()) {
        output::error(&stop.line);
        failed = true;
    }
    if failed {
        Err(Stop::new(""))
    } else {
        Ok(String::new())
    }
}

/// The id of the object of this name in a pool.
fn named(pool: &str, kind: &str, name: &str) -> Result<i64, Stop> {
    let pool = Element::parse(pool).map_err(not_xml)?;
    pool.children
        .iter()
        .find(|object| object.text_of("NAME") == name)
        .and_then(|object| object.text_of("ID").parse().ok())
        .ok_or_else(|| Stop::new(format!("{kind} named {name} not found.")))
}

/// Prints what came of it and gives the exit code.
fn finish(result: Result<String, Stop>) -> u8 {
    match result {
        Ok(text) => {
            output::say(&text);
            0
        }
        Err(stop) => {
            if !stop.line.is_empty() {
                output::error(&stop.line);
            }
            stop.exit
        }
    }
}
