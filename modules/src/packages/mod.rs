//! Modules that drive apt and dpkg.

use crate::registry::Entry;

/// The modules of this room.
pub(crate) fn modules() -> Vec<Entry> {
    vec![]
}
