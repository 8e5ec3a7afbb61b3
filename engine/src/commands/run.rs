//! `nebplay PLAYBOOK…`: the run itself.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use indexmap::IndexMap;
use nebplay_modules::module::Peers;

use super::connections::Connections;
use super::copy::Copy;
use super::error::CommandError;
use super::files::Files;
use super::hosts::Hosts;
use super::inputs::{self, Noting};
use super::locks::{Holder, Locks, Wanted};
use super::lookups::ProcessLookups;
use super::operator::{self, AtTerminal};
use super::options::{Action, Options, RunArgs};
use super::state::State;
use super::terminal::{self, Terminal};
use super::{exit, options, status, way};
use crate::diagnostics::{Findings, suggest};
use crate::events::journal::{FORMAT, Header, Journal};
use crate::events::{self, Events, Json, Look, RunResult, Secrets, View};
use crate::plan::{self, Listing, Plan, Tags};
use crate::playbook::{self, Playbook};
use crate::run::{self, Replay, Stop, World};
use crate::template::{Templates, layer_of};
use crate::transport::SystemClock;

pub(super) const EXAMPLES: &str = "\
Examples:
  nebplay run upgrade.yml -i prod.ini --check
  nebplay run upgrade.yml -i prod.ini -l 'slaves:!fe3' -K";

/// Runs playbooks.
pub(super) fn run(args: RunArgs, terminal: &Terminal) -> Result<u8, CommandError> {
    let prepared = prepare(args)?;
    match prepared.options.action {
        Action::Run => {
            let start = Start::anew(&prepared)?;
            execute(prepared, start, terminal)
        }
        Action::SyntaxCheck => {
            let names: Vec<String> = prepared
                .options
                .playbooks
                .iter()
                .map(|path| path.display().to_string())
                .collect();
            terminal::print(&format!("{}: nothing is wrong\n", names.join(", ")))?;
            Ok(exit::OK)
        }
        Action::ListHosts => {
            terminal::print(&prepared.listing().host_names())?;
            Ok(exit::OK)
        }
        Action::ListTasks => {
            terminal::print(&prepared.listing().task_names())?;
            Ok(exit::OK)
        }
        Action::ListTags => {
            terminal::print(&prepared.plan.tag_names())?;
            Ok(exit::OK)
        }
    }
}

/// `nebplay pln x.yml`: the first word is neither a file nor a command.
pub(super) fn not_a_misspelt_command<'a>(
    args: &RunArgs,
    commands: impl Iterator<Item = &'a str>,
) -> Result<(), CommandError> {
    let Some(first) = args.playbooks.first().filter(|path| !path.exists()) else {
        return Ok(());
    };
    let word = first.to_string_lossy();
    match suggest(&word, commands) {
        Some(help) if !word.contains(['.', '/']) => Err(CommandError::Usage {
            message: format!("`{word}` is no command and no playbook"),
            help: Some(help),
        }),
        _ => Ok(()),
    }
}

/// Playbooks that are right, and their plan.
pub(super) struct Prepared {
    pub(super) options: Options,
    pub(super) plan: Plan,
    templates: Templates,
    directory: PathBuf,
    secrets: Arc<Secrets>,
    /// The command line.
    args: RunArgs,
    /// The files it was made from, with the SHA-256 of each.
    inputs: IndexMap<String, String>,
}

impl Prepared {
    /// What the journal says about where the run comes from.
    pub(super) fn header(&self, run: &str) -> Header {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let login = variable("USER").or_else(|| variable("LOGNAME"));
        let names: Vec<String> = self.plan.hosts().into_iter().map(str::to_owned).collect();
        let args = self.args.without_secrets(&self.secrets);
        Header {
            format: FORMAT,
            run: run.to_owned(),
            nebplay: env!("CARGO_PKG_VERSION").to_owned(),
            who: format!(
                "{}@{}",
                login.as_deref().unwrap_or("root"),
                rustix::system::uname().nodename().to_string_lossy()
            ),
            at: jiff::Timestamp::now().as_second(),
            directory: std::env::current_dir()
                .map_or_else(|_| ".".to_owned(), |here| here.display().to_string()),
            arguments: serde_json::to_value(args).unwrap_or_default(),
            inputs: self.inputs.clone(),
            variables: inputs::variables(&self.options.hosts, &names),
        }
    }

    pub(super) fn listing(&self) -> Listing {
        Listing::of(
            &self.plan,
            &self.options.hosts.zoned.federation,
            self.options.forks,
        )
    }
}

/// Reads and checks everything that is given: all that is wrong, in the inventory and in every playbook, is said in one go.
pub(super) fn prepare(args: RunArgs) -> Result<Prepared, CommandError> {
    let mut playbooks: Vec<Playbook> = Vec::new();
    let mut wrong = Findings::new();
    let reader = Noting::default();
    let given = args.clone();
    for path in &args.playbooks {
        match playbook::load(path, &reader) {
            Ok(playbook) => playbooks.push(playbook),
            Err(findings) => wrong.extend(findings),
        }
    }
    let directory = args
        .playbooks
        .first()
        .and_then(|path| options::directory_of(path));
    let directory = directory.unwrap_or_else(|| PathBuf::from("."));
    let options = match args.read() {
        Ok(options) => options,
        Err(CommandError::Files(findings)) => {
            wrong.extend(findings);
            return Err(wrong.into());
        }
        Err(other) => return Err(other),
    };
    let templates = Templates::with_lookups(Arc::new(ProcessLookups {
        directory: directory.clone(),
    }));
    let chosen = plan::Options { tags: tags(&options) };
    let planned = plan::plan(&playbooks, &chosen, |pattern| {
        options.hosts.of_play(pattern, &templates)
    });
    match planned {
        Ok(mut plan) if wrong.is_empty() => {
            unknown_tags(&options, &plan)?;
            if let Some(task) = &options.start_at_task {
                plan.start_at(task).map_err(|error| CommandError::Usage {
                    message: error.to_string(),
                    help: error.suggestion,
                })?;
            }
            let secrets = Arc::new(Secrets::default());
            options.hosts.tell_passwords(&secrets);
            Ok(Prepared {
                options,
                plan,
                templates,
                directory,
                secrets,
                args: given,
                inputs: reader.seen(),
            })
        }
        planned => {
            wrong.extend(planned.err().into_iter().flatten());
            Err(wrong.into())
        }
    }
}

/// A misspelt tag would choose nothing, in silence.
fn unknown_tags(options: &Options, plan: &Plan) -> Result<(), CommandError> {
    let special = ["all", "always", "never", "tagged", "untagged"];
    let Some(known) = plan.tags() else {
        return Ok(());
    };
    let is_unknown = |tag: &&String| !special.contains(&tag.as_str()) && !known.contains(tag.as_str());
    match options.tags.iter().chain(&options.skip_tags).find(is_unknown) {
        None => Ok(()),
        Some(tag) => Err(CommandError::Usage {
            message: format!("no task has the tag `{tag}`"),
            help: suggest(tag, known),
        }),
    }
}

fn tags(options: &Options) -> Tags {
    Tags {
        only: options.tags.clone(),
        skip: options.skip_tags.clone(),
    }
}

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
    /// The operator said that it is over on another machine where it was started: see [`Holder::from_elsewhere`].
    pub(super) take_over: bool,
}

impl Start {
    fn anew(prepared: &Prepared) -> Result<Self, CommandError> {
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
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| CommandError::Io {
            doing: "start".to_owned(),
            error,
        })?;
    let settings = run::Options {
        check: options.check,
        diff: options.diff,
        step: options.step,
        forks: options.forks,
        r#become: options.r#become,
        become_user: options.become_user.clone(),
        reconnect: options.reconnect,
        tags: tags(&options),
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
    let summary = runtime.block_on(async {
        let stop = operator::listen().map_err(|error| CommandError::Io {
            doing: "listen for signals".to_owned(),
            error,
        })?;
        let locks = Locks::take(&connections, wanted, holder, &stop).await;
        let locks = locks.inspect_err(|_| {
            // A run that never began is none that could be gone on with.
            if let Some(journal) = journal.as_ref().filter(|_| is_new) {
                let _ = std::fs::remove_file(journal.path());
            }
        })?;
        let copy = journal
            .as_ref()
            .and_then(|journal| Copy::begin(&runtime, journal, &start.run, &federation, &plan, &connections));
        let wish = stop.clone();
        let world = World {
            run: start.run.clone(),
            options: settings,
            inventory: hosts.zoned.clone(),
            extra_vars: layer_of(&hosts.extra_vars),
            hosts: Arc::clone(&connections) as Arc<dyn Peers>,
            loader: Arc::new(Files::new(Arc::clone(&events))),
            operator: Arc::new(AtTerminal),
            templates,
            events: Arc::clone(&events),
            clock,
            directory,
            stop,
            replay: start.replay,
            resumed: start.resumed,
        };
        let summary = run::run(plan, world).await;
        if let Some(copy) = copy {
            copy.end(summary.result, *wish.borrow() == Stop::Leave).await;
        }
        locks.release().await;
        Ok::<_, CommandError>(summary)
    })?;
    if !options.json && summary.result != RunResult::Ok {
        // A terminal that went away changes nothing about how the run ended.
        if !federation.zones.is_empty() && summary.result != RunResult::Interrupted {
            let now = status::after_failure(connections, &federation, secrets, terminal);
            let _ = terminal::print(&runtime.block_on(now));
        }
        let resumable = journal.is_some().then_some(start.run.as_str());
        let _ = terminal::print(&format!(
            "\n{}",
            way::on(resumable, &federation, summary.way_back.as_deref())
        ));
    }
    // A question nobody answered, or a connection that hangs, must not hold up the end.
    runtime.shutdown_background();
    Ok(exit::of_run(summary.result))
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
