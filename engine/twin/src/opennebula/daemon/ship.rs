//! The master's federated log on its way to the slaves.

use std::sync::Arc;

use nebplay_model::log::OutOfOrder;
use nebplay_model::oned::{replicated_to, shipment_call};

use super::{call, database};
use crate::federation::{At, Federation};

/// Ships what slaves lack, as far as the master knows and reaches them.
pub(super) fn replicate(federation: &mut Federation, at: At) {
    let Some(running) = &federation.machine(at).oned else {
        return;
    };
    if running.all_shipped {
        return;
    }
    let (slaves, session) = (Arc::clone(&running.slaves), Arc::clone(&running.session));
    let mut all_shipped = true;
    for (slave, url) in &*slaves {
        all_shipped &= ship(federation, at, (*slave, url), &session);
    }
    if let Some(running) = &mut federation.machine_mut(at).oned {
        running.all_shipped = all_shipped;
    }
}

/// Ships to one slave, entry by entry; whether it has all of them now, as far as the master knows.
fn ship(federation: &mut Federation, at: At, (slave, url): (i64, &str), session: &str) -> bool {
    for _ in 0..10_000 {
        let Some(running) = &mut federation.machine_mut(at).oned else {
            return false;
        };
        let Some(shipment) = running.replication.next(slave, &running.oned.log) else {
            return true;
        };
        let entry = database(federation.machine(at)).and_then(|database| database.entry_at(shipment.index));
        let Some(sql) = entry else { return false };
        let request = shipment_call(session, shipment.index, shipment.previous, &sql);
        let said = call(federation, at, url, &request).ok();
        let Some(last) = said.as_ref().and_then(replicated_to) else {
            return false;
        };
        let Some(running) = &mut federation.machine_mut(at).oned else {
            return false;
        };
        if last == shipment.index {
            running.replication.accepted(slave, last);
        } else {
            let log = running.oned.log.clone();
            running.replication.refused(slave, OutOfOrder { last }, &log);
        }
    }
    false
}
