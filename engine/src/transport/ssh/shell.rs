//! A shell that stays, one for each user of a host: a command in it costs one round trip, and what the login shell reads at its
//! start is paid once.

use std::task::Waker;
use std::time::Instant;

use ssh2::Channel;

use super::flow::{Outgoing, read_stream};
use super::request::Fault;
use super::task::{InShell, Task};
use super::wire::{Gone, OpError, Wire};
use crate::transport::frame::{self, Frame};
use crate::transport::launch::{Launch, Way};
use crate::transport::opening::{Opening, Say};
use crate::transport::pipe::Feed;

enum Phase {
    Opening,
    Starting,
    Live,
}

/// A shell on its channel.
pub(super) struct Shell {
    way: Way,
    line: String,
    marker: String,
    phase: Phase,
    channel: Option<Channel>,
    opening: Opening,
    outgoing: Outgoing,
    current: Option<(Task, Frame)>,
    /// What the current command is told, until the shell is ready to hear it.
    unsaid: Vec<u8>,
    /// The process group of the last command, where commands tell theirs.
    previous: Option<i32>,
    /// It is being killed with the command it runs, which may end by itself before: the next one must not be in it then.
    condemned: bool,
}

/// What a shell came to in one step.
pub(super) enum ShellStep {
    Waits,
    Moved,
    /// It is of no use any more.
    Over(Box<ShellEnd>),
}

/// What a shell leaves that is of no use any more.
pub(super) struct ShellEnd {
    /// A command it did not begin, which needs a channel of its own.
    pub(super) again: Option<Task>,
    /// Why the host had no channel for it.
    pub(super) no_channel: Option<String>,
}

impl Shell {
    pub(super) fn new(launch: Launch, way: Way) -> Self {
        let (line, marker) = (launch.line.clone(), launch.marker.clone());
        let (opening, at_once) = Opening::new(launch);
        Self {
            way,
            line,
            marker,
            phase: Phase::Opening,
            channel: None,
            opening,
            outgoing: Outgoing::new(at_once, Feed::Nothing),
            current: None,
            unsaid: Vec::new(),
            previous: None,
            condemned: false,
        }
    }

    pub(super) fn is_for(&self, way: &Way) -> bool {
        self.way == *way
    }

    /// Whether it can take a command of this user now.
    pub(super) fn idle_for(&self, way: &Way) -> bool {
        self.is_for(way) && self.current.is_none()
    }

    pub(super) fn busy(&self) -> bool {
        self.current.is_some()
    }

    /// Whether it is between asking for a channel and having one that works.
    pub(super) fn starting(&self) -> bool {
        !matches!(self.phase, Phase::Live)
    }

    /// Whether sudo may ask for a password yet.
    pub(super) fn may_ask(&self) -> bool {
        !self.opening.settled()
    }

    pub(super) fn password_refused(&self) -> bool {
        self.opening.password_refused()
    }

    /// Takes a command; it is said at once if nothing has to be settled before.
    pub(super) fn take(&mut self, mut task: Task) {
        let body = task.enter_shell();
        self.unsaid = frame::wrap(self.previous, &body);
        self.current = Some((task, Frame::new(&self.marker)));
        self.speak();
    }

    fn speak(&mut self) {
        if self.opening.settled() {
            self.outgoing.say(std::mem::take(&mut self.unsaid));
        }
    }

    /// Goes as far as it can without waiting.
    pub(super) fn advance(&mut self, wire: &Wire, waker: &Waker) -> Result<ShellStep, Gone> {
        if self.current.as_ref().is_some_and(|(task, _)| task.is_over()) {
            // Its frame is not closed: whatever comes now cannot be told apart any more.
            return Ok(over(None, None));
        }
        let stepped = match self.phase {
            Phase::Opening => match wire.attempt(|session| Ok(session.channel_session()?)) {
                Err(OpError::Channel(why)) => {
                    let task = self.reclaim();
                    return Ok(over(task, Some(why)));
                }
                opened => opened.map(|channel| {
                    let opened = channel.is_some();
                    self.channel = channel;
                    opened.then(|| self.phase = Phase::Starting)
                }),
            },
            Phase::Starting => self.start(wire),
            Phase::Live => return self.flow(wire, waker),
        };
        match stepped {
            Ok(Some(())) => Ok(ShellStep::Moved),
            Ok(None) => Ok(ShellStep::Waits),
            Err(OpError::Gone(gone)) => Err(gone),
            Err(OpError::Channel(why)) => Ok(self.broken(Some(why))),
        }
    }

    fn start(&mut self, wire: &Wire) -> Result<Option<()>, OpError> {
        let Some(channel) = &mut self.channel else {
            return Ok(None);
        };
        let started = wire.attempt(|_| Ok(channel.exec(&self.line)?))?;
        Ok(started.map(|()| self.phase = Phase::Live))
    }

    fn flow(&mut self, wire: &Wire, waker: &Waker) -> Result<ShellStep, Gone> {
        match self.exchange(wire, waker) {
            Ok(moved) => {
                if let Some(over) = self.finish_frame() {
                    return Ok(over);
                }
                let ended = self.channel.as_ref().is_none_or(Channel::eof);
                Ok(match (ended, moved) {
                    (true, _) => self.broken(None),
                    (false, true) => ShellStep::Moved,
                    (false, false) => ShellStep::Waits,
                })
            }
            Err(OpError::Gone(gone)) => Err(gone),
            Err(OpError::Channel(why)) => Ok(self.broken(Some(why))),
        }
    }

    /// Reads and writes what can be read and written now.
    fn exchange(&mut self, wire: &Wire, waker: &Waker) -> Result<bool, OpError> {
        let Some(channel) = &mut self.channel else {
            return Ok(false);
        };
        let mut moved = self.outgoing.push(wire, channel, waker)?;
        let bytes = read_stream(wire, channel, false)?;
        moved |= !bytes.is_empty();
        let bytes = self.opening.stdout(bytes);
        hear(&mut self.current, &self.opening, &bytes, false);
        let bytes = read_stream(wire, channel, true)?;
        moved |= !bytes.is_empty();
        if bytes.is_empty() {
            return Ok(moved);
        }
        let (bytes, say) = self.opening.stderr(bytes);
        match say {
            Say::Nothing => {}
            Say::Send(words) => {
                self.outgoing.say(words);
                self.speak();
            }
            Say::WrongPassword => {
                self.outgoing = Outgoing::new(Vec::new(), Feed::Nothing);
                self.outgoing.open_feed();
            }
        }
        hear(&mut self.current, &self.opening, &bytes, true);
        Ok(moved)
    }

    /// Answers, if the command has ended.
    fn finish_frame(&mut self) -> Option<ShellStep> {
        let (_, frame) = self.current.as_mut()?;
        if frame.refused() {
            let task = self.reclaim();
            return Some(over(task, None));
        }
        let (exit, stdout, stderr) = frame.closed()?;
        let (spent, too_much) = (frame.spent(), frame.too_much());
        self.previous = frame.pid();
        if let Some((task, _)) = self.current.take() {
            if too_much && task.keeps_output() {
                task.fail(Fault::TooMuch);
            } else {
                task.answer(exit, stdout, stderr);
            }
        }
        Some(if spent || self.condemned {
            over(None, None)
        } else {
            ShellStep::Moved
        })
    }

    /// Takes back a command that was not begun.
    fn reclaim(&mut self) -> Option<Task> {
        self.current.take().map(|(mut task, _)| {
            task.leave_shell();
            task
        })
    }

    /// The shell ended: before it let us in, that is an answer; later, the command took it along.
    fn broken(&mut self, why: Option<String>) -> ShellStep {
        if let Some((task, frame)) = self.current.take() {
            if self.opening.password_refused() {
                task.fail(Fault::Refused(
                    "the password is wrong (it was tried once)".to_owned(),
                ));
            } else if !self.opening.open() {
                task.fail(Fault::Refused(self.opening.complaint()));
            } else if frame.pid().is_none() {
                // It ended between two commands, so that this one was not begun; or that could not be said any more, or is never said.
                let why = why.unwrap_or_else(|| "the user's shell on the host ended".to_owned());
                task.fail(Fault::Gone { why, sent: true });
            } else {
                let why = "the user's shell on the host was ended together with the command".to_owned();
                task.fail(Fault::Gone { why, sent: true });
            }
        }
        over(None, None)
    }

    /// Ends a command that is late or unwanted; the process to kill. Where the command has not told its process, that is the shell
    /// with what it runs, or the command could still begin.
    pub(super) fn judge(&mut self, now: Instant, waker: &Waker) -> Option<(i32, Way)> {
        let (task, frame) = self.current.as_mut()?;
        let known = InShell {
            pid: frame.pid().or(self.opening.pid()),
            too_much: frame.too_much(),
        };
        let victim = task.judge(now, waker, &known);
        self.condemned |= victim.is_some();
        victim
    }

    pub(super) fn alarm(&self) -> Option<Instant> {
        self.current.as_ref().and_then(|(task, _)| task.alarm())
    }

    /// Whether something came that it has not looked at.
    pub(super) fn has_news(&self) -> bool {
        let news = |channel: &Channel| channel.read_window().available > 0 || channel.eof();
        matches!(self.phase, Phase::Live) && self.channel.as_ref().is_some_and(news)
    }

    /// The connection is gone.
    pub(super) fn gone(mut self, why: &str) {
        if let Some((task, _)) = self.current.take() {
            let sent =
                self.opening.settled() && self.outgoing.all_sent() && matches!(self.phase, Phase::Live);
            task.fail(Fault::Gone {
                why: why.to_owned(),
                sent,
            });
        }
    }

    pub(super) fn into_channel(self) -> Option<Channel> {
        self.channel
    }
}

/// Gives the command in a shell what came on a stream. Without one it is nobody's.
fn hear(current: &mut Option<(Task, Frame)>, opening: &Opening, bytes: &[u8], stderr: bool) {
    let Some((task, frame)) = current else { return };
    // Either stream may be the first to tell what shell it is.
    if opening.silent() {
        frame.begin();
    }
    if stderr {
        frame.stderr(bytes);
    } else {
        frame.stdout(bytes);
    }
    task.show(frame.news(stderr), stderr);
    frame.bound();
}

fn over(again: Option<Task>, no_channel: Option<String>) -> ShellStep {
    ShellStep::Over(Box::new(ShellEnd { again, no_channel }))
}
