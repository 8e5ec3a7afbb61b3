//! Filters and tests that operators know from Ansible, beside those of the template engine; one file per family.

mod absence;
mod comments;
mod encoding;
mod formats;
mod given;
mod lists;
mod maps;
mod numbers;
mod paths;
mod patterns;
mod scalars;
mod texts;
mod urls;
mod versions;

use minijinja::{Environment, Error, ErrorKind, State, Value};
use serde_json::Value as Json;

use super::dict::{into_template, native};
use super::hole::{TRACKER, Tracker};

/// Adds all of them.
pub(super) fn add(environment: &mut Environment<'static>) {
    absence::add(environment);
    comments::add(environment);
    encoding::add(environment);
    formats::add(environment);
    lists::add(environment);
    maps::add(environment);
    numbers::add(environment);
    paths::add(environment);
    patterns::add(environment);
    scalars::add(environment);
    texts::add(environment);
    urls::add(environment);
    versions::add(environment);
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, message.into())
}

/// A value that a filter made of another. What is missing in it can be named, and `default` be applied to it, as in a variable.
fn made(state: &State, filter: &str, value: &Json) -> Value {
    match state.lookup(TRACKER).as_ref().and_then(Tracker::of) {
        Some(tracker) => into_template(value, &format!("(… | {filter})"), &tracker),
        None => native(value),
    }
}

/// The text of a value: a filter on texts takes numbers too.
fn text_of(value: &Value) -> Result<String, Error> {
    if value.is_undefined() {
        return Err(Error::from(ErrorKind::UndefinedError));
    }
    Ok(value.to_string())
}
