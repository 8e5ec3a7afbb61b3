//! What is rehearsed: a plan and everything around it, shared by all rehearsals of it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use nebplay_twin::Ended;

use crate::events::{Events, Secrets};
use crate::plan::Plan;
use crate::run::{Inventory, Loader, Options};
use crate::template::{Layer, Templates};

/// A plan and what it is run with.
pub struct Stage {
    /// The plan.
    pub plan: Plan,
    /// What its tasks say that programs answer which the twin does not know, by the task's identity.
    pub answers: Arc<BTreeMap<String, Ended>>,
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

/// What the plan's tasks say that unknown programs answer. Tasks of included files are not among them: they are loaded on the way.
pub fn answers(plan: &Plan) -> Arc<BTreeMap<String, Ended>> {
    let mut answers = BTreeMap::new();
    plan.each_task(&mut |task| {
        if let Some(answer) = &task.task.rehearse {
            let ended = Ended {
                status: answer.rc,
                stdout: answer.stdout.clone().into_bytes(),
                stderr: answer.stderr.clone().into_bytes(),
            };
            answers.insert(task.id.clone(), ended);
        }
    });
    Arc::new(answers)
}
