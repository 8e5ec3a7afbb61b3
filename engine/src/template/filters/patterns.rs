//! Regular expressions: `regex_replace`, `regex_search`, `regex_findall`, `is match`, `is search`, `is regex`.

use std::borrow::Cow;

use minijinja::value::{Rest, ValueOrKwargs};
use minijinja::{Environment, Error, Value};
use nebplay_modules::patterns::{self, expand, group};
use regex::{Captures, Regex};

use super::given::Given;
use super::{invalid, text_of};

pub(super) fn add(environment: &mut Environment<'static>) {
    environment.add_filter("regex_replace", replace);
    environment.add_filter("regex_search", search);
    environment.add_filter("regex_findall", find_all);
    environment.add_filter("regex_escape", |text: &str| regex::escape(text));
    environment.add_test("match", |value: &Value, given: Rest<ValueOrKwargs>| {
        let text = text_of(value)?;
        let found = pattern_alone(given)?.find(&text);
        Ok::<_, Error>(found.is_some_and(|found| found.start() == 0))
    });
    for name in ["search", "regex"] {
        environment.add_test(name, |value: &Value, given: Rest<ValueOrKwargs>| {
            let text = text_of(value)?;
            Ok::<_, Error>(pattern_alone(given)?.is_match(&text))
        });
    }
}

/// `pattern, ignorecase=false, multiline=false`.
fn pattern_alone(given: Rest<ValueOrKwargs>) -> Result<Regex, Error> {
    let given = Given::new(given)?;
    let pattern: String = given.need(0, "pattern")?;
    let regex = compile(&pattern, given.get(1, "ignorecase")?, given.get(2, "multiline")?)?;
    given.end(3)?;
    Ok(regex)
}

fn compile(pattern: &str, ignorecase: Option<bool>, multiline: Option<bool>) -> Result<Regex, Error> {
    let (ignorecase, multiline) = (ignorecase.unwrap_or_default(), multiline.unwrap_or_default());
    patterns::compile(pattern, ignorecase, multiline).map_err(invalid)
}

/// `regex_replace(pattern, replacement, ignorecase=false, multiline=false, count=0)`; `\1` and `\g<name>` stand for groups.
fn replace(value: &Value, given: Rest<ValueOrKwargs>) -> Result<String, Error> {
    let given = Given::new(given)?;
    let pattern: String = given.need(0, "pattern")?;
    let replacement: String = given.get(1, "replacement")?.unwrap_or_default();
    let regex = compile(&pattern, given.get(2, "ignorecase")?, given.get(3, "multiline")?)?;
    let count = given.get(4, "count")?.unwrap_or(0);
    given.end(5)?;
    let text = text_of(value)?;
    let replaced = regex.replacen(&text, count, |found: &Captures<'_>| expand(&replacement, found));
    Ok(replaced.into_owned())
}

/// `regex_search(pattern, '\1', '\g<name>', ignorecase=false, multiline=false)`: the match, or the groups asked for; none where
/// nothing matches.
fn search(value: &Value, given: Rest<ValueOrKwargs>) -> Result<Value, Error> {
    let given = Given::new(given)?;
    let pattern: String = given.need(0, "pattern")?;
    let groups = given.all_from(1);
    let regex = compile(&pattern, given.named("ignorecase")?, given.named("multiline")?)?;
    given.end(usize::MAX)?;
    let text = text_of(value)?;
    let Some(found) = regex.captures(&text) else {
        return Ok(Value::from(()));
    };
    if groups.is_empty() {
        return Ok(Value::from(&found[0]));
    }
    let wanted = groups.iter().map(|wanted| {
        let wanted = text_of(wanted)?;
        let name: Cow<'_, str> = match wanted
            .strip_prefix("\\g<")
            .and_then(|name| name.strip_suffix('>'))
        {
            Some(name) => name.into(),
            None => wanted.trim_start_matches('\\').to_owned().into(),
        };
        Ok(group(&found, &name).map_or_else(|| Value::from(()), Value::from))
    });
    wanted.collect::<Result<Vec<_>, Error>>().map(Value::from)
}

/// Every match; its group where the pattern has one, a list of groups where it has several.
fn find_all(value: &Value, given: Rest<ValueOrKwargs>) -> Result<Value, Error> {
    let given = Given::new(given)?;
    let pattern: String = given.need(0, "regex")?;
    let regex = compile(&pattern, given.get(2, "ignorecase")?, given.get(1, "multiline")?)?;
    given.end(3)?;
    let text = text_of(value)?;
    let one = |found: Captures<'_>| {
        let part = |index| Value::from(found.get(index).map_or("", |part| part.as_str()));
        match found.len() {
            1 => part(0),
            2 => part(1),
            groups => (1..groups).map(part).collect(),
        }
    };
    Ok(regex.captures_iter(&text).map(one).collect())
}
