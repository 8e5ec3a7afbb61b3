//! `nebplay resume`: goes on with a run that was cut off, had failed or was interrupted.

use std::path::PathBuf;

use clap::{Args as ClapArgs, ValueEnum};
use serde_json::Value;

use super::error::CommandError;
use super::execute::{Start, execute, no_journal};
use super::inputs::changes;
use super::options::RunArgs;
use super::prepare::{Prepared, prepare};
use super::state::{KeptRun, State, StateArgs};
use super::terminal::{self, Terminal};
use super::vault::VaultArgs;
use super::{copy, exit};
use crate::diagnostics::Finding;
use crate::events::journal::{History, Journal, is_being_written};
use crate::events::{RunResult, What};
use crate::run::{Halt, Replay, Settle};

pub(super) const LONG_ABOUT: &str = "\
Goes on with a run that was cut off, had failed or was interrupted.

What is done is not run again: its results, facts, loop positions and notified handlers are taken from the journal. A step that was cut off while it acted is settled by what its job on the host or the host itself says; where nobody can tell (`command`), you are asked. What failed is tried again. If a playbook, template, inventory or variable is not as it was, or another run has acted on the federation since (one that went back, say), that is said and nothing is run, unless you accept it.";

pub(super) const EXAMPLES: &str = "\
Examples:
  nebplay resume                                 the latest run that did not come to its end
  nebplay resume 20261125T221503Z-4711 --in-doubt done
  nebplay resume --from 'start the master'       after the step before it was done by hand
  nebplay resume --from master -i prod.ini       from another controller, with the copy that the master's front-end has
  nebplay resume --from master -i prod.ini --take-over     the same, when the controller that started it is gone for good";

/// Where the copy is that is asked for by this name.
const MASTER: &str = "master";

/// Arguments of `nebplay resume`.
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    /// The run, or the beginning of its name; the latest that did not come to its end unless said.
    #[arg(value_name = "RUN")]
    run: Option<String>,
    /// `master`: go on from the copy of the journal on the master's front-end (needs -i). Anything else: the name or id of the task
    /// from which everything is run; all before it is taken for done.
    #[arg(long, value_name = "master|TASK")]
    from: Option<String>,
    /// Go on although playbook, templates, inventory or variables have changed (steps are matched by their identity), or other runs
    /// have acted since.
    #[arg(long)]
    accept_changes: bool,
    /// Run failed commands again without asking (what looks before it acts is tried again in any case).
    #[arg(long)]
    retry_failed: bool,
    /// What to do about a command that was cut off, instead of asking: it took effect, or run it again.
    #[arg(long, value_name = "HOW")]
    in_doubt: Option<InDoubt>,
    /// The run is not under way any more on the other controller that started it: take its locks over.
    #[arg(long)]
    take_over: bool,
    /// Another inventory than the run's. May be repeated.
    #[arg(short, long = "inventory", value_name = "INVENTORY", help_heading = "Hosts")]
    inventory: Vec<String>,
    /// Variables on top of the run's own: secrets among those are not in the journal, and must be given again.
    #[arg(short = 'e', long = "extra-vars", value_name = "VARS", help_heading = "Hosts")]
    extra_vars: Vec<String>,
    #[command(flatten)]
    vault: VaultArgs,
    /// Ask for the password of sudo, once, before anything starts.
    #[arg(short = 'K', long, help_heading = "Connection")]
    ask_become_pass: bool,
    #[command(flatten)]
    state: StateArgs,
    /// Show more.
    #[arg(short, long, action = clap::ArgAction::Count, help_heading = "Output")]
    verbose: u8,
    /// Write events as JSON, one a line, instead of text.
    #[arg(long, help_heading = "Output")]
    json: bool,
    /// End the process in the middle of a step: `tests/README.md`.
    #[arg(long, hide = true)]
    halt: Option<Halt>,
}

/// [`Settle::in_doubt`] as one writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum InDoubt {
    Done,
    Again,
}

/// Goes on.
pub(super) fn run(args: Args, terminal: &Terminal) -> Result<u8, CommandError> {
    let state = args.state.state()?;
    let kept = args.kept_run(&state)?;
    let history = kept.read().map_err(|damage| {
        CommandError::from(Finding::nowhere(damage.to_string()).help(
            "the master's front-end has a copy: `nebplay resume --from master -i INVENTORY`; or run the playbook again: what is done is recognized",
        ))
    })?;
    if is_being_written(&kept.path) {
        return Err(CommandError::usage(format!(
            "{} is under way: another nebplay runs it",
            kept.id
        )));
    }
    if history.result() == Some(RunResult::Ok) {
        terminal::print(&format!(
            "{} came to its end: there is nothing to go on with\n",
            kept.id
        ))?;
        return Ok(exit::OK);
    }
    let stored = args.merged(&history)?;
    let mut prepared = prepare(stored)?;
    prepared.options.halt.clone_from(&args.halt);
    let header = prepared.header(&history.began.run);
    let changed = changes(&history, &header);
    if !changed.is_empty() && !args.accept_changes {
        return Err(refusal(&changed));
    }
    let from = args.from.as_deref().filter(|from| *from != MASTER);
    let mut replay = Replay::of(&history.events).settled_by(Settle {
        in_doubt: args.in_doubt.map(|how| how == InDoubt::Done),
        retry_failed: args.retry_failed,
    });
    let mut assumed: Vec<String> = changed
        .into_iter()
        .map(|change| format!("accepted: {change}"))
        .collect();
    if let Some(from) = from {
        assumed.extend(taken_for_done(&prepared, &replay, from)?);
        replay = replay.from(from);
    }
    let journal = Journal::resume(&kept.path, &history, header).map_err(|error| no_journal(&state, error))?;
    let last = history.events.last();
    execute(
        prepared,
        Start {
            run: history.began.run.clone(),
            journal: Some(journal),
            after: last.map_or((0, 0), |event| (event.seq, event.elapsed_ms)),
            replay,
            resumed: Some(assumed),
            accept_changes: args.accept_changes,
            take_over: args.take_over,
        },
        terminal,
    )
}

impl Args {
    fn kept_run(&self, state: &State) -> Result<KeptRun, CommandError> {
        if self.from.as_deref() == Some(MASTER) {
            if self.inventory.is_empty() {
                return Err(CommandError::usage(
                    "--from master needs an inventory (-i) to find the master with",
                ));
            }
            return copy::fetch(state, &self.inventory, &self.vault, self.run.as_deref());
        }
        if let Some(name) = &self.run {
            return state.find(name);
        }
        latest_unfinished(state)?.ok_or_else(|| CommandError::Usage {
            message: format!("no run in {} is left to go on with", state.place().display()),
            help: Some(
                "`nebplay runs` lists all; `--from master -i INVENTORY` looks on the master's front-end"
                    .to_owned(),
            ),
        })
    }

    /// The command line of the run, with what this one says about it. From here on paths are relative to where it was started.
    fn merged(&self, history: &History) -> Result<RunArgs, CommandError> {
        let here = |given: &String| {
            let is_file = std::path::Path::new(given).exists();
            match std::path::absolute(given) {
                Ok(path) if is_file => path.display().to_string(),
                _ => given.clone(),
            }
        };
        let inventory: Vec<String> = self.inventory.iter().map(here).collect();
        let header = history.header();
        let directory = PathBuf::from(&header.directory);
        // Another controller has the playbooks elsewhere: there it is the operator's own directory that counts.
        if directory.is_dir() {
            std::env::set_current_dir(&directory).map_err(|error| CommandError::Io {
                doing: format!("go to {}", directory.display()),
                error,
            })?;
        }
        let mut stored: RunArgs = serde_json::from_value(header.arguments.clone()).map_err(|error| {
            CommandError::usage(format!(
                "the journal's command line makes no sense to this nebplay: {error}"
            ))
        })?;
        let secret = stored.take_redacted();
        if !secret.is_empty() && self.extra_vars.is_empty() {
            return Err(CommandError::Usage {
                message: format!(
                    "the journal holds no secrets, and the run had some: {}",
                    secret.join(", ")
                ),
                help: Some("give them again with -e".to_owned()),
            });
        }
        stored.resume(
            inventory,
            &self.extra_vars,
            &self.vault,
            self.ask_become_pass,
            self.verbose,
            self.json,
        );
        Ok(stored)
    }
}

/// The latest run that did not come to its end, and that no later one of the same playbooks and inventory has done since.
fn latest_unfinished(state: &State) -> Result<Option<KeptRun>, CommandError> {
    let what = |history: &History| {
        let arguments = &history.header().arguments;
        [&arguments["playbooks"], &arguments["inventory"]].map(Value::clone)
    };
    let mut done_since = Vec::new();
    for run in state.all()? {
        let Ok(history) = run.read() else {
            // What is wrong with it is said when it is read again.
            return Ok(Some(run));
        };
        if history.result() == Some(RunResult::Ok) {
            done_since.push(what(&history));
        } else if !is_being_written(&run.path) && !done_since.contains(&what(&history)) {
            return Ok(Some(run));
        }
    }
    Ok(None)
}

fn refusal(changed: &[String]) -> CommandError {
    let mut findings: Vec<Finding> = changed.iter().map(Finding::nowhere).collect();
    if let Some(last) = findings.pop() {
        findings.push(last.help(
            "put it back as it was, or go on with --accept-changes: steps are matched by their identity, and those that are done stay done",
        ));
    }
    findings.into()
}

/// What nobody knows to be done, and is taken for it because the run goes on behind it.
fn taken_for_done(prepared: &Prepared, replay: &Replay, from: &str) -> Result<Vec<String>, CommandError> {
    let before = prepared
        .plan
        .tasks_before(from)
        .map_err(|error| CommandError::Usage {
            message: error.to_string(),
            help: error.suggestion,
        })?;
    let mut assumed = Vec::new();
    for (task, name, hosts) in before {
        let unknown: Vec<&str> = hosts
            .iter()
            .filter(|host| !replay.knows(task, host))
            .map(String::as_str)
            .collect();
        if !unknown.is_empty() {
            assumed.push(format!("taken for done: \"{name}\" on {}", unknown.join(", ")));
        }
    }
    Ok(assumed)
}

impl History {
    /// How it ended the last time.
    pub(super) fn result(&self) -> Option<RunResult> {
        match &self.ended()?.what {
            What::RunEnded { result, .. } => Some(*result),
            _ => None,
        }
    }
}
