//! Modules that stop and start what a zone consists of.

use crate::registry::Entry;

/// The modules of this room.
pub(crate) fn modules() -> Vec<Entry> {
    vec![]
}
