//! Maps as templates see them, and values on their way in and out of the template engine.

use std::sync::Arc;

use indexmap::IndexMap;
use minijinja::value::{Enumerator, Object, ValueKind};
use minijinja::{Error, ErrorKind, Value};
use serde_json::{Map, Value as Json};

use crate::diagnostics;

use super::hole::{Reason, Tracker};

/// What a key that is not there means.
#[derive(Debug, Clone)]
pub(super) enum Missing {
    /// Nobody defined it.
    Undefined,
    /// Only a real run can tell.
    Unknown(String),
    /// A fact of this host, not gathered.
    Fact(String),
}

/// A map that knows what it is called, so that a missing key can be named in full.
#[derive(Debug)]
pub(super) struct Dict {
    entries: IndexMap<String, Value>,
    name: String,
    missing: Missing,
    tracker: Arc<Tracker>,
}

impl Object for Dict {
    /// `a['b']`, and also `'b' in a`: no hole here.
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let key = key.as_str()?;
        match self.missing {
            Missing::Undefined => self.entries.get(key).cloned(),
            _ => self.get_value_by_str(key),
        }
    }

    /// `a.b`.
    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        if let Some(value) = self.entries.get(key) {
            return Some(value.clone());
        }
        let reason = match &self.missing {
            Missing::Undefined => {
                // Not the dictionary itself: it holds the tracker, which will hold the hole.
                let names: Vec<String> = self.entries.keys().cloned().collect();
                let unknown = key.to_owned();
                Reason::undefined(move || diagnostics::suggest(&unknown, names.iter().map(String::as_str)))
            }
            Missing::Unknown(why) => Reason::Unknown { why: why.clone() },
            Missing::Fact(host) => Reason::Facts { host: host.clone() },
        };
        Some(self.tracker.hole(&format!("{}.{key}", self.name), reason))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.entries.keys().map(|key| Value::from(key.as_str())).collect())
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        Some(self.entries.len())
    }
}

/// Brings a value into the template engine under the name a template has for it.
pub(super) fn into_template(value: &Json, name: &str, tracker: &Arc<Tracker>) -> Value {
    part_into_template(value, &|| name.to_owned(), tracker)
}

/// As [`into_template`]; scalars, which are most of what there is, need no name.
fn part_into_template(value: &Json, name: &dyn Fn() -> String, tracker: &Arc<Tracker>) -> Value {
    match value {
        Json::Object(map) => map_into_template(map, &name(), Missing::Undefined, tracker),
        Json::Array(items) => {
            let list = name();
            let items = items.iter().enumerate();
            items
                .map(|(index, item)| part_into_template(item, &|| format!("{list}[{index}]"), tracker))
                .collect()
        }
        scalar => native(scalar),
    }
}

/// As [`into_template`], for a map whose missing keys mean something else than undefined.
pub(super) fn map_into_template(
    map: &Map<String, Json>,
    name: &str,
    missing: Missing,
    tracker: &Arc<Tracker>,
) -> Value {
    let entries = map.iter().map(|(key, value)| {
        let value = part_into_template(value, &|| format!("{name}.{key}"), tracker);
        (key.clone(), value)
    });
    Value::from_object(Dict {
        entries: entries.collect(),
        name: name.to_owned(),
        missing,
        tracker: Arc::clone(tracker),
    })
}

/// A value that a filter made: it has no name.
pub(super) fn native(value: &Json) -> Value {
    Value::from(minijinja::value::Serde(value))
}

/// Brings a value out of the template engine; what is undefined anywhere in it is an error.
pub(super) fn out_of_template(value: &Value) -> Result<Json, Error> {
    match value.kind() {
        ValueKind::Undefined => Err(Error::from(ErrorKind::UndefinedError)),
        ValueKind::Seq | ValueKind::Iterable => value
            .try_iter()?
            .checked()
            .map(|item| out_of_template(&item?))
            .collect(),
        ValueKind::Map => {
            let mut map = Map::new();
            for key in value.try_iter()?.checked() {
                let key = key?;
                let item = out_of_template(&value.get_item(&key)?)?;
                map.insert(key.to_string(), item);
            }
            Ok(Json::Object(map))
        }
        ValueKind::Bytes => Ok(Json::String(value.to_string())),
        _ => serde_json::to_value(value)
            .map_err(|error| Error::new(ErrorKind::BadSerialization, "not a plain value").with_source(error)),
    }
}
