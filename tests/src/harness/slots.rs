//! How many labs run at once: two on this machine's kind, whatever number of threads libtest starts.

use crate::LabError;
use rustix::fs::{FlockOperation, flock};
use std::fs::File;
use std::time::Duration;

/// The right to run one lab; given back when dropped, and by the kernel when the process dies.
#[derive(Debug)]
pub(super) struct Slot {
    _lock: File,
}

/// Waits for a slot. They are the machine's, not this process's.
pub(super) fn take() -> Result<Slot, LabError> {
    let slots: u32 = std::env::var("NEBPLAY_LAB_SLOTS")
        .ok()
        .and_then(|number| number.parse().ok())
        .unwrap_or(2);
    let directory = std::path::Path::new("/run/nebplay-lab");
    std::fs::create_dir_all(directory).map_err(LabError::file("create", directory))?;
    loop {
        for number in 0..slots.max(1) {
            let path = directory.join(format!("slot-{number}.lock"));
            let lock = File::create(&path).map_err(LabError::file("open", &path))?;
            if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok() {
                return Ok(Slot { _lock: lock });
            }
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}
