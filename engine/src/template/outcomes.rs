//! Tests on the results of tasks: `result is changed`.

use minijinja::{Environment, Error, ErrorKind, Value};

/// Adds the tests.
pub(super) fn add(environment: &mut Environment<'static>) {
    for name in ["failed", "failure"] {
        environment.add_test(name, |result: &Value| is(result, "failed"));
    }
    for name in ["succeeded", "success", "successful"] {
        environment.add_test(name, |result: &Value| {
            Ok::<_, Error>(!is(result, "failed")? && !is(result, "unreachable")?)
        });
    }
    for name in ["changed", "change"] {
        environment.add_test(name, |result: &Value| is(result, "changed"));
    }
    for name in ["skipped", "skip"] {
        // The result of a loop says it of itself when all items were.
        environment.add_test(name, |result: &Value| {
            Ok::<_, Error>(own(result, "skipped")?.unwrap_or(false))
        });
    }
    environment.add_test("unreachable", |result: &Value| is(result, "unreachable"));
    environment.add_test("reachable", |result: &Value| {
        Ok::<_, Error>(!is(result, "unreachable")?)
    });
}

/// A flag of a result; the result of a loop has it when one of its items does.
fn is(result: &Value, flag: &str) -> Result<bool, Error> {
    if let Some(value) = own(result, flag)? {
        return Ok(value);
    }
    let results = result
        .as_object()
        .and_then(|map| map.get_value(&Value::from("results")));
    match results {
        Some(results) => {
            for item in results.try_iter()? {
                if is(&item, flag)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        None => Ok(false),
    }
}

/// A flag that a result itself has.
fn own(result: &Value, flag: &str) -> Result<Option<bool>, Error> {
    let Some(map) = result.as_object() else {
        let message = format!("`is {flag}` takes the registered result of a task");
        return Err(Error::new(ErrorKind::InvalidOperation, message));
    };
    Ok(map.get_value(&Value::from(flag)).map(|value| value.is_true()))
}
