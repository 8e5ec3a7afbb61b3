//! One JSON object per line.

use std::io::Write;

use super::bus::View;
use super::event::Event;

/// The view for programs.
pub struct Json<W> {
    out: W,
}

impl<W: Write> Json<W> {
    /// Writes there.
    pub fn new(out: W) -> Self {
        Self { out }
    }
}

impl<W: Write + Send> View for Json<W> {
    /// A reader that went away does not end the run.
    fn event(&mut self, event: &Event) {
        if let Ok(line) = serde_json::to_string(event) {
            let _ = writeln!(self.out, "{line}").and_then(|()| self.out.flush());
        }
    }
}
