//! The loop of the thread that owns a session: takes requests, moves bytes, keeps deadlines.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError};
use std::task::Waker;
use std::time::{Duration, Instant};

use ssh2::Channel;

use super::request::Dated;
use super::task::{Step, Task};
use super::wire::{Gone, OpError, Wire};
use crate::transport::launch::{self, Account, Way};

/// Channels in use at once: OpenSSH allows ten, and one is kept for killing and one for listening.
const MOST: usize = 8;

/// How long a session may be without any channel before one is opened to listen on: libssh2 reads what the host says
/// (and answers its questions whether we are still here) only while some channel is read.
const DEAF: Duration = Duration::from_millis(20);

/// Looks again at least this often while something is going on.
const TICK: Duration = Duration::from_millis(500);

/// A session and everything that goes on in it.
pub(super) struct Actor {
    wire: Wire,
    waker: Waker,
    account: Account,
    requests: Receiver<Dated>,
    queue: VecDeque<Task>,
    tasks: Vec<Task>,
    /// Channels of finished tasks whose other side has not closed yet.
    closing: Vec<Channel>,
    ear: Ear,
    /// How many channels this host lets us have.
    most: usize,
    alive: Arc<AtomicBool>,
}

/// The channel that is only there to be read.
enum Ear {
    None { since: Instant },
    Opening,
    Open(Channel),
    Impossible,
}

impl Actor {
    /// `alive` becomes false when the session is of no use any more.
    pub(super) fn new(
        wire: Wire,
        waker: Waker,
        account: Account,
        requests: Receiver<Dated>,
        alive: Arc<AtomicBool>,
    ) -> Self {
        Self {
            wire,
            waker,
            account,
            requests,
            queue: VecDeque::new(),
            tasks: Vec::new(),
            closing: Vec::new(),
            ear: Ear::None {
                since: Instant::now(),
            },
            most: MOST,
            alive,
        }
    }

    /// Serves until nobody needs the session any more, or it is gone.
    pub(super) fn serve(mut self) {
        let why = match self.serve_until_gone() {
            Ok(()) => "the session was closed".to_owned(),
            Err(Gone(why)) => why,
        };
        self.alive.store(false, Ordering::Release);
        self.wire.close();
        for task in self.tasks.drain(..).chain(self.queue.drain(..)) {
            task.gone(&why);
        }
        while let Ok((began, request)) = self.requests.try_recv() {
            Task::new(began, request).gone(&why);
        }
    }

    fn serve_until_gone(&mut self) -> Result<(), Gone> {
        loop {
            let wanted = self.take_requests();
            self.judge()?;
            while self.pass()? {}
            if !wanted && self.tasks.is_empty() && self.queue.is_empty() {
                return Ok(());
            }
            if !self.tasks.iter().any(Task::has_news) {
                self.wait()?;
            }
        }
    }

    /// Takes what was asked for; `false`: nobody can ask any more.
    fn take_requests(&mut self) -> bool {
        loop {
            match self.requests.try_recv() {
                Ok((began, request)) => self.queue.push_back(Task::new(began, request)),
                Err(TryRecvError::Empty) => return true,
                Err(TryRecvError::Disconnected) => return false,
            }
        }
    }

    /// Ends what is late or unwanted.
    fn judge(&mut self) -> Result<(), Gone> {
        let now = Instant::now();
        let mut victims: Vec<(i32, Way)> = Vec::new();
        for task in &mut self.tasks {
            victims.extend(task.judge(now, &self.waker));
        }
        for task in &mut self.queue {
            // Not started, so there is nobody to kill; the second look lets it go.
            task.judge(now, &self.waker);
        }
        self.queue.retain_mut(|task| !task.dropped_from_queue());
        for (pid, way) in victims {
            let launch = launch::kill(&self.account, &way, pid)
                .map_err(|error| Gone(format!("no randomness: {error}")))?;
            self.queue.push_front(Task::unattended(launch, way));
        }
        Ok(())
    }

    /// Lets everything go as far as it can; whether anything moved.
    fn pass(&mut self) -> Result<bool, Gone> {
        let mut moved = self.admit();
        moved |= self.listen()?;
        moved |= self.close_finished()?;
        let mut index = 0;
        while index < self.tasks.len() {
            match self.tasks[index].advance(&self.wire, &self.waker)? {
                Step::Waits => index += 1,
                Step::Moved => {
                    moved = true;
                    index += 1;
                }
                Step::Over => {
                    moved = true;
                    self.closing.extend(self.tasks.swap_remove(index).into_channel());
                }
                Step::NoChannel(why) => {
                    let task = self.tasks.swap_remove(index);
                    if self.tasks.is_empty() && self.closing.is_empty() {
                        task.refuse(&why);
                    } else {
                        self.most = self.tasks.len().max(1);
                        self.queue.push_front(task);
                    }
                }
            }
        }
        Ok(moved)
    }

    /// Starts the next request, if no other is just starting.
    fn admit(&mut self) -> bool {
        let busy = matches!(self.ear, Ear::Opening) || self.tasks.iter().any(Task::starting);
        let Some(next) = self.queue.front() else {
            return false;
        };
        let room = if next.urgent() { self.most + 1 } else { self.most };
        if busy || self.tasks.len() + self.closing.len() >= room {
            return false;
        }
        self.tasks.extend(self.queue.pop_front());
        true
    }

    /// Reads what concerns no task: keeps a channel to listen on while there is no other.
    fn listen(&mut self) -> Result<bool, Gone> {
        match &mut self.ear {
            Ear::Impossible => Ok(false),
            Ear::Open(channel) => {
                let mut byte = [0_u8];
                use std::io::Read;
                match self.wire.attempt(|_| channel.read(&mut byte)) {
                    Err(OpError::Gone(gone)) => Err(gone),
                    _ => Ok(false),
                }
            }
            Ear::None { since } => {
                if !self.tasks.is_empty() || !self.queue.is_empty() {
                    *since = Instant::now();
                    Ok(false)
                } else if since.elapsed() < DEAF {
                    Ok(false)
                } else {
                    self.ear = Ear::Opening;
                    Ok(true)
                }
            }
            Ear::Opening => match self.wire.attempt(|session| Ok(session.channel_session()?)) {
                Ok(None) => Ok(false),
                Ok(Some(channel)) => {
                    self.ear = Ear::Open(channel);
                    Ok(true)
                }
                Err(OpError::Channel(_)) => {
                    self.ear = Ear::Impossible;
                    Ok(true)
                }
                Err(OpError::Gone(gone)) => Err(gone),
            },
        }
    }

    /// Closes the channels of finished tasks, as far as the host lets us.
    fn close_finished(&mut self) -> Result<bool, Gone> {
        let before = self.closing.len();
        let mut open = Vec::with_capacity(before);
        for mut channel in self.closing.drain(..) {
            match self.wire.attempt(|_| Ok(channel.close()?)) {
                Ok(Some(())) | Err(OpError::Channel(_)) => {}
                Ok(None) => open.push(channel),
                Err(OpError::Gone(gone)) => return Err(gone),
            }
        }
        self.closing = open;
        Ok(self.closing.len() < before)
    }

    fn wait(&mut self) -> Result<(), Gone> {
        let now = Instant::now();
        let alarms = self.tasks.iter().chain(&self.queue).filter_map(Task::alarm);
        let alarm = alarms.min().map(|at| at.saturating_duration_since(now));
        let busy = !self.tasks.is_empty() || !self.closing.is_empty();
        let longest = if busy { TICK } else { Duration::from_secs(3600) };
        let limit = alarm.unwrap_or(longest).min(longest);
        match self.ear {
            Ear::None { .. } if !busy && self.queue.is_empty() => self.wire.wait_for_bell(DEAF),
            Ear::Impossible if !busy => self.wire.wait_for_bell(limit.min(TICK)),
            _ => self.wire.wait(limit),
        }
    }
}
