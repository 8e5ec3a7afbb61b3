//! `nebplay rehearse`: playbooks on a twin of the federation, undisturbed and with every single fault.

mod backend;
mod choose;
mod describe;
mod forecast;
mod indexes;
mod json;
mod known;
mod live;
mod matrix;
mod moment;
mod paint;
mod report;
mod story;
mod units;

use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args as ClapArgs;
use nebplay_twin::image::{self, Description};
use nebplay_twin::rates::Rates;

use super::error::CommandError;
use super::exit;
use super::files::Files;
use super::options::RunArgs;
use super::prepare::{Prepared, prepare, tags};
use super::state::StateArgs;
use super::terminal::{self, Terminal};
use crate::diagnostics::Finding;
use crate::events::RunResult;
use crate::rehearsal::alike::{self, LeftOut};
use crate::rehearsal::invariants::ZoneOf;
use crate::rehearsal::measured;
use crate::rehearsal::outcome::{Outcome, Rehearsed};
use crate::rehearsal::stage::{Afterwards, Script, Stage};
use crate::rehearsal::undisturbed::{Start, Undisturbed};
use crate::rehearsal::window::{self, Window};
use crate::run;
use crate::template::layer_of;
use choose::{Explored, Wanted};
use describe::Assumed;
use forecast::Alternative;
use paint::Paint;

pub(super) const LONG_ABOUT: &str = "\
Rehearse playbooks on a twin of the federation that the inventory describes.

The real engine and the real modules run them on machines that are nothing but memory: no host is connected to, and nothing is \
executed on this one. First undisturbed; then again for every step and every fault that can strike there (a lost connection, a killed \
controller, a failing command, a reboot here or of all others, zones that do not reach each other, a full disk, a command that hangs, \
a slave that is away), each time followed by what an operator does next: resume, and where that is not enough, run it anew; or, with \
--anew, that at once; or, with --then, go back. Whatever happens, the rules of the upgrade must hold: nothing restored where OpenNebula \
runs, no migration without a proven backup, nothing lost that the API acknowledged, and so on. At the end stands how long the API will \
be away, and why.";

pub(super) const EXAMPLES: &str = "\
Examples:
  nebplay rehearse playbooks/upgrade.yml -i inventories/example.ini
  nebplay rehearse upgrade.yml -i prod.ini --database-size 12000 --link 1000
  nebplay rehearse upgrade.yml -i prod.ini --from-live --measured latest   sizes and times as they are
  nebplay rehearse upgrade.yml -i prod.ini --fault 'fe-eu-ge:onedb_restore:lost-after'
  nebplay rehearse upgrade.yml -i prod.ini --then go-back.yml           go back wherever it stops, instead of resuming
  nebplay rehearse upgrade.yml -i prod.ini --undisturbed                the forecast alone
  nebplay rehearse upgrade.yml -i prod.ini --depth 2                    a second fault after each
  nebplay rehearse upgrade.yml -i prod.ini --depth 2 --sample 5000      some of those

Exit code 0: every rehearsal came to its end or stopped safely; 2: a rule was broken, or the undisturbed run failed.";

/// Arguments of `nebplay rehearse`.
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    #[command(flatten)]
    run: RunArgs,
    #[command(flatten)]
    wanted: Wanted,
    #[command(flatten)]
    assumed: Assumed,
}

/// All that was found out.
pub(super) struct Report {
    /// What it begins with, as the zones told; `None`: they were not asked, or there is nothing to say about it.
    pub(super) begins: Option<String>,
    pub(super) zones: Vec<ZoneOf>,
    pub(super) undisturbed: Undisturbed,
    pub(super) rehearsed: Vec<Rehearsed>,
    /// Pairs of faults that were left out, because one like them was rehearsed.
    pub(super) pruned: usize,
    /// The slaves that no fault struck at, each with the one that does the same.
    pub(super) left_out: Arc<LeftOut>,
    /// Whether it was all that can go wrong, and not what was asked for by name.
    pub(super) explored: bool,
    /// How long the undisturbed run took, in real time.
    pub(super) once: Duration,
    /// How long all faults took, in real time.
    pub(super) took: Duration,
    pub(super) window: Window,
    pub(super) alternatives: Vec<Alternative>,
}

/// A night runs on one of rayon's threads, as deep as blocks and includes go. What of the stack is not used costs nothing.
fn roomy_threads() {
    const STACK: usize = 32 << 20;
    // Fails where there are threads already, which serve as well until somebody goes very deep.
    let _ = rayon::ThreadPoolBuilder::new().stack_size(STACK).build_global();
}

/// Rehearses.
pub(super) fn run(args: Args, terminal: &Terminal) -> Result<u8, CommandError> {
    roomy_threads();
    let journals = args.run.state_args().clone();
    let known = known::look(&args.run, args.assumed.from_live)?;
    let given = args.run.rehearsed();
    let afterwards = match args.wanted.then.clone() {
        Some(playbook) => {
            let way_back = prepare(given.clone().of_playbook(playbook))?;
            Afterwards::GoBack(Box::new(stage(way_back, Afterwards::Resume)))
        }
        None if args.wanted.anew => Afterwards::Anew,
        None => Afterwards::Resume,
    };
    let prepared = prepare(given)?;
    let json = prepared.options.json;
    let description = describe::description(&prepared, &args.assumed, &known, args.wanted.seed)?;
    let zones = zones_of(&description);
    let mut stage = stage(prepared, afterwards);
    let mut federation = image::federation(&description);
    let mut assumptions = args.assumed.sentences(&description);
    let (start, begins) = if known.is_under_way() {
        known.apply_units(&mut federation);
        let moment = moment::find(&stage, federation, &zones, &known.stands())?;
        let begins = format!("where a night was stopped: the zones stand as {}", moment.place);
        (moment.start, Some(begins))
    } else {
        known.apply(&mut federation, &zones);
        let indexes = known.indexes();
        let begins = indexes.and_then(|indexes| indexes::sentence(&zones, &indexes));
        (Start::from(federation), begins.map(|said| format!("with {said}")))
    };
    assumptions.extend(known.on_their_way(&zones));
    if let Some(run) = &args.assumed.measured {
        assumptions.push(pace(&mut stage, &start, &zones, run, &journals)?);
    }
    let began = Instant::now();
    let mut undisturbed = Undisturbed::run(&stage, &start, &zones).map_err(failed)?;
    let once = began.elapsed();
    let is_well = undisturbed.breaches.is_empty() && ended_well(&undisturbed);
    let left_out = if args.wanted.every_host || !args.wanted.fault.is_empty() {
        LeftOut::new()
    } else {
        alike::left_out(&undisturbed.steps, &zones)
    };
    let left_out = Arc::new(left_out);
    let began = Instant::now();
    let explored = if is_well && !args.wanted.undisturbed {
        choose::rehearsed(
            &args.wanted,
            &stage,
            &zones,
            &mut undisturbed,
            &left_out,
            terminal,
        )?
    } else {
        Explored::default()
    };
    let took = began.elapsed();
    let window = window_of(&zones, &start, &undisturbed);
    let alternatives = if is_well && !json {
        alternatives(&stage, &zones, &start, &window)?
    } else {
        Vec::new()
    };
    let report = Report {
        begins,
        zones,
        undisturbed,
        rehearsed: explored.rehearsed,
        pruned: explored.pruned,
        left_out,
        explored: args.wanted.fault.is_empty(),
        once,
        took,
        window,
        alternatives,
    };
    if json {
        terminal::print(&json::text(&report))?;
    } else {
        let paint = Paint { on: terminal.colour };
        terminal::print(&report.text(&stage, &assumptions, paint, terminal))?;
    }
    let violated = report
        .rehearsed
        .iter()
        .any(|one| one.outcome == Outcome::Violation);
    Ok(if is_well && !violated {
        exit::OK
    } else {
        exit::FAILED
    })
}

fn zones_of(description: &Description) -> Vec<ZoneOf> {
    let zones = description.zones.iter();
    zones
        .map(|zone| ZoneOf {
            id: zone.id,
            host: zone.machine.clone(),
            master: zone.master,
        })
        .collect()
}

/// Lets steps take as long as they did in an earlier run. Gives a sentence about it.
fn pace(
    stage: &mut Stage,
    start: &Start,
    zones: &[ZoneOf],
    run: &str,
    journals: &StateArgs,
) -> Result<String, CommandError> {
    let state = journals.state()?;
    let kept = if run == "latest" {
        state
            .all()?
            .pop()
            .ok_or_else(|| CommandError::usage("there is no earlier run"))?
    } else {
        state.find(run)?
    };
    let history = kept
        .read()
        .map_err(|damage| Finding::nowhere(damage.to_string()))?;
    let took = measured::took(&history.events);
    let known = measured::keep_pace(stage, start, zones, &took).map_err(failed)?;
    if known == 0 {
        return Err(CommandError::Usage {
            message: format!("the run {} has no step of this playbook on these hosts", kept.id),
            help: Some("`nebplay runs` lists the runs with their playbooks".to_owned()),
        });
    }
    Ok(format!(
        "measured: {known} steps take as long as in the run {}",
        kept.id
    ))
}

fn failed(error: std::io::Error) -> CommandError {
    CommandError::Io {
        doing: "rehearse".to_owned(),
        error,
    }
}

fn ended_well(undisturbed: &Undisturbed) -> bool {
    let summary = undisturbed.night.summary.as_ref();
    summary.is_some_and(|summary| summary.result == RunResult::Ok)
}

fn window_of(zones: &[ZoneOf], start: &Start, undisturbed: &Undisturbed) -> Window {
    let night = &undisturbed.night;
    let known = start.now.deeds.in_order().len();
    let deeds = night.federation.deeds.in_order().split_off(known);
    window::of(zones, &start.now, &deeds, &night.work)
}

/// What is changed about how long things take.
type Change = fn(&mut Rates);

/// What the same night would take in other circumstances.
fn alternatives(
    stage: &Stage,
    zones: &[ZoneOf],
    start: &Start,
    now: &Window,
) -> Result<Vec<Alternative>, CommandError> {
    if now.federation.is_none() {
        return Ok(Vec::new());
    }
    let others: [(&'static str, Change); 5] = [
        ("with packages downloaded before", |rates| rates.fetch *= 1e6),
        ("with dumps that travel uncompressed", |rates| {
            rates.compressed = 1.0;
        }),
        ("with links ten times as fast", |rates| rates.link *= 10.0),
        ("with disks twice as fast", |rates| {
            for rate in [
                &mut rates.dump,
                &mut rates.load,
                &mut rates.migrate,
                &mut rates.check,
                &mut rates.read,
                &mut rates.unpack,
            ] {
                *rate *= 2.0;
            }
        }),
        ("with databases half as large", |rates| {
            for rate in [
                &mut rates.dump,
                &mut rates.load,
                &mut rates.migrate,
                &mut rates.check,
                &mut rates.read,
            ] {
                *rate *= 2.0;
            }
        }),
    ];
    let window = |change: Change| {
        let mut start = start.clone();
        change(&mut start.now.rates);
        let undisturbed = Undisturbed::run(stage, &start, zones).map_err(failed)?;
        Ok::<_, CommandError>(window_of(zones, &start, &undisturbed))
    };
    let mut alternatives = Vec::new();
    for (what, change) in others {
        alternatives.push(Alternative {
            what,
            window: window(change)?,
        });
    }
    Ok(alternatives)
}

fn stage(prepared: Prepared, afterwards: Afterwards) -> Stage {
    let options = prepared.options;
    let settings = run::Options {
        check: options.check,
        diff: options.diff,
        step: false,
        forks: options.forks,
        r#become: options.r#become,
        become_user: options.become_user.clone(),
        reconnect: options.reconnect,
        tags: tags(&options),
        limit: options.hosts.limit_given.clone(),
        verbosity: options.verbosity,
        halt: None,
    };
    Stage {
        script: Arc::new(Script::of(&prepared.plan)),
        plan: prepared.plan,
        options: settings,
        inventory: options.hosts.zoned.clone(),
        extra_vars: layer_of(&options.hosts.extra_vars),
        templates: prepared.templates,
        directory: prepared.directory,
        loader: {
            let vault = Arc::clone(&options.hosts.vault);
            Arc::new(move |events| Arc::new(Files::new(events, Arc::clone(&vault))))
        },
        secrets: prepared.secrets,
        afterwards,
    }
}
