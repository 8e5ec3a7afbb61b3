//! Carrying a plan out: journal, locks, connections, the run itself, and the last screen.

use std::io;
use std::sync::Arc;

use nebplay_modules::module::Peers;

use super::asking::runtime;
use super::connections::Connections;
use super::copy::{self, Copy};
use super::error::CommandError;
use super::files::Files;
use super::hosts::Hosts;
use super::locks::{Holder, Locks, Wanted};
use super::operator::{self, AtTerminal};
use super::prepare::{Prepared, tags};
use super::state::State;
use super::terminal::{self, Terminal};
use super::{exit, status, way};
use crate::diagnostics::Finding;
use crate::events::journal::{self, Journal};
use crate::events::{self, Events, Json, Look, RunResult, View};
use crate::run::{self, Replay, Stop, World};
use crate::template::layer_of;
use crate::transport::SystemClock;

/// How a run starts: anew, or where an earlier process stopped.
pub(super) struct Start {
    /// Its id.
    pub(super) run: String,
    pub(super) journal: Option<Journal>,
    /// Number and time (milliseconds since the run began) of the last event so far.
    pub(super) after: (u64, u64),
    pub(super) replay: Replay,
    /// See [`World::resumed`].
    pub(super) resumed: Option<Vec<String>>,
    /// The operator wants to go on although other runs have acted since.
    pub(super) accept_changes: bool,
    /// The operator said that it is over on another machine where it was started: see [`Holder::from_elsewhere`].
    pub(super) take_over: bool,
}

impl Start {
    pub(super) fn anew(prepared: &Prepared) -> Result<Self, CommandError> {
        let run = run_id();
        let journal = match &prepared.options.state {
            Some(state) => {
                let path = state.path_for(&run).map_err(|error| no_journal(state, error))?;
                let journal = Journal::create(&path, prepared.header(&run));
                Some(journal.map_err(|error| no_journal(state, error))?)
            }
            None => None,
        };
        Ok(Self {
            run,
            journal,
            after: (0, 0),
            replay: Replay::default(),
            resumed: None,
            accept_changes: false,
            take_over: false,
        })
    }
}

/// A run that could not be resumed is not begun.
pub(super) fn no_journal(state: &State, error: io::Error) -> CommandError {
    CommandError::Io {
        doing: format!(
            "write the journal in {} (--state-dir names another place), so nothing was run",
            state.place().display()
        ),
        error,
    }
}

/// Runs the plan.
pub(super) fn execute(prepared: Prepared, start: Start, terminal: &Terminal) -> Result<u8, CommandError> {
    let Prepared {
        options,
        plan,
        templates,
        directory,
        secrets,
        ..
    } = prepared;
    let runtime = runtime()?;
    let settings = run::Options {
        check: options.check,
        diff: options.diff,
        step: options.step,
        forks: options.forks,
        r#become: options.r#become,
        become_user: options.become_user.clone(),
        reconnect: options.reconnect,
        tags: tags(&options),
        limit: options.hosts.limit_given.clone(),
        verbosity: options.verbosity,
        halt: options.halt.clone(),
    };
    let hosts: Arc<Hosts> = Arc::new(options.hosts);
    let names = plan.hosts().into_iter().map(str::to_owned).collect();
    let connections = Connections::new(Arc::clone(&hosts), templates.clone(), Arc::clone(&secrets), names)?;
    connections.check()?;
    let connections = Arc::new(connections);
    let clock = Arc::new(SystemClock::default());
    let views = vec![view(options.json, options.verbosity, terminal)];
    let journal = start.journal.map(Arc::new);
    let mut events =
        Events::new(clock.clone(), Arc::clone(&secrets), views).after(start.after.0, start.after.1);
    if let Some(journal) = &journal {
        events = events.journaled(Arc::clone(journal));
    }
    let events = Arc::new(events);
    // As for `status`: whom -l leaves out is not connected to.
    let federation = status::asked(&hosts);
    let wanted = Wanted::of(&plan, &hosts.zoned.federation, options.check);
    let holder = Holder {
        run: start.run.clone(),
        playbooks: options
            .playbooks
            .iter()
            .map(|path| path.display().to_string())
            .collect(),
        from_elsewhere: start.take_over,
    };
    let is_new = start.resumed.is_none();
    let (summary, left) = runtime.block_on(async {
        let stop = operator::listen().map_err(|error| CommandError::Io {
            doing: "listen for signals".to_owned(),
            error,
        })?;
        let locks = Locks::take(&connections, wanted, holder.clone(), &stop).await;
        let locks = locks.inspect_err(|_| {
            // A run that never began is none that could be gone on with.
            if let Some(journal) = journal.as_ref().filter(|_| is_new) {
                let _ = std::fs::remove_file(journal.path());
            }
        })?;
        if !is_new && !start.accept_changes {
            let others = copy::since(&connections, &federation, &plan, &holder.run).await;
            if !others.is_empty() {
                locks.release().await;
                return Err(passed_by(&holder.run, &others));
            }
        }
        let copy = journal
            .as_ref()
            .and_then(|journal| Copy::begin(&runtime, journal, &holder, &federation, &plan, &connections));
        let wish = stop.clone();
        let world = World {
            run: start.run.clone(),
            options: settings,
            inventory: hosts.zoned.clone(),
            extra_vars: layer_of(&hosts.extra_vars),
            hosts: Arc::clone(&connections) as Arc<dyn Peers>,
            loader: Arc::new(Files::new(Arc::clone(&events), Arc::clone(&hosts.vault))),
            operator: Arc::new(AtTerminal),
            templates,
            events: Arc::clone(&events),
            clock,
            directory,
            stop,
            replay: start.replay,
            resumed: start.resumed,
        };
        // Among the workers: a step that ends there goes on there, and this thread needs not be woken for each.
        let summary = match runtime.spawn(run::run(plan, world)).await {
            Ok(summary) => summary,
            Err(fault) => std::panic::resume_unwind(fault.into_panic()),
        };
        if let Some(copy) = copy {
            copy.end(summary.result, *wish.borrow() == Stop::Leave).await;
        }
        locks.release().await;
        let left = *wish.borrow() == Stop::Leave;
        Ok::<_, CommandError>((summary, left))
    })?;
    if !options.json && summary.result != RunResult::Ok {
        // A terminal that went away changes nothing about how the run ended. Whoever left does not want to wait for answers.
        if !federation.zones.is_empty() && !left {
            let now = status::after_failure(connections, &federation, secrets, terminal);
            let _ = terminal::print(&runtime.block_on(now));
        }
        let ended = way::Ended {
            run: journal.is_some().then_some(start.run.as_str()),
            in_doubt: &in_doubt(journal.as_deref()),
            has_zones: !federation.zones.is_empty(),
            back: summary.way_back.as_deref(),
        };
        let _ = terminal::print(&format!("\n{}", ended.text()));
    }
    // A question nobody answered, or a connection that hangs, must not hold up the end.
    runtime.shutdown_background();
    Ok(exit::of_run(summary.result))
}

/// What other runs have done since may have undone what this one did.
fn passed_by(run: &str, others: &[String]) -> CommandError {
    let message = format!(
        "since {run} stopped, others have acted on the same federation: {}; what its journal holds may not be so any more",
        others.join(", ")
    );
    let finding = Finding::nowhere(message);
    finding
        .help("run the playbook anew: what is done is recognized on the hosts. If you know that they changed nothing of it, go on with --accept-changes")
        .into()
}

/// The steps of which nobody knows whether they took effect, as the journal has them: `"task" on host`.
fn in_doubt(journal: Option<&Journal>) -> Vec<String> {
    let Some(history) = journal.and_then(|journal| journal::read(journal.path()).ok()) else {
        return Vec::new();
    };
    let doubted = Replay::of(&history.events).in_doubt();
    doubted
        .iter()
        .map(|step| format!("\"{}\" on {}", history.task_name(&step.task), step.host))
        .collect()
}

/// What shows the run.
fn view(json: bool, verbosity: u8, terminal: &Terminal) -> Box<dyn View> {
    if json {
        return Box::new(Json::new(io::stdout()));
    }
    let look = Look {
        colour: terminal.colour,
        live: terminal.error_is_seen,
        verbosity,
        width: terminal.columns,
    };
    Box::new(events::Terminal::new(io::stdout(), look))
}

/// An id that sorts by time, and differs between two runs that begin in the same second.
fn run_id() -> String {
    let now = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ");
    format!("{now}-{}", std::process::id())
}
