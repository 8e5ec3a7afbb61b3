//! Jobs whose records are all that tells whether a step acted (`durable`). They stay until the run is finished: by then the journal has
//! the ends of their steps. Only the job of a step that is still in doubt is left for the run that goes on.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use nebplay_modules::host::HostError;
use nebplay_modules::job::{self, JobState};

use super::runner::Runner;
use super::stop::Stop;

/// Host and name of a job.
type Witness = (String, String);

/// The jobs of this run, by the steps that they are witnesses of.
#[derive(Default)]
pub(super) struct Witnesses(Mutex<BTreeMap<String, Witness>>);

impl Witnesses {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Witness>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The step is in doubt: its job is needed when the run goes on.
    pub(super) fn keep(&self, step: &str) {
        self.lock().remove(step);
    }

    /// What may be removed, by host.
    fn dismissed(&self) -> BTreeMap<String, Vec<String>> {
        let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (host, job) in std::mem::take(&mut *self.lock()).into_values() {
            all.entry(host).or_default().push(job);
        }
        all
    }
}

impl Runner {
    /// A step on a host has, or may have, a job of this module that nothing but its record tells of.
    pub(super) fn note_witness(&self, step: &str, module: &str, host: &str) {
        let job = job::name_in_run(step, module, &self.world.run);
        let witness = (host.to_owned(), job);
        self.witnesses.lock().insert(step.to_owned(), witness);
    }

    /// Removes the records of jobs whose steps have ended. One that cannot be removed is told, and harms nobody: no other run takes it
    /// for its own.
    pub(super) async fn dismiss_witnesses(&self) {
        if *self.world.stop.borrow() == Stop::Leave || self.world.events.settled().await.is_err() {
            return;
        }
        for (host, jobs) in self.witnesses.dismissed() {
            if let Err(error) = self.forget(&host, &jobs).await {
                self.warn(format!(
                    "what is left of jobs on {host} was not removed: {error}; the module job_clean removes it"
                ));
            }
        }
    }

    async fn forget(&self, host: &str, jobs: &[String]) -> Result<(), HostError> {
        let host = self.world.hosts.peer(host).await?;
        for job in host.list_jobs().await? {
            if jobs.contains(&job.name) && job.state != JobState::Running {
                host.forget_job(&job.name).await?;
            }
        }
        Ok(())
    }
}
