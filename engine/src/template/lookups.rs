//! `lookup('env', …)` and `lookup('file', …)`: the library looks nothing up itself.

use std::sync::Arc;

use minijinja::value::{Kwargs, Rest};
use minijinja::{Environment, Error, ErrorKind, Value};

/// What a template may look up on the machine nebplay runs on.
pub trait Lookups: Send + Sync {
    /// An environment variable.
    fn env(&self, name: &str) -> Option<String>;
    /// A file's text, or why there is none.
    fn file(&self, path: &str) -> Result<String, String>;
}

/// Looks nothing up.
pub struct NoLookups;

impl Lookups for NoLookups {
    fn env(&self, _: &str) -> Option<String> {
        None
    }
    fn file(&self, path: &str) -> Result<String, String> {
        Err(format!("no file can be looked up here: {path}"))
    }
}

/// Adds `lookup` and `query`.
pub(super) fn add(environment: &mut Environment<'static>, lookups: Arc<dyn Lookups>) {
    let shared = Arc::clone(&lookups);
    environment.add_function(
        "lookup",
        move |kind: &str, terms: Rest<Value>, options: Kwargs| {
            let mut found = look_up(shared.as_ref(), kind, &terms, &options)?;
            // As Ansible: one term, one value; several are joined.
            Ok::<_, Error>(if found.len() == 1 {
                found.remove(0)
            } else {
                let texts: Vec<_> = found.iter().map(Value::to_string).collect();
                Value::from(texts.join(","))
            })
        },
    );
    let query = move |kind: &str, terms: Rest<Value>, options: Kwargs| {
        look_up(lookups.as_ref(), kind, &terms, &options)
    };
    environment.add_function("query", query.clone());
    environment.add_function("q", query);
}

fn look_up(
    lookups: &dyn Lookups,
    kind: &str,
    terms: &[Value],
    options: &Kwargs,
) -> Result<Vec<Value>, Error> {
    let invalid = |message: String| Error::new(ErrorKind::InvalidOperation, message);
    let default: Option<Value> = options.get("default")?;
    options.assert_all_used()?;
    let kind = kind.strip_prefix("ansible.builtin.").unwrap_or(kind);
    let look = |term: &Value| {
        let name = term
            .as_str()
            .ok_or_else(|| invalid(format!("lookup('{kind}', …) takes texts")))?;
        match kind {
            "env" => Ok(match lookups.env(name) {
                Some(text) => Value::from(text),
                None => default.clone().unwrap_or_else(|| Value::from("")),
            }),
            "file" => lookups
                .file(name)
                .map(|text| Value::from(text.trim_end()))
                .map_err(invalid),
            _ => Err(invalid(format!(
                "there is no lookup `{kind}`; there are `env` and `file`"
            ))),
        }
    };
    terms.iter().map(look).collect()
}
