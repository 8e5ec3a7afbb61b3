//! `nebplay PLAYBOOK…`: the run itself.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::connections::Connections;
use super::error::CommandError;
use super::exit;
use super::options::{Action, Options, RunArgs};
use super::surroundings::{AtTheTerminal, Files, Machine};
use super::terminal::{Terminal, print};
use crate::diagnostics::{Findings, suggest};
use crate::events::{self, Events, Json, Look, Secrets, View};
use crate::plan::{self, Listing, Plan, Tags};
use crate::playbook::{self, Disk};
use crate::run::{self, Stop, World};
use crate::template::{Templates, layer_of};
use crate::transport::{Connector, Settings, SystemClock};

pub(super) const EXAMPLES: &str = "\
Examples:
  nebplay run upgrade.yml -i prod.ini --check
  nebplay run upgrade.yml -i prod.ini -l 'slaves:!fe3' -K";

/// Runs playbooks.
pub(super) fn run(args: RunArgs, terminal: &Terminal) -> Result<u8, CommandError> {
    execute(args.read()?, terminal)
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

/// Does what the options ask for.
fn execute(options: Options, terminal: &Terminal) -> Result<u8, CommandError> {
    let templates = Templates::with_lookups(Arc::new(Machine));
    let plan = read_plan(&options, &templates)?;
    let listing = || Listing::of(&plan, &options.hosts.zoned.federation, options.forks);
    match options.action {
        Action::SyntaxCheck => print("no errors\n")?,
        Action::ListHosts => print(&listing().host_names())?,
        Action::ListTasks => print(&listing().task_names())?,
        Action::Run => return run_plan(plan, options, templates, terminal),
    }
    Ok(exit::OK)
}

/// Loads the playbooks and resolves them; everything that is wrong with any of them, in one go.
pub(super) fn read_plan(options: &Options, templates: &Templates) -> Result<Plan, CommandError> {
    let mut playbooks = Vec::new();
    let mut findings = Findings::new();
    for path in &options.playbooks {
        match playbook::load(path, &Disk) {
            Ok(playbook) => playbooks.push(playbook),
            Err(wrong) => findings.extend(wrong),
        }
    }
    if !findings.is_empty() {
        return Err(findings.into());
    }
    let mut plan = plan::plan(&playbooks, &plan::Options { tags: tags(options) }, |pattern| {
        options.hosts.of_play(pattern, templates)
    })?;
    if let Some(task) = &options.start_at_task {
        plan.start_at(task).map_err(|error| CommandError::Usage {
            message: error.to_string(),
            help: error.suggestion,
        })?;
    }
    Ok(plan)
}

fn tags(options: &Options) -> Tags {
    Tags {
        only: options.tags.clone(),
        skip: options.skip_tags.clone(),
    }
}

fn run_plan(
    plan: Plan,
    options: Options,
    templates: Templates,
    terminal: &Terminal,
) -> Result<u8, CommandError> {
    let secrets = Arc::new(Secrets::default());
    let clock = Arc::new(SystemClock::default());
    let view: Box<dyn View> = if options.json {
        Box::new(Json::new(io::stdout()))
    } else {
        let look = Look {
            colour: terminal.colour,
            live: terminal.error_is_seen,
            verbosity: options.verbosity,
        };
        Box::new(events::Terminal::new(io::stdout(), look))
    };
    let connector = Connector::new(settings()).map_err(|why| CommandError::Usage {
        message: why,
        help: Some("mend ~/.ssh/config".to_owned()),
    })?;
    let planned = plan.hosts().into_iter().map(str::to_owned).collect();
    let directory = options.playbooks.first().and_then(|path| path.parent());
    let directory =
        std::path::absolute(directory.unwrap_or(Path::new(""))).or_else(|_| std::env::current_dir())?;
    let run_options = run::Options {
        check: options.check,
        diff: options.diff,
        forks: options.forks,
        r#become: options.r#become,
        become_user: options.become_user.clone(),
        tags: tags(&options),
    };
    let hosts = Arc::new(options.hosts);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| CommandError::Io {
            doing: "start".to_owned(),
            error,
        })?;
    let summary = runtime.block_on(async {
        let connections = Connections::new(
            connector,
            Arc::clone(&hosts),
            templates.clone(),
            Arc::clone(&secrets),
            planned,
        );
        let (want, stop) = watch::channel(Stop::Run);
        tokio::spawn(listen(want));
        let world = World {
            run: run_id(),
            options: run_options,
            inventory: hosts.zoned.clone(),
            extra_vars: layer_of(&hosts.extra_vars),
            hosts: Arc::new(connections),
            loader: Arc::new(Files),
            operator: Arc::new(AtTheTerminal),
            templates,
            events: Arc::new(Events::new(clock.clone(), secrets, vec![view])),
            clock,
            directory,
            stop,
        };
        run::run(plan, world).await
    });
    // Whatever still hangs in a call to a host that went away is left to itself.
    runtime.shutdown_background();
    Ok(exit::of_run(summary.result))
}

/// How this operator connects.
fn settings() -> Settings {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let user = variable("USER")
        .or_else(|| variable("LOGNAME"))
        .unwrap_or_else(|| "root".to_owned());
    let home = variable("HOME").map_or_else(|| PathBuf::from("/root"), PathBuf::from);
    Settings {
        agent: variable("SSH_AUTH_SOCK").map(PathBuf::from),
        ask_passphrase: Some(Arc::new(|key: &Path| {
            rpassword::prompt_password(format!("Passphrase of {}: ", key.display())).ok()
        })),
        ..Settings::new(home, user)
    }
}

/// When the run began, and the process, which no other run on this machine can share.
fn run_id() -> String {
    let now = jiff::Zoned::now();
    format!("{}-{}", now.strftime("%Y%m%d-%H%M%S"), std::process::id())
}

/// The first Ctrl-C (or TERM) lets running steps end, the second leaves.
async fn listen(want: watch::Sender<Stop>) {
    let Ok(mut terminated) = signal(SignalKind::terminate()) else {
        return;
    };
    for stop in [Stop::Drain, Stop::Leave] {
        tokio::select! {
            interrupted = tokio::signal::ctrl_c() => {
                if interrupted.is_err() {
                    return;
                }
            }
            _ = terminated.recv() => {}
        }
        want.send_replace(stop);
    }
}
