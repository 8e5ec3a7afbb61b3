//! Lookups that make a list of what they are given, as Ansible's do of the same names. `with_NAME` is a loop over what they make.

use serde_json::{Map, Value as Json, json};

use super::sequence::Sequence;

/// More items are a mistake.
pub(super) const MOST: usize = 1_000_000;

/// Such a lookup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listing {
    /// What is given; of a list in it, what that holds.
    Items,
    /// What is given, lists as they are.
    List,
    /// The keys and values of mappings.
    Dict,
    /// [`Self::Items`], each with its number.
    IndexedItems,
    /// What is given; of lists in it, however deep, what they hold.
    Flattened,
    /// The firsts of all lists, then the seconds, and so on.
    Together,
    /// Each of the first list with each of the second, and so on.
    Nested,
    /// Each item of a list with each one of a list in it.
    Subelements,
    /// Numbers.
    Sequence,
}

impl Listing {
    /// That of this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "items" => Self::Items,
            "list" => Self::List,
            "dict" => Self::Dict,
            "indexed_items" => Self::IndexedItems,
            "flattened" => Self::Flattened,
            "together" => Self::Together,
            "nested" | "cartesian" => Self::Nested,
            "subelements" => Self::Subelements,
            "sequence" => Self::Sequence,
            _ => return None,
        })
    }

    /// What it makes of these terms. The error says what is wrong with them.
    pub(crate) fn of(self, terms: Vec<Json>) -> Result<Vec<Json>, String> {
        match self {
            Self::Items => Ok(flat(terms)),
            Self::List => Ok(terms),
            Self::Dict => dict(terms),
            Self::IndexedItems => Ok((0..)
                .zip(flat(terms))
                .map(|(at, item)| json!([at, item]))
                .collect()),
            Self::Flattened => {
                let mut all = Vec::new();
                for term in terms {
                    flatten(term, &mut all);
                }
                Ok(all)
            }
            Self::Together => Ok(together(&lists(terms)?)),
            Self::Nested => nested(&lists(terms)?),
            Self::Subelements => subelements(&terms),
            Self::Sequence => {
                let mut numbers = Vec::new();
                for term in terms {
                    let text = term
                        .as_str()
                        .ok_or_else(|| format!("{term} is no sequence, as `1-5` is"))?;
                    numbers.extend(Sequence::read(text)?.items()?);
                }
                Ok(numbers)
            }
        }
    }
}

/// One level less of lists.
fn flat(items: Vec<Json>) -> Vec<Json> {
    let mut all = Vec::new();
    for item in items {
        match item {
            Json::Array(inner) => all.extend(inner),
            item => all.push(item),
        }
    }
    all
}

fn flatten(item: Json, to: &mut Vec<Json>) {
    match item {
        Json::Array(inner) => {
            for item in inner {
                flatten(item, to);
            }
        }
        Json::Null => {}
        item => to.push(item),
    }
}

fn dict(terms: Vec<Json>) -> Result<Vec<Json>, String> {
    let mut pairs = Vec::new();
    for term in terms {
        let Json::Object(map) = term else {
            return Err(format!("{term} is no mapping"));
        };
        pairs.extend(
            map.into_iter()
                .map(|(key, value)| json!({"key": key, "value": value})),
        );
    }
    Ok(pairs)
}

fn lists(terms: Vec<Json>) -> Result<Vec<Vec<Json>>, String> {
    if terms.is_empty() {
        return Err("it takes lists, and there is none".to_owned());
    }
    let list = |term| match term {
        Json::Array(list) => Ok(list),
        other => Err(format!("it takes lists, and {other} is none")),
    };
    terms.into_iter().map(list).collect()
}

fn together(lists: &[Vec<Json>]) -> Vec<Json> {
    let longest = lists.iter().map(Vec::len).max().unwrap_or_default();
    let row = |at: usize| {
        let items = lists.iter().map(|list| list.get(at).cloned().unwrap_or_default());
        Json::Array(flat(items.collect()))
    };
    (0..longest).map(row).collect()
}

fn nested(lists: &[Vec<Json>]) -> Result<Vec<Json>, String> {
    let rows = lists
        .iter()
        .try_fold(1_usize, |rows, list| rows.checked_mul(list.len()));
    if rows.is_none_or(|rows| rows > MOST) {
        return Err(format!("these lists make more than {MOST} combinations"));
    }
    let mut rows: Vec<Vec<Json>> = vec![Vec::new()];
    for list in lists {
        let with_each = |row: &Vec<Json>| -> Vec<Vec<Json>> {
            let longer = |item: &Json| flat(row.iter().chain([item]).cloned().collect());
            list.iter().map(longer).collect()
        };
        rows = rows.iter().flat_map(with_each).collect();
    }
    Ok(rows.into_iter().map(Json::Array).collect())
}

fn subelements(terms: &[Json]) -> Result<Vec<Json>, String> {
    let (items, path, options) = match terms {
        [items, Json::String(path)] => (items, path, None),
        [items, Json::String(path), Json::Object(options)] => (items, path, Some(options)),
        _ => {
            return Err(
                "it takes a list, the name of a list in its items, and perhaps `{skip_missing: true}`"
                    .to_owned(),
            );
        }
    };
    let skip_missing = options.is_some_and(|options| options.get("skip_missing") == Some(&Json::Bool(true)));
    let mut pairs = pairs(items, path, skip_missing)?;
    // The filter of this name leaves the list in the item.
    for pair in &mut pairs {
        let (above, last) = path.rsplit_once('.').unwrap_or(("", path.as_str()));
        let item = pair.get_mut(0);
        let inner = item.and_then(|item| item.pointer_mut(&pointer(above)));
        if let Some(Json::Object(inner)) = inner {
            inner.shift_remove(last);
        }
    }
    Ok(pairs)
}

/// A path of names as `serde_json` takes it.
fn pointer(path: &str) -> String {
    let names = path.split('.').filter(|name| !name.is_empty());
    names
        .map(|name| format!("/{}", name.replace('~', "~0").replace('/', "~1")))
        .collect()
}

/// Pairs of an item and of each of what a list in it holds. Of a mapping, of its values.
pub(crate) fn pairs(items: &Json, path: &str, skip_missing: bool) -> Result<Vec<Json>, String> {
    let items: Vec<&Json> = match items {
        Json::Array(items) => items.iter().collect(),
        Json::Object(map) => Map::values(map).collect(),
        other => return Err(format!("it takes a list, and {other} is none")),
    };
    let mut pairs = Vec::new();
    for item in items {
        let inner = path
            .split('.')
            .try_fold(item, |inner, name| inner.as_object()?.get(name));
        match inner {
            Some(Json::Array(inner)) => pairs.extend(inner.iter().map(|each| json!([item, each]))),
            None if skip_missing => {}
            _ => return Err(format!("an item has no list `{path}`")),
        }
    }
    Ok(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_what_is_given() {
        let cases = [
            ("items", json!([1, [2, [3]], []]), json!([1, 2, [3]])),
            ("list", json!([1, [2]]), json!([1, [2]])),
            (
                "dict",
                json!([{"b": 1, "a": [2]}]),
                json!([{"key": "b", "value": 1}, {"key": "a", "value": [2]}]),
            ),
            (
                "indexed_items",
                json!([["x", "y"], "z"]),
                json!([[0, "x"], [1, "y"], [2, "z"]]),
            ),
            ("flattened", json!([1, [2, [3, [null]]]]), json!([1, 2, 3])),
            ("together", json!([[1, 2], ["a"]]), json!([[1, "a"], [2, null]])),
            (
                "nested",
                json!([[1, 2], ["a", "b"]]),
                json!([[1, "a"], [1, "b"], [2, "a"], [2, "b"]]),
            ),
            ("nested", json!([[1], []]), json!([])),
            ("cartesian", json!([[1], [[2, 3]]]), json!([[1, 2, 3]])),
            (
                "subelements",
                json!([[{"a": {"b": [1, 2]}}, {}], "a.b", {"skip_missing": true}]),
                json!([[{"a": {}}, 1], [{"a": {}}, 2]]),
            ),
            ("sequence", json!(["1-3"]), json!(["1", "2", "3"])),
        ];
        for (name, terms, wanted) in cases {
            let terms = terms.as_array().unwrap().clone();
            assert_eq!(
                Json::Array(Listing::named(name).unwrap().of(terms).unwrap()),
                wanted,
                "{name}"
            );
        }
        for (name, terms, why) in [
            ("dict", json!([1]), "1 is no mapping"),
            ("together", json!([]), "it takes lists"),
            ("nested", json!([1]), "1 is none"),
            (
                "nested",
                json!([vec![0; 2000], vec![0; 2000]]),
                "more than 1000000",
            ),
            ("subelements", json!([[{}], "a"]), "an item has no list `a`"),
            ("sequence", json!(["x"]), "x"),
        ] {
            let terms = terms.as_array().unwrap().clone();
            let came = Listing::named(name).unwrap().of(terms).unwrap_err();
            assert!(came.contains(why), "{came}");
        }
    }
}
