//! `lookup('env', …)`, `lookup('file', …)`, `lookup('vars', …)` and the time: the library looks nothing up itself.

use std::sync::Arc;

use jiff::Zoned;
use jiff::tz::TimeZone;
use minijinja::value::{Kwargs, Rest};
use minijinja::{Environment, Error, ErrorKind, State, Value};
use serde_json::Value as Json;

use super::hole::is_undefined;

/// What a template may look up on the machine nebplay runs on.
pub trait Lookups: Send + Sync {
    /// An environment variable.
    fn env(&self, name: &str) -> Option<String>;
    /// The text of a file in one of these directories, or in their `files/`, or why there is none.
    fn file(&self, directories: &[String], path: &str) -> Result<String, String>;
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
            // As Ansible: one term, one value; several are joined.
            Ok::<_, Error>(if found.len() == 1 {
                found.remove(0)
            } else {
                let texts: Vec<_> = found.iter().map(Value::to_string).collect();
                Value::from(texts.join(","))
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
    options.assert_all_used()?;
    let directory = |name: &&str| state.lookup(name).filter(|directory| !is_undefined(directory));
    let directories = ["role_path", "playbook_dir"].iter().filter_map(directory);
    let directories: Vec<String> = directories.map(|directory| directory.to_string()).collect();
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
                "there is no lookup `{kind}`; there are `env`, `file` and `vars`"
            ))),
        }
    };
    terms.iter().map(look).collect()
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
