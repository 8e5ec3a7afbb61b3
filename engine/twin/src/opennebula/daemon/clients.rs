//! Clients of the API: while it is open, users are made, and each one that is acknowledged must never be lost.

use std::time::Duration;

use nebplay_model::rpc::Answer;

use super::{answer, new_user};
use crate::deeds::Act;
use crate::federation::{At, Federation};

/// The time between two of them, for each zone: a night is the longer the more zones there are, and its clients are not to grow with
/// it, nor what every zone keeps of them.
const PAUSE: Duration = Duration::from_secs(7);

/// No client knows of the federation before.
const MOST: u64 = 1_000;

/// What the names of the users that clients make begin with.
const NAME: &str = "client-";

/// Whether a user of this name was made by a client.
pub(crate) fn made(name: &str) -> bool {
    name.starts_with(NAME)
}

/// A client writes on the master, if it is time to, and if the API lets anybody in.
pub(super) fn write(federation: &mut Federation, at: At) {
    let due = federation.next_client() <= federation.now() && federation.made_by_clients < MOST;
    let machine = federation.machine(at);
    let Some(running) = machine.oned.as_ref().filter(|_| due) else {
        return;
    };
    let filtered = machine
        .filter
        .as_ref()
        .is_some_and(|filter| filter.ports.contains(&running.port));
    if filtered || machine.away_until > federation.now() {
        return;
    }
    let zones = u32::try_from(federation.len()).unwrap_or(u32::MAX);
    let name = format!("{NAME}{}", federation.made_by_clients);
    let call = new_user(&running.session.clone(), &name);
    federation.set_next_client(federation.now() + PAUSE * zones);
    if matches!(answer(federation, at, &call), Answer::Success(_)) {
        federation.made_by_clients += 1;
        federation.did(at, Act::Acknowledged { user: name });
    }
}
