//! What is rehearsed: a plan and everything around it, shared by all rehearsals of it.

use std::path::PathBuf;
use std::sync::Arc;

use crate::events::{Events, Secrets};
use crate::plan::Plan;
use crate::run::{Inventory, Loader, Options};
use crate::template::{Layer, Templates};

/// A plan and what it is run with.
pub struct Stage {
    /// The plan.
    pub plan: Plan,
    /// How it is run.
    pub options: Options,
    /// Hosts, variables, zones.
    pub inventory: Arc<dyn Inventory>,
    /// `-e`.
    pub extra_vars: Layer,
    /// Templates.
    pub templates: Templates,
    /// The directory of the first playbook.
    pub directory: PathBuf,
    /// Makes what reads included files.
    pub loader: fn(Arc<Events>) -> Arc<dyn Loader>,
    /// What must never be shown.
    pub secrets: Arc<Secrets>,
}
