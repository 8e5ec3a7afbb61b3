//! Modules that act on zones.

use crate::registry::{Entry, changes, reads};

pub(crate) mod api_block;
mod api_unblock;
#[cfg(test)]
pub(crate) mod cloud;
mod everywhere;
mod fed_index_check;
mod federation_facts;
mod guard;
mod host_disable;
mod host_enable;
pub(crate) mod hypervisors;
mod same_data;
mod vm_check;
mod zone_disable;
mod zone_enable;
pub(crate) mod zone_toggle;

/// The modules of this room.
pub(crate) fn modules() -> Vec<Entry> {
    vec![
        changes::<api_block::ApiBlock>(),
        changes::<api_unblock::ApiUnblock>(),
        reads::<federation_facts::FederationFacts>(),
        changes::<fed_index_check::FedIndexCheck>(),
        changes::<host_disable::HostDisable>(),
        changes::<host_enable::HostEnable>(),
        reads::<vm_check::VmCheck>(),
        changes::<zone_disable::ZoneDisable>(),
        changes::<zone_enable::ZoneEnable>(),
    ]
}
