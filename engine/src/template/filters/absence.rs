//! What may be undefined: `default`, `mandatory`, `ternary`, `is defined`, and `map` with a default.

use minijinja::value::{Kwargs, Rest, ValueOrKwargs};
use minijinja::{Environment, Error, ErrorKind, State, Value};

use super::super::hole::{excuse_all, is_undefined};
use super::given::Given;
use super::invalid;

/// The template engine's own `map`, under a name that no template can write.
const BUILTIN_MAP: &str = "map!";

pub(super) fn add(environment: &mut Environment<'static>) {
    environment.add_filter("default", default);
    environment.add_filter("d", default);
    environment.add_filter("mandatory", mandatory);
    environment.add_filter("ternary", ternary);
    environment.add_filter(BUILTIN_MAP, minijinja::filters::map);
    environment.add_filter("map", map);
    environment.add_test("defined", |value: &Value| !is_undefined(value));
    environment.add_test("undefined", is_undefined);
}

/// `default(other='', boolean=false)`: `other` where the value is undefined, or, if asked, false or empty.
fn default(value: &Value, args: Rest<Value>, options: Kwargs) -> Result<Value, Error> {
    let named: Option<Value> = options.get("default_value")?;
    let lax: Option<bool> = options.get("boolean")?;
    options.assert_all_used()?;
    if args.len() > 2 {
        return Err(Error::from(ErrorKind::TooManyArguments));
    }
    let lax = lax.unwrap_or_else(|| args.get(1).is_some_and(Value::is_true));
    if is_undefined(value) || (lax && !value.is_true()) {
        let other = args.first().cloned().or(named);
        return Ok(other.unwrap_or_else(|| Value::from("")));
    }
    excuse_all(args.iter());
    Ok(value.clone())
}

/// `mandatory(msg)`.
fn mandatory(value: &Value, given: Rest<ValueOrKwargs>) -> Result<Value, Error> {
    let given = Given::new(given)?;
    let message: Option<String> = given.get(0, "msg")?;
    given.end(1)?;
    match message {
        Some(message) if is_undefined(value) => Err(invalid(message)),
        _ => Ok(value.clone()),
    }
}

/// `ternary(true_val, false_val, none_val)`.
fn ternary(value: &Value, given: Rest<ValueOrKwargs>) -> Result<Value, Error> {
    let given = Given::new(given)?;
    let nothing = || Value::from(());
    let yes = given.get(0, "true_val")?.unwrap_or_else(nothing);
    let no = given.get(1, "false_val")?.unwrap_or_else(nothing);
    let none: Option<Value> = given.get(2, "none_val")?;
    given.end(3)?;
    let (chosen, others) = match none {
        Some(none) if value.is_none() => (none, [yes, no]),
        none if value.is_true() => (yes, [no, none.unwrap_or_default()]),
        none => (no, [yes, none.unwrap_or_default()]),
    };
    excuse_all(&others);
    Ok(chosen)
}

/// `map`, with its `default` for attributes that are not there.
fn map(state: &mut State, value: Value, args: Rest<ValueOrKwargs>) -> Result<Vec<Value>, Error> {
    let args = args.into_values();
    let (rest, options): (&[Value], Kwargs) = minijinja::value::from_args(&args)?;
    let attribute: Option<String> = options.get("attribute")?;
    let fallback: Option<Value> = options.get("default")?;
    let (Some(attribute), Some(fallback), []) = (attribute, fallback, rest) else {
        let all: Vec<Value> = std::iter::once(value).chain(args.iter().cloned()).collect();
        return builtin_map(state, &all);
    };
    let mut values = Vec::new();
    for item in value.try_iter()? {
        let mut found = item;
        for part in attribute.split('.') {
            found = match part.parse::<usize>() {
                Ok(index) => found.get_item_by_index(index)?,
                Err(_) => found.get_attr(part)?,
            };
            if is_undefined(&found) {
                found = fallback.clone();
                break;
            }
        }
        values.push(found);
    }
    Ok(values)
}

fn builtin_map(state: &mut State, args: &[Value]) -> Result<Vec<Value>, Error> {
    let mapped = state.apply_filter(BUILTIN_MAP, args)?;
    mapped.try_iter().map(Iterator::collect)
}
