//! JSON and YAML.

use minijinja::value::Kwargs;
use minijinja::{Environment, Error, Value};
use serde::Serialize;
use serde_json::Value as Json;

use super::super::dict::{native, out_of_template};
use super::invalid;

pub(super) fn add(environment: &mut Environment<'static>) {
    environment.add_filter("to_json", |value: &Value, options: Kwargs| {
        let json = sorted(out_of_template(value)?, &options)?;
        Ok::<_, Error>(json.to_string())
    });
    environment.add_filter("to_nice_json", to_nice_json);
    environment.add_filter("from_json", |text: &str| {
        let json: Json =
            serde_json::from_str(text).map_err(|error| not("JSON", error.line(), error.column()))?;
        Ok::<_, Error>(native(&json))
    });
    environment.add_filter("to_yaml", to_yaml);
    environment.add_filter("to_nice_yaml", to_yaml);
    environment.add_filter("from_yaml", |text: &str| {
        let json: Json = serde_yaml::from_str(text).map_err(|error| {
            let (line, column) = error
                .location()
                .map_or((1, 1), |place| (place.line(), place.column()));
            not("YAML", line, column)
        })?;
        Ok::<_, Error>(native(&json))
    });
}

/// Says where and quotes nothing: the text may be secret.
fn not(format: &str, line: usize, column: usize) -> Error {
    invalid(format!(
        "the text is no valid {format} (line {line}, column {column})"
    ))
}

fn to_nice_json(value: &Value, options: Kwargs) -> Result<String, Error> {
    let indent = options.get::<Option<usize>>("indent")?.unwrap_or(4);
    let json = sorted(out_of_template(value)?, &options)?;
    let spaces = " ".repeat(indent.min(16));
    let mut out = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(spaces.as_bytes());
    json.serialize(&mut serde_json::Serializer::with_formatter(&mut out, formatter))
        .map_err(|error| invalid(error.to_string()))?;
    Ok(String::from_utf8_lossy(&out).into_owned())
}

fn to_yaml(value: &Value, options: Kwargs) -> Result<String, Error> {
    // The one layout there is is the nice one; these options of Ansible's change nothing here.
    let _: Option<usize> = options.get("indent")?;
    let _: Option<usize> = options.get("width")?;
    let json = sorted(out_of_template(value)?, &options)?;
    serde_yaml::to_string(&json).map_err(|error| invalid(error.to_string()))
}

/// With `sort_keys=true`, keys in alphabetical order.
fn sorted(json: Json, options: &Kwargs) -> Result<Json, Error> {
    let sort = options.get::<Option<bool>>("sort_keys")?.unwrap_or_default();
    options.assert_all_used()?;
    let mut json = json;
    if sort {
        json.sort_all_objects();
    }
    Ok(json)
}
