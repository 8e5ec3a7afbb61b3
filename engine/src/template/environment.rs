//! The minijinja environment: how it differs from the default, and what is added to it.

use std::sync::Arc;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::ValueKind;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, Output, State, UndefinedBehavior, Value};
use nebplay_modules::module::Blocks;

use super::dict::{native, out_of_template};
use super::hole::{TRACKER, Tracker};
use super::lookups::{self, Lookups};
use super::{filters, hole, limits, methods, outcomes, time};

/// Builds the environment.
pub(super) fn build(lookups: Arc<dyn Lookups>, blocks: Blocks) -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    // Its debug information looks at every variable of a failing template: it would ask for unknown ones and show secret ones.
    environment.set_debug(false);
    // What is rendered are arguments and configuration files, whatever their names end with.
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_fuel(Some(limits::FUEL));
    environment.set_formatter(print);
    environment.set_unknown_method_callback(methods::call);
    if let Ok(syntax) = SyntaxConfig::builder()
        .trim_blocks(blocks.trim)
        .lstrip_blocks(blocks.lstrip)
        .keep_trailing_newline(true)
        .build()
    {
        environment.set_syntax(syntax);
    }
    environment.remove_global("debug");
    filters::add(&mut environment);
    outcomes::add(&mut environment);
    time::add(&mut environment, &lookups);
    lookups::add(&mut environment, lookups);
    environment
}

/// How a value is printed into a text: as Ansible does, nothing for `None`, and for an `if` that is false and has no `else`. That is
/// the only undefined value that comes here.
fn print(out: &mut Output, state: &mut State, value: &Value) -> Result<(), Error> {
    if let Some(tracker) = state.lookup(TRACKER).as_ref().and_then(Tracker::of) {
        tracker.printing.print(value);
    }
    if value.is_none() || value.is_undefined() {
        return Ok(());
    }
    if let Some(hole) = hole::Hole::of(value) {
        // It stays noted, and the evaluation fails because of it.
        return Err(Error::new(ErrorKind::UndefinedError, format!("{hole:?}")));
    }
    if has_tuple(value) {
        let lists = native(&out_of_template(value)?);
        return minijinja::escape_formatter(out, state, &lists);
    }
    minijinja::escape_formatter(out, state, value)
}

/// Whether a tuple is in it: what is printed has lists in their place, as Ansible's values do.
fn has_tuple(value: &Value) -> bool {
    match value.kind() {
        ValueKind::Seq => {
            value.is_tuple()
                || value
                    .try_iter()
                    .is_ok_and(|mut items| items.any(|item| has_tuple(&item)))
        }
        ValueKind::Map => {
            let mut keys = value.try_iter().into_iter().flatten();
            keys.any(|key| value.get_item(&key).is_ok_and(|item| has_tuple(&item)))
        }
        _ => false,
    }
}
