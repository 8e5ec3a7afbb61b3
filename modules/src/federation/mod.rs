//! Modules that act on zones.

use crate::registry::Entry;

/// The modules of this room.
pub(crate) fn modules() -> Vec<Entry> {
    vec![]
}
