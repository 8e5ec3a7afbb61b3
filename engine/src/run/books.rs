//! What is counted and remembered for the end of the run.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use indexmap::{IndexMap, IndexSet};
use nebplay_modules::federation_map::Federation;
use nebplay_modules::module::FailureKind;

use super::outcome::StepResult;
use crate::events::{Counts, FailedStep, LastStep, RunResult, Status, ZoneEnd};

#[derive(Default)]
struct Pages {
    counts: IndexMap<String, Counts>,
    last: HashMap<String, (u64, LastStep)>,
    entries: u64,
    failures: Vec<FailedStep>,
    /// Hosts that take no further part.
    out: IndexSet<String>,
}

impl Pages {
    fn note(&mut self, last: LastStep) {
        self.entries += 1;
        self.last.insert(last.host.clone(), (self.entries, last));
    }
}

/// The books of a run.
#[derive(Default)]
pub(super) struct Books(Mutex<Pages>);

impl Books {
    fn lock(&self) -> MutexGuard<'_, Pages> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// These hosts take part.
    pub(super) fn take_part(&self, hosts: &[String]) {
        let mut pages = self.lock();
        for host in hosts {
            pages.counts.entry(host.clone()).or_default();
        }
    }

    /// A task ended on a host. One that failed is counted when it is known whether anybody caught it.
    pub(super) fn ended(&self, last: LastStep, result: &StepResult) {
        let mut pages = self.lock();
        let counts = pages.counts.entry(last.host.clone()).or_default();
        match result.status {
            Status::Ok => counts.ok += 1,
            Status::Changed => {
                counts.ok += 1;
                counts.changed += 1;
            }
            Status::WouldChange => {
                counts.ok += 1;
                counts.would_change += 1;
            }
            Status::Skipped => counts.skipped += 1,
            Status::Unknown => counts.unknown += 1,
            Status::Failed | Status::Unreachable if result.ignored => {
                counts.ok += 1;
                counts.ignored += 1;
                counts.changed += u32::from(result.has_changed());
            }
            Status::Failed | Status::Unreachable => {}
        }
        if result.status != Status::Skipped {
            pages.note(last);
        }
    }

    /// A host included so many files at once.
    pub(super) fn included(&self, host: &str, files: usize) {
        let mut pages = self.lock();
        let counts = pages.counts.entry(host.to_owned()).or_default();
        match u32::try_from(files) {
            Ok(0) => counts.skipped += 1,
            Ok(files) => counts.ok += files,
            Err(_) => {}
        }
    }

    /// A step is about to act on a host; if nothing more is heard of it, it was cut off.
    pub(super) fn acts(&self, cut_off: LastStep) {
        self.lock().note(cut_off);
    }

    /// A `rescue` caught it.
    pub(super) fn rescued(&self, host: &str) {
        self.lock().counts.entry(host.to_owned()).or_default().rescued += 1;
    }

    /// Nobody caught it: the host takes no further part, unless it is forgiven. The host that failed is the host named.
    pub(super) fn dropped(&self, host: &str, failures: Vec<FailedStep>, forgiven: bool) {
        let mut pages = self.lock();
        if !forgiven {
            pages.out.insert(host.to_owned());
        }
        for failure in failures {
            let unreachable = failure.failure.kind == FailureKind::Unreachable;
            // What a `rescue` caught was counted then.
            let counts = !failure.rescued;
            if counts && unreachable {
                let there = failure.delegate.as_ref().unwrap_or(&failure.host).clone();
                pages.counts.entry(there).or_default().unreachable += 1;
            }
            if counts && (!unreachable || failure.delegate.is_some()) {
                pages.counts.entry(failure.host.clone()).or_default().failed += 1;
            }
            if !forgiven {
                pages.failures.push(failure);
            }
        }
    }

    /// Whether a host takes part.
    pub(super) fn is_out(&self, host: &str) -> bool {
        self.lock().out.contains(host)
    }

    /// These hosts take part again.
    pub(super) fn clear(&self, hosts: &[String]) {
        self.lock().out.retain(|host| !hosts.contains(host));
    }

    /// The failures so far.
    pub(super) fn failures(&self) -> Vec<FailedStep> {
        self.lock().failures.clone()
    }

    /// All counts.
    pub(super) fn counts(&self) -> IndexMap<String, Counts> {
        self.lock().counts.clone()
    }

    /// Where each zone stands; the last step is that of the front-end that did something last.
    pub(super) fn zones(&self, federation: &Federation) -> Vec<ZoneEnd> {
        let pages = self.lock();
        let zones = federation.zones.iter().map(|zone| {
            let steps = zone.hosts.iter().filter_map(|host| pages.last.get(host));
            let last = steps.max_by_key(|(entry, _)| *entry);
            ZoneEnd {
                id: zone.id,
                name: zone.name.clone(),
                role: zone.role,
                hosts: zone.hosts.clone(),
                last: last.map(|(_, last)| last.clone()),
            }
        });
        zones.collect()
    }

    /// How it ended, unless the operator ended it.
    pub(super) fn result(&self) -> RunResult {
        let pages = self.lock();
        let unreachable = |failed: &FailedStep| failed.failure.kind == FailureKind::Unreachable;
        if pages.failures.iter().any(unreachable) {
            RunResult::Unreachable
        } else if pages.failures.is_empty() {
            RunResult::Ok
        } else {
            RunResult::Failed
        }
    }
}
