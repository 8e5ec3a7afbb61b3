//! `lookup('env', …)`, `lookup('file', …)`, `lookup('fileglob', …)` and the like: the library looks nothing up itself.

mod first_found;
pub(crate) mod lists;
mod sequence;

use std::sync::Arc;

use jiff::Zoned;
use jiff::tz::TimeZone;
use minijinja::value::{Kwargs, Rest, merge_maps};
use minijinja::{Environment, Error, ErrorKind, State, Value};
use serde_json::Value as Json;

use super::Templates;
use super::dict::{native, out_of_template};
use super::file::ending_as;
use super::hole::is_undefined;
use first_found::{Wanted, several};
pub use lists::Listing;
use sequence::Sequence;

/// The variable that says where a task's files are looked for, by its name in Ansible.
pub const SEARCH_PATH: &str = "ansible_search_path";

/// What a template may look up on the machine nebplay runs on.
pub trait Lookups: Send + Sync {
    /// An environment variable.
    fn env(&self, name: &str) -> Option<String>;
    /// The text of a file in this folder of one of these directories, or in itself, or why there is none.
    fn file(&self, directories: &[String], folder: &str, path: &str) -> Result<String, String>;
    /// The paths of files that a pattern matches, in the first of these directories, or of their `files/`, where there are any.
    fn glob(&self, _directories: &[String], _pattern: &str) -> Result<Vec<String>, String> {
        Ok(Vec::new())
    }
    /// The path of a file in one of these directories, or in their `files/`, `templates/` or `vars/`.
    fn find(&self, _directories: &[String], _path: &str) -> Option<String> {
        None
    }
    /// The time, in the operator's time zone.
    fn now(&self) -> Zoned;
    /// Is told each variable as it was evaluated, before anybody sees it: some must not be shown.
    fn evaluated(&self, _name: &str, _value: &Json) {}
    /// Is told what came out of a vault, before anybody sees it.
    fn opened(&self, _value: &Json) {}
}

/// Looks nothing up.
pub struct NoLookups;

impl Lookups for NoLookups {
    fn env(&self, _: &str) -> Option<String> {
        None
    }
    fn file(&self, _: &[String], _: &str, path: &str) -> Result<String, String> {
        Err(format!("no file can be looked up here: {path}"))
    }
    fn now(&self) -> Zoned {
        jiff::Timestamp::UNIX_EPOCH.to_zoned(TimeZone::UTC)
    }
}

/// Adds `lookup` and `query`.
pub(super) fn add(environment: &mut Environment<'static>, lookups: Arc<dyn Lookups>) {
    let shared = Arc::clone(&lookups);
    environment.add_function(
        "lookup",
        move |state: &State, kind: &str, terms: Rest<Value>, options: Kwargs| {
            let mut found = look_up(state, shared.as_ref(), kind, &terms, &options)?;
            // As Ansible: one term, one value; several are joined, and nothing is an empty list.
            Ok::<_, Error>(match found.len() {
                0 => Value::from(found),
                1 => found.remove(0),
                _ => {
                    let texts: Vec<_> = found.iter().map(Value::to_string).collect();
                    Value::from(texts.join(","))
                }
            })
        },
    );
    let query = move |state: &State, kind: &str, terms: Rest<Value>, options: Kwargs| {
        look_up(state, lookups.as_ref(), kind, &terms, &options)
    };
    environment.add_function("query", query.clone());
    environment.add_function("q", query);
}

fn look_up(
    state: &State,
    lookups: &dyn Lookups,
    kind: &str,
    terms: &[Value],
    options: &Kwargs,
) -> Result<Vec<Value>, Error> {
    let kind = kind.strip_prefix("ansible.builtin.").unwrap_or(kind);
    let directories = [SEARCH_PATH, "playbook_dir"].iter().find_map(|name| {
        let found = state.lookup(name)?;
        (!is_undefined(&found)).then_some(found)
    });
    let directories = several(directories.as_ref())?;
    match kind {
        "env" | "file" | "template" | "vars" => each(state, lookups, kind, terms, options, &directories),
        "first_found" => {
            let wanted = Wanted::of(terms, options)?;
            options.assert_all_used()?;
            wanted.found(lookups, &directories)
        }
        "fileglob" => {
            options.assert_all_used()?;
            let mut found = Vec::new();
            for term in terms {
                let paths = lookups.glob(&directories, &term.to_string()).map_err(invalid)?;
                found.extend(paths.into_iter().map(Value::from));
            }
            Ok(found)
        }
        "sequence" if terms.is_empty() => {
            let mut sequence = Sequence::default();
            for name in options.args() {
                let value: Value = options.get(name)?;
                sequence.set(name, &value.to_string()).map_err(invalid)?;
            }
            Ok(sequence.items().map_err(invalid)?.iter().map(native).collect())
        }
        kind => {
            let listing = Listing::named(kind).ok_or_else(|| {
                invalid(format!(
                    "there is no lookup `{kind}`; there are `env`, `file`, `fileglob`, `first_found`, `template`, `vars`, and those that make \
                     lists: `dict`, `flattened`, `indexed_items`, `items`, `list`, `nested`, `sequence`, `subelements`, `together`"
                ))
            })?;
            options.assert_all_used()?;
            let terms = terms.iter().map(out_of_template).collect::<Result<_, _>>()?;
            let made = listing.of(terms);
            let made = made.map_err(|why| invalid(format!("lookup('{kind}', …): {why}")))?;
            Ok(made.iter().map(native).collect())
        }
    }
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::InvalidOperation, message)
}

/// One value of each term.
fn each(
    state: &State,
    lookups: &dyn Lookups,
    kind: &str,
    terms: &[Value],
    options: &Kwargs,
    directories: &[String],
) -> Result<Vec<Value>, Error> {
    let default: Option<Value> = options.get("default")?;
    let (mut lstrip, mut rstrip) = (false, true);
    if kind == "file" {
        lstrip = options.get::<Option<bool>>("lstrip")?.unwrap_or(lstrip);
        rstrip = options.get::<Option<bool>>("rstrip")?.unwrap_or(rstrip);
    }
    let more: Option<Value> = match kind {
        "template" => options.get("template_vars")?,
        _ => None,
    };
    options.assert_all_used()?;
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
                .file(directories, "files", name)
                .map(|text| {
                    let text = if lstrip { text.trim_start() } else { &text };
                    Value::from(if rstrip { text.trim_end() } else { text })
                })
                .map_err(invalid),
            "template" => {
                let text = lookups.file(directories, "templates", name).map_err(invalid)?;
                rendered(state, &text, more.as_ref()).map(Value::from)
            }
            _ => Ok(match (state.lookup(name).unwrap_or_default(), &default) {
                (value, Some(default)) if is_undefined(&value) => default.clone(),
                (value, _) => value,
            }),
        }
    };
    terms.iter().map(look).collect()
}

/// A template with the variables that are there, and some that are stronger than those.
fn rendered(state: &State, text: &str, more: Option<&Value>) -> Result<String, Error> {
    let all = state.lookup("vars").unwrap_or_default();
    let all = match more {
        Some(more) => merge_maps([more.clone(), all]),
        None => all,
    };
    let body = text.strip_suffix('\n').unwrap_or(text);
    let rendered = state.env().template_from_str(body)?.render(all)?;
    Ok(ending_as(text, rendered))
}

impl Templates {
    /// The paths that these patterns match, each in the first of the directories where there are any.
    pub(crate) fn glob(&self, directories: &[String], patterns: &[Json]) -> Result<Vec<Json>, String> {
        let mut found = Vec::new();
        for pattern in patterns {
            let pattern = pattern
                .as_str()
                .ok_or_else(|| format!("{pattern} is no pattern"))?;
            let paths = self.lookups.glob(directories, pattern)?;
            found.extend(paths.into_iter().map(Json::from));
        }
        Ok(found)
    }

    /// The path of the first of these files that is there.
    pub(crate) fn first_found(&self, directories: &[String], wanted: &[Json]) -> Result<Vec<Json>, String> {
        let terms: Vec<Value> = wanted.iter().map(native).collect();
        let found = Wanted::of(&terms, &Kwargs::from_iter::<[(&str, Value); 0]>([]))
            .and_then(|wanted| wanted.found(self.lookups.as_ref(), directories));
        let found = found.map_err(|error| error.detail().unwrap_or_default().to_owned())?;
        Ok(found.iter().map(|path| Json::from(path.to_string())).collect())
    }
}
