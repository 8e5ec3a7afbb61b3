//! What the asynchronous side asks of the thread that owns a session.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use nebplay_modules::host::Output;
use tokio::sync::oneshot;

use super::wire::Bell;
use crate::transport::launch::{Launch, Way};
use crate::transport::machine::Guard;
use crate::transport::pipe::{Drain, Feed, Reader, Writer};

/// Why a request was not fulfilled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::transport) enum Fault {
    /// The connection is gone; whether the request had been handed over whole.
    Gone { why: String, sent: bool },
    /// Its deadline passed; what it ran was killed.
    TimedOut,
    /// It printed more than is kept; what it ran was killed, if it had not ended.
    TooMuch,
    /// The host said no before anything ran.
    Refused(String),
}

/// The answer to a request that runs something.
pub(in crate::transport) type Answer = oneshot::Sender<Result<Output, Fault>>;

/// A request.
pub(in crate::transport) enum Request {
    /// Runs a command on a channel of its own.
    Run(Run),
    /// Opens a TCP connection from the host.
    Tunnel(Tunnel),
}

/// A command to run.
pub(in crate::transport) struct Run {
    pub(in crate::transport) launch: Launch,
    /// The same for a shell that stays, if it may go there: buffered, without input.
    pub(in crate::transport) body: Option<String>,
    /// The way to its user; killing it takes the same.
    pub(in crate::transport) way: Way,
    pub(in crate::transport) feed: Feed,
    pub(in crate::transport) drain: Drain,
    pub(in crate::transport) deadline: Duration,
    pub(in crate::transport) answer: Answer,
}

/// A TCP connection to open.
pub(in crate::transport) struct Tunnel {
    pub(in crate::transport) address: String,
    pub(in crate::transport) port: u16,
    pub(in crate::transport) reader: Reader,
    pub(in crate::transport) writer: Writer,
    pub(in crate::transport) deadline: Duration,
    pub(in crate::transport) answer: oneshot::Sender<Result<(), Fault>>,
}

/// A request with the time it came in.
pub(super) type Dated = (Instant, Request);

/// The asynchronous side's end of a session. The session is closed when it is dropped.
pub(in crate::transport) struct Handle(Inner);

struct Inner {
    requests: Option<Sender<Dated>>,
    bell: Bell,
    alive: Arc<AtomicBool>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.requests = None;
        self.bell.ring();
    }
}

/// Rings when a waiting caller goes away, so that the thread sees at once that nobody wants the answer.
pub(in crate::transport) struct RingOnDrop(Option<Bell>);

impl Drop for RingOnDrop {
    fn drop(&mut self) {
        if let Some(bell) = &self.0 {
            bell.ring();
        }
    }
}

impl Guard for RingOnDrop {
    /// Does not ring: waking the thread for nothing is a good part of what a short command costs here.
    fn answered(mut self: Box<Self>) {
        self.0 = None;
    }
}

impl Handle {
    /// `alive` is set to false by the thread when it ends.
    pub(super) fn new(requests: Sender<Dated>, bell: Bell, alive: Arc<AtomicBool>) -> Self {
        Self(Inner {
            requests: Some(requests),
            bell,
            alive,
        })
    }

    /// Hands a request over. If the session is gone, the request is dropped, and its answer with it.
    pub(in crate::transport) fn submit(&self, request: Request) {
        if let Some(requests) = &self.0.requests
            && requests.send((Instant::now(), request)).is_ok()
        {
            self.0.bell.ring();
        }
    }

    /// Whether the session still serves, as far as is known.
    pub(in crate::transport) fn alive(&self) -> bool {
        self.0.alive.load(Ordering::Acquire)
    }

    /// Makes the thread look after its requests when the guard is dropped.
    pub(in crate::transport) fn ring_on_drop(&self) -> RingOnDrop {
        RingOnDrop(Some(self.0.bell.clone()))
    }
}
