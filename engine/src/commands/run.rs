//! `nebplay PLAYBOOK…`: the run itself.

use std::path::PathBuf;
use std::sync::Arc;

use nebplay_modules::host::Clock;

use super::connections::Connections;
use super::error::CommandError;
use super::exit;
use super::options::{Action, Options, RunArgs};
use super::terminal::{self, Terminal};
use super::world::{Files, Keyboard, ThisMachine, directory_of, heed_signals};
use crate::diagnostics::{Findings, suggest};
use crate::events::{self, Events, Json, Look, Secrets, View};
use crate::inventory::LOCALHOST;
use crate::plan::{self, Listing, Plan, Tags};
use crate::playbook::{self, Disk};
use crate::run::{self, World};
use crate::template::{Templates, layer_of};
use crate::transport::SystemClock;

pub(super) const EXAMPLES: &str = "\
Examples:
  nebplay run upgrade.yml -i prod.ini --check
  nebplay run upgrade.yml -i prod.ini -l 'slaves:!fe3' -K";

/// Runs playbooks.
pub(super) fn run(args: RunArgs, terminal: &Terminal) -> Result<u8, CommandError> {
    execute(&args.read()?, terminal)
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
pub(super) fn execute(options: &Options, terminal: &Terminal) -> Result<u8, CommandError> {
    let directory = directory_of(options.playbooks.first());
    let templates = Templates::with_lookups(Arc::new(ThisMachine {
        directory: directory.clone(),
    }));
    let plan = resolve(options, &templates)?;
    let listing = || Listing::of(&plan, &options.hosts.zoned.federation, options.forks);
    match options.action {
        Action::SyntaxCheck => {
            let tasks: usize = listing().plays.iter().map(|play| play.tasks.len()).sum();
            terminal::print(&format!(
                "{} plays, {tasks} tasks: nothing is wrong\n",
                plan.plays.len()
            ))?;
        }
        Action::ListHosts => terminal::print(&listing().host_names())?,
        Action::ListTasks => terminal::print(&listing().task_names())?,
        Action::Run => return carry_out(options, terminal, plan, directory, templates),
    }
    Ok(exit::OK)
}

/// Loads the playbooks and resolves them: all that is wrong in all of them is said in one go.
pub(super) fn resolve(options: &Options, templates: &Templates) -> Result<Plan, CommandError> {
    let mut playbooks = Vec::new();
    let mut findings = Findings::new();
    for path in &options.playbooks {
        match playbook::load(path, &Disk) {
            Ok(playbook) => playbooks.push(playbook),
            Err(wrong) => findings.extend(wrong),
        }
    }
    let plan_options = plan::Options { tags: tags(options) };
    let mut plan = match plan::plan(&playbooks, &plan_options, |pattern| {
        options.hosts.of_play(pattern, templates)
    }) {
        Ok(plan) if findings.is_empty() => plan,
        Ok(_) => return Err(findings.into()),
        Err(wrong) => {
            findings.extend(wrong);
            return Err(findings.into());
        }
    };
    unknown_tags(options, &plan)?;
    if let Some(task) = &options.start_at_task {
        plan.start_at(task).map_err(|error| CommandError::Usage {
            message: error.to_string(),
            help: error.suggestion,
        })?;
    }
    Ok(plan)
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

/// Every host that the run may touch: those of the plays, and whatever a task may delegate to.
fn names(options: &Options) -> Vec<String> {
    let inventory = &options.hosts.zoned.inventory;
    inventory
        .hosts()
        .map(|host| host.name.clone())
        .chain([LOCALHOST.to_owned()])
        .collect()
}

fn carry_out(
    options: &Options,
    terminal: &Terminal,
    plan: Plan,
    directory: PathBuf,
    templates: Templates,
) -> Result<u8, CommandError> {
    let connections = Arc::new(Connections::of(&options.hosts, &names(options), &templates)?);
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
    let secrets = Arc::new(Secrets::default());
    for (host, password) in connections.passwords() {
        secrets.learn(password, &format!("the password of sudo on {host}"));
    }
    let events = Arc::new(Events::new(
        Arc::clone(&clock),
        secrets,
        vec![view(options, terminal)],
    ));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let summary = runtime.block_on(async {
        let world = World {
            run: run_id(),
            options: run::Options {
                check: options.check,
                diff: options.diff,
                forks: options.forks,
                r#become: options.r#become,
                become_user: options.become_user.clone(),
                tags: tags(options),
            },
            inventory: options.hosts.zoned.clone(),
            extra_vars: layer_of(&options.hosts.extra_vars),
            hosts: connections.clone(),
            loader: Arc::new(Files),
            operator: Arc::new(Keyboard),
            templates,
            events,
            clock,
            directory,
            stop: heed_signals(|_| ())?,
        };
        Ok::<_, CommandError>(run::run(plan, world).await)
    })?;
    // Whatever still runs on a host runs there as a job: nothing here is waited for.
    runtime.shutdown_background();
    let unknown = connections.unknown_keys();
    if !unknown.is_empty() {
        terminal.unknown_keys(unknown);
    }
    Ok(exit::of_run(summary.result))
}

/// When the run began, and the process: no other run of this machine has both.
fn run_id() -> String {
    let now = jiff::Timestamp::now().strftime("%Y%m%d-%H%M%S");
    format!("{now}-{}", std::process::id())
}

fn view(options: &Options, terminal: &Terminal) -> Box<dyn View> {
    if options.json {
        return Box::new(Json::new(std::io::stdout()));
    }
    let look = Look {
        colour: terminal.colour,
        live: terminal.error_is_seen,
        verbosity: options.verbosity,
    };
    Box::new(events::Terminal::new(std::io::stdout(), look))
}
