//! What a step shows while it runs.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nebplay_modules::host::{Clock, Lines};
use nebplay_modules::module::Progress;

use crate::events::{Events, StepRef, Stream, What};

/// A transfer is shown at most this often.
const BETWEEN: Duration = Duration::from_millis(200);

/// The progress of one step.
pub(super) struct StepProgress {
    events: Arc<Events>,
    clock: Arc<dyn Clock>,
    step: StepRef,
    hidden: bool,
    /// Standard output and standard error, each with what may be the beginning of a secret.
    streams: Mutex<[Stream; 2]>,
    shown: Mutex<Option<Duration>>,
}

impl StepProgress {
    pub(super) fn new(events: &Arc<Events>, clock: &Arc<dyn Clock>, step: &StepRef, hidden: bool) -> Self {
        Self {
            events: Arc::clone(events),
            clock: Arc::clone(clock),
            step: step.clone(),
            hidden,
            streams: Mutex::default(),
            shown: Mutex::default(),
        }
    }

    /// Whether `no_log` withholds what the step does.
    pub(super) fn hidden(&self) -> bool {
        self.hidden
    }

    fn show(&self, text: &str, stderr: bool) {
        for line in text.lines() {
            self.events.emit(What::StepLine {
                step: self.step.clone(),
                line: line.to_owned(),
                stderr,
            });
        }
    }

    /// Shows what was held back.
    pub(super) fn finish(&self) {
        let secrets = self.events.secrets();
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        let rest = [streams[0].finish(secrets), streams[1].finish(secrets)];
        drop(streams);
        self.show(&rest[0], false);
        self.show(&rest[1], true);
    }
}

impl Lines for StepProgress {
    fn line(&self, line: &str, stderr: bool) {
        if self.hidden {
            return;
        }
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        let text = streams[usize::from(stderr)].push(self.events.secrets(), &format!("{line}\n"));
        drop(streams);
        self.show(&text, stderr);
    }
}

impl Progress for StepProgress {
    fn bytes(&self, done: u64, total: u64) {
        let now = self.clock.monotonic();
        {
            let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
            let recently = shown.is_some_and(|last| now.saturating_sub(last) < BETWEEN);
            if recently && done != total {
                return;
            }
            *shown = Some(now);
        }
        self.events.emit(What::StepBytes {
            step: self.step.clone(),
            done,
            total,
        });
    }
}
