//! Versions: `a is version('6.10', '>=')`.

use std::cmp::Ordering;

use minijinja::value::{Rest, ValueOrKwargs};
use minijinja::{Environment, Error, Value};

use super::given::Given;
use super::invalid;

pub(super) fn add(environment: &mut Environment<'static>) {
    for name in ["version", "version_compare"] {
        environment.add_test(name, holds);
        environment.add_filter(name, holds);
    }
}

fn holds(version: &Value, other: &Value, given: Rest<ValueOrKwargs>) -> Result<bool, Error> {
    let given = Given::new(given)?;
    let operator: Option<String> = given.get(0, "operator")?;
    let _: Option<bool> = given.get(1, "strict")?;
    let kind: Option<String> = given.get(2, "version_type")?;
    given.end(3)?;
    if let Some(kind) = kind.filter(|kind| *kind != "loose") {
        return Err(invalid(format!(
            "version_type `{kind}` is not supported, only `loose` is"
        )));
    }
    let order = compare(&text(version)?, &text(other)?);
    Ok(match operator.as_deref().unwrap_or("==") {
        "==" | "=" | "eq" => order == Ordering::Equal,
        "!=" | "<>" | "ne" => order != Ordering::Equal,
        ">" | "gt" => order == Ordering::Greater,
        ">=" | "ge" => order != Ordering::Less,
        "<" | "lt" => order == Ordering::Less,
        "<=" | "le" => order != Ordering::Greater,
        operator => return Err(invalid(format!("`{operator}` compares no versions"))),
    })
}

/// A version is a text: as a number, 6.10 would have been read as 6.1.
fn text(version: &Value) -> Result<String, Error> {
    match version.as_str() {
        Some(text) => Ok(text.to_owned()),
        None if version.is_integer() => Ok(version.to_string()),
        None => Err(invalid(format!(
            "a version must be a text, not a {}: quote it",
            version.kind()
        ))),
    }
}

/// Numbers by value, words alphabetically, a number after a word (`7.0` after `7.rc`); a longer version after its beginning.
fn compare(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (parts(a), parts(b));
    loop {
        let order = match (left.next(), right.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => Ordering::Less,
            (Some(_), None) => Ordering::Greater,
            (Some(left), Some(right)) => match (number(left), number(right)) {
                (Some(left), Some(right)) => (left.len(), left).cmp(&(right.len(), right)),
                (Some(_), None) => Ordering::Greater,
                (None, Some(_)) => Ordering::Less,
                (None, None) => left.cmp(right),
            },
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

/// Digits without leading zeros: compared by length first, any size of number is.
fn number(part: &str) -> Option<&str> {
    part.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| part.trim_start_matches('0'))
}

/// Runs of digits and runs of letters.
fn parts(version: &str) -> impl Iterator<Item = &str> {
    let mut rest = version.trim().trim_start_matches('v');
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches(|c: char| !c.is_alphanumeric());
        let first = rest.chars().next()?;
        let same = |c: char| c.is_ascii_digit() == first.is_ascii_digit() && c.is_alphanumeric();
        let end = rest.find(|c| !same(c)).unwrap_or(rest.len());
        let (part, after) = rest.split_at(end);
        rest = after;
        Some(part)
    })
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering::{Equal, Greater, Less};

    use super::compare;

    #[test]
    fn versions_are_compared_by_their_parts() {
        for (a, b, order) in [
            ("6.10", "6.9", Greater),
            ("6.10.0", "6.10", Greater),
            ("6.10", "6.10", Equal),
            ("7.0~rc1", "7.0~rc2", Less),
            ("7.0-1", "7.0-10", Less),
            ("6.08", "6.8", Equal),
            ("v7.2", "7.2", Equal),
            ("99999999999999999999.1", "99999999999999999998.2", Greater),
        ] {
            assert_eq!(compare(a, b), order, "{a} {b}");
            assert_eq!(compare(b, a), order.reverse(), "{b} {a}");
        }
    }
}
