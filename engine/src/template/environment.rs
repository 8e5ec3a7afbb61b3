//! The minijinja environment: how it differs from the default, and what is added to it.

use std::sync::Arc;

use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, Output, State, UndefinedBehavior, Value};
use nebplay_modules::module::Blocks;

use super::hole::{TRACKER, Tracker};
use super::lookups::{self, Lookups};
use super::{filters, hole, limits, methods, outcomes};

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
    minijinja::escape_formatter(out, state, value)
}
