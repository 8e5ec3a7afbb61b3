//! Where the zones of a twin stand, held to where the real ones do. A zone is looked at when somebody asks, and once.

use std::cell::OnceCell;

use nebplay_modules::host::Host;
use nebplay_modules::module::Secrets;
use nebplay_modules::opennebula::onedb::Access;
use nebplay_modules::opennebula::stand::Stand;
use nebplay_twin::federation::Federation;
use nebplay_twin::twin::Twin;

use crate::commands::error::CommandError;
use crate::commands::rehearse::failed;
use crate::rehearsal::invariants::ZoneOf;
use crate::rehearsal::night;
use crate::rehearsal::stage::Stage;
use crate::rehearsal::undisturbed::Step;

/// The zones as they are.
pub(super) struct Now<'a> {
    pub(super) stage: &'a Stage,
    pub(super) zones: &'a [ZoneOf],
    /// Where each stands.
    pub(super) stands: &'a [&'a Stand],
}

impl<'a> Now<'a> {
    /// A moment, to be held against them.
    pub(super) fn against(&'a self, federation: Federation, place: String) -> Standing<'a> {
        Standing {
            now: self,
            place,
            federation,
            then: self.zones.iter().map(|_| OnceCell::new()).collect(),
        }
    }

    /// The numbers of all zones in which a step does not act.
    pub(super) fn others(&self, step: &Step) -> impl Iterator<Item = usize> {
        (0..self.zones.len()).filter(|zone| self.zones[*zone].host != step.step.host)
    }
}

/// A moment, held to the zones as they are. Zones are numbered in their order.
pub(super) struct Standing<'a> {
    now: &'a Now<'a>,
    /// Where in the playbook it is.
    pub(super) place: String,
    pub(super) federation: Federation,
    /// Where each zone stood.
    then: Vec<OnceCell<Stand>>,
}

impl Standing<'_> {
    fn then(&self, zone: usize) -> Result<&Stand, CommandError> {
        let cell = &self.then[zone];
        if let Some(known) = cell.get() {
            return Ok(known);
        }
        let host = &self.now.zones[zone].host;
        let found = on_the_twin(&self.federation, host, &*self.now.stage.secrets).map_err(failed)?;
        Ok(cell.get_or_init(|| found))
    }

    /// Whether a zone stood as it stands now.
    pub(super) fn is_alike(&self, zone: usize) -> Result<bool, CommandError> {
        Ok(self.now.stands[zone].is_as(self.then(zone)?))
    }

    /// How many zones, from the first one on, stood as they do now.
    pub(super) fn alike(&self) -> Result<usize, CommandError> {
        for zone in 0..self.then.len() {
            if !self.is_alike(zone)? {
                return Ok(zone);
            }
        }
        Ok(self.then.len())
    }

    /// Whether all stood as they do now.
    pub(super) fn is_now(&self) -> Result<bool, CommandError> {
        Ok(self.alike()? == self.then.len())
    }

    /// Whether all their notes are of this night: it is the very moment, and none before it.
    pub(super) fn has_the_notes(&self) -> Result<bool, CommandError> {
        for zone in 0..self.then.len() {
            if self.now.stands[zone].notes != self.then(zone)?.notes {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The first zone that stood otherwise: its host, where it stands now, and where it stood then.
    pub(super) fn first_difference(&self) -> Result<Option<(&str, &Stand, &Stand)>, CommandError> {
        let zone = self.alike()?;
        let Some(of) = self.now.zones.get(zone) else {
            return Ok(None);
        };
        Ok(Some((&of.host, self.now.stands[zone], self.then(zone)?)))
    }
}

/// Where a zone of the twin stands.
pub(super) fn on_the_twin(
    federation: &Federation,
    host: &str,
    secrets: &dyn Secrets,
) -> std::io::Result<Stand> {
    let stand = night::in_virtual_time(async {
        let twin = Twin::new(federation.clone());
        let host = twin.host(host)?;
        let host: &dyn Host = &host;
        let access = Access::of_host(host, secrets, None).await.ok()?;
        Stand::of(host, &access).await.ok()
    })?;
    Ok(stand.unwrap_or_default())
}
