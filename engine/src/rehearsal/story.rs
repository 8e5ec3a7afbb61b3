//! How a rule came to be broken: the deeds that lead to it, and the line of the playbook that did the last one.

use std::time::Duration;

use nebplay_twin::deeds::{Act, Deed};

use super::invariants::Breach;
use super::night::Work;
use super::stage::Stage;
use crate::diagnostics::Span;

/// The most deeds a story tells.
const MOST: usize = 9;

/// A breach, told.
#[derive(Debug, Clone)]
pub struct Story {
    /// What led to it: time since the beginning, host, what was done, and the name of the task that did it.
    pub deeds: Vec<(Duration, String, String, Option<String>)>,
    /// The task that broke the rule, or after which it was broken in the end, where it stands in a playbook.
    pub task: Option<Span>,
    /// The rule, and what broke it.
    pub breach: Breach,
}

/// Tells it.
pub fn tell(stage: &Stage, breach: &Breach, deeds: &[Deed], work: &[Work]) -> Story {
    let end = breach.deed.map_or(deeds.len(), |number| number + 1);
    let began = work
        .first()
        .map(|work| work.from)
        .or_else(|| deeds.first().map(|deed| deed.at))
        .unwrap_or_default();
    let by = |deed: &Deed| {
        let at = |work: &&Work| work.from <= deed.at && work.to.is_none_or(|to| to >= deed.at);
        let here = work.iter().rfind(|work| at(work) && *work.place == *deed.on);
        here.or_else(|| work.iter().rfind(at))
    };
    let task_of = |work: &Work| {
        let way_back = stage.way_back().filter(|_| work.of_way_back);
        let plan = way_back.map_or(&stage.plan, |way_back| &way_back.plan);
        plan.task(&work.step.task)
    };
    let name = |work: &Work| {
        let task = task_of(work);
        task.map_or_else(|| work.step.task.clone(), |task| task.task.name.value.clone())
    };
    let told: Vec<(usize, &Deed)> = deeds
        .iter()
        .take(end)
        .enumerate()
        .filter(|(_, deed)| is_told(deed))
        .collect();
    let first = told.len().saturating_sub(MOST);
    let culprit = match breach.deed {
        Some(number) => deeds.get(number).and_then(by),
        // What is wrong in the end is wrong since the last that was done, if anything was.
        None => told.last().and_then(|(_, deed)| by(deed)).or(work.last()),
    };
    Story {
        deeds: told[first..]
            .iter()
            .map(|(_, deed)| {
                let by = by(deed).map(name);
                (
                    deed.at.saturating_sub(began),
                    deed.on.to_string(),
                    in_words(&deed.act),
                    by,
                )
            })
            .collect(),
        task: culprit
            .and_then(task_of)
            .map(|task| task.task.module_span.clone()),
        breach: breach.clone(),
    }
}

/// Whether a deed belongs in a story: of the units, oned alone.
fn is_told(deed: &Deed) -> bool {
    !matches!(
        deed.act,
        Act::UnitStarted(_) | Act::UnitStopped(_) | Act::Acknowledged { .. } | Act::NotModelled(_)
    )
}

/// A deed in a few words.
pub fn in_words(act: &Act) -> String {
    let part = |whole: bool| if whole { "" } else { ", broken off" };
    match act {
        Act::UnitStarted(unit) => format!("{unit} starts"),
        Act::UnitStopped(unit) => format!("{unit} stops"),
        Act::OnedStarted { program } => format!("oned {program} starts"),
        Act::OnedStopped { asked: true, .. } => "oned stops".to_owned(),
        Act::OnedStopped { asked: false, .. } => "oned goes down with its host".to_owned(),
        Act::ZoneState { zone, enabled: true } => format!("zone {zone} is enabled"),
        Act::ZoneState { zone, .. } => format!("zone {zone} is disabled"),
        Act::ApiFiltered(true) => "a packet filter keeps the API out".to_owned(),
        Act::ApiFiltered(false) => "the packet filter lets the API in".to_owned(),
        Act::Acknowledged { user } => format!("a client's write is acknowledged: user {user}"),
        Act::Dumped {
            path,
            federated,
            whole,
            ..
        } => {
            format!("{} dumped to {path}{}", held(*federated), part(*whole))
        }
        Act::Restored {
            path,
            federated,
            whole,
            ..
        } => {
            format!("{} restored from {path}{}", held(*federated), part(*whole))
        }
        Act::Migrated { from, to, whole } => {
            format!(
                "database migrated: shared {} → {}, local {} → {}{}",
                from.0,
                to.0,
                from.1,
                to.1,
                part(*whole)
            )
        }
        Act::Installed { from, to, whole, .. } => {
            let version = |version: &Option<String>| version.clone().unwrap_or_else(|| "nothing".to_owned());
            format!("packages: {} → {}{}", version(from), version(to), part(*whole))
        }
        Act::Rebooted => "the host reboots".to_owned(),
        Act::NotModelled(command) => format!("not modelled, taken to succeed: {command}"),
    }
}

/// What a dump holds.
fn held(federated: bool) -> &'static str {
    if federated {
        "federated tables"
    } else {
        "the whole database"
    }
}
