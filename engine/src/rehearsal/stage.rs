//! What is rehearsed: a plan and everything around it, shared by all rehearsals of it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use nebplay_twin::Ended;

use crate::events::{Events, Secrets};
use crate::plan::{Node, Plan, TaskNode};
use crate::run::{Inventory, Loader, Options};
use crate::template::{Layer, Templates};

/// A plan and what it is run with.
pub struct Stage {
    /// The plan.
    pub plan: Plan,
    /// What is known of its steps beforehand.
    pub script: Arc<Script>,
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
    pub loader: Arc<dyn Fn(Arc<Events>) -> Arc<dyn Loader> + Send + Sync>,
    /// What must never be shown.
    pub secrets: Arc<Secrets>,
    /// What an operator does after a run that stopped.
    pub afterwards: Afterwards,
}

/// What an operator does after a run that stopped.
pub enum Afterwards {
    /// `nebplay resume`.
    Resume,
    /// The same playbook, from its beginning.
    Anew,
    /// The playbook that leads back; where it refuses, `nebplay resume`.
    GoBack(Box<Stage>),
}

impl Stage {
    /// The playbook that leads back, if an operator takes it.
    pub(super) fn way_back(&self) -> Option<&Self> {
        match &self.afterwards {
            Afterwards::GoBack(way_back) => Some(way_back),
            Afterwards::Resume | Afterwards::Anew => None,
        }
    }
}

/// What is known of steps before they are rehearsed.
#[derive(Debug, Clone, Default)]
pub struct Script {
    /// What their tasks say that programs answer which the twin does not know, by the task's identity.
    pub answers: BTreeMap<String, Ended>,
    /// How many times as long as by the twin's rates they take, by their own identity.
    pub paces: BTreeMap<String, f64>,
}

impl Script {
    /// What a plan's tasks say. Those of included files are not among them: see [`Script::answers_of`].
    pub fn of(plan: &Plan) -> Self {
        let mut answers = BTreeMap::new();
        plan.each_task(&mut |task| answers.extend(answer_of(task)));
        Self {
            answers,
            paces: BTreeMap::new(),
        }
    }

    /// The answers of an included file's tasks.
    pub(super) fn answers_of(nodes: &[Node]) -> BTreeMap<String, Ended> {
        let mut answers = BTreeMap::new();
        Node::each_task(nodes, &mut |task| answers.extend(answer_of(task)));
        answers
    }

    pub(super) fn is_empty(&self) -> bool {
        self.answers.is_empty() && self.paces.is_empty()
    }
}

/// A task's identity and what it says, if it says anything.
fn answer_of(task: &TaskNode) -> Option<(String, Ended)> {
    let answer = task.task.rehearse.as_ref()?;
    let ended = Ended {
        status: answer.rc,
        stdout: answer.stdout.clone().into_bytes(),
        stderr: answer.stderr.clone().into_bytes(),
    };
    Some((task.id.clone(), ended))
}
