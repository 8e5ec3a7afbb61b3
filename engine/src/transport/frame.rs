//! One command in a shell that stays: how it is put to it, and how its output is told from the next one's.
//!
//! The shell reads commands from its standard input. It writes a word that nobody can guess on both streams when one has ended, and
//! some shells also when it begins, so whatever is printed in between comes back byte for byte. What stands before the beginning is
//! what some earlier command's child still had to say; it is nobody's.

use nebplay_modules::host::{Command, Exit};

use super::launch;
use super::opening::find;
use super::pipe::MOST_KEPT;

/// A command for a shell that stays; `None`: it needs a channel of its own.
///
/// Standard input would be the shell's own, and a directory that cannot be entered would look like the command's failure.
pub(super) fn body(command: &Command) -> Option<String> {
    (command.stdin.is_none() && command.chdir.is_none()).then(|| launch::in_shell(command))
}

/// The frame around a command; `previous` is the process group of the shell's last one.
///
/// The functions are those of `launch::STAYING`. Where the shell tells the group of a command and it still has members, the shell says
/// so and ends: what they print must not be taken for this command's.
pub(super) fn wrap(previous: Option<i32>, body: &str) -> Vec<u8> {
    let alone = previous.map_or_else(String::new, |group| format!("nebplay_alone {group}\n"));
    launch::at_once(&format!(
        "{{ {alone}nebplay_command() {{\n{body}\n}}\nnebplay_run\n}}\n"
    ))
    .into_bytes()
}

/// A command's answer on its way.
pub(super) struct Frame {
    marker: Vec<u8>,
    stdout: Side,
    stderr: Side,
    /// Its process, which leads a group of its own.
    pid: Option<i32>,
    status: Option<i32>,
    refused: bool,
    spent: bool,
}

/// One stream: what came since the beginning, and how far it was searched for the end.
#[derive(Default)]
struct Side {
    begun: bool,
    ended: bool,
    bytes: Vec<u8>,
    searched: usize,
    /// How much of it was handed to whoever watches.
    told: usize,
    /// More came than is kept.
    too_much: bool,
}

impl Frame {
    pub(super) fn new(marker: &str) -> Self {
        Self {
            marker: marker.as_bytes().to_vec(),
            stdout: Side::default(),
            stderr: Side::default(),
            pid: None,
            status: None,
            refused: false,
            spent: false,
        }
    }

    /// The command has begun, and will not say so.
    pub(super) fn begin(&mut self) {
        self.stdout.begun = true;
        self.stderr.begun = true;
    }

    pub(super) fn pid(&self) -> Option<i32> {
        self.pid
    }

    /// Whether the shell refused to begin, because its last command left processes behind.
    pub(super) fn refused(&self) -> bool {
        self.refused
    }

    /// Whether the command left processes behind, so that the shell is to be used for nothing else.
    pub(super) fn spent(&self) -> bool {
        self.spent
    }

    /// Takes what came on standard output.
    pub(super) fn stdout(&mut self, bytes: &[u8]) {
        self.stdout.bytes.extend_from_slice(bytes);
        while let Some(word) = self.stdout.next_mark(&self.marker) {
            match word.as_str() {
                "left" => self.refused = true,
                word if self.stdout.ended => {
                    let status = word.strip_suffix(" left");
                    self.spent = status.is_some();
                    self.status = status.unwrap_or(word).parse().ok();
                }
                word => self.pid = word.parse().ok(),
            }
        }
    }

    /// Takes what came on standard error.
    pub(super) fn stderr(&mut self, bytes: &[u8]) {
        self.stderr.bytes.extend_from_slice(bytes);
        while self.stderr.next_mark(&self.marker).is_some() {}
    }

    /// Lets go of what is too much, once whoever watches has it.
    pub(super) fn bound(&mut self) {
        self.stdout.bound(self.marker.len());
        self.stderr.bound(self.marker.len());
    }

    /// Whether more came than is kept.
    pub(super) fn too_much(&self) -> bool {
        self.stdout.too_much || self.stderr.too_much
    }

    /// What the command has printed since this was last asked, as far as it cannot be the marker.
    pub(super) fn news(&mut self, stderr: bool) -> &[u8] {
        let side = if stderr {
            &mut self.stderr
        } else {
            &mut self.stdout
        };
        side.news(&self.marker)
    }

    /// Exit, standard output and standard error, once the frame is closed on both streams.
    pub(super) fn closed(&mut self) -> Option<(Exit, Vec<u8>, Vec<u8>)> {
        if !self.stdout.ended || !self.stderr.ended {
            return None;
        }
        let exit = Exit::Code(self.status?);
        Some((
            exit,
            std::mem::take(&mut self.stdout.bytes),
            std::mem::take(&mut self.stderr.bytes),
        ))
    }
}

impl Side {
    /// The word after the next marker, which is cut out; at the end of the frame the output stays.
    fn next_mark(&mut self, marker: &[u8]) -> Option<String> {
        if self.ended {
            return None;
        }
        let from = self.searched.saturating_sub(marker.len());
        let found = find(&self.bytes[from..], marker).map(|at| from + at);
        let Some(at) = found else {
            self.searched = self.bytes.len();
            return None;
        };
        let line = self.bytes[at..].iter().position(|&byte| byte == b'\n')?;
        let word = String::from_utf8_lossy(&self.bytes[at + marker.len()..at + line])
            .trim()
            .to_owned();
        if self.begun {
            self.bytes.truncate(at);
            self.ended = true;
        } else {
            self.bytes.drain(..=at + line);
            self.begun = true;
        }
        self.searched = 0;
        Some(word)
    }

    /// Keeps the end, which may be the beginning of the marker's line.
    fn bound(&mut self, marker: usize) {
        /// The word after the marker, and its line's end.
        const WORD: usize = 64;
        if self.ended || self.bytes.len() <= MOST_KEPT {
            return;
        }
        let mut cut = self.bytes.len() - marker - WORD;
        if self.begun {
            cut = cut.min(self.told);
        }
        self.bytes.drain(..cut);
        self.searched = self.searched.saturating_sub(cut);
        self.told = self.told.saturating_sub(cut);
        self.too_much |= self.begun;
    }

    fn news(&mut self, marker: &[u8]) -> &[u8] {
        if !self.begun {
            return &[];
        }
        let from = self.told;
        let held = if self.ended {
            0
        } else {
            held_back(&self.bytes[from..], marker)
        };
        self.told = self.bytes.len() - held;
        &self.bytes[from..self.told]
    }
}

/// How many bytes at the end may be the beginning of the marker, or the whole of it on a line that has not ended yet.
fn held_back(bytes: &[u8], marker: &[u8]) -> usize {
    if let Some(at) = find(bytes, marker) {
        return bytes.len() - at;
    }
    let most = bytes.len().min(marker.len());
    let held = (1..=most)
        .rev()
        .find(|&held| marker.starts_with(&bytes[bytes.len() - held..]));
    held.unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_printed_comes_back_however_it_is_cut() {
        let out = b"late words\nMARK 41\n\0MAR\nMARMARK 3\n".as_slice();
        let err = b"MARK\nno end of lineMARK\n".as_slice();
        for cut in 0..=out.len() {
            let mut frame = Frame::new("MARK");
            frame.stdout(&out[..cut]);
            frame.stderr(&err[..cut.min(err.len())]);
            frame.stdout(&out[cut..]);
            frame.stderr(&err[cut.min(err.len())..]);
            assert_eq!(frame.pid(), Some(41));
            let (exit, stdout, stderr) = frame.closed().unwrap();
            assert_eq!(exit, Exit::Code(3), "cut at {cut}");
            assert_eq!(
                (stdout.as_slice(), stderr.as_slice()),
                (b"\0MAR\nMAR".as_slice(), b"no end of line".as_slice())
            );
        }
    }

    #[test]
    fn a_command_that_says_only_how_it_ended_has_the_whole_stream() {
        for (end, spent) in [("3", false), ("3 left", true)] {
            let mut frame = Frame::new("MARK");
            frame.begin();
            frame.stdout(format!("one\nMARMARK {end}\n").as_bytes());
            frame.stderr(b"MARK \n");
            assert_eq!(
                frame.closed(),
                Some((Exit::Code(3), b"one\nMAR".to_vec(), Vec::new()))
            );
            assert_eq!((frame.spent(), frame.pid()), (spent, None));
        }
    }

    #[test]
    fn whoever_watches_hears_each_byte_once_and_never_the_marker() {
        let out = b"late words\nMARK 41\none\nMAR\nMARMARK 3\n".as_slice();
        for cut in 0..=out.len() {
            let mut frame = Frame::new("MARK");
            let mut heard = Vec::new();
            for piece in [&out[..cut], &out[cut..]] {
                frame.stdout(piece);
                heard.extend_from_slice(frame.news(false));
            }
            assert_eq!(heard, b"one\nMAR\nMAR", "cut at {cut}");
        }
    }

    #[test]
    fn too_much_is_let_go_of_and_its_end_is_still_found() {
        for piece in [b"x".repeat(MOST_KEPT / 3), b"xMA".repeat(MOST_KEPT / 9)] {
            let mut frame = Frame::new("MARK");
            let (mut heard, mut most) = (0, 0);
            frame.begin();
            for _ in 0..7 {
                frame.stdout(&piece);
                heard += frame.news(false).len();
                frame.bound();
                most = most.max(frame.stdout.bytes.len());
            }
            frame.stdout(b"MARK 3\n");
            heard += frame.news(false).len();
            frame.stderr(b"MARK \n");
            assert!(frame.too_much() && most <= MOST_KEPT);
            assert_eq!(heard, 7 * piece.len());
            assert_eq!(frame.closed().unwrap().0, Exit::Code(3));
        }
    }

    #[test]
    fn a_short_line_is_heard_at_once() {
        let mut frame = Frame::new("a marker that is much longer");
        frame.stderr(b"a marker that is much longer\nhi\n");
        assert_eq!(frame.news(true), b"hi\n");
        assert_eq!(frame.news(true), b"");
    }

    #[test]
    fn a_frame_is_closed_on_both_streams_or_not_at_all() {
        let mut frame = Frame::new("MARK");
        frame.stdout(b"MARK 1\nMARK 137\n");
        assert_eq!(frame.closed(), None);
        frame.stderr(b"MARK\nMARK");
        assert_eq!(frame.closed(), None);
        frame.stderr(b"\n");
        assert_eq!(frame.closed().unwrap().0, Exit::Code(137));
        let mut refused = Frame::new("MARK");
        refused.stdout(b"MARK left\n");
        assert!(refused.refused());
    }
}
