//! The maintenance window: from when to when the API is away, in each zone and for the federation, and what takes the time.

use std::collections::BTreeMap;
use std::time::Duration;

use nebplay_twin::deeds::{Act, Deed};
use nebplay_twin::federation::Federation;
use nebplay_twin::look;

use super::invariants::ZoneOf;
use super::night::Work;

/// From when to when something is away, since the beginning of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Away {
    /// From when.
    pub from: Duration,
    /// To when; `None`: it is not back at the end.
    pub to: Option<Duration>,
}

impl Away {
    /// How long.
    pub fn lasts(&self) -> Option<Duration> {
        self.to.map(|to| to.saturating_sub(self.from))
    }
}

/// What a task takes on the critical path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    /// The task's identity.
    pub task: String,
    /// How long the run waits for it while the API is away.
    pub takes: Duration,
    /// On how many hosts, one after the other or at once.
    pub hosts: usize,
}

/// A forecast, or what came of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// How long the whole run takes.
    pub run: Duration,
    /// Each zone's time away, by front-end; nothing where it is never away.
    pub zones: BTreeMap<String, Option<Away>>,
    /// From the first zone that is away to the last one that is back.
    pub federation: Option<Away>,
    /// What the time between is spent on, in the order of the run.
    pub path: Vec<Share>,
}

/// What a zone's API depends on.
#[derive(Debug, Clone, Copy)]
struct Open {
    runs: bool,
    enabled: bool,
    filtered: bool,
}

impl Open {
    fn is_open(self) -> bool {
        self.runs && self.enabled && !self.filtered
    }
}

/// Works it out from where everything stood at the beginning, what was done since, and which step was at work.
pub fn of(zones: &[ZoneOf], before: &Federation, deeds: &[&Deed], work: &[Work]) -> Window {
    let began = work.first().map_or(before.now(), |work| work.from);
    let ended = work.iter().filter_map(|work| work.to).max().unwrap_or(began);
    let answers_after = before.rates.oned;
    let mut away = BTreeMap::new();
    for zone in zones {
        let Some(at) = before.find(&zone.host) else {
            continue;
        };
        let now = look::zone(before, at);
        let mut open = Open {
            runs: now.runs,
            enabled: now.enabled,
            filtered: now.filtered,
        };
        // Who keeps a zone closed that was closed before is somebody else, unless it is opened.
        let was_closed = !open.is_open();
        let (mut from, mut to) = (None, None);
        // What starts at boot answers when the machine does.
        let mut up_from = Duration::ZERO;
        for deed in deeds {
            let was = open.is_open();
            let mut when = deed.at;
            match &deed.act {
                Act::ZoneState { zone: of, enabled } if *of == zone.id => open.enabled = *enabled,
                _ if *deed.on != *zone.host => continue,
                Act::OnedStarted { .. } => {
                    open.runs = true;
                    when = answers(work, &zone.host, when.max(up_from), answers_after);
                }
                Act::Rebooted => {
                    up_from = deed.at + before.rates.boot;
                    continue;
                }
                Act::OnedStopped { .. } => open.runs = false,
                Act::ApiFiltered(filtered) => open.filtered = *filtered,
                _ => continue,
            }
            match (was, open.is_open()) {
                (true, false) => {
                    from = from.or(Some(when));
                    to = None;
                }
                (false, true) => {
                    from = from.or(was_closed.then_some(began));
                    to = Some(when);
                }
                _ => {}
            }
        }
        let since = |at: Duration| at.saturating_sub(began);
        away.insert(
            zone.host.clone(),
            from.map(|from| Away {
                from: since(from),
                to: to.map(since),
            }),
        );
    }
    let all: Vec<Away> = away.values().flatten().copied().collect();
    let first = all.iter().map(|away| away.from).min();
    let last = all
        .iter()
        .map(|away| away.to)
        .collect::<Option<Vec<_>>>()
        .and_then(|ends| ends.into_iter().max());
    let federation = first.map(|from| Away { from, to: last });
    Window {
        run: ended.saturating_sub(began),
        path: federation.map(|away| path(work, began, away)).unwrap_or_default(),
        zones: away,
        federation,
    }
}

/// When oned answers that was started then: so much later, but no later than the step ends that started it, which waits for it.
fn answers(work: &[Work], host: &str, started: Duration, after: Duration) -> Duration {
    let at_work = work
        .iter()
        .find(|work| work.place == host && work.from <= started && work.to.is_some_and(|to| started <= to));
    let ends = at_work.and_then(|work| work.to);
    (started + after).min(ends.unwrap_or(Duration::MAX))
}

/// Which task the run waits for at each moment: where several steps are at work at once, the one that ends last counts.
fn path(work: &[Work], began: Duration, away: Away) -> Vec<Share> {
    let (from, to) = (began + away.from, away.to.map_or(Duration::MAX, |to| began + to));
    let mut shares: Vec<Share> = Vec::new();
    let mut counted_to = from;
    let mut sorted: Vec<&Work> = work.iter().filter(|work| work.to.is_some()).collect();
    sorted.sort_by_key(|work| work.to);
    for work in sorted {
        let end = work.to.unwrap_or_default().min(to);
        let start = work.from.max(counted_to);
        if end <= start {
            continue;
        }
        let takes = end.saturating_sub(start);
        counted_to = end;
        match shares.iter_mut().find(|share| share.task == work.step.task) {
            Some(share) => {
                share.takes += takes;
                share.hosts += 1;
            }
            None => shares.push(Share {
                task: work.step.task.clone(),
                takes,
                hosts: 1,
            }),
        }
    }
    shares
}

#[cfg(test)]
mod tests {
    use nebplay_twin::image::{self, Description};

    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    fn started() -> Act {
        Act::OnedStarted {
            program: nebplay_model::version::Version::V7_0_0,
        }
    }

    fn stopped() -> Act {
        Act::OnedStopped {
            index: None,
            apart: None,
            asked: true,
        }
    }

    /// When the slave of a federation is away that is closed already, if so, and opened or closed by these deeds, each in its minute.
    fn away(is_closed: bool, acts: Vec<(u32, Act)>) -> Option<Away> {
        let mut before = image::federation(&Description::guide(2));
        if is_closed {
            // The master stands first.
            before.machine_mut(1).oned = None;
        }
        let began = before.now();
        let deeds: Vec<Deed> = acts
            .into_iter()
            .map(|(minute, act)| Deed {
                at: began + MINUTE * minute,
                on: "fe-eu-ge".into(),
                act,
            })
            .collect();
        let zone = ZoneOf {
            id: 100,
            host: "fe-eu-ge".to_owned(),
            master: false,
        };
        let window = of(&[zone], &before, &deeds.iter().collect::<Vec<_>>(), &[]);
        window.zones["fe-eu-ge"]
    }

    #[test]
    fn a_zone_is_away_from_its_stop_or_from_the_beginning_to_its_start() {
        let rates = Description::guide(2).rates;
        let (oned, boot) = (rates.oned, rates.boot);
        let from_to = |from, to: Option<Duration>| Some(Away { from, to });
        assert_eq!(
            away(false, vec![(1, stopped()), (2, started())]),
            from_to(MINUTE, Some(MINUTE * 2 + oned))
        );
        assert_eq!(
            away(true, vec![(1, started())]),
            from_to(Duration::ZERO, Some(MINUTE + oned))
        );
        assert_eq!(away(false, vec![(1, stopped())]), from_to(MINUTE, None));
        assert_eq!(away(true, Vec::new()), None);
        // What starts at boot does not answer before its machine does.
        assert_eq!(
            away(false, vec![(1, stopped()), (2, Act::Rebooted), (2, started())]),
            from_to(MINUTE, Some(MINUTE * 2 + boot + oned))
        );
    }
}
