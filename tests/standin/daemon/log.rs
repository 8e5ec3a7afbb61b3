//! oned.log.

use std::io::Write;
use std::path::PathBuf;

use nebplay_model::onedb::clock::Civil;

use crate::host::{Host, now};

/// Where a zone's oned writes what happens.
#[derive(Debug, Clone)]
pub(super) struct Log {
    file: PathBuf,
    zone: i64,
}

impl Log {
    pub(super) fn new(host: &Host, zone: i64) -> Self {
        Self {
            file: host.path("/var/log/one/oned.log"),
            zone,
        }
    }

    pub(super) fn info(&self, module: &str, text: &str) {
        self.line(module, 'I', text);
    }

    pub(super) fn error(&self, module: &str, text: &str) {
        self.line(module, 'E', text);
    }

    pub(super) fn debug(&self, module: &str, text: &str) {
        self.line(module, 'D', text);
    }

    fn line(&self, module: &str, level: char, text: &str) {
        let line = format!(
            "{} [Z{}][{module}][{level}]: {text}\n",
            Civil::from_epoch(now()).log(),
            self.zone
        );
        // A full disk does not stop oned.
        if let Ok(mut file) = std::fs::OpenOptions::new()
            .append(true)
            .create(true)
            .open(&self.file)
        {
            let _ = file.write_all(line.as_bytes());
        }
    }
}
