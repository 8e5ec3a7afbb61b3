//! Filters and tests that operators know from Ansible, beside those of the template engine; one file per family.

mod absence;
mod encoding;
mod formats;
mod lists;
mod maps;
mod paths;
mod patterns;
mod scalars;
mod versions;

use minijinja::{Environment, Error, ErrorKind, Value};

/// Adds all of them.
pub(super) fn add(environment: &mut Environment<'static>) {
    absence::add(environment);
    encoding::add(environment);
    formats::add(environment);
    lists::add(environment);
    maps::add(environment);
    paths::add(environment);
    patterns::add(environment);
    scalars::add(environment);
    versions::add(environment);
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, message.into())
}

/// The text of a value: a filter on texts takes numbers too.
fn text_of(value: &Value) -> Result<String, Error> {
    if value.is_undefined() {
        return Err(Error::from(ErrorKind::UndefinedError));
    }
    Ok(value.to_string())
}
