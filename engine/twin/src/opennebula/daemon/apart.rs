//! Whether two daemons differ in what they have in memory, or believe of others.

use std::sync::Arc;

use super::Running;
use crate::federation::{At, Federation};
use crate::opennebula::database::apart::memory_differs;

/// What tells a machine's daemons apart, if anything does but times and clients' writes.
pub(crate) fn difference(one: &Federation, other: &Federation, at: At) -> Option<&'static str> {
    let (here, there) = match (&one.machine(at).oned, &other.machine(at).oned) {
        (None, None) => return None,
        (Some(here), Some(there)) => (here, there),
        _ => return Some("whether it runs"),
    };
    // Every field is named, for whoever adds one to say whether it makes a difference.
    let Running {
        oned,
        replication,
        slaves,
        master,
        session,
        port,
        database,
        dialect,
        ready,
        next_look: _,
        hosts_wait: _,
        all_shipped,
    } = here;
    if (*ready <= one.now()) != (there.ready <= other.now()) {
        return Some("whether it answers already");
    }
    let is_started_alike = oned.identity == there.oned.identity
        && (slaves, master, session) == (&there.slaves, &there.master, &there.session)
        && (database, port, dialect) == (&there.database, &there.port, &there.dialect);
    if !is_started_alike {
        return Some("how it was started");
    }
    let believes = replication.lacking(&oned.log) == there.replication.lacking(&there.oned.log);
    if !believes || *all_shipped != there.all_shipped {
        return Some("what it believes of its slaves");
    }
    let is_same = Arc::ptr_eq(oned, &there.oned);
    (!is_same && memory_differs(&oned.store, &there.oned.store)).then_some("what it has in memory")
}
