//! The master's federated log on its way to the slaves.

use std::sync::Arc;

use nebplay_model::log::OutOfOrder;
use nebplay_model::replication::Shipment;

use super::{database, database_mut, endpoint, reach};
use crate::federation::{At, Federation};
use crate::opennebula::database::zone;

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
        let Some(last) = take(federation, (at, url), session, shipment, &sql) else {
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

/// The entry comes to the oned behind an endpoint; the last index it has then, if it answers that at all. The statement, which is the same for
/// every slave, is read once: there are as many slaves as there are toggles.
fn take(
    federation: &mut Federation,
    (from, url): (At, &str),
    session: &str,
    shipment: Shipment,
    sql: &Arc<str>,
) -> Option<u64> {
    let (address, port) = endpoint(url)?;
    let to = reach(federation, from, address, port).ok()?;
    let seconds = federation.seconds();
    let machine = federation.machine_mut(to);
    let running = machine.oned.as_mut()?;
    let read = zone::read(sql, running.dialect);
    let oned = Arc::make_mut(&mut running.oned);
    match oned.take(session, shipment, &read.statement, seconds).ok()? {
        Ok(entry) => {
            running.all_shipped = false;
            if let Some(database) = database_mut(machine) {
                database.execute(&entry, &read);
            }
            Some(shipment.index)
        }
        Err(OutOfOrder { last }) => Some(last),
    }
}
