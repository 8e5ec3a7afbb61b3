//! Whether a toggle has had its effect: in the zone itself, on the master, and in the end in every zone.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Sight, master_of};
use crate::federation::everywhere::{About, STUCK_AFTER, Told, ask, ask_all, state_in};
use crate::federation::guard;
use crate::federation_map::{Role, Zone};
use crate::module::{Cx, Failure, FailureKind, Outcome};
use crate::opennebula::zone::{ZoneInfo, ZoneState};

/// How long the other zones get to hear of a toggle: a second is usual, a slave far behind takes minutes.
const PATIENCE: Duration = Duration::from_mins(5);

/// What may be done about a zone that is stuck: it fell behind while the master was restarted, and no waiting helps it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stuck {
    /// The toggle is repeated, once: setting the state that is set already opens nothing, and is the write that such a zone waits for.
    Woken,
    /// Nothing: this is a look.
    LeftAlone,
}

/// What zones that answer have not heard of this host's zone being as it is; nothing: all of them have.
pub(crate) async fn not_heard(cx: &Cx<'_>, sight: &Sight<'_>) -> Result<Vec<String>, Failure> {
    let state = Some(sight.info.state);
    let differences = Looked::of(cx, sight, state, About::All).await?.differences();
    let told = differences.iter().filter(|difference| difference.state.is_ok());
    Ok(told
        .map(|difference| difference.line(sight.zone.id, state))
        .collect())
}

/// Waits as `wait_for_effect` does, and wakes zones that are stuck. `about`: what other zones are asked for. One that has heard of a toggle
/// just made has heard of those before it, since the log is replayed in order: that zone's state is enough then.
pub(crate) async fn bring_about(cx: &Cx<'_>, wanted: ZoneState, about: About) -> Result<(), Failure> {
    wait_until(cx, Some(wanted), about, Stuck::Woken).await.map(drop)
}

/// Waits until this host's zone has the state it was given, in its own tables and in the master's. Once no zone is left to be toggled,
/// every zone must have all states as the master has them: so each toggle is proven in every zone, with as many questions as there
/// are zones, and not as many for each toggle. `about`: what other zones are asked for.
pub(crate) async fn wait_for_effect(
    cx: &Cx<'_>,
    wanted: ZoneState,
    about: About,
    outcome: &mut Outcome,
) -> Result<(), Failure> {
    let seen = wait_until(cx, Some(wanted), about, Stuck::LeftAlone).await?;
    outcome.result.insert("seen_in_zones".to_owned(), seen.into());
    Ok(())
}

/// Waits until every zone has all states as the master has them. Before that the master is not disabled: a slave that has not heard
/// of its own toggle would go on taking writes, and could no longer be told. Wakes zones that are stuck.
pub(super) async fn wait_until_alike(cx: &Cx<'_>) -> Result<(), Failure> {
    wait_until(cx, None, About::All, Stuck::Woken).await.map(drop)
}

/// The zones that were asked, once all that they have is as it is to be.
async fn wait_until(
    cx: &Cx<'_>,
    wanted: Option<ZoneState>,
    about: About,
    mut stuck: Stuck,
) -> Result<Vec<u32>, Failure> {
    let clock = cx.host.clock();
    let limit = cx.timeout.unwrap_or(PATIENCE);
    let start = clock.monotonic();
    let own = guard::zone_of(cx)?.id;
    let mut still = Still::default();
    loop {
        let (looked, sight) = match Sight::of(cx).await {
            Ok(sight) => (Looked::of(cx, &sight, wanted, about).await?, Some(sight)),
            Err(failure) if failure.kind == FailureKind::Unsafe => return Err(failure),
            // As any other zone it may answer in a moment.
            Err(failure) => {
                let told = [(own, Err(failure))].into();
                let to_be = BTreeMap::new();
                (Looked { told, to_be }, None)
            }
        };
        let differences = looked.differences();
        if differences.is_empty() {
            return Ok(looked.told.into_keys().collect());
        }
        let now = clock.monotonic();
        let for_long = still.lasts(&differences, now) >= STUCK_AFTER.min(limit);
        if stuck == Stuck::Woken
            && for_long
            && let Some(sight) = &sight
        {
            let state = wanted.unwrap_or(sight.info.state);
            cx.progress.line(
                &format!("zone {own} is set {state} once more: not every zone has heard of it"),
                false,
            );
            // One that failed is tried again, until the deadline tells of it.
            if sight.toggle(cx, state).await.is_ok() {
                stuck = Stuck::LeftAlone;
            }
        }
        if now.saturating_sub(start) >= limit {
            return Err(not_everywhere(&differences, own, wanted));
        }
        clock.sleep(Duration::from_secs(1)).await;
    }
}

/// Since when looks in which every zone answers have had the same to say.
#[derive(Default)]
struct Still(Option<(usize, Duration)>);

impl Still {
    /// For how long, at this moment: nothing where a zone does not answer, which is another matter than being stuck.
    fn lasts(&mut self, differences: &[Difference], now: Duration) -> Duration {
        let all_answer = differences.iter().all(|difference| difference.state.is_ok());
        let same = self.0.filter(|&(count, _)| count == differences.len());
        self.0 = all_answer.then(|| same.unwrap_or((differences.len(), now)));
        self.0
            .map_or(Duration::ZERO, |(_, since)| now.saturating_sub(since))
    }
}

/// What zones have, and what they are to have.
struct Looked {
    /// By the zone that was asked.
    told: BTreeMap<u32, Told>,
    /// The states that each of them is to have.
    to_be: BTreeMap<u32, ZoneState>,
}

/// What a zone has otherwise.
struct Difference {
    /// The zone that was asked.
    asked: u32,
    /// The zone whose state it is.
    about: u32,
    /// What it has stored; an error where it does not tell.
    state: Result<ZoneState, Failure>,
}

impl Difference {
    /// In words; `own`, `wanted`: the zone that is toggled, and to what, if one is.
    fn line(&self, own: u32, wanted: Option<ZoneState>) -> String {
        match &self.state {
            Ok(state) if wanted.is_some() && self.about == own => {
                format!("zone {} has it {state}", self.asked)
            }
            Ok(state) => format!("zone {} has zone {} {state}", self.asked, self.about),
            Err(failure) => format!("zone {}: {}", self.asked, failure.message),
        }
    }
}

impl Looked {
    /// `about`: what the other zones are asked for, where they are.
    async fn of(
        cx: &Cx<'_>,
        sight: &Sight<'_>,
        wanted: Option<ZoneState>,
        about: About,
    ) -> Result<Self, Failure> {
        let own = sight.zone.id;
        let master = master_of(cx)?;
        let mut looked = Self {
            told: [(own, Ok([sight.info.clone()].into()))].into(),
            to_be: wanted.map(|wanted| (own, wanted)).into_iter().collect(),
        };
        let follow = others_follow(cx, sight, master, wanted).await;
        let is_last = !matches!(follow, Ok(true));
        let at_master = match follow {
            Ok(true) => ask(cx, &sight.oned, master, About::Zone(own)).await,
            Ok(false) => ask(cx, &sight.oned, master, About::All).await,
            Err(failure) => Err(failure),
        };
        // Nobody else is asked while the master does not answer.
        if let Ok(all) = at_master.as_ref()
            && is_last
        {
            if matches!(about, About::All) {
                for zone in all.iter() {
                    looked.to_be.entry(zone.id).or_insert(zone.state);
                }
            }
            let others: Vec<&ZoneInfo> = all.iter().filter(|zone| zone.id != master.id).collect();
            let told = ask_all(cx, &sight.oned, &others, about).await;
            looked.told.extend(others.iter().map(|zone| zone.id).zip(told));
        }
        looked.told.insert(master.id, at_master);
        Ok(looked)
    }

    fn differences(&self) -> Vec<Difference> {
        let mut differences = Vec::new();
        for (&asked, told) in &self.told {
            let mut found = |about, state| differences.push(Difference { asked, about, state });
            let pool = match told {
                Ok(pool) => pool,
                Err(failure) => {
                    found(asked, Err(failure.clone()));
                    continue;
                }
            };
            for (&about, &to_be) in &self.to_be {
                match state_in(pool, about) {
                    Ok(state) if state == to_be => {}
                    otherwise => found(about, otherwise),
                }
            }
        }
        differences
    }
}

/// Whether this is not the last toggle: every slave is disabled before the master, and enabled after it, by their numbers. One that is
/// to stay disabled cannot be told from those that are left to be enabled; that zones follow is for `fed_index_check` to see then.
async fn others_follow(
    cx: &Cx<'_>,
    sight: &Sight<'_>,
    master: &Zone,
    wanted: Option<ZoneState>,
) -> Result<bool, Failure> {
    let this = sight.zone;
    match wanted {
        Some(ZoneState::Disabled) => return Ok(this.role == Role::Slave),
        Some(ZoneState::Enabled) => {}
        None => return Ok(false),
    }
    let after = |slave: &&Zone| this.role == Role::Master || slave.id > this.id;
    // One by one, since it is the first as a rule: the pool of a large federation is long.
    for slave in cx.federation.slaves().filter(after) {
        match ask(cx, &sight.oned, master, About::Zone(slave.id)).await {
            Ok(told) if state_in(&told, slave.id)? == ZoneState::Disabled => return Ok(true),
            Ok(_) => {}
            // The master does not know such a zone.
            Err(failure) if failure.kind == FailureKind::Failed => {}
            Err(failure) => return Err(failure),
        }
    }
    Ok(false)
}

fn not_everywhere(differences: &[Difference], own: u32, wanted: Option<ZoneState>) -> Failure {
    let unreachable = differences
        .iter()
        .find_map(|difference| difference.state.as_ref().err());
    // A zone that cannot be asked is unreachable, not lying.
    let kind = match unreachable {
        Some(failure) if differences.iter().all(|difference| difference.state.is_err()) => failure.kind,
        _ => FailureKind::NotVerified,
    };
    let lines = differences.iter().map(|difference| difference.line(own, wanted));
    let lines = lines.collect::<Vec<_>>().join("; ");
    let failure = match wanted {
        Some(wanted) => Failure::new(kind, format!("zone {own} is not {wanted} in every zone: {lines}"))
            .state(format!(
                "zone {own} was set {wanted}; other zones do not all know it"
            )),
        None => Failure::new(
            kind,
            format!("not every zone has heard of all the others' states: {lines}"),
        )
        .state(format!("zone {own} is as it was before")),
    };
    failure.hint(
        "they wait for the master's next write, or it does not reach them: run fed_index_check with nudge: true on the master, which \
         tells, then this task again",
    )
}
