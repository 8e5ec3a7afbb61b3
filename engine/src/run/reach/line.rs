//! Which hosts are out of reach at the moment, and since when: told once, however many steps want something of the host.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::events::{Events, What};

/// The connections of a run by host.
pub(in crate::run) struct Lines {
    events: Arc<Events>,
    window: Duration,
    by_host: Mutex<HashMap<String, Arc<Line>>>,
}

impl Lines {
    /// All are well. `window`: how long a host that is lost is tried again.
    pub(in crate::run) fn new(events: &Arc<Events>, window: Duration) -> Self {
        Self {
            events: Arc::clone(events),
            window,
            by_host: Mutex::default(),
        }
    }

    /// The connection of a host.
    pub(super) fn of(&self, host: &str) -> Arc<Line> {
        let mut lines = self.by_host.lock().unwrap_or_else(PoisonError::into_inner);
        let line = lines.entry(host.to_owned()).or_insert_with(|| {
            Arc::new(Line {
                host: host.to_owned(),
                events: Arc::clone(&self.events),
                window: self.window,
                state: Mutex::default(),
            })
        });
        Arc::clone(line)
    }
}

/// The connection of one host.
pub(super) struct Line {
    host: String,
    events: Arc<Events>,
    /// How long it is tried again.
    pub(super) window: Duration,
    state: Mutex<State>,
}

/// All times are the host's clock's.
#[derive(Default)]
struct State {
    lost_since: Option<Duration>,
    /// When it was had again last.
    back: Duration,
}

impl Line {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A call that was made at `began` was lost. How much longer it is worth trying; `None`: no more.
    pub(super) fn lost(&self, began: Duration, now: Duration, why: &str) -> Option<Duration> {
        let mut state = self.state();
        let since = match state.lost_since {
            Some(since) => since,
            // It went down with a connection that somebody else has already had again.
            None if began < state.back => now,
            None => {
                state.lost_since = Some(now);
                if !self.window.is_zero() {
                    self.events.emit(What::ConnectionLost {
                        host: self.host.clone(),
                        why: why.to_owned(),
                        tried_ms: ms(self.window),
                    });
                }
                now
            }
        };
        let left = self.window.saturating_sub(now.saturating_sub(since));
        (!left.is_zero()).then_some(left)
    }

    /// The host answered.
    pub(super) fn answers(&self, now: Duration) {
        let mut state = self.state();
        if let Some(since) = state.lost_since.take() {
            state.back = now;
            if !self.window.is_zero() {
                self.events.emit(What::ConnectionRestored {
                    host: self.host.clone(),
                    after_ms: ms(now.saturating_sub(since)),
                });
            }
        }
    }
}

fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
