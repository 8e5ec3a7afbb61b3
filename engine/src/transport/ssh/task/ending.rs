//! How a request ends before its command does: late, unwanted, without a channel, or without a connection.

use std::task::Waker;
use std::time::{Duration, Instant};

use super::{GRACE, Phase, Purpose, Reply, Task};
use crate::transport::launch::Way;
use crate::transport::ssh::request::Fault;

/// What a shell knows of the task that it runs; nothing of one on a channel of its own.
#[derive(Default)]
pub(in crate::transport::ssh) struct InShell {
    /// The process to kill.
    pub(in crate::transport::ssh) pid: Option<i32>,
    /// It printed more than is kept.
    pub(in crate::transport::ssh) too_much: bool,
}

impl Task {
    /// When it has to be looked at even if nothing happens.
    pub(in crate::transport::ssh) fn alarm(&self) -> Option<Instant> {
        self.doom.as_ref().map(|(_, until)| *until).or(self.deadline)
    }

    /// Ends it if its time is over, nobody waits for it any more, or it prints too much.
    ///
    /// Returns the process to kill, and by which way, once there is one: of its own channel, or that in a shell.
    pub(in crate::transport::ssh) fn judge(
        &mut self,
        now: Instant,
        waker: &Waker,
        in_shell: &InShell,
    ) -> Option<(i32, Way)> {
        if self.doom.is_none() {
            let fault = if self.deadline.is_some_and(|deadline| now >= deadline) {
                Fault::TimedOut
            } else if self.unwanted(waker) {
                Fault::Refused("it was given up".to_owned())
            } else if self.incoming.kept.too_much || (in_shell.too_much && self.keeps_output()) {
                Fault::TooMuch
            } else {
                return None;
            };
            let grace = if self.sent() { GRACE } else { Duration::ZERO };
            self.doom = Some((fault, now + grace));
        }
        if let Some((fault, until)) = &self.doom
            && now >= *until
            && !self.starting()
        {
            let fault = fault.clone();
            self.settle(Err(fault));
            self.phase = Phase::Over;
        }
        let Purpose::Run { opening, way, .. } = &self.purpose else {
            return None;
        };
        // It may begin only after its time is over; then it is killed as soon as its process is known.
        let pid = if self.in_shell {
            in_shell.pid
        } else {
            opening.pid()
        };
        if self.killed {
            return None;
        }
        let victim = (pid?, way.clone());
        self.killed = true;
        Some(victim)
    }

    /// Whether nobody wants the outcome any more.
    fn unwanted(&mut self, waker: &Waker) -> bool {
        match &self.reply {
            Reply::Output(reply) if reply.is_closed() => {
                // The output may still be read by somebody who does not care for the end.
                !self.incoming.piped() || self.incoming.unread(waker)
            }
            Reply::Output(_) => self.outgoing.abandoned || self.incoming.unread(waker),
            Reply::Opened(reply) => reply.is_closed(),
            Reply::Nobody => match self.purpose {
                Purpose::Run { .. } => false,
                Purpose::Tunnel { .. } => self.outgoing.ended() && self.incoming.unread(waker),
            },
        }
    }

    /// Lets a task go that is late or unwanted before it had its turn; `false`: it still waits.
    pub(in crate::transport::ssh) fn dropped_from_queue(&mut self) -> bool {
        if self.doom.is_none() {
            return false;
        }
        self.settle(Err(Fault::TimedOut));
        true
    }

    /// The host said no before anything ran, or is gone.
    pub(in crate::transport::ssh) fn fail(mut self, fault: Fault) {
        let doomed = self.doom.take().map(|(fault, _)| fault);
        self.settle(Err(doomed.unwrap_or(fault)));
    }

    /// The connection is gone.
    pub(in crate::transport::ssh) fn gone(mut self, why: &str) {
        let sent = self.sent();
        self.settle(Err(Fault::Gone {
            why: why.to_owned(),
            sent,
        }));
    }

    /// The host will not take it: there is no channel for it, and none will come free.
    pub(in crate::transport::ssh) fn refuse(mut self, why: &str) {
        self.settle(Err(Fault::Refused(format!("the host opens no session: {why}"))));
    }

    /// For how long the host has had no channel for it.
    pub(in crate::transport::ssh) fn refused_for(&mut self) -> Duration {
        self.refused.get_or_insert_with(Instant::now).elapsed()
    }
}
