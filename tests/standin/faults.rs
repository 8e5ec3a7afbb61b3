//! Hooks by which tests make this host slow, or stop it in the middle, and count what ran.
//!
//! All of them are files in `/var/lib/one/.standin`; README.md lists them.

use std::fs::File;
use std::io::Write;
use std::thread::sleep;
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};

use crate::host::{Host, now};

const DIRECTORY: &str = "/var/lib/one/.standin";

/// Waits while the file `hang-NAME` is there, or until `stop` says so.
pub(crate) fn hang(host: &Host, name: &str, stop: impl Fn() -> bool) {
    let file = host.path(DIRECTORY).join(format!("hang-{name}"));
    if file.exists() {
        record(host, &format!("{name} hangs"));
    }
    while file.exists() && !stop() {
        sleep(Duration::from_millis(20));
    }
}

/// Waits as many seconds as stand in the file `slow-NAME`.
pub(crate) fn slow(host: &Host, name: &str, stop: impl Fn() -> bool) {
    let text = std::fs::read_to_string(host.path(DIRECTORY).join(format!("slow-{name}"))).unwrap_or_default();
    let mut left = text.trim().parse::<f64>().unwrap_or(0.0);
    while left > 0.0 && !stop() {
        sleep(Duration::from_millis(20));
        left -= 0.02;
    }
}

/// Says in the log if another onedb is at work on this database; the file is to be held to the end of this one.
pub(crate) fn alone(host: &Host) -> Option<File> {
    let file = File::create(host.path(DIRECTORY).join("at-work")).ok()?;
    if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
        record(host, "overlap");
    }
    Some(file)
}

/// Appends a line `SECONDS PID what` to the file `log`, if the directory is there.
pub(crate) fn record(host: &Host, what: &str) {
    let file = host.path(DIRECTORY).join("log");
    if let Ok(mut log) = std::fs::OpenOptions::new().append(true).create(true).open(file) {
        let _ = log.write_all(format!("{} {} {what}\n", now(), std::process::id()).as_bytes());
    }
}
