//! URLs and what may stand in them: `urlencode`, `urldecode`, `urlsplit`.

use std::fmt::Write as _;

use minijinja::value::{Rest, ValueKind, ValueOrKwargs};
use minijinja::{Environment, Error, State, Value};
use serde_json::{Map, Value as Json, json};

use super::given::Given;
use super::{invalid, made, text_of};

pub(super) fn add(environment: &mut Environment<'static>) {
    environment.add_filter("urlencode", urlencode);
    environment.add_filter("urldecode", |text: &str| decoded(text));
    environment.add_filter("urlsplit", urlsplit);
}

/// A text as a part of a path; a mapping, or a list of pairs, as what stands behind the `?`.
fn urlencode(value: &Value) -> Result<String, Error> {
    let pairs: Vec<(Value, Value)> = match value.kind() {
        ValueKind::Map => value
            .try_iter()?
            .map(|key| Ok((key.clone(), value.get_item(&key)?)))
            .collect::<Result<_, Error>>()?,
        ValueKind::Seq | ValueKind::Iterable => value
            .try_iter()?
            .map(|pair| Ok((pair.get_item_by_index(0)?, pair.get_item_by_index(1)?)))
            .collect::<Result<_, Error>>()?,
        _ => return Ok(encoded(&text_of(value)?, "/")),
    };
    let of_query = |value: &Value| Ok::<_, Error>(encoded(&text_of(value)?, " ").replace(' ', "+"));
    let pairs = pairs
        .iter()
        .map(|(key, value)| Ok(format!("{}={}", of_query(key)?, of_query(value)?)))
        .collect::<Result<Vec<_>, Error>>()?;
    Ok(pairs.join("&"))
}

/// With all but letters, digits, `-_.~` and these as `%` and two digits.
fn encoded(text: &str, kept: &str) -> String {
    text.bytes().fold(String::new(), |mut coded, byte| {
        let c = char::from(byte);
        if byte.is_ascii_alphanumeric() || "-_.~".contains(c) || kept.contains(c) {
            coded.push(c);
        } else {
            let _ = write!(coded, "%{byte:02X}");
        }
        coded
    })
}

/// A `%` that begins nothing stays; bytes that are no text afterwards are replaced.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(['%', '+']) {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        let coded = rest.get(at + 1..at + 3);
        let coded = coded.filter(|_| rest[at..].starts_with('%'));
        if let Some(byte) = coded.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            bytes.push(byte);
            rest = &rest[at + 3..];
        } else {
            bytes.push(if rest[at..].starts_with('+') { b' ' } else { b'%' });
            rest = &rest[at + 1..];
        }
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8_lossy(&bytes).into_owned()
}

/// `url | urlsplit` is a mapping of all parts, `url | urlsplit('hostname')` one of them.
fn urlsplit(state: &State, url: &str, given: Rest<ValueOrKwargs>) -> Result<Value, Error> {
    let given = Given::new(given)?;
    let part: Option<String> = given.get(0, "query")?;
    given.end(1)?;
    let parts = parts(url)?;
    let Some(part) = part.filter(|part| !part.is_empty()) else {
        return Ok(made(state, "urlsplit", &Json::Object(parts)));
    };
    let Some(found) = parts.get(&part) else {
        let known: Vec<&str> = parts.keys().map(String::as_str).collect();
        let known = known.join(", ");
        return Err(invalid(format!("a URL has no `{part}`; it has {known}")));
    };
    Ok(made(state, "urlsplit", found))
}

fn parts(url: &str) -> Result<Map<String, Json>, Error> {
    let is_scheme = |scheme: &str| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
    };
    let (scheme, rest) = match url.split_once(':') {
        Some((scheme, rest)) if is_scheme(scheme) => (scheme.to_ascii_lowercase(), rest),
        _ => (String::new(), url),
    };
    let (place, rest) = match rest.strip_prefix("//") {
        Some(rest) => rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len())),
        None => ("", rest),
    };
    let (rest, fragment) = rest.split_once('#').unwrap_or((rest, ""));
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (login, host) = match place.rsplit_once('@') {
        Some((login, host)) => (Some(login), host),
        None => (None, place),
    };
    let (user, password) = match login.map(|login| login.split_once(':').ok_or(login)) {
        Some(Ok((user, password))) => (Some(user), Some(password)),
        Some(Err(user)) => (Some(user), None),
        None => (None, None),
    };
    let behind = host.rfind(']').map_or(0, |end| end + 1);
    let (name, port) = match host[behind..].split_once(':') {
        Some((name, port)) => (&host[..behind + name.len()], port),
        None => (host, ""),
    };
    let name = name
        .trim_start_matches('[')
        .trim_end_matches(']')
        .to_ascii_lowercase();
    let port = match port {
        "" => None,
        port => Some(
            port.parse::<u16>()
                .map_err(|_| invalid(format!("`{port}` is no port")))?,
        ),
    };
    let parts = [
        ("fragment", json!(fragment)),
        ("hostname", json!(Some(name).filter(|name| !name.is_empty()))),
        ("netloc", json!(place)),
        ("password", json!(password)),
        ("path", json!(path)),
        ("port", json!(port)),
        ("query", json!(query)),
        ("scheme", json!(scheme)),
        ("username", json!(user)),
    ];
    Ok(parts
        .map(|(name, part)| (name.to_owned(), part))
        .into_iter()
        .collect())
}
