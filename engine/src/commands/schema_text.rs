//! JSON schemas of arguments in the words of an operator.

use serde_json::Value;

/// An argument of a module.
pub(super) struct Argument<'a> {
    pub(super) name: &'a str,
    /// "text", "list of text", "number".
    pub(super) kind: String,
    pub(super) required: bool,
    pub(super) default: Option<&'a Value>,
    /// What it may be, each with what that means.
    pub(super) choices: Vec<(String, &'a str)>,
    pub(super) description: &'a str,
    /// For a mapping: what may stand in it.
    pub(super) fields: Vec<Argument<'a>>,
}

/// All arguments of a schema, in the order in which the module declares them.
pub(super) fn arguments(schema: &Value) -> Vec<Argument<'_>> {
    let required: Vec<&str> = list(schema, "required").filter_map(Value::as_str).collect();
    let properties = schema.get("properties").and_then(Value::as_object);
    properties
        .into_iter()
        .flatten()
        .map(|(name, schema)| Argument {
            name,
            kind: kind(schema),
            required: required.contains(&name.as_str()),
            default: schema.get("default").filter(|default| !default.is_null()),
            choices: choices(schema),
            description: text(schema, "description"),
            fields: arguments(schema),
        })
        .collect()
}

/// A text of a schema, or an empty one.
pub(super) fn text<'a>(schema: &'a Value, key: &str) -> &'a str {
    schema.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn list<'a>(schema: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    schema.get(key).and_then(Value::as_array).into_iter().flatten()
}

/// Alternatives, without the one that only says that the argument may be left out.
fn alternatives(schema: &Value) -> Vec<&Value> {
    let is_nothing = |schema: &&Value| text(schema, "type") != "null";
    list(schema, "anyOf")
        .chain(list(schema, "oneOf"))
        .filter(is_nothing)
        .collect()
}

fn kind(schema: &Value) -> String {
    let types: Vec<&str> = match schema.get("type") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let mut words: Vec<String> = types
        .iter()
        .filter(|name| **name != "null")
        .map(|name| word(name, schema))
        .collect();
    if words.is_empty() {
        words = alternatives(schema).into_iter().map(kind).collect();
        words.dedup();
    }
    if words.is_empty() {
        let constant = schema.get("const").or_else(|| list(schema, "enum").next());
        words.push(
            constant
                .map_or(
                    "any value",
                    |value| if value.is_string() { "text" } else { "value" },
                )
                .to_owned(),
        );
    }
    words.join(" or ")
}

fn word(name: &str, schema: &Value) -> String {
    match name {
        "string" => "text".to_owned(),
        "integer" => "whole number".to_owned(),
        "number" => "number".to_owned(),
        "boolean" => "boolean".to_owned(),
        "array" => match schema.get("items") {
            Some(items) if items.is_object() => format!("list of {}", kind(items)),
            _ => "list".to_owned(),
        },
        "object" => "mapping".to_owned(),
        other => other.to_owned(),
    }
}

fn choices(schema: &Value) -> Vec<(String, &str)> {
    let named = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let mut choices: Vec<(String, &str)> = list(schema, "enum")
        .filter(|value| !value.is_null())
        .map(|value| (named(value), ""))
        .collect();
    choices.extend(
        schema
            .get("const")
            .map(|value| (named(value), text(schema, "description"))),
    );
    choices.extend(alternatives(schema).into_iter().flat_map(self::choices));
    choices
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::arguments;

    #[test]
    fn schemas_in_words() {
        let schema = json!({
            "required": ["a"],
            "properties": {
                "a": {"type": "string", "description": "The first."},
                "b": {"type": ["integer", "null"], "default": null},
                "c": {"type": "array", "items": {"type": "string"}, "default": []},
                "d": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "number"}}, {"type": "null"}]},
                "e": {"type": "string", "enum": ["x", "y"], "default": "x"},
                "f": {"anyOf": [{"oneOf": [{"const": "p", "description": "P."}, {"type": "string", "enum": ["q"]}]}, {"type": "null"}]},
                "g": true,
                "h": {"type": "object"},
                "i": {"type": "boolean"},
            },
        });
        let shown: Vec<String> = arguments(&schema)
            .iter()
            .map(|argument| {
                let choices: Vec<_> = argument
                    .choices
                    .iter()
                    .map(|(name, what)| format!("{name}:{what}"))
                    .collect();
                let default = argument.default.map(ToString::to_string).unwrap_or_default();
                format!(
                    "{} {} {} {default} {}",
                    argument.name,
                    argument.kind,
                    argument.required,
                    choices.join(",")
                )
            })
            .collect();
        let expected = [
            "a text true  ",
            "b whole number false  ",
            "c list of text false [] ",
            "d text or list of number false  ",
            "e text false \"x\" x:,y:",
            "f text false  p:P.,q:",
            "g any value false  ",
            "h mapping false  ",
            "i boolean false  ",
        ];
        assert_eq!(shown, expected);
    }
}
