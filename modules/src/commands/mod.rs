//! Modules that run what the operator says.

use crate::registry::Entry;

/// The modules of this room.
pub(crate) fn modules() -> Vec<Entry> {
    vec![]
}
