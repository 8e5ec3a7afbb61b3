//! `nebplay runs` and `nebplay show`: the runs of which this machine has a journal.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io;

use clap::{Args as ClapArgs, Subcommand};
use serde::Serialize;

use super::error::CommandError;
use super::exit;
use super::options::RunArgs;
use super::state::{KeptRun, StateArgs};
use super::terminal::{self, Terminal};
use crate::diagnostics::Finding;
use crate::events::journal::{History, is_being_written};
use crate::events::{self, Json, Look, RunResult, View, What};

pub(super) const EXAMPLES: &str = "\
Examples:
  nebplay runs
  nebplay runs --json | jq 'select(.result != \"done\")'
  nebplay runs prune --older-than 90";

pub(super) const SHOW_EXAMPLES: &str = "\
Examples:
  nebplay show 20261125T2215
  nebplay show 20261125T2215 --json | jq 'select(.what.event == \"step_ended\")'";

/// Seconds of a day.
const DAY: i64 = 86_400;

/// Arguments of `nebplay runs`.
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    #[command(subcommand)]
    what: Option<Prune>,
    #[command(flatten)]
    state: StateArgs,
    /// As JSON, one run a line.
    #[arg(long, help_heading = "Output")]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Prune {
    /// Remove journals of runs that came to their end.
    Prune {
        /// Only of runs that began longer ago than so many days.
        #[arg(long, value_name = "DAYS", default_value_t = 30)]
        older_than: u32,
        /// Also of runs that failed or were cut off, and can then not be resumed any more.
        #[arg(long)]
        unfinished: bool,
        #[command(flatten)]
        state: StateArgs,
    },
}

/// Arguments of `nebplay show`.
#[derive(Debug, ClapArgs)]
pub(super) struct ShowArgs {
    /// The run, or the beginning of its name.
    #[arg(value_name = "RUN")]
    run: String,
    #[command(flatten)]
    state: StateArgs,
    /// Show more: results of tasks (-v), what steps found to do (-vv).
    #[arg(short, long, action = clap::ArgAction::Count, help_heading = "Output")]
    verbose: u8,
    /// The events as JSON, one a line.
    #[arg(long, help_heading = "Output")]
    json: bool,
}

/// A run, as it is listed.
#[derive(Debug, Serialize)]
struct Row {
    run: String,
    began: i64,
    who: String,
    playbooks: Vec<String>,
    inventory: Vec<String>,
    result: String,
    seconds: u64,
    stopped_at: Option<String>,
}

/// Lists runs, or removes journals.
pub(super) fn run(args: &Args, terminal: &Terminal) -> Result<u8, CommandError> {
    if let Some(Prune::Prune {
        older_than,
        unfinished,
        state,
    }) = &args.what
    {
        return prune(&state.state()?.all()?, *older_than, *unfinished);
    }
    let mut rows = Vec::new();
    let mut damaged = Vec::new();
    for kept in args.state.state()?.all()? {
        match kept.read() {
            Ok(history) => rows.push(Row::of(&kept, &history)),
            Err(damage) => damaged.push(damage.to_string()),
        }
    }
    let text = if args.json {
        let lines = rows
            .iter()
            .map(serde_json::to_string)
            .collect::<Result<Vec<_>, _>>();
        lines
            .map_err(io::Error::from)?
            .iter()
            .map(|line| format!("{line}\n"))
            .collect()
    } else {
        table(&rows, terminal)
    };
    terminal::print(&text)?;
    if damaged.is_empty() {
        Ok(exit::OK)
    } else {
        Err(damaged
            .into_iter()
            .map(Finding::nowhere)
            .collect::<Vec<_>>()
            .into())
    }
}

/// Shows a run as it was seen, from its journal.
pub(super) fn show(args: &ShowArgs, terminal: &Terminal) -> Result<u8, CommandError> {
    let kept = args.state.state()?.find(&args.run)?;
    let history = kept
        .read()
        .map_err(|damage| Finding::nowhere(damage.to_string()))?;
    if args.json {
        let mut view = Json::new(io::stdout());
        history.events.iter().for_each(|event| view.event(event));
        return Ok(exit::OK);
    }
    let row = Row::of(&kept, &history);
    terminal::print(&format!(
        "{}, by {} in {}\n{}\n",
        terminal.heading(&kept.id),
        row.who,
        history.began.directory,
        row.command(),
    ))?;
    let mut view = events::Terminal::new(
        io::stdout(),
        Look {
            colour: terminal.colour,
            live: false,
            verbosity: args.verbose,
            width: terminal.columns,
        },
    );
    history.events.iter().for_each(|event| view.event(event));
    if history.ended().is_none() {
        terminal::print(&format!("\n{}\n", how_it_ended(&kept, &history)))?;
    }
    Ok(exit::OK)
}

/// How a run stands: a word, and where it stopped.
fn how_it_ended(kept: &KeptRun, history: &History) -> String {
    let row = Row::of(kept, history);
    match row.stopped_at {
        Some(step) => format!("{}: {step}", row.result),
        None => row.result,
    }
}

impl Row {
    fn of(kept: &KeptRun, history: &History) -> Self {
        let header = history.header();
        let result = match history.result() {
            Some(RunResult::Ok) => "done",
            Some(RunResult::Failed) => "failed",
            Some(RunResult::Unreachable) => "unreachable",
            Some(RunResult::Interrupted) => "interrupted",
            None if is_being_written(&kept.path) => "under way",
            None => "cut off",
        };
        let arguments = serde_json::from_value::<RunArgs>(header.arguments.clone()).ok();
        let (playbooks, inventory) =
            arguments.map_or_else(Default::default, super::options::RunArgs::playbooks_and_inventory);
        Self {
            run: history.began.run.clone(),
            began: history.began.at,
            who: history.began.who.clone(),
            playbooks,
            inventory,
            stopped_at: if result == "done" {
                None
            } else {
                stopped_at(history)
            },
            result: result.to_owned(),
            seconds: history.events.last().map_or(0, |event| event.elapsed_ms / 1000),
        }
    }

    fn command(&self) -> String {
        let inventory = self.inventory.iter().map(|source| format!(" -i {source}"));
        format!(
            "nebplay {}{}",
            self.playbooks.join(" "),
            inventory.collect::<String>()
        )
    }
}

/// The step that failed, or that was under way when the run was cut off.
fn stopped_at(history: &History) -> Option<String> {
    let mut names: HashMap<&str, &str> = HashMap::new();
    let mut open: Vec<(&str, &str, &str)> = Vec::new();
    for event in &history.events {
        match &event.what {
            What::TaskStarted { task, name, .. } => {
                names.insert(task, name);
            }
            What::StepStarted { step } => open.push((&step.id, &step.task, &step.host)),
            What::StepEnded { step, .. } => open.retain(|(id, ..)| *id != step.id),
            What::RunResumed { .. } => open.clear(),
            _ => {}
        }
    }
    if let Some(What::RunEnded { failures, .. }) = history.ended().map(|event| &event.what)
        && let Some(failed) = failures.first()
    {
        return Some(format!("\"{}\" on {}", failed.task, failed.host));
    }
    let (_, task, host) = open.last()?;
    Some(format!("\"{}\" on {host}", names.get(task).unwrap_or(task)))
}

fn table(rows: &[Row], terminal: &Terminal) -> String {
    if rows.is_empty() {
        return "no runs\n".to_owned();
    }
    let mut out = String::new();
    let heading = format!(
        "{:<24} {:<16} {:<11} {:>6}  PLAYBOOKS",
        "RUN", "BEGAN", "RESULT", "TOOK"
    );
    let _ = writeln!(out, "{}", terminal.heading(&heading));
    for row in rows {
        let began = jiff::Timestamp::from_second(row.began)
            .map(|at| {
                at.to_zoned(jiff::tz::TimeZone::system())
                    .strftime("%Y-%m-%d %H:%M")
                    .to_string()
            })
            .unwrap_or_default();
        let _ = writeln!(
            out,
            "{:<24} {began:<16} {:<11} {:>5}s  {} by {}",
            row.run,
            row.result,
            row.seconds,
            row.command(),
            row.who
        );
        if let Some(step) = &row.stopped_at {
            let _ = writeln!(out, "{:<24} at {step}", "");
        }
    }
    out
}

fn prune(kept: &[KeptRun], older_than: u32, unfinished: bool) -> Result<u8, CommandError> {
    let now = jiff::Timestamp::now().as_second();
    let mut removed = 0;
    for run in kept {
        let Ok(history) = run.read() else {
            continue;
        };
        let is_old = now - history.began.at > i64::from(older_than) * DAY;
        let may_go = unfinished || history.result() == Some(RunResult::Ok);
        if is_old && may_go && !is_being_written(&run.path) {
            std::fs::remove_file(&run.path).map_err(|error| CommandError::Io {
                doing: format!("remove {}", run.path.display()),
                error,
            })?;
            removed += 1;
        }
    }
    terminal::print(&format!(
        "{removed} of {} removed{}\n",
        kept.len(),
        if unfinished {
            ""
        } else {
            "; what can be resumed is kept"
        }
    ))?;
    Ok(exit::OK)
}
