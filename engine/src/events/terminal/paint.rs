//! Colours, and what makes text of strangers safe to show.

use crate::events::Status;

/// Colours a text, or leaves it as it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Paint {
    /// Whether colours are wanted.
    pub(super) on: bool,
}

/// A colour, as the numbers of an escape sequence.
pub(super) type Colour = &'static str;

pub(super) const BOLD: Colour = "1";
pub(super) const DIM: Colour = "2";
pub(super) const RED: Colour = "31";
pub(super) const GREEN: Colour = "32";
pub(super) const YELLOW: Colour = "33";
pub(super) const MAGENTA: Colour = "35";
pub(super) const CYAN: Colour = "36";

impl Paint {
    pub(super) fn text(self, colour: Colour, text: &str) -> String {
        if self.on && !text.is_empty() {
            format!("\u{1b}[{colour}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }
}

/// The word and the colour of a status.
pub(super) fn of_status(status: Status, ignored: bool) -> (&'static str, Colour) {
    match status {
        Status::Failed | Status::Unreachable if ignored => ("ignored", CYAN),
        Status::Ok => ("ok", GREEN),
        Status::Changed => ("changed", YELLOW),
        Status::WouldChange => ("would change", YELLOW),
        Status::Skipped => ("skipped", DIM),
        Status::Unknown => ("unknown", MAGENTA),
        Status::Failed => ("failed", RED),
        Status::Unreachable => ("unreachable", RED),
    }
}

/// Without the control characters with which a text could play tricks on a terminal.
pub(super) fn clean(text: &str) -> String {
    let keep = |c: char| {
        if c.is_control() && c != '\n' && c != '\t' {
            '\u{fffd}'
        } else {
            c
        }
    };
    text.replace("\r\n", "\n").chars().map(keep).collect()
}

/// A time as people say it.
pub(super) fn time(ms: u64) -> String {
    let seconds = ms / 1000;
    match seconds {
        0..60 => format!("{seconds}.{}s", ms % 1000 / 100),
        60..3600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h {:02}m", seconds / 3600, seconds % 3600 / 60),
    }
}

/// A number of bytes as people say it.
pub(super) fn bytes(count: u64) -> String {
    let mut unit = 1;
    for name in ["B", "kB", "MB", "GB"] {
        if count < unit * 1000 {
            return if unit == 1 {
                format!("{count} B")
            } else {
                format!("{}.{} {name}", count / unit, count % unit * 10 / unit)
            };
        }
        unit *= 1000;
    }
    format!("{}.{} TB", count / unit, count % unit * 10 / unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_sizes() {
        let times = [40, 1_950, 61_000, 3_725_000].map(time);
        assert_eq!(times, ["0.0s", "1.9s", "1m 01s", "1h 02m"]);
        let sizes = [999, 1_500, 523_000_000, 7_100_000_000_000].map(bytes);
        assert_eq!(sizes, ["999 B", "1.5 kB", "523.0 MB", "7.1 TB"]);
    }

    #[test]
    fn escape_sequences_of_strangers_do_nothing() {
        assert_eq!(clean("a\u{1b}[2Jb\r\nc\td\u{7}"), "a\u{fffd}[2Jb\nc\td\u{fffd}");
    }
}
