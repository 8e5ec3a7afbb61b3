//! Modules that touch no host and steer the run.

mod assert;
mod debug;
mod fail;
mod include_vars;
mod meta;
mod pause;
mod set_fact;

use crate::registry::{self, Entry};

/// The modules of this room.
pub(crate) fn modules() -> Vec<Entry> {
    vec![
        registry::reads::<assert::Assert>(),
        registry::reads::<debug::Debug>(),
        registry::reads::<fail::Fail>(),
        registry::reads::<include_vars::IncludeVars>(),
        registry::reads::<meta::Meta>(),
        registry::reads::<pause::Pause>(),
        registry::reads::<set_fact::SetFact>(),
    ]
}
