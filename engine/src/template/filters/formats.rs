//! JSON and YAML.

use std::io::{self, Write};
use std::sync::LazyLock;

use minijinja::value::Kwargs;
use minijinja::{Environment, Error, State, Value};
use regex::Regex;
use serde::Serialize;
use serde_json::Value as Json;
use serde_json::ser::{Formatter, PrettyFormatter, Serializer};

use super::super::dict::out_of_template;
use super::{invalid, made};

pub(super) fn add(environment: &mut Environment<'static>) {
    environment.add_filter("to_json", |value: &Value, options: Kwargs| {
        let indent: Option<usize> = options.get("indent")?;
        let json = sorted(out_of_template(value)?, &options, false)?;
        written(&json, indent)
    });
    environment.add_filter("to_nice_json", |value: &Value, options: Kwargs| {
        let indent = options.get::<Option<usize>>("indent")?.unwrap_or(4);
        let json = sorted(out_of_template(value)?, &options, true)?;
        written(&json, Some(indent))
    });
    environment.add_filter("from_json", |state: &State, text: &str| {
        let json: Json =
            serde_json::from_str(text).map_err(|error| not("JSON", error.line(), error.column()))?;
        Ok::<_, Error>(made(state, "from_json", &json))
    });
    environment.add_filter("to_yaml", to_yaml);
    environment.add_filter("to_nice_yaml", to_yaml);
    environment.add_filter("from_yaml", |state: &State, text: &str| {
        let json: Json = serde_yaml::from_str(text).map_err(|error| {
            let (line, column) = error
                .location()
                .map_or((1, 1), |place| (place.line(), place.column()));
            not("YAML", line, column)
        })?;
        Ok::<_, Error>(made(state, "from_yaml", &json))
    });
}

/// Says where and quotes nothing: the text may be secret.
fn not(format: &str, line: usize, column: usize) -> Error {
    invalid(format!(
        "the text is no valid {format} (line {line}, column {column})"
    ))
}

/// JSON as Python writes it, so that a file which came from Ansible stays as it is; but characters are themselves.
///
/// One thing a line, indented by so many spaces a level; on one line where that is not said.
fn written(json: &Json, indent: Option<usize>) -> Result<String, Error> {
    let mut out = Vec::new();
    let written = match indent {
        Some(indent) => {
            let spaces = " ".repeat(indent.min(16));
            let formatter = PrettyFormatter::with_indent(spaces.as_bytes());
            json.serialize(&mut Serializer::with_formatter(&mut out, formatter))
        }
        None => json.serialize(&mut Serializer::with_formatter(&mut out, OneLine)),
    };
    written.map_err(|error| invalid(error.to_string()))?;
    Ok(String::from_utf8_lossy(&out).into_owned())
}

/// A space after each comma and colon.
struct OneLine;

impl Formatter for OneLine {
    fn begin_array_value<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        out.write_all(if first { b"" } else { b", " })
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        out.write_all(if first { b"" } else { b", " })
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        out.write_all(b": ")
    }
}

fn to_yaml(value: &Value, options: Kwargs) -> Result<String, Error> {
    // The one layout there is is the nice one; these options of Ansible's change nothing here.
    let _: Option<usize> = options.get("indent")?;
    let _: Option<usize> = options.get("width")?;
    let mut json = sorted(out_of_template(value)?, &options, true)?;
    // Where a text has the mark itself, it could not be told from it.
    if json.to_string().contains(r"\u0001") {
        return serde_yaml::to_string(&json).map_err(|error| invalid(error.to_string()));
    }
    mark(&mut json);
    let marked = serde_yaml::to_string(&json).map_err(|error| invalid(error.to_string()))?;
    Ok(marked.replace(r#""\x01"#, "\""))
}

/// Puts a mark, with which they need quotes, before texts that YAML 1.2 takes for texts and YAML 1.1 for something else: `no`,
/// `1_000`, `1:30`, `2024-01-02`. Most programs that read configuration, Ruby's and Python's, read 1.1.
fn mark(json: &mut Json) {
    const MARK: char = '\u{1}';
    static NO_TEXT: LazyLock<Option<Regex>> = LazyLock::new(|| {
        let switch = "y|yes|n|no|on|off|true|false|null";
        let number = r"[-+]?[0-9][0-9_,]*(:[0-5]?[0-9])*(\.[0-9_]*)?";
        let date = r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt ].*)?";
        Regex::new(&format!("^(?i:{switch}|{number}|{date}|=|<<)$")).ok()
    });
    let needs_quotes = |text: &str| NO_TEXT.as_ref().is_some_and(|pattern| pattern.is_match(text));
    match json {
        Json::String(text) if needs_quotes(text) => text.insert(0, MARK),
        Json::Array(items) => items.iter_mut().for_each(mark),
        Json::Object(map) => {
            let entries = std::mem::take(map).into_iter().map(|(key, mut value)| {
                mark(&mut value);
                let key = if needs_quotes(&key) {
                    format!("{MARK}{key}")
                } else {
                    key
                };
                (key, value)
            });
            *map = entries.collect();
        }
        _ => {}
    }
}

/// Keys in alphabetical order, if `sort_keys` says so or, where it says nothing, the filter does.
fn sorted(mut json: Json, options: &Kwargs, by_default: bool) -> Result<Json, Error> {
    let said: Option<bool> = options.get("sort_keys")?;
    options.assert_all_used()?;
    if said.unwrap_or(by_default) {
        json.sort_all_objects();
    }
    Ok(json)
}
