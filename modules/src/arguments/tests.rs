//! Cases as data: arguments, and what they are read as or what is wrong with them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::*;

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum State {
    /// Running.
    Started,
    /// Not running.
    Stopped,
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Zone {
    id: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-free-form" = "path"))]
struct Everything {
    path: String,
    #[serde(default)]
    force: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retries: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    delay: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    state: Option<State>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    units: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    zones: Vec<Zone>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    environment: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none", alias = "msg")]
    #[schemars(extend("x-aliases" = ["msg"]))]
    message: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    password: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("pattern" = "^[0-7]{3,4}$"))]
    mode: Option<String>,
}

fn read_back(arguments: Value) -> Result<Value, ArgumentError> {
    read::<Everything>(&schema_of::<Everything>(), arguments).map(|read| serde_json::to_value(read).unwrap())
}

#[test]
fn what_ansible_takes_is_taken() {
    for (given, taken) in [
        (json!({"path": "/a"}), json!({"path": "/a", "force": false})),
        (
            json!({"path": 5, "force": "yes"}),
            json!({"path": "5", "force": true}),
        ),
        (
            json!({"path": "a", "retries": "5", "delay": 2}),
            json!({"path": "a", "force": false, "retries": 5, "delay": 2.0}),
        ),
        (
            json!({"path": "a", "retries": 5.0, "force": null}),
            json!({"path": "a", "force": false, "retries": 5}),
        ),
        (
            json!({"path": "a", "retries": null, "state": "stopped"}),
            json!({"path": "a", "force": false, "state": "stopped"}),
        ),
        (
            json!({"path": "a", "units": "one, two"}),
            json!({"path": "a", "force": false, "units": ["one", "two"]}),
        ),
        (
            json!({"path": "a", "zones": {"id": "100"}}),
            json!({"path": "a", "force": false, "zones": [{"id": 100}]}),
        ),
        (
            json!({"path": "a", "environment": {"N": 1}}),
            json!({"path": "a", "force": false, "environment": {"N": "1"}}),
        ),
        (
            json!({"path": "a", "msg": [1.5]}),
            json!({"path": "a", "force": false, "message": [1.5]}),
        ),
    ] {
        assert_eq!(read_back(given.clone()), Ok(taken), "{given}");
    }
}

#[test]
fn what_is_wrong_is_named_with_what_was_expected() {
    for (given, argument, message, suggestion) in [
        (json!({}), "path", "`path` is missing", None),
        (json!(null), "path", "`path` is missing", None),
        (
            json!({"path": null}),
            "path",
            "expected text for `path`, got nothing",
            None,
        ),
        (
            json!({"path": "a", "pth": 1}),
            "pth",
            "there is no argument `pth`",
            Some("did you mean `path`?"),
        ),
        (
            json!({"path": 6.1}),
            "path",
            "expected text for `path`, got the number 6.1",
            Some("quote it: \"6.1\" (without quotes, 6.10 and 6.1 would be the same number)"),
        ),
        (
            json!({"path": true}),
            "path",
            "expected text for `path`, got true",
            Some("quote it: \"true\""),
        ),
        (
            json!({"path": "a", "force": "perhaps"}),
            "force",
            "expected true or false for `force`, got the text \"perhaps\"",
            Some("write true or false"),
        ),
        (
            json!({"path": "a", "retries": "many"}),
            "retries",
            "expected a whole number for `retries`, got the text \"many\"",
            None,
        ),
        (
            json!({"path": "a", "retries": -1}),
            "retries",
            "`retries` is -1, and must be at least 0",
            None,
        ),
        (
            json!({"path": "a", "state": "startd"}),
            "state",
            "`state` cannot be the text \"startd\"; it is one of started, stopped",
            Some("did you mean `started`?"),
        ),
        (
            json!({"path": "a", "zones": [{"id": 0}, {"id": "x"}]}),
            "zones[1].id",
            "expected a whole number for `zones[1].id`, got the text \"x\"",
            None,
        ),
        (
            json!({"path": "a", "zones": [{"id": 0, "nmae": "x"}]}),
            "zones[0].nmae",
            "there is no argument `zones[0].nmae`",
            Some("did you mean `name`?"),
        ),
        (
            json!({"path": "a", "environment": ["x"]}),
            "environment",
            "expected a mapping for `environment`, got a list",
            None,
        ),
        (
            json!({"path": "a", "mode": 420}),
            "mode",
            "expected text for `mode`, got the number 420",
            Some("quote it where it is set (without quotes, 0644 becomes 420)"),
        ),
        (
            json!({"path": "a", "mode": "u+x"}),
            "mode",
            "`mode` cannot be written as the text \"u+x\"",
            None,
        ),
        (
            json!({"path": "a", "password": "hunter2"}),
            "password",
            "expected a whole number for `password`, got the text that is not shown",
            None,
        ),
    ] {
        let error = read_back(given.clone()).unwrap_err();
        assert_eq!(error.argument.as_deref(), Some(argument), "{given}");
        assert_eq!(error.message, message, "{given}");
        assert_eq!(error.suggestion.as_deref(), suggestion, "{given}");
    }
    assert_eq!(
        read_back(json!("text")).unwrap_err().message,
        "expected a mapping, got the text \"text\""
    );
}

#[test]
fn templates_pass_and_everything_else_is_found_at_once() {
    let schema = schema_of::<Everything>();
    let arguments = json!({
        "path": "{{ path }}", "retries": "{{ n }}", "force": "{{ f }}", "zones": "{{ zones }}",
        "state": "{% if x %}started{% endif %}", "units": ["{{ u }}"], "delay": "soon", "unit": 1,
    });
    let mut errors = Vec::new();
    fit::Fit::unrendered(&mut errors, &[]).value(Shape::of(schema.as_value()), arguments, "");
    let named: Vec<_> = errors
        .iter()
        .filter_map(|error| error.argument.as_deref())
        .collect();
    assert_eq!(named, ["delay", "unit"]);

    let arguments: Map<String, Value> = Map::from_iter([("delay".to_owned(), json!("an expression"))]);
    let mut errors = Vec::new();
    let shape = Shape::of(schema.as_value());
    fit::Fit::unrendered(&mut errors, &["delay", "path"]).value(shape, Value::Object(arguments), "");
    assert_eq!(errors.len(), 1);
}

#[test]
fn a_schema_says_where_text_is_meant() {
    let schema = schema_of::<Everything>();
    let shape = Shape::of(schema.as_value());
    let is_text = |name: &str| shape.property(name).is_some_and(Shape::is_text);
    assert!(is_text("path") && is_text("state"));
    assert!(!is_text("force") && !is_text("retries") && !is_text("units") && !is_text("message"));
    let items = shape.property("units").and_then(Shape::items);
    assert!(items.is_some_and(Shape::is_text));
    let zone_name = shape
        .property("zones")
        .and_then(Shape::items)
        .and_then(|zone| zone.property("name"));
    assert!(zone_name.is_some_and(Shape::is_text));
    let variable = shape.property("environment").and_then(|map| map.property("ANY"));
    assert!(variable.is_some_and(Shape::is_text));
    assert_eq!(shape.free_form(), Some("path"));
    assert!(shape.property("nothing").is_none());
    assert!(shape.property("msg").is_some());
}
