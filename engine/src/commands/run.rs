//! `nebplay PLAYBOOK…`: the run itself.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use nebplay_modules::module::Peers;

use super::connections::Connections;
use super::error::CommandError;
use super::files::Files;
use super::hosts::Hosts;
use super::lookups::ProcessLookups;
use super::operator::{self, AtTerminal};
use super::options::{Action, Options, RunArgs};
use super::terminal::{self, Terminal};
use super::{exit, options, status};
use crate::diagnostics::{Findings, suggest};
use crate::events::{self, Events, Json, Look, RunResult, Secrets, View};
use crate::plan::{self, Listing, Plan, Tags};
use crate::playbook::{self, Disk, Playbook};
use crate::run::{self, Replay, World};
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
        Action::Run => execute(prepared, terminal),
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
}

impl Prepared {
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
    for path in &args.playbooks {
        match playbook::load(path, &Disk) {
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
            Ok(Prepared {
                options,
                plan,
                templates,
                directory,
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

/// Runs the plan.
fn execute(prepared: Prepared, terminal: &Terminal) -> Result<u8, CommandError> {
    let Prepared {
        options,
        plan,
        templates,
        directory,
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
        forks: options.forks,
        r#become: options.r#become,
        become_user: options.become_user.clone(),
        reconnect: options.reconnect,
        tags: tags(&options),
    };
    let secrets = Arc::new(Secrets::default());
    options.hosts.tell_passwords(&secrets);
    let hosts: Arc<Hosts> = Arc::new(options.hosts);
    let names = plan.hosts().into_iter().map(str::to_owned).collect();
    let connections = Connections::new(Arc::clone(&hosts), templates.clone(), Arc::clone(&secrets), names)?;
    connections.check()?;
    let connections = Arc::new(connections);
    let clock = Arc::new(SystemClock::default());
    let events = Events::new(
        clock.clone(),
        Arc::clone(&secrets),
        vec![view(options.json, options.verbosity, terminal)],
    );
    let summary = runtime.block_on(async {
        let stop = operator::listen().map_err(|error| CommandError::Io {
            doing: "listen for signals".to_owned(),
            error,
        })?;
        let world = World {
            run: run_id(),
            options: settings,
            inventory: hosts.zoned.clone(),
            extra_vars: layer_of(&hosts.extra_vars),
            hosts: Arc::clone(&connections) as Arc<dyn Peers>,
            loader: Arc::new(Files),
            operator: Arc::new(AtTerminal),
            templates,
            events: Arc::new(events),
            clock,
            directory,
            stop,
            replay: Replay::default(),
            resumed: None,
        };
        Ok::<_, CommandError>(run::run(plan, world).await)
    })?;
    // As for `status`: whom -l leaves out is not connected to.
    let federation = status::asked(&hosts);
    if !options.json && !federation.zones.is_empty() {
        match summary.result {
            RunResult::Failed | RunResult::Unreachable => {
                let now = status::after_failure(connections, &federation, secrets, terminal);
                terminal::print(&runtime.block_on(now))?;
            }
            // Whoever interrupts does not want to wait for answers.
            RunResult::Interrupted => terminal::print(&format!("\n{}", status::AGAIN))?,
            RunResult::Ok => {}
        }
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
