//! `nebplay rehearse`: playbooks on a twin of the federation, undisturbed and with every single fault.

mod describe;
mod forecast;
mod json;
mod matrix;
mod paint;
mod story;

use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args as ClapArgs;
use nebplay_twin::deeds::Act;
use nebplay_twin::federation::Federation;
use nebplay_twin::image;
use nebplay_twin::rates::Rates;

use super::error::CommandError;
use super::exit;
use super::files::Files;
use super::options::RunArgs;
use super::prepare::{Prepared, prepare, tags};
use super::terminal::{self, Terminal};
use crate::diagnostics::suggest;
use crate::events::RunResult;
use crate::rehearsal::explore::{self, Outcome, Rehearsed, Undisturbed};
use crate::rehearsal::fault::{Fault, Kind};
use crate::rehearsal::invariants::ZoneOf;
use crate::rehearsal::stage::Stage;
use crate::rehearsal::window::{self, Window};
use crate::run;
use crate::template::layer_of;
use describe::Assumed;
use forecast::Alternative;
use paint::Paint;

pub(super) const LONG_ABOUT: &str = "\
Rehearse playbooks on a twin of the federation that the inventory describes.

The real engine and the real modules run them on machines that are nothing but memory: no host is connected to, and nothing is \
executed on this one. First undisturbed; then again for every step and every fault that can strike there (a lost connection, a killed \
controller, a failing command, a reboot, a full disk, a command that hangs, a slave that is away), each time followed by what an \
operator does next: resume, and where that is not enough, run it anew. Whatever happens, the rules of the upgrade must hold: nothing \
restored where OpenNebula runs, no migration without a proven backup, nothing lost that the API acknowledged, and so on. At the end \
stands how long the API will be away, and why.";

pub(super) const EXAMPLES: &str = "\
Examples:
  nebplay rehearse playbooks/upgrade.yml -i inventories/example.ini
  nebplay rehearse upgrade.yml -i prod.ini --database-size 12000 --link 1000
  nebplay rehearse upgrade.yml -i prod.ini --fault 'fe-eu-ge:onedb_restore:lost-after'
  nebplay rehearse upgrade.yml -i prod.ini --undisturbed       the forecast alone

Exit code 0: every rehearsal came to its end or stopped safely; 2: a rule was broken, or the undisturbed run failed.";

/// Arguments of `nebplay rehearse`.
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    #[command(flatten)]
    run: RunArgs,
    /// One fault alone: HOST:TASK:FAULT, the task by its module, name or identity. May be repeated.
    #[arg(long, value_name = "FAULT", help_heading = "Faults")]
    fault: Vec<String>,
    /// No fault at all: the forecast alone.
    #[arg(long, conflicts_with = "fault", help_heading = "Faults")]
    undisturbed: bool,
    #[command(flatten)]
    assumed: Assumed,
}

/// All that was found out.
pub(super) struct Report {
    pub(super) zones: Vec<ZoneOf>,
    pub(super) undisturbed: Undisturbed,
    pub(super) rehearsed: Vec<Rehearsed>,
    /// How long all faults took, in real time.
    pub(super) took: Duration,
    pub(super) window: Window,
    pub(super) alternatives: Vec<Alternative>,
}

/// Rehearses.
pub(super) fn run(args: Args, terminal: &Terminal) -> Result<u8, CommandError> {
    let prepared = prepare(args.run.rehearsed())?;
    let json = prepared.options.json;
    let description = describe::description(&prepared, &args.assumed)?;
    let zones: Vec<ZoneOf> = description
        .zones
        .iter()
        .map(|zone| ZoneOf {
            id: zone.id,
            host: zone.machine.clone(),
            master: zone.master,
        })
        .collect();
    let stage = stage(prepared);
    let federation = image::federation(&description);
    let undisturbed = explore::undisturbed(&stage, &federation, &zones).map_err(failed)?;
    let is_well = undisturbed.breaches.is_empty() && ended_well(&undisturbed);
    let faults = match (args.undisturbed, args.fault.is_empty()) {
        _ if !is_well => Vec::new(),
        (true, _) => Vec::new(),
        (false, true) => undisturbed.faults(&zones),
        (false, false) => chosen(&undisturbed, &args.fault)?,
    };
    let began = Instant::now();
    let rehearsed = undisturbed.explore(&stage, &zones, &faults).map_err(failed)?;
    let took = began.elapsed();
    let window = window_of(&zones, &federation, &undisturbed);
    let alternatives = if is_well {
        alternatives(&stage, &zones, &federation, &window)?
    } else {
        Vec::new()
    };
    let report = Report {
        zones,
        undisturbed,
        rehearsed,
        took,
        window,
        alternatives,
    };
    if json {
        terminal::print(&json::text(&report))?;
    } else {
        let paint = Paint { on: terminal.colour };
        terminal::print(&report.text(&stage, &args.assumed, paint, terminal))?;
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

fn window_of(zones: &[ZoneOf], before: &Federation, undisturbed: &Undisturbed) -> Window {
    let night = &undisturbed.night;
    window::of(zones, before, &night.federation.deeds.in_order(), &night.work)
}

/// What is changed about how long things take.
type Change = fn(&mut Rates);

/// What the same night would take in other circumstances.
fn alternatives(
    stage: &Stage,
    zones: &[ZoneOf],
    federation: &Federation,
    now: &Window,
) -> Result<Vec<Alternative>, CommandError> {
    if now.federation.is_none() {
        return Ok(Vec::new());
    }
    let others: [(&'static str, Change); 3] = [
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
        let mut federation = federation.clone();
        change(&mut federation.rates);
        let undisturbed = explore::undisturbed(stage, &federation, zones).map_err(failed)?;
        Ok::<_, CommandError>(window_of(zones, &federation, &undisturbed))
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

/// The faults named on the command line.
fn chosen(undisturbed: &Undisturbed, named: &[String]) -> Result<Vec<Fault>, CommandError> {
    let mut faults = Vec::new();
    for text in named {
        let usage = || CommandError::Usage {
            message: format!("`{text}` is no HOST:TASK:FAULT"),
            help: Some("for instance 'fe-eu-ge:onedb_restore:lost-after', or 'fe-eu-ge::away'".to_owned()),
        };
        let (host, rest) = text.split_once(':').ok_or_else(usage)?;
        let (task, kind) = rest.rsplit_once(':').ok_or_else(usage)?;
        let kind: Kind = kind.parse().map_err(CommandError::usage)?;
        if kind == Kind::Away {
            faults.push(Fault {
                step: String::new(),
                host: host.to_owned(),
                kind,
            });
            continue;
        }
        let is_it = |step: &&explore::Step| {
            step.step.host == host
                && [&step.module, &step.task, &step.step.task, &step.step.id].contains(&&task.to_owned())
        };
        let before = faults.len();
        faults.extend(undisturbed.steps.iter().filter(is_it).map(|step| Fault {
            step: step.step.id.clone(),
            host: host.to_owned(),
            kind,
        }));
        if faults.len() == before {
            let modules: Vec<&str> = undisturbed
                .steps
                .iter()
                .map(|step| step.module.as_str())
                .collect();
            return Err(CommandError::Usage {
                message: format!("the undisturbed run has no step `{task}` on {host}"),
                help: suggest(task, modules),
            });
        }
    }
    Ok(faults)
}

impl Report {
    fn text(&self, stage: &Stage, assumed: &Assumed, paint: Paint, terminal: &Terminal) -> String {
        let mut out = String::new();
        let night = &self.undisturbed.night;
        out.push_str(&format!("{}\n", paint.bold("Undisturbed")));
        if let Some(summary) = night
            .summary
            .as_ref()
            .filter(|summary| summary.result != RunResult::Ok)
        {
            out.push_str("  it does not come to its end:\n");
            for failed in &summary.failures {
                out.push_str(&format!(
                    "  \"{}\" on {}: {}\n",
                    failed.task, failed.host, failed.failure.message
                ));
            }
        } else {
            out.push_str(&format!(
                "  {} steps, and it comes to its end\n",
                self.undisturbed.steps.len()
            ));
        }
        let deeds: Vec<_> = night.federation.deeds.in_order().into_iter().cloned().collect();
        let mut unknown: Vec<&str> = deeds
            .iter()
            .filter_map(|deed| match &deed.act {
                Act::NotModelled(command) => Some(command.as_str()),
                _ => None,
            })
            .collect();
        unknown.sort_unstable();
        unknown.dedup();
        for command in unknown {
            out.push_str(&format!(
                "  the twin knows nothing of `{command}`: it was taken to succeed and to say nothing\n"
            ));
        }
        let mut told: Vec<&str> = Vec::new();
        for breach in &self.undisturbed.breaches {
            // The same rule, broken again and again, is told once.
            if told.contains(&breach.rule.name) {
                continue;
            }
            told.push(breach.rule.name);
            let story = crate::rehearsal::story::tell(&stage.plan, breach, &deeds, &night.work);
            out.push_str(&story::text(
                &story,
                "although nothing went wrong",
                paint,
                terminal,
            ));
        }
        if self.window.run > Duration::ZERO && ended_well(&self.undisturbed) {
            out.push_str(&format!("\n{}\n", paint.bold("Forecast")));
            let assumptions = assumed.sentences();
            out.push_str(&forecast::text(
                &self.zones,
                &stage.plan,
                &self.window,
                &self.alternatives,
                &assumptions,
                paint,
            ));
        }
        if !self.rehearsed.is_empty() {
            out.push_str(&self.faults(stage, paint, terminal));
        }
        out
    }

    fn faults(&self, stage: &Stage, paint: Paint, terminal: &Terminal) -> String {
        let mut out = format!("\n{}\n", paint.bold("Every fault at every step"));
        let struck = self.rehearsed.iter().filter(|one| one.struck).count();
        out.push_str(&matrix::text(
            &self.undisturbed.steps,
            &self.rehearsed,
            paint,
            terminal.width.into(),
        ));
        for one in self.rehearsed.iter().filter(|one| one.fault.kind == Kind::Away) {
            out.push_str(&format!(
                "  {} away from the beginning: {}\n",
                one.fault.host,
                paint.outcome(one.outcome, matrix::words(one.outcome))
            ));
        }
        out.push('\n');
        let mut told: Vec<&str> = Vec::new();
        for one in self
            .rehearsed
            .iter()
            .filter(|one| one.outcome == Outcome::Violation)
        {
            for breach in &one.breaches {
                if told.contains(&breach.rule.name) {
                    continue;
                }
                told.push(breach.rule.name);
                // Of all that broke this rule, the one with the shortest way to it.
                let shortest = self
                    .rehearsed
                    .iter()
                    .flat_map(|other| other.breaches.iter().map(move |breach| (other, breach)))
                    .filter(|(_, other)| other.rule == breach.rule)
                    .min_by_key(|(other, breach)| breach.deed.unwrap_or(other.deeds.len()));
                let Some((shortest, breach)) = shortest else {
                    continue;
                };
                let step = self
                    .undisturbed
                    .steps
                    .iter()
                    .find(|step| step.step.id == shortest.fault.step);
                let task = step.map_or("", |step| step.task.as_str());
                let because = format!(
                    "\"{task}\" on {}: {}",
                    shortest.fault.host,
                    shortest.fault.kind.sentence()
                );
                let story =
                    crate::rehearsal::story::tell(&stage.plan, breach, &shortest.deeds, &shortest.work);
                out.push_str(&story::text(&story, &because, paint, terminal));
            }
        }
        let count = |outcome: Outcome| {
            self.rehearsed
                .iter()
                .filter(|one| one.struck && one.outcome == outcome)
                .count()
        };
        for outcome in matrix::OUTCOMES {
            if count(outcome) > 0 {
                out.push_str(&format!(
                    "  {:>5}  {}\n",
                    count(outcome),
                    paint.outcome(outcome, matrix::words(outcome))
                ));
            }
        }
        let missed = self.rehearsed.len() - struck;
        if missed > 0 {
            out.push_str(&format!(
                "  {missed:>5}  did not come to pass: the step was over before they could strike\n"
            ));
        }
        #[expect(clippy::cast_precision_loss, reason = "fewer rehearsals than that")]
        let rate = self.rehearsed.len() as f64 / self.took.as_secs_f64().max(0.001);
        out.push_str(&format!(
            "  {} rehearsals in {:.1} s, {rate:.0} a second\n",
            self.rehearsed.len(),
            self.took.as_secs_f64()
        ));
        out
    }
}

fn stage(prepared: Prepared) -> Stage {
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
        halt: None,
    };
    Stage {
        plan: prepared.plan,
        options: settings,
        inventory: options.hosts.zoned.clone(),
        extra_vars: layer_of(&options.hosts.extra_vars),
        templates: prepared.templates,
        directory: prepared.directory,
        loader: |events| Arc::new(Files::new(events)),
        secrets: prepared.secrets,
    }
}
