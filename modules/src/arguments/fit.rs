//! Fits a value to a schema, and says where it does not fit.

use serde_json::{Map, Number, Value};

use super::ArgumentError;
use super::shape::{Kind, Shape};

/// One pass over the arguments of a task.
pub(super) struct Fit<'a> {
    errors: &'a mut Vec<ArgumentError>,
    /// Whether texts may still be templates.
    unrendered: bool,
    /// Arguments to leave alone.
    expressions: &'a [&'a str],
}

impl<'a> Fit<'a> {
    /// For values as they will be used.
    pub(super) fn finished(errors: &'a mut Vec<ArgumentError>) -> Self {
        Self {
            errors,
            unrendered: false,
            expressions: &[],
        }
    }

    /// For values that may contain templates.
    pub(super) fn unrendered(errors: &'a mut Vec<ArgumentError>, expressions: &'a [&'a str]) -> Self {
        Self {
            errors,
            unrendered: true,
            expressions,
        }
    }

    /// The value as the schema wants it; as it is where it cannot be had, and then there is an error more.
    pub(super) fn value(&mut self, shape: Shape<'_>, value: Value, path: &str) -> Value {
        if self.unrendered && value.as_str().is_some_and(is_template) {
            return value;
        }
        if value.is_null() && shape.nullable {
            return value;
        }
        match (shape.kind(), value) {
            (Kind::Any, value) => value,
            (Kind::List, value) => self.list(shape, value, path),
            (Kind::Mapping, Value::Object(map)) => self.mapping(shape, map, path),
            (Kind::OneOf, value) => self.one_of(shape, value, path),
            (Kind::Choice(choices), value) => self.choice(&choices, value, path),
            (kind, value) => match scalar(&kind, value) {
                Ok(value) => self.in_bounds(shape, value, path),
                Err(value) => self.wrong(&kind, value, path),
            },
        }
    }

    fn wrong(&mut self, kind: &Kind<'_>, value: Value, path: &str) -> Value {
        let message = match (kind, path) {
            (_, "") => format!("expected {}, got {}", meant(kind), shown(&value, path)),
            _ => format!(
                "expected {} for `{path}`, got {}",
                meant(kind),
                shown(&value, path)
            ),
        };
        let suggestion = match (kind, &value) {
            (Kind::Text, Value::Number(number)) => Some(format!(
                "quote it: \"{number}\" (without quotes, 6.10 and 6.1 would be the same number)"
            )),
            (Kind::Text, Value::Bool(flag)) => Some(format!("quote it: \"{flag}\"")),
            (Kind::Boolean, _) => Some("write true or false".to_owned()),
            _ => None,
        };
        self.error(path, message, suggestion);
        value
    }

    fn error(&mut self, path: &str, message: String, suggestion: Option<String>) {
        self.errors.push(ArgumentError {
            argument: (!path.is_empty()).then(|| path.to_owned()),
            message,
            suggestion,
        });
    }

    fn in_bounds(&mut self, shape: Shape<'_>, value: Value, path: &str) -> Value {
        if let Some(number) = value.as_f64() {
            if let Some(least) = shape.bound("minimum").filter(|least| number < *least) {
                self.error(
                    path,
                    format!("`{path}` is {value}, and must be at least {least}"),
                    None,
                );
            }
            if let Some(most) = shape.bound("maximum").filter(|most| number > *most) {
                self.error(
                    path,
                    format!("`{path}` is {value}, and must be at most {most}"),
                    None,
                );
            }
        }
        value
    }

    fn choice(&mut self, choices: &[&str], value: Value, path: &str) -> Value {
        let text = match &value {
            Value::String(text) => text.clone(),
            // `state: yes` means the text where a text is meant.
            Value::Number(number) => number.to_string(),
            _ => return self.wrong(&Kind::Choice(choices.to_vec()), value, path),
        };
        if choices.contains(&text.as_str()) {
            return Value::String(text);
        }
        let message = format!(
            "`{path}` cannot be {}; it is one of {}",
            shown(&Value::String(text.clone()), path),
            choices.join(", ")
        );
        self.error(path, message, nearest(&text, choices.iter().copied()));
        value
    }

    fn list(&mut self, shape: Shape<'_>, value: Value, path: &str) -> Value {
        let items = match value {
            Value::Array(items) => items,
            // As in Ansible, one item needs no brackets, and a text may hold several.
            Value::String(text) => text.split(',').map(|item| Value::from(item.trim())).collect(),
            Value::Null => return self.wrong(&Kind::List, Value::Null, path),
            one => vec![one],
        };
        let Some(item_shape) = shape.items() else {
            return Value::Array(items);
        };
        items
            .into_iter()
            .enumerate()
            .map(|(index, item)| self.value(item_shape, item, &format!("{path}[{index}]")))
            .collect()
    }

    fn mapping(&mut self, shape: Shape<'_>, map: Map<String, Value>, path: &str) -> Value {
        let inside = |name: &str| {
            if path.is_empty() {
                name.to_owned()
            } else {
                format!("{path}.{name}")
            }
        };
        for name in shape.required() {
            let given = shape.names_of(name).find_map(|name| map.get(name));
            if given.is_none() {
                self.error(&inside(name), format!("`{}` is missing", inside(name)), None);
            }
        }
        let mut fitted = Map::new();
        for (name, value) in map {
            if path.is_empty() && self.expressions.contains(&name.as_str()) {
                continue;
            }
            let Some(wanted) = shape.property(&name) else {
                let known = || format!("arguments are {}", shape.names().collect::<Vec<_>>().join(", "));
                let suggestion = nearest(&name, shape.names()).unwrap_or_else(known);
                let message = format!("there is no argument `{}`", inside(&name));
                self.error(&inside(&name), message, Some(suggestion));
                continue;
            };
            let required = shape.required().any(|required| required == name);
            // Nothing means not given, as in Ansible.
            if value.is_null() && !wanted.nullable && !required && wanted.kind() != Kind::Any {
                continue;
            }
            let value = self.value(wanted, value, &inside(&name));
            fitted.insert(name, value);
        }
        Value::Object(fitted)
    }

    /// The first that fits; where none does, what the only one of the value's own kind says, or what all are.
    fn one_of(&mut self, shape: Shape<'_>, value: Value, path: &str) -> Value {
        let mut first: Option<Vec<ArgumentError>> = None;
        for variant in shape.variants() {
            let mut errors = Vec::new();
            let mut fit = Fit {
                errors: &mut errors,
                unrendered: self.unrendered,
                expressions: &[],
            };
            let fitted = fit.value(variant, value.clone(), path);
            if errors.is_empty() {
                return fitted;
            }
            let same_kind = matches!(
                (variant.kind(), &value),
                (Kind::Mapping, Value::Object(_)) | (Kind::List, Value::Array(_))
            );
            if same_kind && first.is_none() {
                first = Some(errors);
            }
        }
        if let Some(errors) = first {
            self.errors.extend(errors);
        } else {
            let kinds: Vec<_> = shape.variants().map(|variant| meant(&variant.kind())).collect();
            let message = format!(
                "expected {} for `{path}`, got {}",
                kinds.join(" or "),
                shown(&value, path)
            );
            self.error(path, message, None);
        }
        value
    }
}

/// A scalar as that kind; the value itself where that would be a guess.
fn scalar(kind: &Kind<'_>, value: Value) -> Result<Value, Value> {
    let fitted = match (kind, &value) {
        (Kind::Boolean, Value::Bool(_))
        | (Kind::Text, Value::String(_))
        | (Kind::Number, Value::Number(_)) => {
            return Ok(value);
        }
        (Kind::Boolean, Value::String(text)) => boolean(text).map(Value::Bool),
        (Kind::Boolean, Value::Number(number)) => boolean(&number.to_string()).map(Value::Bool),
        (Kind::Integer, Value::Number(number)) => integer(number).map(Value::Number),
        (Kind::Integer, Value::String(text)) => text.trim().parse::<i64>().ok().map(Value::from),
        (Kind::Number, Value::String(text)) => {
            let number = text.trim().parse::<f64>().ok();
            number.and_then(Number::from_f64).map(Value::Number)
        }
        (Kind::Text, Value::Number(number)) if !number.is_f64() => Some(Value::String(number.to_string())),
        _ => None,
    };
    fitted.ok_or(value)
}

fn boolean(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" | "y" | "t" => Some(true),
        "false" | "no" | "off" | "0" | "n" | "f" => Some(false),
        _ => None,
    }
}

/// A number without a fraction, even if it was computed as one that could have had one.
#[expect(
    clippy::cast_possible_truncation,
    reason = "checked to be whole and small enough"
)]
fn integer(number: &Number) -> Option<Number> {
    /// Up to here a floating-point number is exact.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match number.as_f64() {
        Some(float) if number.is_f64() => {
            (float.fract() == 0.0 && float.abs() <= EXACT).then(|| Number::from(float as i64))
        }
        _ => Some(number.clone()),
    }
}

fn meant(kind: &Kind<'_>) -> String {
    match kind {
        Kind::Any => "anything".to_owned(),
        Kind::Boolean => "true or false".to_owned(),
        Kind::Integer => "a whole number".to_owned(),
        Kind::Number => "a number".to_owned(),
        Kind::Text => "text".to_owned(),
        Kind::Choice(choices) => format!("one of {}", choices.join(", ")),
        Kind::List => "a list".to_owned(),
        Kind::Mapping => "a mapping".to_owned(),
        Kind::OneOf => "something else".to_owned(),
    }
}

/// A value for a message: short, and hidden where the argument's name sounds secret.
fn shown(value: &Value, path: &str) -> String {
    const LONGEST: usize = 40;
    let path = path.to_ascii_lowercase();
    let secret = ["passw", "secret", "token", "auth", "key"]
        .iter()
        .any(|word| path.contains(word));
    let kind = match value {
        Value::Null => return "nothing".to_owned(),
        Value::Bool(flag) => return format!("{flag}"),
        Value::Number(_) => "the number",
        Value::String(_) => "the text",
        Value::Array(_) => return "a list".to_owned(),
        Value::Object(_) => return "a mapping".to_owned(),
    };
    if secret {
        return format!("{kind} that is not shown");
    }
    let text = value.to_string();
    match text.char_indices().nth(LONGEST) {
        Some((cut, _)) => format!("{kind} {}…", &text[..cut]),
        None => format!("{kind} {text}"),
    }
}

/// "did you mean `x`?" for a misspelt name, where one of the candidates is near enough.
fn nearest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<String> {
    let scored = candidates.map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate));
    let (distance, best) = scored.min_by_key(|(distance, _)| *distance)?;
    (distance <= 1.max(name.chars().count() / 3)).then(|| format!("did you mean `{best}`?"))
}

fn is_template(text: &str) -> bool {
    text.contains("{{") || text.contains("{%")
}
