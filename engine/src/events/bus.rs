//! Where events are made: numbered, timed, scrubbed, and handed to every view in one order.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nebplay_modules::host::Clock;

use super::event::{Event, What};
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
    secrets: Arc<Secrets>,
    inner: Mutex<Inner>,
}

impl Events {
    /// Starts with the first number; `clock` is the run's.
    pub fn new(clock: Arc<dyn Clock>, secrets: Arc<Secrets>, views: Vec<Box<dyn View>>) -> Self {
        Self {
            started: clock.monotonic(),
            clock,
            secrets,
            inner: Mutex::new(Inner { last: 0, views }),
        }
    }

    /// What is scrubbed from every event.
    pub fn secrets(&self) -> &Arc<Secrets> {
        &self.secrets
    }

    /// Something happened. Every view has seen it when this returns.
    pub fn emit(&self, mut what: What) {
        what.scrub(&self.secrets);
        let elapsed = self.clock.monotonic().saturating_sub(self.started);
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.last += 1;
        let event = Event {
            seq: inner.last,
            time: self.clock.now(),
            elapsed_ms: u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
            what,
        };
        inner.views.iter_mut().for_each(|view| view.event(&event));
    }
}
