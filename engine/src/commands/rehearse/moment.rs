//! `--from-live` in the middle of a night: the moment of the undisturbed run at which the zones stood as they stand now. What nobody can
//! see from outside is then as it was there.

use std::sync::Arc;

use nebplay_modules::host::Host;
use nebplay_modules::module::Secrets;
use nebplay_modules::opennebula::onedb::Access;
use nebplay_modules::opennebula::stand::Stand;
use nebplay_twin::federation::Federation;
use nebplay_twin::twin::Twin;

use super::failed;
use crate::commands::error::CommandError;
use crate::rehearsal::alike::LeftOut;
use crate::rehearsal::invariants::ZoneOf;
use crate::rehearsal::night;
use crate::rehearsal::stage::Stage;
use crate::rehearsal::undisturbed::{Start, Undisturbed};

/// A moment, and the task that was about to start.
pub(super) struct Moment {
    pub(super) start: Start,
    pub(super) task: String,
}

/// Finds it. `stands`: where the zones stand now, in their order.
pub(super) fn find(
    stage: &Stage,
    before: Federation,
    zones: &[ZoneOf],
    stands: &[&Stand],
) -> Result<Moment, CommandError> {
    let start = Start::from(before);
    let mut run = Undisturbed::run(stage, &start, zones).map_err(failed)?;
    run.keep_forks(stage, &Arc::new(LeftOut::new())).map_err(failed)?;
    let mut nearest: Option<Compared> = None;
    for (task, federation) in run.moments() {
        let compared = Compared::of(stage, federation, zones, stands, task).map_err(failed)?;
        if nearest.as_ref().is_none_or(|nearest| compared.is_nearer(nearest)) {
            nearest = Some(compared);
        }
    }
    let nearest = nearest.ok_or_else(|| CommandError::usage("a night is under way, and this playbook has no step that it could be at: rehearse the one that was stopped"))?;
    match nearest.differs {
        None => Ok(Moment {
            start: Start {
                now: nearest.federation,
                ..start
            },
            task: nearest.task,
        }),
        Some((host, now, then)) => Err(CommandError::Usage {
            message: format!(
                "a night is under way, and at no moment of this playbook do the zones stand as they do now; it is nearest before \"{}\", \
                 where {host} differs:\n  now: {now}\n  then: {then}",
                nearest.task
            ),
            help: Some(
                "only what a run leaves between two steps can be rehearsed from; `nebplay status` shows how far each zone is, \
                 `nebplay resume` goes on"
                    .to_owned(),
            ),
        }),
    }
}

/// A moment, held to the zones as they are.
struct Compared {
    task: String,
    federation: Federation,
    /// How many zones stand as they do now, from the first one on.
    alike: usize,
    /// All their notes are of this night: it is the very moment, and none before it.
    exactly: bool,
    /// The first zone that is another: now, and then.
    differs: Option<(String, Stand, Stand)>,
}

impl Compared {
    fn of(
        stage: &Stage,
        federation: &Federation,
        zones: &[ZoneOf],
        stands: &[&Stand],
        task: &str,
    ) -> std::io::Result<Self> {
        let mut compared = Self {
            task: task.to_owned(),
            federation: federation.clone(),
            alike: 0,
            exactly: true,
            differs: None,
        };
        for (zone, now) in zones.iter().zip(stands) {
            let then = on_the_twin(federation, &zone.host, &*stage.secrets)?;
            if !now.is_as(&then) {
                compared.differs = Some((zone.host.clone(), (*now).clone(), then));
                break;
            }
            compared.exactly &= now.notes == then.notes;
            compared.alike += 1;
        }
        Ok(compared)
    }

    /// Of moments that are alike the first one is taken: what was done after it is done again.
    fn is_nearer(&self, other: &Self) -> bool {
        let rank = |compared: &Self| {
            let is_it = compared.differs.is_none();
            (compared.alike, is_it && compared.exactly)
        };
        rank(self) > rank(other)
    }
}

/// Where a zone of the twin stands.
fn on_the_twin(federation: &Federation, host: &str, secrets: &dyn Secrets) -> std::io::Result<Stand> {
    let stand = night::in_virtual_time(async {
        let twin = Twin::new(federation.clone());
        let host = twin.host(host)?;
        let host: &dyn Host = &host;
        let access = Access::of_host(host, secrets, None).await.ok()?;
        Stand::of(host, &access).await.ok()
    })?;
    Ok(stand.unwrap_or_default())
}
