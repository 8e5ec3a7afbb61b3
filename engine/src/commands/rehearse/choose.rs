//! Which faults are rehearsed.

use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args as ClapArgs;
use indicatif::{ProgressBar, ProgressStyle};

use super::failed;
use crate::commands::error::CommandError;
use crate::commands::terminal::Terminal;
use crate::diagnostics::suggest;
use crate::rehearsal::alike::LeftOut;
use crate::rehearsal::fault::{Fault, Kind};
use crate::rehearsal::invariants::ZoneOf;
use crate::rehearsal::outcome::Rehearsed;
use crate::rehearsal::stage::Stage;
use crate::rehearsal::undisturbed::{Step, Undisturbed};

/// Which faults.
#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Faults")]
pub(super) struct Wanted {
    /// One fault alone: HOST:TASK:FAULT, the task by its module, name or identity. May be repeated.
    #[arg(long, value_name = "FAULT")]
    pub(super) fault: Vec<String>,
    /// No fault at all: the forecast alone.
    #[arg(long, conflicts_with_all = ["fault", "explore"])]
    pub(super) undisturbed: bool,
    /// Every fault at every step. This is the default.
    #[arg(long, conflicts_with = "fault")]
    pub(super) explore: bool,
    /// 2: also a second fault in what comes after each, where nothing like it was looked at before.
    #[arg(long, value_name = "1|2", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=2))]
    pub(super) depth: u8,
    /// Instead of resuming a run that stopped, run this playbook, such as playbooks/go-back.yml.
    #[arg(long, value_name = "PLAYBOOK")]
    pub(super) then: Option<PathBuf>,
    /// Instead of resuming a run that stopped, run the playbook from its beginning again.
    #[arg(long, conflicts_with = "then")]
    pub(super) anew: bool,
    /// Faults at every slave, also where many do the same (by default the first and the last of them).
    #[arg(long)]
    pub(super) every_host: bool,
    /// Run every rehearsal to its end, also where nothing tells it from the undisturbed run any more. Takes longer, and finds the same.
    #[arg(long)]
    pub(super) to_the_end: bool,
    /// Only so many of the rehearsals.
    #[arg(long, value_name = "N")]
    pub(super) sample: Option<usize>,
    /// Which sample, and by how much what takes its time takes longer or shorter (0: by nothing).
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(super) seed: u64,
}

/// What came of them.
#[derive(Default)]
pub(super) struct Explored {
    pub(super) rehearsed: Vec<Rehearsed>,
    /// Pairs that were left out, because one like them was rehearsed.
    pub(super) pruned: usize,
}

/// All rehearsals with faults.
pub(super) fn rehearsed(
    wanted: &Wanted,
    stage: &Stage,
    zones: &[ZoneOf],
    undisturbed: &mut Undisturbed,
    left_out: &Arc<LeftOut>,
    terminal: &Terminal,
) -> Result<Explored, CommandError> {
    undisturbed.keep_forks(stage, left_out).map_err(failed)?;
    undisturbed.to_the_end = wanted.to_the_end;
    let firsts = if wanted.fault.is_empty() {
        undisturbed.faults(zones, left_out)
    } else {
        named(undisturbed, &wanted.fault)?
    };
    if wanted.depth == 1 {
        let firsts = sample(firsts, wanted.sample, wanted.seed);
        let bar = bar(terminal, "faults", firsts.len());
        let rehearsed = undisturbed
            .explore(stage, zones, &firsts, &|| bar.inc(1))
            .map_err(failed)?;
        return Ok(Explored { rehearsed, pruned: 0 });
    }
    let looking = bar(terminal, "what comes after each fault", firsts.len());
    let pairs = undisturbed
        .pairs(stage, &firsts, left_out, &|| looking.inc(1))
        .map_err(failed)?;
    looking.finish_and_clear();
    let pruned = pairs.pruned;
    let pairs = sample(pairs.new, wanted.sample, wanted.seed);
    let bar = bar(terminal, "faults, alone and in pairs", firsts.len() + pairs.len());
    let tick = || bar.inc(1);
    let mut rehearsed = undisturbed
        .explore(stage, zones, &firsts, &tick)
        .map_err(failed)?;
    rehearsed.extend(
        undisturbed
            .explore_pairs(stage, zones, &pairs, left_out, &tick)
            .map_err(failed)?,
    );
    Ok(Explored { rehearsed, pruned })
}

/// How far it has come, where somebody looks.
fn bar(terminal: &Terminal, what: &'static str, length: usize) -> ProgressBar {
    if !terminal.error_is_seen {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("  {msg} {pos} of {len}, {eta} left")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(length as u64)
        .with_style(style)
        .with_message(what)
        .with_finish(indicatif::ProgressFinish::AndClear)
}

/// The faults named on the command line.
pub(super) fn named(undisturbed: &Undisturbed, texts: &[String]) -> Result<Vec<Fault>, CommandError> {
    let mut faults = Vec::new();
    for text in texts {
        let usage = || CommandError::Usage {
            message: format!("`{text}` is no HOST:TASK:FAULT"),
            help: Some("for instance 'fe-eu-ge:onedb_restore:lost-after', or 'fe-eu-ge::away'".to_owned()),
        };
        let (host, rest) = text.split_once(':').ok_or_else(usage)?;
        let (task, kind) = rest.rsplit_once(':').ok_or_else(usage)?;
        let kind: Kind = kind.parse().map_err(CommandError::usage)?;
        let hosts = || undisturbed.steps.iter().map(|step| step.step.host.as_str());
        if !hosts().any(|known| known == host) {
            return Err(CommandError::Usage {
                message: format!("the undisturbed run has no step on {host}"),
                help: suggest(host, hosts()),
            });
        }
        if kind == Kind::Away {
            faults.push(Fault {
                step: String::new(),
                host: host.to_owned(),
                kind,
            });
            continue;
        }
        let is_it = |step: &&Step| {
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

/// So many of them, in their order; which ones, the seed says.
pub(super) fn sample<T>(all: Vec<T>, wanted: Option<usize>, seed: u64) -> Vec<T> {
    let Some(wanted) = wanted.filter(|wanted| *wanted < all.len()) else {
        return all;
    };
    let lot = |number: usize| {
        let mut hasher = DefaultHasher::new();
        (seed, number).hash(&mut hasher);
        hasher.finish()
    };
    let mut drawn: Vec<usize> = (0..all.len()).collect();
    drawn.sort_by_key(|number| lot(*number));
    drawn.truncate(wanted);
    let is_drawn = |(number, one)| drawn.contains(&number).then_some(one);
    all.into_iter().enumerate().filter_map(is_drawn).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_has_as_many_as_wanted_and_is_the_same_for_the_same_seed() {
        let all: Vec<usize> = (0..100).collect();
        let drawn = sample(all.clone(), Some(10), 7);
        assert_eq!(drawn.len(), 10);
        assert!(drawn.is_sorted());
        assert_eq!(drawn, sample(all.clone(), Some(10), 7));
        assert_ne!(drawn, sample(all.clone(), Some(10), 8));
        assert_eq!(sample(all.clone(), Some(1000), 7), all);
    }
}
