//! One run on a federation: from its beginning, or gone on with.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use async_trait::async_trait;
use nebplay_modules::module::Peers;
use nebplay_twin::federation::Federation;
use nebplay_twin::twin::Twin;
use tokio::sync::watch;

use super::alike::LeftOut;
use super::faulty::Machines;
use super::joined::{Joining, Reference};
pub use super::recorder::Work;
use super::recorder::{Calls, Fork, Recorder, Strike};
use super::stage::{Script, Stage};
use crate::diagnostics::{Findings, Span};
use crate::events::{Event, Events, RunResult};
use crate::plan::Node;
use crate::playbook::{Item, PartFiles, Role, Vars};
use crate::run::{self, IncludedRole, Loader, Operator, Replay, Settle, Stop, Summary, World};

/// What became of a run.
pub struct Night {
    /// Its events, without those of the journal that it began with.
    pub events: Vec<Event>,
    /// How it ended; `None`: its controller was killed.
    pub summary: Option<Summary>,
    /// The federation when it ended.
    pub federation: Federation,
    /// Which step was at work where, and when.
    pub work: Vec<Work>,
    /// How many times hosts were called.
    pub called: u64,
    /// What its steps called, by their identity.
    pub(super) calls: BTreeMap<String, Calls>,
    /// Where it can be forked, if it was to be.
    pub(super) forks: Vec<Fork>,
    /// Whether the fault came to pass.
    pub struck: bool,
    /// It was ended where it had come to this fork of the undisturbed run.
    pub(super) joined: Option<usize>,
}

impl Night {
    /// Whether it came to its end: by itself, or by what it joined.
    pub(super) fn is_done(&self) -> bool {
        let is_ok = |summary: &Summary| summary.result == RunResult::Ok;
        self.joined.is_some() || self.summary.as_ref().is_some_and(is_ok)
    }
}

/// Where a run begins.
#[derive(Clone, Default)]
pub(super) struct Beginning<'a> {
    /// The journal so far; nothing: it begins anew.
    pub(super) journal: &'a [&'a [Event]],
    /// How what nobody can tell about is settled.
    pub(super) settle: Settle,
    /// It is to be forked later, at the steps of all hosts but these.
    pub(super) forks: Option<Arc<LeftOut>>,
    /// The undisturbed run, if it may be joined.
    pub(super) joins: Option<Arc<Reference>>,
    /// What goes wrong.
    pub(super) strike: Option<Strike>,
}

/// Runs the plan on a federation. Nothing in it takes real time or touches this machine, but for included files, which are read.
pub(super) fn run(stage: &Stage, federation: Federation, beginning: Beginning<'_>) -> io::Result<Night> {
    in_virtual_time(async {
        let twin = Twin::new(federation);
        let journal = || beginning.journal.iter().copied().flatten();
        let is_new = journal().next().is_none();
        let recorder = Recorder::new(
            beginning.strike,
            twin.clone(),
            beginning.forks,
            beginning
                .joins
                .map(|reference| Joining::new(reference, journal())),
            Arc::clone(&stage.script),
        );
        let clock = Arc::new(twin.clock());
        let (last, elapsed) = journal()
            .last()
            .map_or((0, 0), |event| (event.seq, event.elapsed_ms));
        let events = Events::new(
            clock.clone(),
            Arc::clone(&stage.secrets),
            vec![Box::new(recorder.clone())],
        )
        .after(last, elapsed);
        let events = Arc::new(events);
        // Nobody interrupts a rehearsal; the sender must outlive the run.
        let (_quiet, stop) = watch::channel(Stop::Run);
        let world = World {
            run: "rehearsal".to_owned(),
            options: stage.options.clone(),
            inventory: Arc::clone(&stage.inventory),
            extra_vars: stage.extra_vars.clone(),
            hosts: Arc::new(Machines {
                twin: twin.clone(),
                recorder: recorder.clone(),
                inventory: Arc::clone(&stage.inventory),
            }) as Arc<dyn Peers>,
            loader: Arc::new(Reading {
                files: (stage.loader)(Arc::clone(&events)),
                recorder: recorder.clone(),
            }),
            operator: Arc::new(Nobody),
            templates: stage.templates.clone(),
            events,
            clock,
            directory: stage.directory.clone(),
            stop,
            replay: Replay::of(journal()).settled_by(beginning.settle),
            resumed: (!is_new).then(Vec::new),
        };
        let summary = tokio::select! {
            biased;
            () = recorder.killed() => None,
            summary = run::run(stage.plan.clone(), world) => Some(summary),
        };
        Night {
            events: recorder.take_events(),
            forks: recorder.take_forks(),
            work: recorder.take_work(),
            summary,
            federation: twin.now_as_it_is(),
            called: twin.calls(),
            calls: recorder.take_calls(),
            struck: recorder.has_struck(),
            joined: recorder.has_joined(),
        }
    })
}

/// Lets something happen in a time of its own, which passes as fast as it can: what a twin needs.
pub fn in_virtual_time<T>(what: impl Future<Output = T>) -> io::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()?;
    Ok(runtime.block_on(what))
}

/// Reads included files, and what their tasks say that programs answer.
struct Reading {
    files: Arc<dyn Loader>,
    recorder: Recorder,
}

impl Loader for Reading {
    fn tasks(&self, file: &str, from: &Span) -> Result<(Vec<Item>, String), Findings> {
        self.files.tasks(file, from)
    }

    fn role(
        &self,
        name: &str,
        files: &PartFiles,
        around: Option<&Role>,
        from: &Span,
    ) -> Result<IncludedRole, Findings> {
        self.files.role(name, files, around, from)
    }

    fn vars(&self, file: &str, from: &Span) -> Result<Vars, Findings> {
        self.files.vars(file, from)
    }

    fn opened(&self, name: &str, content: Vec<u8>) -> Result<Vec<u8>, String> {
        self.files.opened(name, content)
    }

    fn included(&self, tasks: &[Node]) {
        self.recorder.learn(Script::answers_of(tasks));
    }
}

/// Nobody sits at the keyboard.
struct Nobody;

#[async_trait]
impl Operator for Nobody {
    async fn ask(&self, _: &str, _: bool) -> Option<String> {
        None
    }
}
