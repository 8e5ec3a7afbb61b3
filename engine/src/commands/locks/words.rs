//! Locks in words.

use nebplay_modules::lock::Lock;

use super::standing::Standing;
use crate::commands::age;

/// Whose a lock is, as lines under a heading; `now` is seconds since the epoch.
pub(in crate::commands) fn whose(lock: &Lock, standing: &Standing, now: i64) -> String {
    let playbooks = lock.playbooks.join(", ");
    let rows = [
        ("who", format!("{}, process {}", lock.owner, lock.pid)),
        ("run", format!("{} of {playbooks}", lock.run)),
        (
            "since",
            format!(
                "{}, {} ago",
                age::moment(lock.taken_at),
                age::since(lock.taken_at, now)
            ),
        ),
        ("state", format!("{}: {}", standing.word(), standing.fact())),
    ];
    rows.iter()
        .map(|(name, value)| format!("  {:<7}{value}\n", format!("{name}:")))
        .collect()
}

/// The same in one line.
pub(super) fn whose_in_short(lock: &Lock, now: i64) -> String {
    format!(
        "run {} of {}, by {}, {} ago",
        lock.run,
        lock.playbooks.join(", "),
        lock.owner,
        age::since(lock.taken_at, now)
    )
}

/// What to do about a lock that keeps a run from starting.
pub(super) fn next(lock: &Lock, standing: &Standing) -> String {
    match standing {
        Standing::Alive(_) => format!(
            "wait for its end, or end it (kill -INT {}); `nebplay unlock -i …` shows every lock of the federation",
            lock.pid
        ),
        Standing::Stale(_) | Standing::Unknown(_) => format!(
            "ask {} whether it is still under way; if it is not, `nebplay unlock -i …`, with the same inventory, shows the lock and removes it",
            lock.owner
        ),
    }
}
