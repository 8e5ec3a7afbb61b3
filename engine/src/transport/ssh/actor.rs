//! The loop of the thread that owns a session: takes requests, moves bytes, keeps deadlines.

use std::collections::VecDeque;
use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError};
use std::task::Waker;
use std::time::{Duration, Instant};

use ssh2::Channel;

use super::request::{Dated, Fault};
use super::shell::{Shell, ShellEnd, ShellStep};
use super::task::{InShell, Step, Task};
use super::wire::{Gone, OpError, Wire};
use crate::transport::launch::{self, Account, Way};

/// Channels in use at once: OpenSSH allows ten, and one is kept for killing and one for listening.
const MOST: usize = 8;

/// How long a session may be without any channel before one is opened to listen on: libssh2 reads what the host says
/// (and answers its questions whether we are still here) only while some channel is read.
const DEAF: Duration = Duration::from_millis(20);

/// Looks again at least this often while something is going on.
const TICK: Duration = Duration::from_millis(500);

/// How long to leave a host alone that has just refused a channel, and how long to go on asking one where we have none at all.
const FULL: Duration = Duration::from_millis(50);
const PATIENCE: Duration = Duration::from_secs(10);

/// A session and everything that goes on in it.
pub(super) struct Actor {
    wire: Wire,
    waker: Waker,
    account: Account,
    requests: Receiver<Dated>,
    queue: VecDeque<Task>,
    tasks: Vec<Task>,
    /// One for each user, made when it is first needed.
    shells: Vec<Shell>,
    /// sudo did not take the password: offering it again could lock the account.
    password_refused: bool,
    /// Channels of finished tasks whose other side has not closed yet.
    closing: Vec<Channel>,
    ear: Ear,
    /// How many channels this host lets us have.
    most: usize,
    /// The host has just refused a channel: no other is asked for before this.
    full_until: Option<Instant>,
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
            shells: Vec::new(),
            password_refused: false,
            closing: Vec::new(),
            ear: Ear::None {
                since: Instant::now(),
            },
            most: MOST,
            full_until: None,
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
        for shell in self.shells.drain(..) {
            shell.gone(&why);
        }
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
            if self.move_on()? {
                continue;
            }
            if !wanted && self.quiet() {
                return Ok(());
            }
            if !self.tasks.iter().any(Task::has_news) && !self.shells.iter().any(Shell::has_news) {
                self.wait()?;
            }
        }
    }

    /// Lets everything go as far as it can, for a while; whether there is more to be done at once. A command that prints without end
    /// keeps this going for ever, and still has a deadline, like all the others.
    fn move_on(&mut self) -> Result<bool, Gone> {
        const WHILE: Duration = Duration::from_millis(20);
        let began = Instant::now();
        while self.pass()? {
            if began.elapsed() >= WHILE {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether nothing is asked for at the moment.
    fn quiet(&self) -> bool {
        self.tasks.is_empty() && self.queue.is_empty() && !self.shells.iter().any(Shell::busy)
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
            victims.extend(task.judge(now, &self.waker, &InShell::default()));
        }
        for shell in &mut self.shells {
            victims.extend(shell.judge(now, &self.waker));
        }
        for task in &mut self.queue {
            // Not started, so there is nobody to kill.
            task.judge(now, &self.waker, &InShell::default());
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
        let mut moved = self.admit()?;
        moved |= self.listen()?;
        moved |= self.close_finished()?;
        moved |= self.advance_shells()?;
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
                    let task = self.tasks.swap_remove(index);
                    self.password_refused |= task.password_refused();
                    self.closing.extend(task.into_channel());
                }
                Step::NoChannel(why) => {
                    let task = self.tasks.swap_remove(index);
                    self.no_channel(task, &why);
                }
            }
        }
        Ok(moved)
    }

    fn advance_shells(&mut self) -> Result<bool, Gone> {
        let mut moved = false;
        let mut index = 0;
        while index < self.shells.len() {
            match self.shells[index].advance(&self.wire, &self.waker)? {
                ShellStep::Waits => index += 1,
                ShellStep::Moved => {
                    moved = true;
                    index += 1;
                }
                ShellStep::Over(ended) => {
                    let ShellEnd { again, no_channel } = *ended;
                    moved = true;
                    let shell = self.shells.swap_remove(index);
                    self.password_refused |= shell.password_refused();
                    self.closing.extend(shell.into_channel());
                    match (again, no_channel) {
                        (Some(task), Some(why)) => self.no_channel(task, &why),
                        (Some(task), None) => self.queue.push_front(task),
                        (None, _) => {}
                    }
                }
            }
        }
        Ok(moved)
    }

    /// The host opens no further channel: with what there is it must do, or nothing can be done.
    ///
    /// A host counts a session until its last process is gone, which may be a little after we saw it closed.
    fn no_channel(&mut self, mut task: Task, why: &str) {
        if let Ear::Open(_) = self.ear
            && let Ear::Open(channel) = std::mem::replace(&mut self.ear, Ear::Impossible)
        {
            self.closing.push(channel);
        } else if self.channels() > 0 {
            self.most = (self.tasks.len() + self.shells.len()).max(1);
        } else if task.refused_for() > PATIENCE {
            task.refuse(why);
            return;
        }
        self.full_until = Some(Instant::now() + FULL);
        self.queue.push_front(task);
    }

    fn channels(&self) -> usize {
        self.tasks.len() + self.shells.len() + self.closing.len()
    }

    /// Closes a shell that does nothing, so that its channel comes free.
    fn give_way(&mut self) -> bool {
        let idle = self.shells.iter().position(|shell| !shell.busy());
        let Some(idle) = idle.filter(|_| self.closing.is_empty()) else {
            return false;
        };
        self.closing.extend(self.shells.swap_remove(idle).into_channel());
        true
    }

    /// Whether a channel is asked for, or a command on it.
    fn opening(&self) -> bool {
        matches!(self.ear, Ear::Opening)
            || self.tasks.iter().any(Task::starting)
            || self.shells.iter().any(Shell::starting)
    }

    /// Starts the next request, if no other is just starting.
    fn admit(&mut self) -> Result<bool, Gone> {
        if self.full_until.is_some_and(|until| Instant::now() < until) {
            return Ok(false);
        }
        self.full_until = None;
        let Some(next) = self.queue.pop_front() else {
            return Ok(false);
        };
        let way = next.way_of_shell().cloned();
        if let Some(way) = &way
            && let Some(idle) = self.shells.iter_mut().find(|shell| shell.idle_for(way))
        {
            idle.take(next);
            return Ok(true);
        }
        if next.may_ask() && self.password_refused {
            next.fail(Fault::Refused(
                "the password was refused before; it is not tried again".to_owned(),
            ));
            return Ok(true);
        }
        let busy = self.opening();
        // One password at a time: if it is wrong, it is not tried a second time.
        let asking = next.may_ask()
            && (self.tasks.iter().any(Task::may_ask) || self.shells.iter().any(Shell::may_ask));
        let room = if next.urgent() { self.most + 1 } else { self.most };
        if busy || asking || self.channels() >= room {
            self.queue.push_front(next);
            return Ok(!busy && !asking && self.give_way());
        }
        match way {
            Some(way) if !self.shells.iter().any(|shell| shell.is_for(&way)) => {
                let launch = launch::shell(&self.account, &way)
                    .map_err(|error| Gone(format!("no randomness: {error}")))?;
                let mut shell = Shell::new(launch, way);
                shell.take(next);
                self.shells.push(shell);
            }
            _ => self.tasks.push(next),
        }
        Ok(true)
    }

    /// Reads what concerns no task: keeps a channel to listen on while there is no other.
    fn listen(&mut self) -> Result<bool, Gone> {
        let occupied = self.channels() > 0 || !self.queue.is_empty();
        match &mut self.ear {
            Ear::Impossible => Ok(false),
            Ear::Open(channel) => {
                let mut byte = [0_u8];
                match self.wire.attempt(|_| channel.read(&mut byte)) {
                    Err(OpError::Gone(gone)) => Err(gone),
                    _ => Ok(false),
                }
            }
            Ear::None { since } => {
                if occupied {
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
        let alarm = alarms
            .chain(self.shells.iter().filter_map(Shell::alarm))
            .min()
            .map(|at| at.saturating_duration_since(now));
        let retry = self.full_until.map(|until| until.saturating_duration_since(now));
        let busy = !self.quiet() || !self.closing.is_empty();
        let longest = if busy { TICK } else { Duration::from_secs(3600) };
        let limit = alarm
            .unwrap_or(longest)
            .min(retry.unwrap_or(longest))
            .min(longest);
        if self.opening() {
            self.wire.acknowledge();
        }
        match self.ear {
            Ear::None { .. } if self.channels() == 0 && self.queue.is_empty() => {
                self.wire.wait_for_bell(DEAF)
            }
            Ear::Impossible if self.channels() == 0 => self.wire.wait_for_bell(limit.min(TICK)),
            _ => self.wire.wait(limit),
        }
    }
}
