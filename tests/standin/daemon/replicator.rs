//! The master sends its federated log to each slave, one entry a call, in order.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use nebplay_model::log::OutOfOrder;
use nebplay_model::oned::{Mode, replicated_to, shipment_call};
use nebplay_model::replication::Shipment;

use super::service::Service;
use crate::codec::unpack;
use crate::database::zone;
use crate::http;

/// How long a slave may take for an entry, and until it is tried again when it is away.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_secs(1);

/// Starts a thread for each slave, also for those that join later.
pub(super) fn start(service: &Arc<Service>) {
    if service.lock().oned.identity.mode != Mode::Master {
        return;
    }
    let service = Arc::clone(service);
    std::thread::spawn(move || {
        let mut served = BTreeSet::new();
        loop {
            for (slave, _) in service.lock().oned.other_zones() {
                if served.insert(slave) {
                    let service = Arc::clone(&service);
                    std::thread::spawn(move || replicate_to(&service, slave));
                }
            }
            std::thread::sleep(PAUSE);
        }
    });
}

fn replicate_to(service: &Service, slave: i64) {
    loop {
        let (shipment, endpoint) = next(service, slave);
        match ship(service, &endpoint, shipment) {
            Ok(last) => {
                let mut state = service.lock();
                let state = &mut *state;
                state.away.remove(&slave);
                if last == shipment.index {
                    state.replication.accepted(slave, last);
                } else {
                    state
                        .replication
                        .refused(slave, OutOfOrder { last }, &state.oned.log);
                }
            }
            Err(why) => {
                let index = shipment.index;
                service.lock().away.insert(slave);
                service.log.error(
                    "FRM",
                    &format!("Error replicating log entry {index} on zone {slave} ({endpoint}): {why}"),
                );
                std::thread::sleep(PAUSE);
            }
        }
    }
}

/// Waits until there is something for this slave.
fn next(service: &Service, slave: i64) -> (Shipment, String) {
    let mut state = service.lock();
    loop {
        let endpoint = state.oned.other_zones().into_iter().find(|(id, _)| *id == slave);
        let inner = &mut *state;
        if let Some((_, endpoint)) = endpoint
            && let Some(shipment) = inner.replication.next(slave, &inner.oned.log)
        {
            return (shipment, endpoint);
        }
        state = service
            .written
            .wait(state)
            .unwrap_or_else(PoisonError::into_inner);
    }
}

/// The slave's last index after the call.
fn ship(service: &Service, endpoint: &str, shipment: Shipment) -> Result<u64, String> {
    let packed = zone::entry_at(&service.database, shipment.index).map_err(|error| error.to_string())?;
    let call = shipment_call(
        &service.session,
        shipment.index,
        shipment.previous,
        &unpack(&packed),
    );
    let answer = http::call(endpoint, &call, PATIENCE).map_err(|error| error.as_libcurl())?;
    replicated_to(&answer).ok_or_else(|| format!("{answer:?}"))
}
