//! Cuts what two streams bring, in pieces of any size, into lines.

use nebplay_modules::host::Lines;

use super::question;

/// A line longer than this is handed on in parts: output without a line's end must not fill the memory.
const LONGEST: usize = 64 * 1024;

/// The lines that are not complete yet.
#[derive(Default)]
pub(super) struct Splitter {
    stdout: Open,
    stderr: Open,
}

#[derive(Default)]
struct Open {
    line: Vec<u8>,
    /// The last line ended with a carriage return: a newline right after it belongs to it.
    returned: bool,
    /// It was told that it looks like a question.
    told: bool,
}

impl Splitter {
    /// Takes a piece and hands on the lines it completes. A carriage return ends a line, too: that is how progress is shown.
    pub(super) fn take(&mut self, bytes: &[u8], stderr: bool, lines: &dyn Lines) {
        let open = if stderr {
            &mut self.stderr
        } else {
            &mut self.stdout
        };
        for &byte in bytes {
            let returned = std::mem::replace(&mut open.returned, byte == b'\r');
            match byte {
                b'\n' if returned => {}
                b'\n' | b'\r' => open.emit(stderr, lines),
                _ => {
                    open.line.push(byte);
                    if open.line.len() >= LONGEST {
                        open.emit(stderr, lines);
                    }
                }
            }
        }
    }

    /// Tells of last words that are no complete line and look like a question. To be called when nothing has come for a while.
    pub(super) fn silence(&mut self, lines: &dyn Lines) {
        for open in [&mut self.stdout, &mut self.stderr] {
            let line = question::plain(&String::from_utf8_lossy(&open.line));
            if question::is_question(&line) && !std::mem::replace(&mut open.told, true) {
                lines.question(&line);
            }
        }
    }

    /// Hands on what is left without a line's end.
    pub(super) fn finish(&mut self, lines: &dyn Lines) {
        for (open, stderr) in [(&mut self.stdout, false), (&mut self.stderr, true)] {
            if !open.line.is_empty() {
                open.emit(stderr, lines);
            }
        }
    }
}

impl Open {
    fn emit(&mut self, stderr: bool, lines: &dyn Lines) {
        lines.line(&String::from_utf8_lossy(&self.line), stderr);
        self.line.clear();
        self.told = false;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[derive(Default)]
    struct Heard(Mutex<Vec<(String, bool)>>);

    impl Lines for Heard {
        fn line(&self, line: &str, stderr: bool) {
            self.0.lock().unwrap().push((line.to_owned(), stderr));
        }
    }

    #[test]
    fn lines_are_the_same_however_the_stream_is_cut() {
        let text = "one\n\n10%\r20%\r\ntwo \u{e9}\nrest".as_bytes();
        for cut in 0..=text.len() {
            let (heard, mut splitter) = (Heard::default(), Splitter::default());
            splitter.take(&text[..cut], false, &heard);
            splitter.take(b"err", true, &heard);
            splitter.take(&text[cut..], false, &heard);
            splitter.finish(&heard);
            let heard = heard.0.into_inner().unwrap();
            let stdout: Vec<&str> = heard
                .iter()
                .filter(|(_, err)| !err)
                .map(|(line, _)| line.as_str())
                .collect();
            assert_eq!(
                stdout,
                ["one", "", "10%", "20%", "two \u{e9}", "rest"],
                "cut at {cut}"
            );
            assert_eq!(heard.last().unwrap(), &("err".to_owned(), true));
        }
    }
}
