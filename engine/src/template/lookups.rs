//! `lookup('env', …)`, `lookup('file', …)`, `lookup('fileglob', …)` and the like, and the time: the library looks nothing up itself.

use std::sync::Arc;

use jiff::Zoned;
use jiff::tz::TimeZone;
use minijinja::value::{Kwargs, Rest, ValueKind};
use minijinja::{Environment, Error, ErrorKind, State, Value};
use serde_json::Value as Json;

use super::hole::is_undefined;

/// The variable that says where a task's files are looked for, by its name in Ansible.
pub const SEARCH_PATH: &str = "ansible_search_path";

/// What a template may look up on the machine nebplay runs on.
pub trait Lookups: Send + Sync {
    /// An environment variable.
    fn env(&self, name: &str) -> Option<String>;
    /// The text of a file in one of these directories, or in their `files/`, or why there is none.
    fn file(&self, directories: &[String], path: &str) -> Result<String, String>;
    /// The paths of files that a pattern matches, in the first of these directories, or of their `files/`, where there are any.
    fn glob(&self, _directories: &[String], _pattern: &str) -> Result<Vec<String>, String> {
        Ok(Vec::new())
    }
    /// The path of a file in one of these directories, or in their `files/`, `templates/` or `vars/`.
    fn find(&self, _directories: &[String], _path: &str) -> Option<String> {
        None
    }
    /// The time, in the operator's time zone.
    fn now(&self) -> Zoned;
    /// Is told each variable as it was evaluated, before anybody sees it: some must not be shown.
    fn evaluated(&self, _name: &str, _value: &Json) {}
    /// Is told what came out of a vault, before anybody sees it.
    fn opened(&self, _value: &Json) {}
}

/// Looks nothing up.
pub struct NoLookups;

impl Lookups for NoLookups {
    fn env(&self, _: &str) -> Option<String> {
        None
    }
    fn file(&self, _: &[String], path: &str) -> Result<String, String> {
        Err(format!("no file can be looked up here: {path}"))
    }
    fn now(&self) -> Zoned {
        jiff::Timestamp::UNIX_EPOCH.to_zoned(TimeZone::UTC)
    }
}

/// Adds `lookup`, `query`, `now` and the filter `strftime`.
pub(super) fn add(environment: &mut Environment<'static>, lookups: Arc<dyn Lookups>) {
    let shared = Arc::clone(&lookups);
    environment.add_function(
        "lookup",
        move |state: &State, kind: &str, terms: Rest<Value>, options: Kwargs| {
            let mut found = look_up(state, shared.as_ref(), kind, &terms, &options)?;
            // As Ansible: one term, one value; several are joined, and nothing is an empty list.
            Ok::<_, Error>(match found.len() {
                0 => Value::from(found),
                1 => found.remove(0),
                _ => {
                    let texts: Vec<_> = found.iter().map(Value::to_string).collect();
                    Value::from(texts.join(","))
                }
            })
        },
    );
    add_time(environment, &lookups);
    let query = move |state: &State, kind: &str, terms: Rest<Value>, options: Kwargs| {
        look_up(state, lookups.as_ref(), kind, &terms, &options)
    };
    environment.add_function("query", query.clone());
    environment.add_function("q", query);
}

fn look_up(
    state: &State,
    lookups: &dyn Lookups,
    kind: &str,
    terms: &[Value],
    options: &Kwargs,
) -> Result<Vec<Value>, Error> {
    let invalid = |message: String| Error::new(ErrorKind::InvalidOperation, message);
    let default: Option<Value> = options.get("default")?;
    let kind = kind.strip_prefix("ansible.builtin.").unwrap_or(kind);
    let (mut lstrip, mut rstrip) = (false, true);
    if kind == "file" {
        lstrip = options.get::<Option<bool>>("lstrip")?.unwrap_or(lstrip);
        rstrip = options.get::<Option<bool>>("rstrip")?.unwrap_or(rstrip);
    }
    let wanted = match kind {
        "first_found" => Some(Wanted::of(terms, options)?),
        _ => None,
    };
    options.assert_all_used()?;
    let directories = [SEARCH_PATH, "playbook_dir"].iter().find_map(|name| {
        let found = state.lookup(name)?;
        (!is_undefined(&found)).then_some(found)
    });
    let directories = several(directories.as_ref())?;
    if let Some(wanted) = wanted {
        let found = wanted
            .files
            .iter()
            .find_map(|path| lookups.find(&directories, path));
        return match found {
            Some(path) => Ok(vec![Value::from(path)]),
            None if wanted.skip => Ok(Vec::new()),
            None => {
                let files = wanted.files.join(", ");
                Err(invalid(format!(
                    "there is none of these files: {files}; with `skip=true` that is no error"
                )))
            }
        };
    }
    if kind == "fileglob" {
        let mut found = Vec::new();
        for term in terms {
            let paths = lookups.glob(&directories, &term.to_string()).map_err(invalid)?;
            found.extend(paths.into_iter().map(Value::from));
        }
        return Ok(found);
    }
    let look = |term: &Value| {
        let name = term
            .as_str()
            .ok_or_else(|| invalid(format!("lookup('{kind}', …) takes texts")))?;
        match kind {
            "env" => Ok(match lookups.env(name) {
                Some(text) => Value::from(text),
                None => default.clone().unwrap_or_else(|| Value::from("")),
            }),
            "file" => lookups
                .file(&directories, name)
                .map(|text| {
                    let text = if lstrip { text.trim_start() } else { &text };
                    Value::from(if rstrip { text.trim_end() } else { text })
                })
                .map_err(invalid),
            "vars" => Ok(match (state.lookup(name).unwrap_or_default(), &default) {
                (value, Some(default)) if is_undefined(&value) => default.clone(),
                (value, _) => value,
            }),
            _ => Err(invalid(format!(
                "there is no lookup `{kind}`; there are `env`, `file`, `fileglob`, `first_found` and `vars`"
            ))),
        }
    };
    terms.iter().map(look).collect()
}

/// What `first_found` looks for: files by name, or by their names and where they may be.
#[derive(Default)]
struct Wanted {
    files: Vec<String>,
    /// Finding none of them is no failure.
    skip: bool,
}

impl Wanted {
    fn of(terms: &[Value], options: &Kwargs) -> Result<Self, Error> {
        let mut wanted = Self::default();
        for term in terms {
            wanted.add(term)?;
        }
        let (files, paths): (Option<Value>, Option<Value>) = (options.get("files")?, options.get("paths")?);
        wanted.add_in(files.as_ref(), paths.as_ref())?;
        wanted.skip |= options.get::<Option<bool>>("skip")?.unwrap_or_default();
        Ok(wanted)
    }

    /// A name, a list of such, or a mapping with `files`, `paths` and `skip`.
    fn add(&mut self, term: &Value) -> Result<(), Error> {
        match term.kind() {
            ValueKind::Map => {
                let given = |name: &str| term.get_attr(name).ok().filter(|value| !is_undefined(value));
                self.skip |= given("skip").is_some_and(|skip| skip.is_true());
                self.add_in(given("files").as_ref(), given("paths").as_ref())
            }
            ValueKind::Seq | ValueKind::Iterable => term.try_iter()?.try_for_each(|term| self.add(&term)),
            ValueKind::Undefined => Err(Error::from(ErrorKind::UndefinedError)),
            _ => {
                self.files.push(term.to_string());
                Ok(())
            }
        }
    }

    /// Each of these files in each of these directories.
    fn add_in(&mut self, files: Option<&Value>, paths: Option<&Value>) -> Result<(), Error> {
        let (files, paths) = (several(files)?, several(paths)?);
        for file in files {
            match paths.as_slice() {
                [] => self.files.push(file),
                paths => self
                    .files
                    .extend(paths.iter().map(|path| format!("{path}/{file}"))),
            }
        }
        Ok(())
    }
}

/// The texts of a list, or the one text that it is instead.
fn several(list: Option<&Value>) -> Result<Vec<String>, Error> {
    match list {
        None => Ok(Vec::new()),
        Some(list) if list.kind() == ValueKind::Seq => {
            Ok(list.try_iter()?.map(|item| item.to_string()).collect())
        }
        Some(one) => Ok(vec![one.to_string()]),
    }
}

/// How a time is written where no format is given: as Python prints one.
const TIME: &str = "%Y-%m-%d %H:%M:%S.%6f";

fn add_time(environment: &mut Environment<'static>, lookups: &Arc<dyn Lookups>) {
    let clock = Arc::clone(lookups);
    environment.add_function("now", move |options: Kwargs| {
        let utc: Option<bool> = options.get("utc")?;
        let format: Option<String> = options.get("fmt")?;
        options.assert_all_used()?;
        written(&clock.now(), utc, format.as_deref().unwrap_or(TIME))
    });
    let clock = Arc::clone(lookups);
    environment.add_filter(
        "strftime",
        move |format: &str, second: Option<f64>, options: Kwargs| {
            let named: Option<f64> = options.get("second")?;
            let utc: Option<bool> = options.get("utc")?;
            options.assert_all_used()?;
            let now = clock.now();
            let time = match second.or(named) {
                None => now,
                Some(seconds) => at(seconds)?.to_zoned(now.time_zone().clone()),
            };
            written(&time, utc, format)
        },
    );
}

/// The instant that is so many seconds after 1970.
fn at(seconds: f64) -> Result<jiff::Timestamp, Error> {
    let since = jiff::SignedDuration::try_from_secs_f64(seconds);
    since
        .and_then(jiff::Timestamp::from_duration)
        .map_err(|error| Error::new(ErrorKind::InvalidOperation, format!("strftime: {error}")))
}

fn written(time: &Zoned, utc: Option<bool>, format: &str) -> Result<String, Error> {
    let time = if utc == Some(true) {
        time.with_time_zone(TimeZone::UTC)
    } else {
        time.clone()
    };
    jiff::fmt::strtime::format(format, &time).map_err(|error| {
        let message = format!("`{format}` is no format of a time: {error}");
        Error::new(ErrorKind::InvalidOperation, message)
    })
}
