//! All that a module may do to a machine.
//!
//! A module never learns what is behind a [`Host`]: SSH, this machine, or the twin of a rehearsal.
//! Every call costs one round trip where the connection allows it.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::job::{JobEnd, JobRecord, JobSpec};

/// Who a command runs as.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub enum RunAs {
    /// The user the connection logged in as.
    #[default]
    Login,
    /// This user, reached through sudo where the login user is somebody else.
    User(String),
}

impl RunAs {
    /// The superuser.
    pub fn root() -> Self {
        Self::User("root".to_owned())
    }
}

/// A command: an argument vector, never a string that a shell would read again.
///
/// The environment travels on standard input, not in anybody's argument vector, so a password may stand in it.
#[derive(Clone, PartialEq, Eq)]
pub struct Command {
    /// Program and arguments; never empty.
    pub argv: Vec<String>,
    /// Variables set for the command.
    pub env: BTreeMap<String, String>,
    /// Start from an empty environment (with a plain `PATH`) instead of the login's.
    pub clear_env: bool,
    /// What the command reads; `None` is `/dev/null`.
    pub stdin: Option<Vec<u8>>,
    /// Who it runs as.
    pub run_as: RunAs,
    /// Working directory; `None` is the login's.
    pub chdir: Option<String>,
    /// How long it may take before it is killed, with its whole process group.
    pub deadline: Duration,
}

/// What a buffered command may take unless the caller says otherwise.
pub const DEFAULT_DEADLINE: Duration = Duration::from_secs(60);

impl Command {
    /// A command from program and arguments, as the login user, within [`DEFAULT_DEADLINE`].
    pub fn new<S: Into<String>>(argv: impl IntoIterator<Item = S>) -> Self {
        Self {
            argv: argv.into_iter().map(Into::into).collect(),
            env: BTreeMap::new(),
            clear_env: false,
            stdin: None,
            run_as: RunAs::Login,
            chdir: None,
            deadline: DEFAULT_DEADLINE,
        }
    }

    /// A POSIX shell script; the arguments are `$1`, `$2`, … of the script and are never parsed.
    pub fn script<S: Into<String>>(script: &str, args: impl IntoIterator<Item = S>) -> Self {
        let head = ["sh", "-c", script, "sh"].map(String::from);
        Self::new(head.into_iter().chain(args.into_iter().map(Into::into)))
    }

    /// Sets who it runs as.
    pub fn run_as(mut self, who: RunAs) -> Self {
        self.run_as = who;
        self
    }

    /// Runs it as root.
    pub fn as_root(self) -> Self {
        self.run_as(RunAs::root())
    }

    /// Sets one variable.
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.env.insert(name.into(), value.into());
        self
    }

    /// Starts from an empty environment.
    pub fn clear_env(mut self) -> Self {
        self.clear_env = true;
        self
    }

    /// Gives it something to read.
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = Some(bytes.into());
        self
    }

    /// Sets the working directory.
    pub fn chdir(mut self, dir: impl Into<String>) -> Self {
        self.chdir = Some(dir.into());
        self
    }

    /// Sets the deadline.
    pub fn deadline(mut self, limit: Duration) -> Self {
        self.deadline = limit;
        self
    }

    /// The command as a person would type it, for messages. Values of variables are not in it.
    pub fn display(&self) -> String {
        self.argv
            .iter()
            .map(|word| quote(word))
            .collect::<Vec<_>>()
            .join(" ")
    }
}

impl fmt::Debug for Command {
    /// Leaves out the values of variables and what is read: either may be a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Command")
            .field("argv", &self.argv)
            .field("env", &self.env.keys().collect::<Vec<_>>())
            .field("run_as", &self.run_as)
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}

/// Quotes one word for a POSIX shell; a word that needs no quotes stays as it is.
pub fn quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// It exited with this status, or a shell between it and us says so: see [`Exit::shell_signal`].
    Code(i32),
    /// A signal ended it (number as on Linux), and the system itself says so.
    Signal(i32),
}

impl Exit {
    /// Exit status 0.
    pub fn success(self) -> bool {
        self == Self::Code(0)
    }

    /// The status as Ansible's `rc`: a signal is its negative number.
    pub fn rc(self) -> i32 {
        match self {
            Self::Code(code) => code,
            Self::Signal(signal) => -signal,
        }
    }

    /// The signal that may stand behind an exit status. A shell says 128 + n of a command that signal n ended, and cannot say
    /// it in another way of a program that exits with such a status by itself; so the status stays what it is.
    pub fn shell_signal(self) -> Option<i32> {
        match self {
            Self::Code(code @ 129..=159) => Some(code - 128),
            Self::Code(_) | Self::Signal(_) => None,
        }
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self, self.shell_signal()) {
            (Self::Code(code), None) => write!(f, "exit status {code}"),
            (Self::Code(code), Some(signal)) => write!(f, "exit status {code} (killed by signal {signal}?)"),
            (Self::Signal(signal), _) => write!(f, "killed by signal {signal}"),
        }
    }
}

/// What a buffered command left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// How it ended.
    pub exit: Exit,
    /// Its standard output, byte for byte.
    pub stdout: Vec<u8>,
    /// Its standard error, byte for byte.
    pub stderr: Vec<u8>,
    /// How long it took, by the host's side of the connection.
    pub elapsed: Duration,
}

impl Output {
    /// Standard output as text; bytes that are not UTF-8 are replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Standard error as text; bytes that are not UTF-8 are replaced.
    pub fn err_text(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }
}

/// What kind of file a path names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link (not followed).
    Link,
    /// Anything else: device, socket, fifo.
    Other,
}

/// What is known of a file without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stat {
    /// What it is.
    pub kind: FileKind,
    /// Its size in bytes.
    pub size: u64,
    /// Permission bits, e.g. `0o600`.
    pub mode: u32,
    /// Owner's name, or number where it has none.
    pub owner: String,
    /// Group's name, or number where it has none.
    pub group: String,
    /// Owner's number.
    pub uid: u32,
    /// Group's number.
    pub gid: u32,
    /// Last modification, seconds since the epoch.
    pub mtime: i64,
    /// Where a link points.
    pub target: Option<String>,
}

impl Stat {
    /// Whether this is the owner, by name or number.
    pub fn is_owner(&self, wanted: &str) -> bool {
        self.owner == wanted || wanted.parse() == Ok(self.uid)
    }

    /// Whether this is the group, by name or number.
    pub fn is_group(&self, wanted: &str) -> bool {
        self.group == wanted || wanted.parse() == Ok(self.gid)
    }
}

/// What a file gets when it is written; `None` keeps what is there, or the default of a new file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileMeta {
    /// Permission bits.
    pub mode: Option<u32>,
    /// Owner's name.
    pub owner: Option<String>,
    /// Group's name.
    pub group: Option<String>,
}

/// Why a host did not do what was asked of it.
///
/// Unreachable, timed out and failed are three different things: only the last one says that the host answered.
#[derive(Debug, Clone, thiserror::Error)]
pub enum HostError {
    /// No connection, or it broke and could not be had again. Whether the request took effect is unknown
    /// when `sent` is true.
    #[error("{host} is unreachable: {why}")]
    Unreachable {
        /// Inventory name.
        host: String,
        /// What was tried and what came back.
        why: String,
        /// Whether the request had already been handed to the host.
        sent: bool,
    },
    /// The host took the request and did not finish it in time; its process group was killed.
    #[error("{host}: {what} did not finish within {limit:?}")]
    TimedOut {
        /// Inventory name.
        host: String,
        /// What was running.
        what: String,
        /// The deadline that passed.
        limit: Duration,
    },
    /// The host answered, and the answer is no: no such file, permission denied, sudo refused, …
    #[error("{host}: {what}: {why}")]
    Refused {
        /// Inventory name.
        host: String,
        /// What was asked.
        what: String,
        /// The host's own words.
        why: String,
    },
}

/// Bytes coming from, or going to, a host.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// A running command whose standard output is read as it comes.
pub struct Source {
    /// Its standard output; ends when the command closes it.
    pub stdout: Box<dyn AsyncRead + Send + Unpin>,
    /// Resolves when the command has ended and everything was read: exit and standard error.
    pub end: tokio::sync::oneshot::Receiver<Result<Output, HostError>>,
}

/// A running command that is fed through its standard input.
pub struct Sink {
    /// Its standard input; shut it down to say that this is all.
    pub stdin: Box<dyn AsyncWrite + Send + Unpin>,
    /// Resolves when the command has ended: exit, standard output (buffered) and standard error.
    pub end: tokio::sync::oneshot::Receiver<Result<Output, HostError>>,
}

/// Receives what a streamed command prints, a line at a time, without the line's end.
pub trait Lines: Send + Sync {
    /// One line; `stderr` tells which stream it came on.
    fn line(&self, line: &str, stderr: bool);

    /// It has printed the beginning of a line that looks like a question, and nothing more for a while: it waits for an answer that
    /// nobody gives. That line is handed on as any other when it is complete.
    fn question(&self, _question: &str) {}
}

/// Takes time from wherever the run takes it; virtual in a rehearsal.
#[async_trait]
pub trait Clock: Send + Sync {
    /// Time since an arbitrary fixed point; never goes back.
    fn monotonic(&self) -> Duration;
    /// Wall-clock time, seconds since the epoch.
    fn now(&self) -> i64;
    /// Waits.
    async fn sleep(&self, how_long: Duration);
}

/// A machine.
#[async_trait]
pub trait Host: Send + Sync {
    /// The name it has in the inventory.
    fn name(&self) -> &str;

    /// The clock to use while acting on it.
    fn clock(&self) -> &dyn Clock;

    /// Runs a command to its end and returns all it printed. One round trip.
    async fn run(&self, command: &Command) -> Result<Output, HostError>;

    /// Runs a command and hands on each line as it is printed; returns all of it too.
    async fn stream(&self, command: &Command, lines: &dyn Lines) -> Result<Output, HostError>;

    /// Starts a command whose output is read as it comes (a file to be sent elsewhere).
    async fn source(&self, command: &Command) -> Result<Source, HostError>;

    /// Starts a command that is fed as it goes (a file to be received).
    async fn sink(&self, command: &Command) -> Result<Sink, HostError>;

    /// Starts a job; a job of that name that already exists is not started again but returned.
    async fn start_job(&self, spec: &JobSpec) -> Result<JobRecord, HostError>;

    /// Looks a job up by name, without starting anything.
    async fn find_job(&self, name: &str) -> Result<Option<JobRecord>, HostError>;

    /// Follows a job to its end, handing on its output from the beginning.
    async fn follow_job(&self, name: &str, lines: &dyn Lines) -> Result<JobEnd, HostError>;

    /// Removes an ended job and its files; an unknown one is none of an error.
    async fn forget_job(&self, name: &str) -> Result<(), HostError>;

    /// The names of all jobs on this host.
    async fn list_jobs(&self) -> Result<Vec<JobRecord>, HostError>;

    /// Reads a file of at most `limit` bytes; a larger one is refused. `None`: there is none.
    async fn read_file(&self, path: &str, run_as: &RunAs, limit: u64) -> Result<Option<Vec<u8>>, HostError>;

    /// Replaces a file in one step (written beside it, synced, renamed), so that no reader sees half of it.
    async fn write_file(
        &self,
        path: &str,
        content: &[u8],
        meta: &FileMeta,
        run_as: &RunAs,
    ) -> Result<(), HostError>;

    /// What a path names, without following a final link. `None`: nothing.
    async fn stat(&self, path: &str, run_as: &RunAs) -> Result<Option<Stat>, HostError>;

    /// Opens a TCP connection as seen from that host.
    async fn connect(&self, address: &str, port: u16) -> Result<Box<dyn Duplex>, HostError>;
}
