//! What becomes of units when their machine goes down and comes up.

use std::time::Duration;

use super::{State, set_active, start, stop};
use crate::deeds::Act;
use crate::federation::{At, Federation};
use crate::opennebula::daemon;
use crate::process::Process;
use crate::programs::network;
use crate::programs::wrappers::duration;

/// Everything that runs is gone at once.
pub(crate) fn power_cut(federation: &mut Federation, at: At) {
    daemon::stop(federation, at, false);
    network::forget(federation, at);
    let names: Vec<String> = federation.machine(at).units.keys().cloned().collect();
    for name in names {
        set_active(federation, at, &name, State::Down);
    }
}

/// Everything that runs is stopped, one after the other.
pub(crate) fn shut_down(federation: &mut Federation, at: At) {
    let names: Vec<String> = federation.machine(at).units.keys().cloned().collect();
    for name in names {
        stop(federation, at, &name);
    }
}

/// `systemctl reboot` and `reboot`.
pub(super) fn reboot(process: &mut Process<'_>) -> i32 {
    reboots(process, Duration::ZERO)
}

/// The machine reboots after that time.
fn reboots(process: &mut Process<'_>, after: Duration) -> i32 {
    let when = process.federation.now() + *process.elapsed + after;
    process.federation.goes_down(process.at, when);
    0
}

/// `systemd-run --on-active=SECONDS … -- systemctl reboot …`.
pub(super) fn systemd_run(process: &mut Process<'_>) -> i32 {
    let value = |word: &String| word.strip_prefix("--on-active=").and_then(duration);
    let after = process.args.iter().find_map(value);
    let mut command = process.args.iter().skip_while(|word| *word != "--").skip(1);
    let is_reboot = command.next().is_some_and(|word| word == "systemctl")
        && command.next().is_some_and(|word| word == "reboot");
    if let Some(after) = after.filter(|_| is_reboot) {
        return reboots(process, after);
    }
    process.did(Act::NotModelled(format!(
        "systemd-run {}",
        process.args.join(" ")
    )));
    0
}

/// What is enabled and not masked starts.
pub(crate) fn boot(federation: &mut Federation, at: At) {
    let mut names: Vec<String> = federation
        .machine(at)
        .units
        .iter()
        .filter(|(_, unit)| unit.enabled == Some(true) && !unit.masked)
        .map(|(name, _)| name.clone())
        .collect();
    // What keeps an API out comes before the network.
    names.sort_by_key(|name| name.starts_with("opennebula"));
    for name in names {
        // One that cannot be started is left failed, and the machine comes up all the same.
        let _ = start(federation, at, &name);
    }
}
