//! Templates: expressions and texts over variables, with native values and strict about what is undefined.
//!
//! A lone `{{ expression }}` keeps its type; anything else with braces becomes text. Undefined names fail when they are used, so
//! that `a.b | default(x)` works even when `a` is undefined. In check mode, what only a real run can tell makes the whole result
//! [`TemplateErrorKind::Unknown`], never a guess.

mod braces;
mod check;
mod collections;
mod condition;
mod dict;
mod environment;
mod error;
mod evaluation;
mod facts;
mod file;
mod filters;
mod hole;
mod limits;
mod literals;
mod lookups;
mod methods;
mod outcomes;
mod printed;
mod render;
mod scope;
mod subscript;
#[cfg(test)]
mod tests;
mod time;

use std::sync::Arc;

use minijinja::Environment;
use nebplay_modules::module::Blocks;

pub use error::{TemplateError, TemplateErrorKind};
pub use file::Others;
pub use lookups::{Listing, Lookups, NoLookups, SEARCH_PATH};
pub use scope::{Binding, Facts, Hosts, Layer, Scope, layer_of};

/// What `omit` renders to; an argument with this value is left out.
const OMIT: &str = "\u{1}nebplay: omitted\u{1}";

/// The template environment: filters, tests and functions. Cheap to clone.
#[derive(Clone)]
pub struct Templates {
    environment: Arc<Environment<'static>>,
    lookups: Arc<dyn Lookups>,
}

impl Templates {
    /// An environment that can look nothing up.
    pub fn new() -> Self {
        Self::with_lookups(Arc::new(NoLookups))
    }

    /// An environment that looks up environment variables and files by asking the caller.
    pub fn with_lookups(lookups: Arc<dyn Lookups>) -> Self {
        Self {
            environment: Arc::new(environment::build(Arc::clone(&lookups), Blocks::default())),
            lookups,
        }
    }

    fn is_function(&self, name: &str) -> bool {
        self.environment.globals().any(|(global, _)| global == name)
    }
}

impl Default for Templates {
    fn default() -> Self {
        Self::new()
    }
}
