//! Ending a run early: what the operator wants, and which steps are under way.

use std::sync::{Mutex, PoisonError};

use indexmap::IndexMap;
use nebplay_modules::contract::Recovery;
use tokio::sync::watch;

use crate::events::{Running, StepRef};

/// What the operator wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Stop {
    /// Go on.
    #[default]
    Run,
    /// Start no new step; follow those that run to their end.
    Drain,
    /// Leave now; jobs go on by themselves on their hosts.
    Leave,
}

/// Waits until the operator wants at least that; for ever if nobody is left who could want it.
pub(super) async fn wanted(stop: &watch::Receiver<Stop>, at_least: Stop) {
    let mut stop = stop.clone();
    if stop.wait_for(|now| *now >= at_least).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// The steps under way.
#[derive(Default)]
pub(super) struct UnderWay(Mutex<IndexMap<String, Running>>);

impl UnderWay {
    fn lock(&self) -> std::sync::MutexGuard<'_, IndexMap<String, Running>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A step looks.
    pub(super) fn looking(&self, step: &StepRef) {
        let running = Running {
            step: step.clone(),
            acting: false,
            job: false,
        };
        self.lock().insert(step.id.clone(), running);
    }

    /// A step acts.
    pub(super) fn acting(&self, step: &StepRef, recovery: Recovery) {
        if let Some(running) = self.lock().get_mut(&step.id) {
            running.acting = true;
            running.job = recovery == Recovery::Job;
        }
    }

    /// A step ended.
    pub(super) fn ended(&self, step: &StepRef) {
        self.lock().shift_remove(&step.id);
    }

    /// Those of a task on a host.
    pub(super) fn of(&self, task: &str, host: &str) -> Vec<Running> {
        let mut all = self.list();
        all.retain(|running| running.step.task == task && running.step.host == host);
        all
    }

    /// All of them, in the order in which they began.
    pub(super) fn list(&self) -> Vec<Running> {
        self.lock().values().cloned().collect()
    }
}
