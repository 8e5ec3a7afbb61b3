//! The master's federated log on its way to the slaves.

use std::sync::Arc;

use nebplay_model::log::OutOfOrder;
use nebplay_model::replication::Shipment;

use super::{Endpoint, database, database_mut, reach};
use crate::federation::{At, Federation};
use crate::opennebula::database::zone;

/// What a master sends, and for whom it says that it does.
struct Sender<'a> {
    at: At,
    session: &'a str,
    /// The statement that was sent last: there are as many slaves as there are toggles, and all of them get each.
    last: Option<(u64, Arc<str>)>,
}

impl Sender<'_> {
    fn statement(&mut self, federation: &Federation, index: u64) -> Option<Arc<str>> {
        if let Some((_, sql)) = self.last.as_ref().filter(|(last, _)| *last == index) {
            return Some(Arc::clone(sql));
        }
        let sql = database(federation.machine(self.at))?.entry_at(index)?;
        self.last = Some((index, Arc::clone(&sql)));
        Some(sql)
    }
}

/// Ships what slaves lack, as far as the master knows and reaches them, entry by entry.
pub(super) fn replicate(federation: &mut Federation, at: At) {
    if federation
        .machine(at)
        .oned
        .as_ref()
        .is_none_or(|running| running.all_shipped)
    {
        return;
    }
    let Some(running) = &mut federation.machine_mut(at).oned else {
        return;
    };
    let (slaves, session) = (Arc::clone(&running.slaves), Arc::clone(&running.session));
    let oned = Arc::clone(&running.oned);
    let mut replication = std::mem::take(&mut running.replication);
    let mut sender = Sender {
        at,
        session: &session,
        last: None,
    };
    let mut all_shipped = true;
    for (slave, endpoint) in &*slaves {
        let mut refused = None;
        while let Some(shipment) = replication.next(*slave, &oned.log) {
            match sender.send(federation, endpoint.as_ref(), shipment) {
                Some(last) if last == shipment.index => replication.accepted(*slave, last),
                // One that refuses what follows its last entry has one that the master lacks.
                Some(last) if refused != Some(last) => {
                    refused = Some(last);
                    replication.refused(*slave, OutOfOrder { last }, &oned.log);
                }
                _ => {
                    all_shipped = false;
                    break;
                }
            }
        }
    }
    if let Some(running) = &mut federation.machine_mut(at).oned {
        (running.replication, running.all_shipped) = (replication, all_shipped);
    }
}

impl Sender<'_> {
    /// An entry comes to the oned behind an endpoint; the last index it has then, if it answers that at all.
    fn send(
        &mut self,
        federation: &mut Federation,
        endpoint: Option<&Endpoint>,
        shipment: Shipment,
    ) -> Option<u64> {
        let sql = self.statement(federation, shipment.index)?;
        let Endpoint { address, port } = endpoint?;
        let to = reach(federation, self.at, address, *port).ok()?;
        let seconds = federation.seconds();
        let machine = federation.machine_mut(to);
        let running = machine.oned.as_mut()?;
        let read = zone::read(&sql, running.dialect);
        let oned = Arc::make_mut(&mut running.oned);
        match oned.take(self.session, shipment, &read.statement, seconds).ok()? {
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
}
