//! Where events are made: numbered, timed, scrubbed, and handed to every view in one order.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nebplay_modules::host::Clock;

use super::event::{Event, What};
use super::journal::Journal;
use super::scrub::Scrub;
use super::secrets::Secrets;

/// Something a person or a program sees of a run.
pub trait View: Send {
    /// Takes one event; they come in the order of their numbers, scrubbed.
    fn event(&mut self, event: &Event);
}

struct Inner {
    last: u64,
    views: Vec<Box<dyn View>>,
}

/// The events of one run.
pub struct Events {
    clock: Arc<dyn Clock>,
    started: Duration,
    /// What earlier processes of the same run took.
    before: Duration,
    secrets: Arc<Secrets>,
    journal: Option<Arc<Journal>>,
    inner: Mutex<Inner>,
}

impl Events {
    /// Starts with the first number; `clock` is the run's.
    pub fn new(clock: Arc<dyn Clock>, secrets: Arc<Secrets>, views: Vec<Box<dyn View>>) -> Self {
        Self {
            started: clock.monotonic(),
            before: Duration::ZERO,
            clock,
            secrets,
            journal: None,
            inner: Mutex::new(Inner { last: 0, views }),
        }
    }

    /// Writes every event into a journal before any view sees it.
    pub fn journaled(mut self, journal: Arc<Journal>) -> Self {
        self.journal = Some(journal);
        self
    }

    /// Goes on where another process stopped: the number and the time of its last event.
    pub fn after(mut self, last: u64, elapsed_ms: u64) -> Self {
        self.inner.get_mut().unwrap_or_else(PoisonError::into_inner).last = last;
        self.before = Duration::from_millis(elapsed_ms);
        self
    }

    /// Waits until everything that happened so far would survive a power cut. The error says why it would not.
    pub async fn settled(&self) -> Result<(), String> {
        match &self.journal {
            Some(journal) => journal.settled().await,
            None => Ok(()),
        }
    }

    /// Waits a little until whoever takes over from another machine would know everything that happened so far.
    pub async fn settled_elsewhere(&self) {
        if let Some(journal) = &self.journal {
            journal.settled_elsewhere().await;
        }
    }

    /// Why nothing can be written into the journal any more, if that is so.
    pub fn fault(&self) -> Option<String> {
        self.journal.as_ref()?.fault()
    }

    /// What is scrubbed from every event.
    pub fn secrets(&self) -> &Arc<Secrets> {
        &self.secrets
    }

    /// Something happened. Every view has seen it when this returns.
    pub fn emit(&self, mut what: What) {
        what.scrub(&self.secrets);
        let elapsed = self.before + self.clock.monotonic().saturating_sub(self.started);
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.last += 1;
        let event = Event {
            seq: inner.last,
            time: self.clock.now(),
            elapsed_ms: u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
            what,
        };
        if let Some(journal) = &self.journal {
            journal.event(&event);
        }
        inner.views.iter_mut().for_each(|view| view.event(&event));
    }
}
