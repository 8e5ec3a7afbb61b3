//! oned.log.

use std::time::Duration;

use nebplay_model::onedb::clock::Civil;

use crate::files::Content;
use crate::machine::Machine;

/// Lines to be written.
pub(super) struct Log {
    now: i64,
    zone: i64,
    pub(super) lines: String,
}

impl Log {
    pub(super) fn new(now: Duration, zone: i64) -> Self {
        Self {
            now: i64::try_from(now.as_secs()).unwrap_or(i64::MAX),
            zone,
            lines: String::new(),
        }
    }

    pub(super) fn info(&mut self, module: &str, text: &str) {
        self.line(module, 'I', text);
    }

    pub(super) fn error(&mut self, module: &str, text: &str) {
        self.line(module, 'E', text);
    }

    fn line(&mut self, module: &str, level: char, text: &str) {
        let when = Civil::from_epoch(self.now).log();
        self.lines
            .push_str(&format!("{when} [Z{}][{module}][{level}]: {text}\n", self.zone));
    }
}

/// Adds lines to the file.
pub(super) fn append(machine: &mut Machine, now: Duration, lines: &str) {
    const FILE: &str = "/var/log/one/oned.log";
    let mut text = machine.files.text(FILE);
    text.push_str(lines);
    let meta = machine.meta("oneadmin", 0o644, now);
    // A full disk does not stop oned.
    let _ = machine.files.write(FILE, Content::text(text), &meta);
}
