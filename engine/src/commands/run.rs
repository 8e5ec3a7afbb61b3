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
use crate::events::{Events, Json, Secrets, View};
use crate::inventory::LOCALHOST;
use crate::plan::{self, Listing, Plan, Tags};
use crate::playbook::{self, Disk};
use crate::run::{self, World};
use crate::template::{Templates, layer_of};

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
    let templates = Templates::with_lookups(Arc::new(ThisMachine { directory: directory.clone() }));
    let plan = resolve(options, &templates)?;
    let listing = || Listing::of(&plan, &options.hosts.zoned.federation, options.forks);
    match options.action {
        Action::SyntaxCheck => {
            let tasks: usize = listing().plays.iter().map(|play| play.tasks.len()).sum();
            terminal::print(&format!("{} plays, {tasks} tasks: nothing is wrong\n", plan.plays.len()))?;
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
    match plan::plan(&playbooks, &plan_options, |pattern| options.hosts.of_play(pattern, templates)) {
        Ok(plan) if findings.is_empty() => Ok(plan),
        Ok(_) => Err(findings.into()),
        Err(wrong) => {
            findings.extend(wrong);
            Err(findings.into())
        }
    }
}

fn tags(options: &Options) -> Tags {
    Tags { only: options.tags.clone(), skip: options.skip_tags.clone() }
}

/// Every host that the run may touch: those of the plays, and whatever a task may delegate to.
fn names(options: &Options) -> Vec<String> {
    let inventory = &options.hosts.zoned.inventory;
    inventory.hosts().map(|host| host.name.clone()).chain([LOCALHOST.to_owned()]).collect()
}

fn carry_out(
    options: &Options,
    terminal: &Terminal,
    plan: Plan,
    directory: PathBuf,
    templates: Templates,
) -> Result<u8, CommandError> {
    let connections = Arc::new(Connections::of(&options.hosts, &names(options), &templates)?);
    let clock: Arc<dyn Clock> = Arc::new(run::SystemClock::new());
    let secrets = Arc::new(Secrets::default());
    for (host, password) in connections.passwords() {
        secrets.learn(password, &format!("the password of sudo on {host}"));
    }
    let events = Arc::new(Events::new(Arc::clone(&clock), secrets, vec![view(options, terminal)]));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
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

fn view(options: &Options, _terminal: &Terminal) -> Box<dyn View> {
    if options.json {
        return Box::new(Json::new(std::io::stdout()));
    }
    Box::new(Json::new(std::io::stdout()))
}
