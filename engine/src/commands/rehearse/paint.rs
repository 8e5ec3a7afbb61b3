//! Colours of a rehearsal.

use crate::rehearsal::outcome::Outcome;

/// Colours a text, or leaves it as it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Paint {
    /// Whether colours are wanted.
    pub(super) on: bool,
}

impl Paint {
    fn with(self, colour: &str, text: &str) -> String {
        if self.on {
            format!("\u{1b}[{colour}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }

    pub(super) fn bold(self, text: &str) -> String {
        self.with("1", text)
    }

    pub(super) fn dim(self, text: &str) -> String {
        self.with("2", text)
    }

    pub(super) fn outcome(self, outcome: Outcome, text: &str) -> String {
        match outcome {
            Outcome::Completed => self.with("32", text),
            Outcome::Resumed | Outcome::WentBack => self.with("36", text),
            Outcome::RunAnew | Outcome::StoppedSafely => self.with("33", text),
            Outcome::Violation => self.with("1;31", text),
        }
    }
}
