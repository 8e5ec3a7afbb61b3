//! What is said and heard before a command's own output begins; free of input and output, so that it is tested by bytes alone.
//!
//! A login shell may print a greeting, sudo a lecture: all of it comes before the marker and is set aside.

use super::launch::{Launch, PAST_SUDO, Password, SILENT};

/// More noise than this before the marker is no greeting; only the end is kept.
const NOISE_KEPT: usize = 16 * 1024;

/// How a command comes to run: what was heard so far.
pub(super) struct Opening {
    marker: Vec<u8>,
    stdout: Side,
    stderr: Side,
    pid: Option<i32>,
    silent: bool,
    talk: Option<Talk>,
    password_refused: bool,
}

/// One stream before its marker.
#[derive(Default)]
struct Side {
    noise: Vec<u8>,
    open: bool,
}

/// What is to be settled with sudo, and what to send afterwards.
struct Talk {
    password: Password,
    rest: Vec<u8>,
    asked: bool,
    /// How much of the noise was looked at, so that one prompt is not seen twice.
    seen: usize,
}

/// What to do after hearing something.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Say {
    Nothing,
    Send(Vec<u8>),
    /// sudo asks again: the password is wrong. Answering again could lock the account.
    WrongPassword,
}

impl Opening {
    /// The opening of a command, and what to send at once.
    pub(super) fn new(launch: Launch) -> (Self, Vec<u8>) {
        let mut at_once = launch.scripts;
        let talk = launch.password.map(|(before, password)| Talk {
            rest: at_once.split_off(before),
            password,
            asked: false,
            seen: 0,
        });
        let opening = Self {
            marker: launch.marker.into_bytes(),
            stdout: Side::default(),
            stderr: Side::default(),
            pid: None,
            silent: false,
            talk,
            password_refused: false,
        };
        (opening, at_once)
    }

    /// The process (and process group) of the command, once known.
    pub(super) fn pid(&self) -> Option<i32> {
        self.pid
    }

    /// Whether it is a shell whose commands do not say when they begin, as far as is known.
    pub(super) fn silent(&self) -> bool {
        self.silent
    }

    /// Whether everything that has to be sent before the command's own input is known.
    pub(super) fn settled(&self) -> bool {
        self.talk.is_none()
    }

    /// Whether sudo asked twice.
    pub(super) fn password_refused(&self) -> bool {
        self.password_refused
    }

    /// Whether both streams are the command's own by now.
    pub(super) fn open(&self) -> bool {
        self.stdout.open && self.stderr.open
    }

    /// Takes what came on standard output; returns what of it the command printed.
    pub(super) fn stdout(&mut self, bytes: Vec<u8>) -> Vec<u8> {
        let (line, rest) = self.stdout.take(bytes, &self.marker);
        if let Some(line) = line {
            self.pid = line.split(' ').nth(1).and_then(|pid| pid.parse().ok());
            self.silent |= line.ends_with(SILENT);
        }
        rest
    }

    /// Takes what came on standard error; returns what of it the command printed, and what to do.
    pub(super) fn stderr(&mut self, bytes: Vec<u8>) -> (Vec<u8>, Say) {
        if self.stderr.open {
            return (bytes, Say::Nothing);
        }
        let (line, rest) = self.stderr.take(bytes, &self.marker);
        self.silent |= line.is_some_and(|line| line.ends_with(SILENT));
        let Some(talk) = &mut self.talk else {
            return (rest, Say::Nothing);
        };
        let heard = self.stderr.noise.get(talk.seen..).unwrap_or_default();
        if find(heard, PAST_SUDO.as_bytes()).is_some() {
            let bytes = std::mem::take(&mut talk.rest);
            self.talk = None;
            return (rest, Say::Send(bytes));
        }
        if let Some(at) = find(heard, talk.password.prompt.as_bytes()) {
            talk.seen += at + talk.password.prompt.len();
            if std::mem::replace(&mut talk.asked, true) {
                self.password_refused = true;
                return (rest, Say::WrongPassword);
            }
            return (
                rest,
                Say::Send(format!("{}\n", talk.password.secret).into_bytes()),
            );
        }
        (rest, Say::Nothing)
    }

    /// Why it came to nothing: what was said instead, without our own words.
    pub(super) fn complaint(&self) -> String {
        let heard = [self.stderr.noise.as_slice(), self.stdout.noise.as_slice()].concat();
        let text = String::from_utf8_lossy(&heard);
        let prompt = self.talk.as_ref().map(|talk| talk.password.prompt.as_str());
        let text = prompt.map_or_else(|| text.to_string(), |prompt| text.replace(prompt, ""));
        match text.trim() {
            "" => "the login shell ended without a word".to_owned(),
            said => said.to_owned(),
        }
    }
}

impl Side {
    /// The marker's line, when it is complete now, and what follows it.
    fn take(&mut self, bytes: Vec<u8>, marker: &[u8]) -> (Option<String>, Vec<u8>) {
        if self.open {
            return (None, bytes);
        }
        self.noise.extend_from_slice(&bytes);
        if let Some(at) = find(&self.noise, marker)
            && let Some(end) = self.noise[at..].iter().position(|&byte| byte == b'\n')
        {
            let rest = self.noise.split_off(at + end + 1);
            let line = String::from_utf8_lossy(&self.noise[at..]).trim_end().to_owned();
            self.noise.truncate(at);
            self.open = true;
            return (Some(line), rest);
        }
        if self.noise.len() > 2 * NOISE_KEPT {
            self.noise.drain(..self.noise.len() - NOISE_KEPT);
        }
        (None, Vec::new())
    }
}

/// Where `needle` first stands in `hay`.
pub(super) fn find(hay: &[u8], needle: &[u8]) -> Option<usize> {
    hay.windows(needle.len()).position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opening(password: bool) -> (Opening, Vec<u8>) {
        let password = password.then(|| {
            (
                5,
                Password {
                    prompt: "prompt-7: ".to_owned(),
                    secret: "s3cret".to_owned(),
                },
            )
        });
        Opening::new(Launch {
            line: String::new(),
            scripts: b"firstlast".to_vec(),
            password,
            marker: "mark".to_owned(),
        })
    }

    #[test]
    fn noise_before_the_marker_is_set_aside_however_it_is_cut() {
        let whole = b"Welcome!\nmark 42\nout\0put mark 43\n";
        for cut in 0..whole.len() {
            let (mut opening, first) = opening(false);
            assert_eq!(first, b"firstlast");
            let mut out = opening.stdout(whole[..cut].to_vec());
            out.extend(opening.stdout(whole[cut..].to_vec()));
            assert_eq!(out, b"out\0put mark 43\n", "cut at {cut}");
            assert_eq!(opening.pid(), Some(42));
            assert!(!opening.open());
            assert_eq!(opening.stderr(b"mark\nerr".to_vec()).0, b"err");
            assert!(opening.open());
        }
    }

    #[test]
    fn the_password_is_given_once_and_only_when_asked_for() {
        let (mut asked, first) = opening(true);
        assert_eq!(first, b"first");
        assert_eq!(asked.stderr(b"lecture\nprompt-".to_vec()).1, Say::Nothing);
        assert_eq!(asked.stderr(b"7: ".to_vec()).1, Say::Send(b"s3cret\n".to_vec()));
        assert!(!asked.settled());
        assert_eq!(
            asked.stderr(b"\nnebplay-past-sudo\n".to_vec()).1,
            Say::Send(b"last".to_vec())
        );
        assert!(asked.settled());

        let (mut free, _) = opening(true);
        assert_eq!(
            free.stderr(b"nebplay-past-sudo\n".to_vec()).1,
            Say::Send(b"last".to_vec())
        );

        let (mut wrong, _) = opening(true);
        wrong.stderr(b"prompt-7: ".to_vec());
        let again = b"\nSorry, try again.\nprompt-7: ".to_vec();
        assert_eq!(wrong.stderr(again).1, Say::WrongPassword);
        assert_eq!(wrong.complaint(), "Sorry, try again.");
    }
}
