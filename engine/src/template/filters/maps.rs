//! Maps: `combine`, `dict`, `dict2items`, `items2dict`, `rekey_on_member`, `extract`, `subelements`.

use minijinja::value::{Kwargs, Rest, ValueKind, ValueOrKwargs};
use minijinja::{Environment, Error, State, Value};
use serde_json::{Map, Value as Json, json};

use super::super::dict::out_of_template;
use super::super::lookups::lists::pairs;
use super::given::Given;
use super::{invalid, made};

pub(super) fn add(environment: &mut Environment<'static>) {
    environment.add_filter("combine", combine);
    environment.add_filter("dict2items", dict2items);
    environment.add_filter("items2dict", items2dict);
    environment.add_filter("rekey_on_member", rekey_on_member);
    environment.add_filter("extract", extract);
    environment.add_filter("subelements", subelements);
    environment.add_function("dict", dict);
}

/// What becomes of two lists under the same key.
#[derive(Clone, Copy)]
enum Lists {
    Replace,
    Keep,
    Append,
    Prepend,
    AppendRp,
    PrependRp,
}

impl Lists {
    fn named(name: &str) -> Result<Self, Error> {
        Ok(match name {
            "replace" => Self::Replace,
            "keep" => Self::Keep,
            "append" => Self::Append,
            "prepend" => Self::Prepend,
            "append_rp" => Self::AppendRp,
            "prepend_rp" => Self::PrependRp,
            _ => return Err(invalid(format!("combine: there is no list_merge '{name}'"))),
        })
    }

    fn merge(self, old: &[Json], new: &[Json]) -> Vec<Json> {
        let without = |list: &[Json], other: &[Json]| {
            let kept = list.iter().filter(|item| !other.contains(item));
            kept.cloned().collect::<Vec<_>>()
        };
        match self {
            Self::Replace => new.to_vec(),
            Self::Keep => old.to_vec(),
            Self::Append => [old, new].concat(),
            Self::Prepend => [new, old].concat(),
            Self::AppendRp => [without(old, new), new.to_vec()].concat(),
            Self::PrependRp => [new.to_vec(), without(old, new)].concat(),
        }
    }
}

/// `a | combine(b, c, recursive=true, list_merge='append')`: what comes later wins.
fn combine(state: &State, first: &Value, others: Rest<Value>, options: Kwargs) -> Result<Value, Error> {
    let recursive = options.get::<Option<bool>>("recursive")?.unwrap_or_default();
    let lists = match options.get::<Option<&str>>("list_merge")? {
        Some(name) => Lists::named(name)?,
        None => Lists::Replace,
    };
    options.assert_all_used()?;
    let mut combined = Map::new();
    for other in std::iter::once(first).chain(others.iter()) {
        // A list of maps counts as so many maps.
        let maps = match out_of_template(other)? {
            Json::Array(maps) => maps,
            map => vec![map],
        };
        for map in maps {
            let Json::Object(map) = map else {
                return Err(invalid(format!("combine takes mappings, not a {}", other.kind())));
            };
            merge(&mut combined, map, recursive, lists);
        }
    }
    Ok(made(state, "combine", &Json::Object(combined)))
}

fn merge(into: &mut Map<String, Json>, from: Map<String, Json>, recursive: bool, lists: Lists) {
    for (key, new) in from {
        match (into.get_mut(&key), new) {
            (Some(Json::Object(old)), Json::Object(new)) if recursive => merge(old, new, recursive, lists),
            (Some(Json::Array(old)), Json::Array(new)) => *old = lists.merge(old, &new),
            (_, new) => {
                into.insert(key, new);
            }
        }
    }
}

/// `dict(a=1)`, `dict(map, a=1)`, and `dict(keys | zip(values))`.
fn dict(state: &State, first: Option<Value>, named: Kwargs) -> Result<Value, Error> {
    let pairs = || invalid("dict takes a mapping, or a list of pairs");
    let mut map = match first.as_ref().map(out_of_template).transpose()? {
        None => Map::new(),
        Some(Json::Object(map)) => map,
        Some(Json::Array(items)) => items
            .iter()
            .map(|item| match item.as_array().map(Vec::as_slice) {
                Some([key, value]) => Ok((key_of(key), value.clone())),
                _ => Err(pairs()),
            })
            .collect::<Result<_, _>>()?,
        Some(_) => return Err(pairs()),
    };
    for name in named.args() {
        map.insert(name.to_owned(), out_of_template(&named.get(name)?)?);
    }
    Ok(made(state, "dict", &Json::Object(map)))
}

/// `users | subelements('groups')`: pairs of an item and of each of what a list in it holds. `skip_missing=true`: some have no such list.
fn subelements(state: &State, items: &Value, path: &str, options: Kwargs) -> Result<Value, Error> {
    let skip_missing = options.get::<Option<bool>>("skip_missing")?.unwrap_or_default();
    options.assert_all_used()?;
    let pairs = pairs(&out_of_template(items)?, path, skip_missing);
    let pairs = pairs.map_err(|why| invalid(format!("subelements: {why}")))?;
    Ok(made(state, "subelements", &Json::Array(pairs)))
}

fn dict2items(state: &State, map: &Value, options: Kwargs) -> Result<Value, Error> {
    let (key_name, value_name) = names(&options)?;
    let Json::Object(map) = out_of_template(map)? else {
        return Err(invalid(format!(
            "dict2items takes a mapping, not a {}",
            map.kind()
        )));
    };
    let items = map
        .into_iter()
        .map(|(key, value)| json!({ (key_name.as_str()): key, (value_name.as_str()): value }));
    Ok(made(state, "dict2items", &items.collect()))
}

fn items2dict(state: &State, items: &Value, options: Kwargs) -> Result<Value, Error> {
    let (key_name, value_name) = names(&options)?;
    let Json::Array(items) = out_of_template(items)? else {
        return Err(invalid(format!(
            "items2dict takes a list, not a {}",
            items.kind()
        )));
    };
    let mut map = Map::new();
    for item in items {
        let (Some(key), Some(value)) = (item.get(&key_name), item.get(&value_name)) else {
            return Err(invalid(format!(
                "items2dict takes mappings that have `{key_name}` and `{value_name}`"
            )));
        };
        map.insert(key_of(key), value.clone());
    }
    Ok(made(state, "items2dict", &Json::Object(map)))
}

/// `zones | rekey_on_member('name', duplicates='error')`: mappings by what they have under that key.
fn rekey_on_member(
    state: &State,
    items: &Value,
    key: &str,
    given: Rest<ValueOrKwargs>,
) -> Result<Value, Error> {
    let given = Given::new(given)?;
    let duplicates: Option<String> = given.get(0, "duplicates")?;
    given.end(1)?;
    let overwrite = match duplicates.as_deref() {
        None | Some("error") => false,
        Some("overwrite") => true,
        Some(_) => return Err(invalid("rekey_on_member: duplicates is error or overwrite")),
    };
    let items = items_of("rekey_on_member", items)?;
    let mut map = Map::new();
    for item in items {
        let Some(name) = item.get(key).map(key_of) else {
            return Err(invalid(format!("rekey_on_member: an item has no `{key}`")));
        };
        if !overwrite && map.contains_key(&name) {
            return Err(invalid(format!(
                "rekey_on_member: two items have the {key} {name}"
            )));
        }
        map.insert(name, item);
    }
    Ok(made(state, "rekey_on_member", &Json::Object(map)))
}

/// The items of a list, or the values of a mapping.
fn items_of(filter: &str, items: &Value) -> Result<Vec<Json>, Error> {
    match out_of_template(items)? {
        Json::Array(items) => Ok(items),
        Json::Object(map) => Ok(map.into_iter().map(|(_, value)| value).collect()),
        _ => Err(invalid(format!("{filter} takes a list, not a {}", items.kind()))),
    }
}

/// Keys are texts.
fn key_of(key: &Json) -> String {
    key.as_str().map_or_else(|| key.to_string(), str::to_owned)
}

fn names(options: &Kwargs) -> Result<(String, String), Error> {
    let key = options.get::<Option<String>>("key_name")?;
    let value = options.get::<Option<String>>("value_name")?;
    options.assert_all_used()?;
    Ok((
        key.unwrap_or_else(|| "key".to_owned()),
        value.unwrap_or_else(|| "value".to_owned()),
    ))
}

/// `key | extract(container, morekeys)`: what `container[key]` is; `morekeys` lead further into it. For `map`:
/// `groups.slaves | map('extract', hostvars, 'zone_id')`.
fn extract(key: &Value, container: &Value, given: Rest<ValueOrKwargs>) -> Result<Value, Error> {
    let given = Given::new(given)?;
    let more: Option<Value> = given.get(0, "morekeys")?;
    given.end(1)?;
    let mut found = element(container, key)?;
    match more {
        Some(keys) if keys.kind() == ValueKind::Seq => {
            for key in keys.try_iter()? {
                found = element(&found, &key)?;
            }
        }
        Some(key) if !key.is_none() => found = element(&found, &key)?,
        _ => {}
    }
    Ok(found)
}

/// By name as `a.b` does it: what is not there can then be named, and `default` be applied to it.
fn element(container: &Value, key: &Value) -> Result<Value, Error> {
    match key.as_str() {
        Some(name) => container.get_attr(name),
        None => container.get_item(key),
    }
}
