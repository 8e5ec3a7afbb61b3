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
use crate::playbook::{self, Disk, Playbook};
use crate::run::{self, World};
use crate::template::{Templates, layer_of};

pub(super) const EXAMPLES: &str = "\
Examples:
  nebplay run upgrade.yml -i prod.ini --check
  nebplay run upgrade.yml -i prod.ini -l 'slaves:!fe3' -K";

/// Runs playbooks.
pub(super) fn run(args: RunArgs, terminal: &Terminal) -> Result<u8, CommandError> {
    execute(&read(args)?, terminal)
}

/// Reads the options. Where the inventory or `-e` is wrong, what is wrong in the playbooks is said too.
pub(super) fn read(args: RunArgs) -> Result<Options, CommandError> {
    let playbooks = args.playbooks.clone();
    args.read().map_err(|error| match error {
        CommandError::Files(mut findings) => {
            findings.extend(load(&playbooks).1);
            findings.into()
        }
        other => other,
    })
}

/// The templates of a run: they may look up the environment, and files beside the first playbook.
pub(super) fn templates(options: &Options) -> Templates {
    let directory = directory_of(options.playbooks.first());
    Templates::with_lookups(Arc::new(ThisMachine { directory }))
}

/// Those of the playbooks that are right, and what is wrong with the others.
fn load(paths: &[PathBuf]) -> (Vec<Playbook>, Findings) {
    let mut playbooks = Vec::new();
    let mut findings = Findings::new();
    for path in paths {
        match playbook::load(path, &Disk) {
            Ok(playbook) => playbooks.push(playbook),
            Err(wrong) => findings.extend(wrong),
        }
    }
    (playbooks, findings)
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
fn execute(options: &Options, terminal: &Terminal) -> Result<u8, CommandError> {
    let templates = templates(options);
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
        Action::Run => return carry_out(options, terminal, plan, templates),
    }
    Ok(exit::OK)
}

/// Loads the playbooks and resolves them: all that is wrong in all of them is said in one go.
pub(super) fn resolve(options: &Options, templates: &Templates) -> Result<Plan, CommandError> {
    let (playbooks, mut findings) = load(&options.playbooks);
    let plan_options = plan::Options { tags: tags(options) };
    let planned = plan::plan(&playbooks, &plan_options, |pattern| {
        options.hosts.of_play(pattern, templates)
    });
    match planned {
        Ok(plan) if findings.is_empty() => Ok(plan),
        planned => {
            findings.extend(planned.err().into_iter().flatten());
            Err(findings.into())
        }
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
    templates: Templates,
) -> Result<u8, CommandError> {
    let connections = Arc::new(Connections::of(&options.hosts, &names(options), &templates)?);
    let clock: Arc<dyn Clock> = Arc::new(run::SystemClock::new());
    let secrets = Arc::new(Secrets::default());
    options.hosts.tell_passwords(&secrets);
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
            run: jiff::Timestamp::now().strftime("%Y%m%d-%H%M%S").to_string(),
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
            directory: directory_of(options.playbooks.first()),
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
