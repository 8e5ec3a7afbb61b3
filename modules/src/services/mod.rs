//! Modules that stop and start what a zone consists of.

pub(crate) mod newcomers;
mod reboot;
mod service;
mod service_start;
pub(crate) mod service_stop;
mod snapshot;

use crate::registry::{self, Entry};

/// The modules of this room.
pub(crate) fn modules() -> Vec<Entry> {
    vec![
        registry::changes::<reboot::Reboot>(),
        registry::changes::<service::Service>(),
        registry::changes::<service_start::ServiceStart>(),
        registry::changes::<service_stop::ServiceStop>(),
    ]
}
