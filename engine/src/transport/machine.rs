//! A machine that can be reached: everything a module may do to it, on top of a link that starts commands.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use nebplay_modules::host::{
    Clock, Command, Duplex, FileMeta, Host, HostError, Lines, Output, RunAs, Sink, Source, Stat,
};
use nebplay_modules::job::{JobEnd, JobRecord, JobSpec};
use tokio::sync::{mpsc, oneshot};

use super::launch::{self, Account, Way};
use super::lines::Splitter;
use super::pipe::{self, Drain, Feed, PIPE_SIZE};
use super::ssh::Fault;
use super::{files, jobs};

/// A command on its way; dropping it cancels the command.
pub(super) struct Pending {
    pub(super) answer: oneshot::Receiver<Result<Output, Fault>>,
    /// What makes the other side notice that nobody waits any more, if it does not see it by itself.
    pub(super) guard: Option<Box<dyn Guard>>,
}

/// Makes the other side notice that nobody waits any more, when it is dropped.
pub(super) trait Guard: Send + Sync {
    /// There is nothing to notice: the answer came.
    fn answered(self: Box<Self>);
}

impl Pending {
    pub(super) async fn wait(self) -> Result<Output, Fault> {
        let lost = Fault::Gone {
            why: "its session ended".to_owned(),
            sent: false,
        };
        let answer = self.answer.await.unwrap_or(Err(lost));
        if let Some(guard) = self.guard {
            guard.answered();
        }
        answer
    }
}

/// A command that has printed nothing for so long, and whose last words were a question, waits for an answer.
const SILENCE: Duration = Duration::from_secs(15);

/// What there is to hear from a command that runs.
pub(super) enum Heard<'a> {
    /// It printed this; `true`: on standard error.
    Piece(&'a [u8], bool),
    /// It has printed nothing for a while; told once.
    Silence,
}

/// How commands get to a machine.
#[async_trait]
pub(super) trait Link: Send + Sync {
    /// Starts a command, connecting anew where an idle connection was lost.
    async fn start(&self, command: &Command, feed: Feed, drain: Drain) -> Result<Pending, Fault>;
    /// Opens a TCP connection.
    async fn connect(&self, address: &str, port: u16) -> Result<Box<dyn Duplex>, Fault>;
}

/// A machine.
pub(super) struct Machine<L> {
    pub(super) account: Account,
    pub(super) link: L,
    pub(super) clock: Arc<dyn Clock>,
}

impl<L: Link> Machine<L> {
    /// The error that a fault is to a module.
    fn error(&self, command: &Command, fault: Fault) -> HostError {
        self.asked(command).error(fault)
    }

    /// What an error about this command has to say.
    fn asked(&self, command: &Command) -> Asked {
        Asked {
            host: self.account.host.clone(),
            what: command.display(),
            before: match self.account.way(&command.run_as) {
                Way::Direct => "starting a command".to_owned(),
                Way::FromRoot(user) => format!("becoming {user}"),
                Way::Sudo(user) => format!("becoming {user} by sudo"),
            },
            limit: command.deadline,
        }
    }

    async fn start(&self, command: &Command, feed: Feed, drain: Drain) -> Result<Pending, HostError> {
        launch::check(&self.account.host, command)?;
        self.link
            .start(command, feed, drain)
            .await
            .map_err(|fault| self.error(command, fault))
    }

    /// Runs a command whose parts can be made again: if the connection turns out dead before the host had the request,
    /// it is sent once more over a new one.
    async fn run_twice_at_most(
        &self,
        command: &Command,
        mut drain: impl FnMut() -> Drain + Send,
    ) -> Result<Output, HostError> {
        let mut retried = false;
        loop {
            let feed = || command.stdin.clone().map_or(Feed::Nothing, Feed::Bytes);
            match self.start(command, feed(), drain()).await?.wait().await {
                Err(Fault::Gone { sent: false, .. }) if !retried => retried = true,
                outcome => return outcome.map_err(|fault| self.error(command, fault)),
            }
        }
    }

    /// Runs a command and hands on what it prints, piece by piece, and that it has fallen silent. `drain`: [`Drain::Watched`], or
    /// [`Drain::Shown`] if the answer need not have it too.
    pub(super) async fn watch(
        &self,
        command: &Command,
        drain: fn(mpsc::UnboundedSender<(bool, Vec<u8>)>) -> Drain,
        mut heard: impl FnMut(Heard<'_>) + Send,
    ) -> Result<Output, HostError> {
        let (watcher, mut pieces) = mpsc::unbounded_channel();
        let run = self.run_twice_at_most(command, move || drain(watcher.clone()));
        let mut run = std::pin::pin!(run);
        let (mut last, mut silent) = (self.clock.monotonic(), false);
        let mut timer = self.clock.sleep(SILENCE);
        loop {
            tokio::select! {
                biased;
                Some((stderr, bytes)) = pieces.recv() => {
                    (last, silent) = (self.clock.monotonic(), false);
                    heard(Heard::Piece(&bytes, stderr));
                }
                outcome = &mut run => {
                    while let Ok((stderr, bytes)) = pieces.try_recv() {
                        heard(Heard::Piece(&bytes, stderr));
                    }
                    return outcome;
                }
                // One timer for all pieces: it is only looked at when it rings.
                () = &mut timer => {
                    let left = SILENCE.saturating_sub(self.clock.monotonic().saturating_sub(last));
                    if left.is_zero() && !std::mem::replace(&mut silent, true) {
                        heard(Heard::Silence);
                    }
                    timer = self.clock.sleep(if left.is_zero() { SILENCE } else { left });
                }
            }
        }
    }

    /// Tells the outcome in the words of [`HostError`], whoever waits for it.
    fn translate(&self, command: &Command, pending: Pending) -> oneshot::Receiver<Result<Output, HostError>> {
        let (end, ended) = oneshot::channel();
        let asked = self.asked(command);
        tokio::spawn(async move {
            let outcome = pending.wait().await.map_err(|fault| asked.error(fault));
            drop(end.send(outcome));
        });
        ended
    }
}

#[async_trait]
impl<L: Link> Host for Machine<L> {
    fn name(&self) -> &str {
        &self.account.host
    }

    fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    async fn run(&self, command: &Command) -> Result<Output, HostError> {
        self.run_twice_at_most(command, || Drain::Answer).await
    }

    async fn stream(&self, command: &Command, lines: &dyn Lines) -> Result<Output, HostError> {
        let mut splitter = Splitter::default();
        let output = self
            .watch(command, Drain::Watched, |heard| match heard {
                Heard::Piece(bytes, stderr) => splitter.take(bytes, stderr, lines),
                Heard::Silence => splitter.silence(lines),
            })
            .await;
        splitter.finish(lines);
        output
    }

    async fn source(&self, command: &Command) -> Result<Source, HostError> {
        let (ours, theirs) = tokio::io::duplex(PIPE_SIZE);
        let feed = command.stdin.clone().map_or(Feed::Nothing, Feed::Bytes);
        let pending = self.start(command, feed, Drain::Pipe(Box::new(theirs))).await?;
        Ok(Source {
            stdout: Box::new(ours),
            end: self.translate(command, pending),
        })
    }

    async fn sink(&self, command: &Command) -> Result<Sink, HostError> {
        let (writer, feed) = pipe::feed();
        // Its input is the pipe, so it must not be started on /dev/null.
        let command = Command {
            stdin: Some(Vec::new()),
            ..command.clone()
        };
        let pending = self.start(&command, feed, Drain::Answer).await?;
        Ok(Sink {
            stdin: Box::new(writer),
            end: self.translate(&command, pending),
        })
    }

    async fn start_job(&self, spec: &JobSpec) -> Result<JobRecord, HostError> {
        jobs::start(self, spec).await
    }

    async fn find_job(&self, name: &str) -> Result<Option<JobRecord>, HostError> {
        jobs::find(self, name).await
    }

    async fn follow_job(&self, name: &str, lines: &dyn Lines) -> Result<JobEnd, HostError> {
        jobs::follow(self, name, lines).await
    }

    async fn forget_job(&self, name: &str) -> Result<(), HostError> {
        jobs::forget(self, name).await
    }

    async fn list_jobs(&self) -> Result<Vec<JobRecord>, HostError> {
        jobs::list(self).await
    }

    async fn read_file(&self, path: &str, run_as: &RunAs, limit: u64) -> Result<Option<Vec<u8>>, HostError> {
        files::read(self, path, run_as, limit).await
    }

    async fn write_file(
        &self,
        path: &str,
        content: &[u8],
        meta: &FileMeta,
        run_as: &RunAs,
    ) -> Result<(), HostError> {
        files::write(self, path, content, meta, run_as).await
    }

    async fn stat(&self, path: &str, run_as: &RunAs) -> Result<Option<Stat>, HostError> {
        files::stat(self, path, run_as).await
    }

    async fn connect(&self, address: &str, port: u16) -> Result<Box<dyn Duplex>, HostError> {
        let mut connected = self.link.connect(address, port).await;
        if let Err(Fault::Gone { sent: false, .. }) = connected {
            connected = self.link.connect(address, port).await;
        }
        let what = format!("connecting from it to {address}:{port}");
        let host = self.account.host.clone();
        connected.map_err(|fault| {
            Asked {
                host,
                before: what.clone(),
                what,
                limit: super::TUNNEL_TIMEOUT,
            }
            .error(fault)
        })
    }
}

/// A host's refusal, with what the operator can do about it where its own words do not say so.
fn advised(why: String) -> String {
    if why.contains("sudo: a password is required") {
        format!("{why}; give it with -K, or as ansible_become_password")
    } else {
        why
    }
}

/// What was asked of the machine, for the errors about it.
struct Asked {
    host: String,
    what: String,
    /// What has to happen before it: what a refusal is about.
    before: String,
    limit: Duration,
}

impl Asked {
    fn error(self, fault: Fault) -> HostError {
        let host = self.host;
        match fault {
            Fault::Gone { why, sent } => HostError::Unreachable { host, why, sent },
            Fault::TimedOut => HostError::TimedOut {
                host,
                what: self.what,
                limit: self.limit,
            },
            Fault::TooMuch => HostError::Refused {
                host,
                what: self.what,
                why: "it printed more than 64 MB, which is more than is kept: let it write into a file"
                    .to_owned(),
            },
            Fault::Refused(why) => HostError::Refused {
                host,
                what: self.before,
                why: advised(why),
            },
        }
    }
}
