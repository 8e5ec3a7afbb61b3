//! One request on its channel, from opening it to the answer.

mod ending;

use std::task::Waker;
use std::time::{Duration, Instant};

use nebplay_modules::host::{Exit, Output};
use ssh2::Channel;
use tokio::sync::oneshot;

use super::ends::{exit_of, tunnel_refusal};
use super::flow::{Incoming, Outgoing, read_stream};
use super::request::{Answer, Fault, Request, Run, Tunnel};
use super::wire::{Gone, OpError, Wire};
use crate::transport::launch::{Launch, Way};
use crate::transport::opening::{Opening, Say};
use crate::transport::pipe::{Drain, Feed, Finished};
pub(super) use ending::InShell;

/// How long a killed command may take to let go of its channel before we do.
const GRACE: Duration = Duration::from_secs(5);

/// What the channel is for.
enum Purpose {
    Run {
        line: String,
        opening: Box<Opening>,
        way: Way,
    },
    Tunnel {
        address: String,
        port: u16,
    },
}

/// Whom to tell.
enum Reply {
    Output(Answer),
    Opened(oneshot::Sender<Result<(), Fault>>),
    Nobody,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd)]
enum Phase {
    Opening,
    Starting,
    Live,
    Closing,
    Over,
}

/// What a task came to in one step.
pub(super) enum Step {
    /// It waits.
    Waits,
    /// Something moved; look again.
    Moved,
    /// It is over and answered; its channel is to be closed.
    Over,
    /// The host has no channel left for it.
    NoChannel(String),
}

/// A request on its way.
pub(super) struct Task {
    purpose: Purpose,
    reply: Reply,
    phase: Phase,
    channel: Option<Channel>,
    outgoing: Outgoing,
    incoming: Incoming,
    began: Instant,
    deadline: Option<Instant>,
    /// How much the host must have been handed before it can act.
    opening_length: usize,
    /// How it will end, whatever it says until then; and when we let go.
    doom: Option<(Fault, Instant)>,
    /// Whether what it runs was told to end.
    killed: bool,
    /// What a shell that stays would be told; taken when one is.
    body: Option<String>,
    /// A shell that stays runs it: it has no channel of its own.
    in_shell: bool,
    /// When the host first had no channel for it.
    refused: Option<Instant>,
}

impl Task {
    /// A task for this request, which came in at `began`.
    pub(super) fn new(began: Instant, request: Request) -> Self {
        match request {
            Request::Run(run) => Self::run(began, run),
            Request::Tunnel(tunnel) => Self::tunnel(began, tunnel),
        }
    }

    fn run(began: Instant, run: Run) -> Self {
        let line = run.launch.line.clone();
        let (opening, at_once) = Opening::new(run.launch);
        let opening_length = at_once.len();
        let mut outgoing = Outgoing::new(at_once, run.feed);
        if opening.settled() {
            outgoing.open_feed();
        }
        Self {
            purpose: Purpose::Run {
                line,
                opening: Box::new(opening),
                way: run.way,
            },
            reply: Reply::Output(run.answer),
            phase: Phase::Opening,
            channel: None,
            outgoing,
            incoming: Incoming::new(run.drain),
            began,
            deadline: Some(began + run.deadline),
            opening_length,
            doom: None,
            killed: false,
            body: run.body,
            in_shell: false,
            refused: None,
        }
    }

    fn tunnel(began: Instant, tunnel: Tunnel) -> Self {
        let finished = Finished::default();
        finished.say();
        let mut outgoing = Outgoing::new(Vec::new(), Feed::Pipe(tunnel.reader, finished));
        outgoing.open_feed();
        Self {
            purpose: Purpose::Tunnel {
                address: tunnel.address,
                port: tunnel.port,
            },
            reply: Reply::Opened(tunnel.answer),
            phase: Phase::Opening,
            channel: None,
            outgoing,
            incoming: Incoming::new(Drain::Pipe(tunnel.writer)),
            began,
            deadline: Some(began + tunnel.deadline),
            opening_length: 0,
            doom: None,
            killed: false,
            body: None,
            in_shell: false,
            refused: None,
        }
    }

    /// A command of our own that nobody waits for: killing another one.
    pub(super) fn unattended(launch: Launch, way: Way) -> Self {
        let (answer, _) = oneshot::channel();
        let mut task = Self::run(
            Instant::now(),
            Run {
                launch,
                body: None,
                way,
                feed: Feed::Nothing,
                drain: Drain::Answer,
                deadline: 2 * GRACE,
                answer,
            },
        );
        task.reply = Reply::Nobody;
        task
    }

    /// Whether it is between asking for a channel and having one that works: only one task may be, because
    /// libssh2 keeps that state with the session.
    pub(super) fn starting(&self) -> bool {
        !self.in_shell && matches!(self.phase, Phase::Opening | Phase::Starting)
    }

    /// The way to its user, if a shell that stays may run it.
    pub(super) fn way_of_shell(&self) -> Option<&Way> {
        match &self.purpose {
            Purpose::Run { way, .. } if self.body.is_some() && self.doom.is_none() => Some(way),
            _ => None,
        }
    }

    /// Gives it to a shell; what the shell is to be told.
    pub(super) fn enter_shell(&mut self) -> String {
        self.in_shell = true;
        self.body.take().unwrap_or_default()
    }

    /// Takes it back from a shell that did not begin it: it needs a channel of its own.
    pub(super) fn leave_shell(&mut self) {
        self.in_shell = false;
    }

    /// What it prints in a shell, for whoever watches.
    pub(super) fn show(&self, bytes: &[u8], stderr: bool) {
        self.incoming.drain.show(bytes, stderr);
    }

    /// Whether what it prints is kept.
    pub(super) fn keeps_output(&self) -> bool {
        self.incoming.drain.keeps()
    }

    /// What came of it in a shell.
    pub(super) fn answer(mut self, exit: Exit, stdout: Vec<u8>, stderr: Vec<u8>) {
        let output = Output {
            exit,
            stdout,
            stderr,
            elapsed: self.began.elapsed(),
        };
        let doomed = self.doom.take().map(|(fault, _)| fault);
        self.settle(doomed.map_or(Ok(output), Err));
    }

    /// Whether it was let go.
    pub(super) fn is_over(&self) -> bool {
        self.phase == Phase::Over
    }

    /// Whether sudo may ask for a password before it runs.
    pub(super) fn may_ask(&self) -> bool {
        !self.in_shell && matches!(&self.purpose, Purpose::Run { opening, .. } if !opening.settled())
    }

    /// Whether sudo did not take the password.
    pub(super) fn password_refused(&self) -> bool {
        matches!(&self.purpose, Purpose::Run { opening, .. } if opening.password_refused())
    }

    /// Whether it goes before the others, and beyond the usual number of channels: it frees one.
    pub(super) fn urgent(&self) -> bool {
        matches!((&self.reply, &self.purpose), (Reply::Nobody, Purpose::Run { .. }))
    }

    /// Goes as far as it can without waiting.
    pub(super) fn advance(&mut self, wire: &Wire, waker: &Waker) -> Result<Step, Gone> {
        let stepped = match self.phase {
            Phase::Opening => self.open(wire),
            Phase::Starting => self.start(wire),
            Phase::Live => self.flow(wire, waker),
            Phase::Closing => self.close(wire, waker),
            Phase::Over => Ok(Step::Over),
        };
        match stepped {
            Ok(step) => Ok(step),
            Err(OpError::Gone(gone)) => Err(gone),
            Err(OpError::Channel(why)) if self.phase == Phase::Opening => Ok(self.not_opened(why)),
            Err(OpError::Channel(why)) => {
                self.settle(Err(Fault::Refused(why)));
                Ok(Step::Over)
            }
        }
    }

    fn open(&mut self, wire: &Wire) -> Result<Step, OpError> {
        let opened = wire.attempt(|session| {
            Ok(match &self.purpose {
                Purpose::Run { .. } => session.channel_session()?,
                Purpose::Tunnel { address, port } => session.channel_direct_tcpip(address, *port, None)?,
            })
        })?;
        let Some(channel) = opened else {
            return Ok(Step::Waits);
        };
        self.channel = Some(channel);
        self.phase = Phase::Starting;
        if let Purpose::Tunnel { .. } = self.purpose {
            self.phase = Phase::Live;
            self.deadline = None;
            if let Reply::Opened(reply) = std::mem::replace(&mut self.reply, Reply::Nobody) {
                let _ = reply.send(Ok(()));
            }
        }
        Ok(Step::Moved)
    }

    fn not_opened(&mut self, why: String) -> Step {
        match &self.purpose {
            Purpose::Run { .. } => Step::NoChannel(why),
            Purpose::Tunnel { .. } => {
                self.settle(Err(Fault::Refused(tunnel_refusal(&why))));
                Step::Over
            }
        }
    }

    fn start(&mut self, wire: &Wire) -> Result<Step, OpError> {
        let (Some(channel), Purpose::Run { line, .. }) = (&mut self.channel, &self.purpose) else {
            return Ok(Step::Over);
        };
        if wire.attempt(|_| Ok(channel.exec(line)?))?.is_none() {
            return Ok(Step::Waits);
        }
        self.phase = Phase::Live;
        Ok(Step::Moved)
    }

    fn flow(&mut self, wire: &Wire, waker: &Waker) -> Result<Step, OpError> {
        let Some(channel) = &mut self.channel else {
            return Ok(Step::Over);
        };
        let mut moved = self.incoming.flush(waker);
        if self.incoming.flushed() {
            let bytes = read_stream(wire, channel, false)?;
            moved |= !bytes.is_empty();
            let bytes = match &mut self.purpose {
                Purpose::Run { opening, .. } => opening.stdout(bytes),
                Purpose::Tunnel { .. } => bytes,
            };
            self.incoming.take(bytes, false, waker);
        }
        let bytes = read_stream(wire, channel, true)?;
        moved |= !bytes.is_empty();
        self.hear_stderr(bytes, waker);
        let Some(channel) = &mut self.channel else {
            return Ok(Step::Over);
        };
        match self.outgoing.push(wire, channel, waker) {
            Ok(pushed) => moved |= pushed,
            // The command does not listen any more; what it says is still worth hearing.
            Err(OpError::Channel(_)) => self.outgoing.stop(),
            Err(gone) => return Err(gone),
        }
        if channel.eof() && self.incoming.flushed() {
            self.phase = Phase::Closing;
            return Ok(Step::Moved);
        }
        Ok(if moved { Step::Moved } else { Step::Waits })
    }

    fn hear_stderr(&mut self, bytes: Vec<u8>, waker: &Waker) {
        let Purpose::Run { opening, .. } = &mut self.purpose else {
            return;
        };
        if bytes.is_empty() {
            return;
        }
        let (bytes, say) = opening.stderr(bytes);
        match say {
            Say::Nothing => {}
            Say::Send(words) => {
                self.opening_length += words.len();
                self.outgoing.say(words);
                if opening.settled() {
                    self.outgoing.open_feed();
                }
            }
            Say::WrongPassword => {
                // The end of input, so that sudo gives up without a second try.
                self.outgoing = Outgoing::new(Vec::new(), Feed::Nothing);
                self.outgoing.open_feed();
                let fault = Fault::Refused("the password is wrong (it was tried once)".to_owned());
                self.doom.get_or_insert((fault, Instant::now() + GRACE));
            }
        }
        self.incoming.take(bytes, true, waker);
    }

    fn close(&mut self, wire: &Wire, waker: &Waker) -> Result<Step, OpError> {
        let Some(channel) = &mut self.channel else {
            return Ok(Step::Over);
        };
        if let Purpose::Tunnel { .. } = self.purpose {
            // The other side may say no more and still listen.
            self.incoming.finish(waker);
            let moved = self.outgoing.push(wire, channel, waker).unwrap_or(false);
            let closed = wire.attempt(|_| Ok(channel.wait_close()?))?.is_some();
            let over = closed || self.outgoing.ended() || self.incoming.unread(waker);
            return Ok(if over {
                self.over()
            } else if moved {
                Step::Moved
            } else {
                Step::Waits
            });
        }
        if wire.attempt(|_| Ok(channel.wait_close()?))?.is_none() {
            return Ok(Step::Waits);
        }
        let exit = exit_of(channel);
        self.incoming.finish(waker);
        let result = match (&self.doom, &self.purpose) {
            (Some((fault, _)), _) => Err(fault.clone()),
            (None, Purpose::Run { opening, .. }) if !opening.open() => {
                Err(Fault::Refused(opening.complaint()))
            }
            (None, _) if self.incoming.kept.too_much => Err(Fault::TooMuch),
            _ => Ok(Output {
                exit,
                stdout: std::mem::take(&mut self.incoming.kept.stdout),
                stderr: std::mem::take(&mut self.incoming.kept.stderr),
                elapsed: self.began.elapsed(),
            }),
        };
        self.settle(result);
        Ok(self.over())
    }

    fn over(&mut self) -> Step {
        self.phase = Phase::Over;
        Step::Over
    }

    /// Answers, once.
    fn settle(&mut self, result: Result<Output, Fault>) {
        match std::mem::replace(&mut self.reply, Reply::Nobody) {
            // Whoever asked may have gone; then nobody is told.
            Reply::Output(reply) => drop(reply.send(result)),
            Reply::Opened(reply) => drop(reply.send(result.map(drop))),
            Reply::Nobody => {}
        }
    }

    /// Whether the host was handed all that it needs to act.
    fn sent(&self) -> bool {
        match &self.purpose {
            // A shell knows better, and only ever takes a task to tell it at once.
            Purpose::Run { .. } if self.in_shell => true,
            Purpose::Run { opening, .. } => {
                opening.open() || (opening.settled() && self.outgoing.total() >= self.opening_length)
            }
            Purpose::Tunnel { .. } => self.phase >= Phase::Live,
        }
    }

    /// Whether something came for it that it has not looked at: packets that arrived while another channel was read.
    pub(super) fn has_news(&self) -> bool {
        let Some(channel) = &self.channel else {
            return false;
        };
        match self.phase {
            // What the pipe does not take yet, it asks for itself.
            Phase::Live => self.incoming.flushed() && (channel.read_window().available > 0 || channel.eof()),
            _ => false,
        }
    }

    /// Its channel, to be closed in the background.
    pub(super) fn into_channel(self) -> Option<Channel> {
        self.channel
    }
}
