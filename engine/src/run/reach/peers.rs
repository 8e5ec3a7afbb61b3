//! The hosts as one step sees them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use nebplay_modules::host::{Command, Host, HostError};
use nebplay_modules::module::Peers;

use super::line::{Line, Lines};
use super::steadfast::Steadfast;

/// What a step is about, and what a lost connection did to it.
#[derive(Default)]
pub(super) struct Mood {
    acting: AtomicBool,
    lost: AtomicBool,
    cut_off: AtomicBool,
    /// The hosts through which something was connected to.
    tunnels: Mutex<HashMap<String, Way>>,
}

/// A host, and its connection.
type Way = (Arc<dyn Host>, Arc<Line>);

impl Mood {
    /// Whether what is asked of a host may change it.
    pub(super) fn acting(&self) -> bool {
        self.acting.load(Ordering::Relaxed)
    }

    /// A connection was lost, whatever became of it.
    pub(super) fn lose(&self) {
        self.lost.store(true, Ordering::Relaxed);
    }

    /// Whether one was lost since the step began to act.
    pub(super) fn lost(&self) -> bool {
        self.lost.load(Ordering::Relaxed)
    }

    /// From now on the step acts.
    pub(super) fn act(&self) {
        self.lost.store(false, Ordering::Relaxed);
        self.cut_off.store(false, Ordering::Relaxed);
        self.acting.store(true, Ordering::Relaxed);
    }

    /// Something is connected to through this host: who talks through it cannot tell its end from the host's.
    pub(super) fn tunnel(&self, host: &Arc<dyn Host>, line: &Arc<Line>) {
        let way = (Arc::clone(host), Arc::clone(line));
        self.tunnels().insert(host.name().to_owned(), way);
    }

    fn tunnels(&self) -> MutexGuard<'_, HashMap<String, Way>> {
        self.tunnels.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on it looks.
    fn look(&self) {
        self.acting.store(false, Ordering::Relaxed);
    }

    /// Whether something was cut off since the step began to act.
    pub(super) fn was_cut_off(&self) -> bool {
        self.cut_off.load(Ordering::Relaxed)
    }

    /// Something that acts was lost after it was sent: whether it took effect is not known.
    pub(super) fn cut_off(&self) {
        self.cut_off.store(true, Ordering::Relaxed);
    }
}

/// The hosts as one step sees them: while it looks, whatever is lost is asked again; while it acts, only what was never sent.
pub(in crate::run) struct SteadyPeers {
    hosts: Arc<dyn Peers>,
    lines: Arc<Lines>,
    mood: Arc<Mood>,
}

impl SteadyPeers {
    /// A step that looks.
    pub(in crate::run) fn new(hosts: &Arc<dyn Peers>, lines: &Arc<Lines>) -> Self {
        Self {
            hosts: Arc::clone(hosts),
            lines: Arc::clone(lines),
            mood: Arc::default(),
        }
    }

    /// From now on the step acts.
    pub(in crate::run) fn act(&self) {
        self.mood.act();
    }

    /// From now on it looks.
    pub(in crate::run) fn look(&self) {
        self.mood.look();
    }

    /// From now on it looks anew.
    pub(in crate::run) fn look_anew(&self) {
        self.mood.tunnels().clear();
        self.mood.lost.store(false, Ordering::Relaxed);
    }

    /// Whether what went wrong may be a connection's doing that nobody has noticed: what is said through a host to another just
    /// ends with it. Returns when the host is back.
    pub(in crate::run) async fn broke(&self) -> bool {
        let ways: Vec<Way> = self.mood.tunnels().drain().map(|(_, way)| way).collect();
        if ways.is_empty() {
            return false;
        }
        for (host, line) in ways {
            let host = Steadfast::new(host, line, Arc::clone(&self.mood));
            // It is only to answer; one that is given up is given up.
            let answer = host.run(&Command::new(["true"])).await;
            if matches!(answer, Err(HostError::Unreachable { .. })) {
                return false;
            }
        }
        self.mood.lost()
    }

    /// Whether what it did when it last acted was cut off by a lost connection, and may have taken effect.
    pub(in crate::run) fn was_cut_off(&self) -> bool {
        self.mood.was_cut_off()
    }
}

#[async_trait]
impl Peers for SteadyPeers {
    async fn peer(&self, name: &str) -> Result<Arc<dyn Host>, HostError> {
        let host = self.hosts.peer(name).await?;
        let line = self.lines.of(name);
        Ok(Arc::new(Steadfast::new(host, line, Arc::clone(&self.mood))))
    }
}
