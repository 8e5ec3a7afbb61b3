//! A play, for one batch of its hosts.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use indexmap::{IndexMap, IndexSet};
use serde_json::Value;

use super::handlers::{Handler, handlers};
use super::outcome::StepResult;
use crate::plan::PlayPlan;
use crate::playbook::{Role, Vars};
use crate::template::{Binding, Layer, layer_of};

/// What holds for all batches of a play.
#[derive(Default)]
pub(super) struct AllBatches {
    /// Results of tasks that run once, by the task's identity.
    once: Mutex<HashMap<String, StepResult>>,
}

#[derive(Default)]
struct State {
    ended: bool,
    left: HashSet<String>,
    /// Hosts that failed, of which a task said that this is not to count: they take part in the next play again.
    forgiven: HashSet<String>,
    /// Hosts that failed and whom no `rescue` can catch any more; the run's books have them when the section ends.
    failed: HashSet<String>,
    /// Indices of handlers, in the order they were first notified; the hosts they are for.
    notified: IndexMap<usize, IndexSet<String>>,
    flushes: u32,
    /// Roles of which a task ran on a host, and whether it has come to the role's end.
    roles: HashMap<(PathBuf, String, String), bool>,
    files: HashMap<String, Vec<Arc<Layer>>>,
    active: Option<(Vec<String>, Arc<Layer>)>,
}

/// See the module.
pub(super) struct PlayRun {
    pub(super) plan: Arc<PlayPlan>,
    /// Where the file lies in which it is written; nothing where that has no place of its own.
    pub(super) directory: Option<PathBuf>,
    pub(super) batch: Vec<String>,
    pub(super) handlers: Vec<Handler>,
    all: Arc<AllBatches>,
    constant: Arc<Layer>,
    vars: Arc<Layer>,
    /// What roles define for the whole play: unless somebody else does, and in any case.
    defaults: Option<Arc<Layer>>,
    of_roles: Option<Arc<Layer>>,
    state: Mutex<State>,
}

fn of_host(role: &Role, host: &str) -> (PathBuf, String, String) {
    (role.path.clone(), role.asked.clone(), host.to_owned())
}

fn some_layer(vars: &Vars) -> Option<Arc<Layer>> {
    (!vars.is_empty()).then(|| Arc::new(layer_of(vars)))
}

impl PlayRun {
    pub(super) fn new(plan: &Arc<PlayPlan>, batch: Vec<String>, all: &Arc<AllBatches>) -> Arc<Self> {
        let mut constant = layer([
            ("ansible_play_name", Value::from(plan.play.name.value.as_str())),
            ("ansible_play_hosts_all", Value::from(plan.hosts.clone())),
        ]);
        let file = Path::new(&plan.play.name.span.source.name);
        let directory = file
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty())
            .map(Path::to_path_buf);
        // Of an imported playbook it is another than that of the one which imports it.
        if let Some(directory) = &directory {
            let absolute = std::path::absolute(directory).unwrap_or_else(|_| directory.clone());
            let value = Value::from(absolute.display().to_string());
            constant.insert("playbook_dir".to_owned(), Binding::Value(value));
        }
        Arc::new(Self {
            directory,
            constant: Arc::new(constant),
            vars: Arc::new(layer_of(&plan.play.vars)),
            defaults: some_layer(&plan.play.defaults),
            of_roles: some_layer(&plan.play.role_vars),
            handlers: handlers(&plan.handlers),
            plan: Arc::clone(plan),
            batch,
            all: Arc::clone(all),
            state: Mutex::default(),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The variables of the play for a host, weakest first.
    pub(super) fn layers(&self, host: &str) -> Vec<Arc<Layer>> {
        let files = self.state().files.get(host).cloned().unwrap_or_default();
        let mut layers = vec![Arc::clone(&self.constant), Arc::clone(&self.vars)];
        layers.extend(files);
        layers.extend(self.of_roles.clone());
        layers
    }

    /// The variables of the play that are weaker than everybody's.
    pub(super) fn defaults(&self) -> impl Iterator<Item = &Arc<Layer>> {
        self.defaults.iter()
    }

    /// A task of the role ran on the host; one that was skipped does not count.
    pub(super) fn ran_in(&self, role: &Role, host: &str) {
        self.state().roles.entry(of_host(role, host)).or_default();
    }

    /// The role has ended on these hosts.
    pub(super) fn role_ended<'a>(&self, role: &Role, hosts: impl Iterator<Item = &'a String>) {
        let mut state = self.state();
        for host in hosts {
            if let Some(through) = state.roles.get_mut(&of_host(role, host)) {
                *through = true;
            }
        }
    }

    /// Whether the host went through the role before, in this play.
    pub(super) fn went_through(&self, role: &Role, host: &str) -> bool {
        self.state().roles.get(&of_host(role, host)) == Some(&true)
    }

    /// A file of variables was read for a host.
    pub(super) fn add_file(&self, host: &str, vars: Layer) {
        self.state()
            .files
            .entry(host.to_owned())
            .or_default()
            .push(Arc::new(vars));
    }

    /// The variables that name the hosts which still take part, of all batches; `is_out`: whom the run lost before. Made anew
    /// only when they changed.
    pub(super) fn active(&self, is_out: impl Fn(&str) -> bool) -> Arc<Layer> {
        let mut state = self.state();
        let takes_part =
            |host: &&String| !is_out(host) && !state.failed.contains(*host) && !state.left.contains(*host);
        let hosts: Vec<String> = self.plan.hosts.iter().filter(takes_part).cloned().collect();
        if let Some((same, layer)) = &state.active
            && *same == hosts
        {
            return Arc::clone(layer);
        }
        let names = Value::from(hosts.clone());
        let batch: Vec<&str> = self.batch.iter().filter(takes_part).map(String::as_str).collect();
        let active = Arc::new(layer([
            ("ansible_play_hosts", names.clone()),
            ("ansible_play_batch", Value::from(batch)),
            ("play_hosts", names),
        ]));
        state.active = Some((hosts, Arc::clone(&active)));
        active
    }

    /// Hosts failed for good, in this play.
    pub(super) fn failed<'a>(&self, hosts: impl Iterator<Item = &'a String>) {
        self.state().failed.extend(hosts.cloned());
    }

    /// Hosts that failed in this play, and these, which failed before, take part in the next play again; not in this one.
    pub(super) fn forgive<'a>(&self, out: impl Iterator<Item = &'a String>) {
        let mut state = self.state();
        let mut failed = std::mem::take(&mut state.failed);
        failed.extend(out.cloned());
        state.left.extend(failed.iter().cloned());
        state.forgiven.extend(failed);
    }

    /// Whether what a host failed with does not count any more.
    pub(super) fn is_forgiven(&self, host: &str) -> bool {
        self.state().forgiven.contains(host)
    }

    /// No further task of this play.
    pub(super) fn end(&self) {
        self.state().ended = true;
    }

    /// Whether the play ended early.
    pub(super) fn has_ended(&self) -> bool {
        self.state().ended
    }

    /// No further task of this play on this host.
    pub(super) fn leave(&self, host: &str) {
        self.state().left.insert(host.to_owned());
    }

    /// Whether a host left early.
    pub(super) fn has_left(&self, host: &str) -> bool {
        self.state().left.contains(host)
    }

    /// A handler is to run on a host; no if it already was.
    pub(super) fn notify(&self, handler: usize, host: &str) -> bool {
        self.state()
            .notified
            .entry(handler)
            .or_default()
            .insert(host.to_owned())
    }

    /// These handlers, by identity, were notified on a host before the run was cut off.
    pub(super) fn notify_again(&self, handlers: &[String], host: &str) {
        for (at, handler) in self.handlers.iter().enumerate() {
            if handlers.contains(&handler.id) {
                self.notify(at, host);
            }
        }
    }

    /// Takes the hosts among these on which the handler is to run.
    pub(super) fn take_notified(&self, handler: usize, among: &[String]) -> Vec<String> {
        let mut state = self.state();
        let Some(hosts) = state.notified.get_mut(&handler) else {
            return Vec::new();
        };
        let (taken, rest) = hosts
            .drain(..)
            .partition::<IndexSet<String>, _>(|host| among.contains(host));
        *hosts = rest;
        // In the order of the play, whoever notified first.
        among
            .iter()
            .filter(|host| taken.contains(*host))
            .cloned()
            .collect()
    }

    /// What was notified and has not run.
    pub(super) fn pending(&self) -> Vec<(usize, Vec<String>)> {
        let state = self.state();
        let pending = state.notified.iter().filter(|(_, hosts)| !hosts.is_empty());
        pending
            .map(|(handler, hosts)| (*handler, hosts.iter().cloned().collect()))
            .collect()
    }

    /// Counts the times that handlers are run.
    pub(super) fn next_flush(&self) -> u32 {
        let mut state = self.state();
        state.flushes += 1;
        state.flushes
    }

    /// The result of a task that runs once, if it did in this or an earlier batch.
    pub(super) fn ran_once(&self, task: &str) -> Option<StepResult> {
        let once = self.all.once.lock().unwrap_or_else(PoisonError::into_inner);
        once.get(task).cloned()
    }

    /// A task that runs once did.
    pub(super) fn did_once(&self, task: &str, result: StepResult) {
        let mut once = self.all.once.lock().unwrap_or_else(PoisonError::into_inner);
        once.insert(task.to_owned(), result);
    }
}

/// A layer of values.
pub(super) fn layer<const N: usize>(values: [(&str, Value); N]) -> Layer {
    values
        .into_iter()
        .map(|(name, value)| (name.to_owned(), Binding::Value(value)))
        .collect()
}
