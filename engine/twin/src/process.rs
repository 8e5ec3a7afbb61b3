//! A program at work on a machine.

use std::collections::BTreeMap;
use std::time::Duration;

use nebplay_sh::Ended;

use crate::deeds::Act;
use crate::federation::{At, Federation};
use crate::files::{Content, FileError, Meta, plain};
use crate::machine::Machine;
use crate::rates::lasting;

/// What ends a command from outside, and when, counted from its beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// It is asked to end (TERM).
    Asked(Duration),
    /// It is asked to end, and killed a while later: a deadline.
    Deadline(Duration),
    /// It is killed.
    Killed(Duration),
    /// It hangs from a moment on, whatever it is at; at its deadline it is asked to end, and killed a while later.
    Hangs {
        /// From when.
        from: Duration,
        /// Its deadline.
        deadline: Duration,
    },
}

/// How long a program that was asked to end is left to do so.
const GRACE: Duration = Duration::from_secs(10);

impl Limit {
    /// After this much work there is no more.
    pub fn at(self) -> Duration {
        match self {
            Self::Asked(at) | Self::Deadline(at) | Self::Killed(at) | Self::Hangs { from: at, .. } => at,
        }
    }

    /// When what is over this limit is ended, or asked to end.
    pub fn ends(self) -> Duration {
        match self {
            Self::Hangs { from, deadline } => deadline.max(from),
            other => other.at(),
        }
    }
}

/// What a program is: it works on the process and gives its exit status.
pub(crate) type Program = fn(&mut Process<'_>) -> i32;

/// A program at work: what it was called with, and what it can reach.
pub(crate) struct Process<'a> {
    /// Everything.
    pub(crate) federation: &'a mut Federation,
    /// The machine it runs on.
    pub(crate) at: At,
    /// Its arguments, without its own name.
    pub(crate) args: &'a [String],
    /// Its environment.
    pub(crate) env: &'a BTreeMap<String, String>,
    /// Who it runs as.
    pub(crate) user: &'a str,
    /// Where.
    pub(crate) cwd: &'a str,
    /// What it reads.
    pub(crate) stdin: &'a [u8],
    /// The mask for new files.
    pub(crate) umask: u32,
    /// Its process id.
    pub(crate) pid: u32,
    /// What it printed.
    pub(crate) stdout: Vec<u8>,
    /// What it printed as errors.
    pub(crate) stderr: Vec<u8>,
    /// How long the whole command has been going on.
    pub(crate) elapsed: &'a mut Duration,
    /// What ends the whole command from outside.
    pub(crate) limit: Option<Limit>,
    /// Set by a program that was asked to end, and ended by itself.
    pub(crate) caught: &'a mut bool,
}

impl Process<'_> {
    /// The machine it runs on.
    pub(crate) fn machine(&self) -> &Machine {
        self.federation.machine(self.at)
    }

    /// The machine it runs on, to be changed.
    pub(crate) fn machine_mut(&mut self) -> &mut Machine {
        self.federation.machine_mut(self.at)
    }

    /// Seconds since the epoch, as this process sees it.
    pub(crate) fn seconds(&self) -> i64 {
        i64::try_from((self.federation.now() + *self.elapsed).as_secs()).unwrap_or(i64::MAX)
    }

    /// Prints.
    pub(crate) fn say(&mut self, text: impl AsRef<[u8]>) {
        self.stdout.extend_from_slice(text.as_ref());
    }

    /// Prints as an error.
    pub(crate) fn complain(&mut self, text: impl AsRef<[u8]>) {
        self.stderr.extend_from_slice(text.as_ref());
    }

    /// Spends time. Gives how much of it there was, from 0 to 1: less than 1 means that the program is killed in the middle, and is to
    /// leave its work as far as it came.
    pub(crate) fn spends(&mut self, time: Duration) -> f64 {
        let from = *self.elapsed;
        let time = self.federation.rates.varied(time, &self.machine().name, self.pid);
        *self.elapsed += time;
        match self.limit {
            Some(limit) if *self.elapsed > limit.at() => {
                *self.elapsed = limit.ends();
                *self.caught = false;
                let had = limit.at().saturating_sub(from);
                if time.is_zero() {
                    0.0
                } else {
                    had.as_secs_f64() / time.as_secs_f64()
                }
            }
            _ => 1.0,
        }
    }

    /// Whether it was asked to end and not killed, once there was too little time: it then ends by itself, in ten seconds if there is to
    /// be an end at all.
    pub(crate) fn catches(&mut self) -> bool {
        self.limit = match self.limit {
            None | Some(Limit::Killed(_)) => return false,
            Some(Limit::Asked(_)) => None,
            Some(limit @ (Limit::Deadline(_) | Limit::Hangs { .. })) => {
                Some(Limit::Killed(limit.ends() + GRACE))
            }
        };
        *self.caught = true;
        true
    }

    /// As [`Process::spends`], for that many bytes at that many a second.
    pub(crate) fn works_through(&mut self, bytes: u64, rate: f64) -> f64 {
        self.spends(lasting(bytes, rate))
    }

    /// A path as seen from where it runs.
    pub(crate) fn path(&self, path: &str) -> String {
        if path.starts_with('/') {
            plain(path).into_owned()
        } else {
            plain(&format!("{}/{path}", self.cwd)).into_owned()
        }
    }

    /// What a new file gets.
    pub(crate) fn new_meta(&self, mode: u32) -> Meta {
        Meta {
            mtime: self.seconds(),
            ..self
                .machine()
                .meta(self.user, mode & !self.umask, self.federation.now())
        }
    }

    /// Writes a file as this user.
    pub(crate) fn write(&mut self, path: &str, content: Content) -> Result<(), FileError> {
        let (path, meta) = (self.path(path), self.new_meta(0o666));
        self.machine_mut().files.write(&path, content, &meta)
    }

    /// Writes down what it did.
    pub(crate) fn did(&mut self, act: Act) {
        self.federation.did(self.at, act);
    }

    /// What it left, once it has ended.
    pub(crate) fn ended(self, status: i32) -> Ended {
        Ended {
            status,
            stdout: self.stdout,
            stderr: self.stderr,
        }
    }
}
