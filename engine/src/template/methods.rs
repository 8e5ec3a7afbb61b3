//! Methods of Python's texts and lists that the template engine's own collection has not.

use minijinja::value::{ValueKind, from_args};
use minijinja::{Error, ErrorKind, State, Value};
use minijinja_contrib::pycompat;

/// `value.method(args)`, for any method that the value itself does not have.
pub(super) fn call(
    state: &mut State<'_, '_>,
    value: &Value,
    method: &str,
    args: &[Value],
) -> Result<Value, Error> {
    let found = match value.as_str() {
        Some(text) => of_text(text, method, args)?,
        None => of_list(value, method, args)?,
    };
    found.map_or_else(
        || pycompat::unknown_method_callback(state, value, method, args),
        Ok,
    )
}

fn of_text(text: &str, method: &str, args: &[Value]) -> Result<Option<Value>, Error> {
    Ok(Some(match method {
        "rsplit" => {
            let (separator, most): (Option<&str>, Option<usize>) = from_args(args)?;
            let parts = most.map_or(usize::MAX, |most| most.saturating_add(1));
            let mut found: Vec<&str> = match separator {
                Some(separator) => text.rsplitn(parts, separator).collect(),
                None => words_from_the_end(text, parts),
            };
            found.reverse();
            found.into_iter().map(Value::from).collect()
        }
        "partition" | "rpartition" => {
            let (separator,): (&str,) = from_args(args)?;
            let parts = match (method, text.split_once(separator), text.rsplit_once(separator)) {
                ("partition", Some((before, after)), _) | ("rpartition", _, Some((before, after))) => {
                    [before, separator, after]
                }
                ("partition", ..) => [text, "", ""],
                _ => ["", "", text],
            };
            parts.into_iter().map(Value::from).collect()
        }
        "ljust" | "rjust" => {
            let (width, fill): (usize, Option<char>) = from_args(args)?;
            let missing = missing(text, width)?;
            let fill = fill.unwrap_or(' ').to_string().repeat(missing);
            Value::from(if method == "ljust" {
                format!("{text}{fill}")
            } else {
                format!("{fill}{text}")
            })
        }
        "center" => {
            let (width,): (usize,) = from_args(args)?;
            Value::from(centered(text, width)?)
        }
        "zfill" => {
            let (width,): (usize,) = from_args(args)?;
            let zeros = "0".repeat(missing(text, width)?);
            let digits = text.trim_start_matches(['+', '-']);
            let sign = &text[..text.len() - digits.len()];
            Value::from(format!("{sign}{zeros}{digits}"))
        }
        "index" => {
            let (part,): (&str,) = from_args(args)?;
            let at = text.find(part).ok_or_else(|| not_in("text"))?;
            Value::from(text[..at].chars().count())
        }
        _ => return Ok(None),
    }))
}

/// A text in the middle of so many characters; of an odd number of spaces the one too many is where Python puts it.
pub(super) fn centered(text: &str, width: usize) -> Result<String, Error> {
    let missing = missing(text, width)?;
    let before = missing / 2 + (missing & width & 1);
    let spaces = |count: usize| " ".repeat(count);
    Ok(format!("{}{text}{}", spaces(before), spaces(missing - before)))
}

fn of_list(list: &Value, method: &str, args: &[Value]) -> Result<Option<Value>, Error> {
    if method != "index" || list.kind() != ValueKind::Seq {
        return Ok(None);
    }
    let (item,): (&Value,) = from_args(args)?;
    let at = list.try_iter()?.position(|other| other == *item);
    at.map(|at| Some(Value::from(at))).ok_or_else(|| not_in("list"))
}

fn not_in(what: &str) -> Error {
    Error::new(
        ErrorKind::InvalidOperation,
        format!("index: it is not in the {what}"),
    )
}

/// How many characters a text has too few.
fn missing(text: &str, width: usize) -> Result<usize, Error> {
    /// Nobody shows more on a line.
    const WIDEST: usize = 10_000;
    if width > WIDEST {
        let message = format!("a width of more than {WIDEST} characters");
        return Err(Error::new(ErrorKind::InvalidOperation, message));
    }
    Ok(width.saturating_sub(text.chars().count()))
}

/// The last words, and what is before them where there are more than so many parts; the last first.
fn words_from_the_end(text: &str, parts: usize) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = text.trim_end();
    while !rest.is_empty() {
        let space = rest
            .rfind(char::is_whitespace)
            .filter(|_| found.len() + 1 < parts);
        let Some(space) = space else {
            found.push(rest);
            break;
        };
        found.push(rest[space..].trim_start());
        rest = rest[..space].trim_end();
    }
    found
}
