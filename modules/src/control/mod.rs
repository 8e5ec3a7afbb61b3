//! Modules that touch no host and steer the run.

use crate::registry::Entry;

/// The modules of this room.
pub(crate) fn modules() -> Vec<Entry> {
    vec![]
}
