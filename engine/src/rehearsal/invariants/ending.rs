//! Rules about how everything ended.

use nebplay_twin::deeds::Act;
use nebplay_twin::look;

use super::tracked::Tracked;
use super::{Ended, Evidence, Rule};

type Look = fn(&Tracked, &Evidence<'_>) -> Vec<String>;

/// The rules.
pub(super) const RULES: &[(Rule, Look)] = &[
    (
        Rule {
            name: "told-the-truth",
            sentence: "a run that says it is done has upgraded every zone, or taken every zone back, and all of them run with the same data",
            source: "OpenNebula, \"Upgrading a Federation\": all zones at the new version, and in sync",
        },
        told_the_truth,
    ),
    (
        Rule {
            name: "open-at-the-end",
            sentence: "what kept the API out is lifted at the end",
            source: "OpenNebula, \"Upgrading a Federation\", step 6: \"the API restriction can be lifted\"",
        },
        open_at_the_end,
    ),
    (
        Rule {
            name: "as-it-was",
            sentence: "what ran before, or starts at boot, does so at the end, and what was not masked is not",
            source: "a unit that stays masked or stopped is missed by nobody until it is needed",
        },
        as_it_was,
    ),
    (
        Rule {
            name: "nothing-lost",
            sentence: "what the API acknowledged is in every zone after an upgrade, and in the master's database or backup after a stop",
            source: "a client was told that it is written",
        },
        nothing_lost,
    ),
    (
        Rule {
            name: "a-way-on",
            sentence: "a stopped run leaves every zone whole, or with a backup to go back to",
            source: "an operator must be able to resume or to go back",
        },
        a_way_on,
    ),
];

fn told_the_truth(tracked: &Tracked, evidence: &Evidence<'_>) -> Vec<String> {
    let target = match evidence.ended {
        Ended::Done => tracked.target,
        Ended::WentBack => tracked.before,
        Ended::Stopped => None,
    };
    let Some(target) = target else {
        return Vec::new();
    };
    let mut breaches = Vec::new();
    let mut shared = Vec::new();
    for (host, zone) in &tracked.zones {
        let Some(at) = evidence.after.find(host) else {
            continue;
        };
        let now = look::zone(evidence.after, at);
        if now.installed != Some(target) || now.versions != Some((target, target)) {
            breaches.push(format!("{host} is not at {target}, and the run says it is done"));
        }
        if !now.runs {
            breaches.push(format!(
                "oned does not run on {host}, and the run says it is done"
            ));
        }
        shared.push((host, zone.id, now.shared_data));
    }
    if let Some((first, _, data)) = shared.first()
        && let Some((other, ..)) = shared.iter().find(|(.., its)| its != data)
    {
        breaches.push(format!(
            "{first} and {other} do not have the same data, and the run says it is done"
        ));
    }
    breaches
}

fn open_at_the_end(tracked: &Tracked, evidence: &Evidence<'_>) -> Vec<String> {
    if evidence.ended == Ended::Stopped {
        return Vec::new();
    }
    let mut breaches = Vec::new();
    for (host, zone) in &tracked.zones {
        let Some(at) = evidence.before.find(host) else {
            continue;
        };
        let before = look::zone(evidence.before, at);
        if before.enabled && !zone.enabled {
            breaches.push(format!("zone {} is still disabled", zone.id));
        }
        if !before.filtered && zone.filtered {
            breaches.push(format!("the API of {host} is still kept out"));
        }
    }
    breaches
}

fn as_it_was(tracked: &Tracked, evidence: &Evidence<'_>) -> Vec<String> {
    if evidence.ended == Ended::Stopped {
        return Vec::new();
    }
    let mut breaches = Vec::new();
    for host in tracked.zones.keys() {
        let Some(at) = evidence.before.find(host) else {
            continue;
        };
        let (before, after) = (look::zone(evidence.before, at), look::zone(evidence.after, at));
        for unit in before.units.difference(&after.units) {
            breaches.push(format!("{unit} ran on {host} before, and does not any more"));
        }
        for unit in after.masked.difference(&before.masked) {
            breaches.push(format!("{unit} is masked on {host}, and was not before"));
        }
        for unit in before.at_boot.difference(&after.at_boot) {
            breaches.push(format!(
                "{unit} was started at boot on {host}, and is not any more"
            ));
        }
    }
    breaches
}

fn nothing_lost(tracked: &Tracked, evidence: &Evidence<'_>) -> Vec<String> {
    let acknowledged = evidence.deeds.iter().filter_map(|deed| match &deed.act {
        Act::Acknowledged { user } => Some(user.as_str()),
        _ => None,
    });
    let acknowledged: Vec<&str> = acknowledged.collect();
    let mut breaches = Vec::new();
    for (host, zone) in &tracked.zones {
        // A slave that is stopped may be behind; it gets the rest from the master.
        if evidence.ended == Ended::Stopped && (!zone.master || zone.half_migrated || zone.way_back) {
            continue;
        }
        let Some(at) = evidence.after.find(host) else {
            continue;
        };
        let users = look::users(evidence.after, at);
        let missing: Vec<&&str> = acknowledged
            .iter()
            .filter(|user| !users.contains(**user))
            .collect();
        if let Some(first) = missing.first() {
            breaches.push(format!(
                "{} acknowledged writes are missing on {host}, the first is {first}",
                missing.len()
            ));
        }
    }
    breaches
}

fn a_way_on(tracked: &Tracked, evidence: &Evidence<'_>) -> Vec<String> {
    if evidence.ended != Ended::Stopped {
        return Vec::new();
    }
    let mut breaches = Vec::new();
    for (host, zone) in &tracked.zones {
        let Some(at) = evidence.after.find(host) else {
            continue;
        };
        let now = look::zone(evidence.after, at);
        let harmed = zone.half_migrated || zone.half_restored || now.versions.is_none();
        if harmed && !zone.way_back {
            breaches.push(format!(
                "the database of {host} is not whole, and there is no backup to go back to"
            ));
        }
    }
    breaches
}
