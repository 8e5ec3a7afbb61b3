//! The command line tools, clients of oned: what each asks, prints and ends with, given a way to ask.

mod onehost;
mod oneuser;
mod onevm;
mod onezone;

use std::time::Duration;

use crate::cli::columns::Layout;
use crate::cli::json;
use crate::cli::options::{Known, Options, flag, valued};
use crate::cli::stop::Stop;
use crate::rpc::{Answer, Call, Value};
use crate::version::Version;
use crate::xml::Element;

/// What a tool needs of the host it is called on.
pub trait Surroundings {
    /// Asks the oned behind an endpoint. The error is that of a connection that cannot be had.
    fn call(&self, endpoint: &str, call: &Call, patience: Duration) -> Result<Answer, String>;
    /// The text of a file; `None`: there is none.
    fn read(&self, file: &str) -> Option<String>;
    /// Seconds since 1970.
    fn now(&self) -> i64;
    /// `user:password` of the caller.
    fn session(&self) -> String;
    /// The endpoint where no option names one.
    fn endpoint(&self) -> String;
    /// The version of the tools.
    fn version(&self) -> Version;
}

/// What a tool printed, and its exit code.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Said {
    /// On standard output.
    pub stdout: String,
    /// On standard error, lines without the last end.
    pub stderr: String,
    /// The exit code.
    pub exit: u8,
}

/// Runs a tool: `onezone`, `onehost`, `onevm` or `oneuser`. `None`: it is none of them.
pub fn run(name: &str, arguments: &[String], surroundings: &dyn Surroundings) -> Option<Said> {
    let run = match name {
        "onezone" => onezone::run,
        "onehost" => onehost::run,
        "onevm" => onevm::run,
        "oneuser" => oneuser::run,
        _ => return None,
    };
    let result = Tool::new(surroundings, arguments).and_then(|tool| run(&tool));
    Some(match result {
        Ok(stdout) => Said {
            stdout,
            ..Said::default()
        },
        Err(stop) => Said {
            stdout: String::new(),
            stderr: stop.line,
            exit: stop.exit,
        },
    })
}

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

/// A tool at work: its options, and the oned it talks to.
struct Tool<'a> {
    surroundings: &'a dyn Surroundings,
    options: Options,
    endpoint: String,
    session: String,
    version: Version,
}

impl<'a> Tool<'a> {
    fn new(surroundings: &'a dyn Surroundings, arguments: &[String]) -> Result<Self, Stop> {
        let options = Options::parse(arguments, &OPTIONS).map_err(Stop::new)?;
        let session = match (options.get("user"), options.get("password")) {
            (Some(user), Some(password)) => format!("{user}:{password}"),
            _ => surroundings.session(),
        };
        let endpoint = options
            .get("endpoint")
            .map_or_else(|| surroundings.endpoint(), str::to_owned);
        Ok(Self {
            surroundings,
            options,
            endpoint,
            session,
            version: surroundings.version(),
        })
    }

    /// The word at place `at`, the command being 0.
    fn word(&self, at: usize, what: &str) -> Result<&str, Stop> {
        let word = self.options.words.get(at).map(String::as_str);
        word.ok_or_else(|| Stop::new(format!("Command requires {what}")))
    }

    fn call(&self, method: &str, parameters: impl IntoIterator<Item = Value>) -> Result<Value, Stop> {
        let call = Call::new(method, &self.session, parameters);
        match self
            .surroundings
            .call(&self.endpoint, &call, Duration::from_secs(30))
        {
            Ok(Answer::Success(value)) => Ok(value),
            Ok(Answer::Failure { message, .. } | Answer::Fault { message, .. }) => Err(Stop::new(message)),
            Err(error) => Err(Stop::new(error)),
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

fn not_xml(error: crate::xml::NotXml) -> Stop {
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
    let failed: Vec<String> = ids
        .iter()
        .filter_map(|id| act(*id).err())
        .map(|stop| stop.line)
        .collect();
    if failed.is_empty() {
        Ok(String::new())
    } else {
        Err(Stop::new(failed.join("\n")))
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
