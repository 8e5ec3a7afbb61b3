//! What keeps onedb from changing the database of a running oned: its lock file, or its answer.

use std::time::Duration;

use nebplay_model::onedb::{listening, locked};
use nebplay_model::rpc::Call;

use super::{Stop, Tool};
use crate::host::Host;
use crate::http;

/// Refuses while oned runs, or seems to: a killed oned leaves its lock.
pub(super) fn check(tool: &Tool) -> Result<(), Stop> {
    let lock = tool.host.lock_file();
    if lock.exists() {
        return Err(Stop::new(locked(&lock.to_string_lossy())));
    }
    let endpoint = Host::endpoint();
    let call = Call::new("one.system.version", &tool.host.session(), []);
    match http::call(&endpoint, &call, Duration::from_secs(5)) {
        Ok(_) => Err(Stop::new(listening(&endpoint))),
        Err(_) => Ok(()),
    }
}
