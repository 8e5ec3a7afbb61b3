//! Beginning in the middle: `--start-at-task`.

use std::sync::Arc;

use super::resolve::{Node, Plan};
use crate::diagnostics::suggest;

/// There is no such task.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no task `{name}` to start at")]
pub struct NoSuchTask {
    /// What was asked for.
    pub name: String,
    /// What was probably meant.
    pub suggestion: Option<String>,
}

impl Plan {
    /// Leaves out everything before the first task of this name or identity (a step's identity, `TASK@HOST`, names its task).
    /// What an `include_tasks` loads is not known before it runs, so only the include itself can be named.
    pub fn start_at(&mut self, name: &str) -> Result<(), NoSuchTask> {
        let task = name.split_once('@').map_or(name, |(task, _)| task);
        let mut search = Search {
            name: [name, task],
            found: false,
            seen: Vec::new(),
        };
        for play in &mut self.plays {
            for section in &mut play.sections {
                search.leave_out(&mut section.nodes);
            }
            if search.found {
                return Ok(());
            }
        }
        let suggestion = suggest(name, search.seen.iter().map(String::as_str));
        Err(NoSuchTask {
            name: name.to_owned(),
            suggestion,
        })
    }
}

/// A task's identity, name and hosts.
type Before<'a> = (&'a str, &'a str, &'a [String]);

impl Plan {
    /// The chosen tasks before the first one of this name or identity. What files that are included at run time hold is not among
    /// them.
    pub fn tasks_before(&self, name: &str) -> Result<Vec<Before<'_>>, NoSuchTask> {
        let task = name.split_once('@').map_or(name, |(task, _)| task);
        let mut before = Vec::new();
        for play in &self.plays {
            for section in &play.sections {
                if collect_until([name, task], &section.nodes, &play.hosts, &mut before) {
                    return Ok(before);
                }
            }
        }
        let suggestion = suggest(name, before.iter().map(|(_, name, _)| *name));
        Err(NoSuchTask {
            name: name.to_owned(),
            suggestion,
        })
    }
}

/// Collects tasks up to the one that is meant; whether it is among these.
fn collect_until<'a>(
    meant: [&str; 2],
    nodes: &'a [Node],
    hosts: &'a [String],
    before: &mut Vec<Before<'a>>,
) -> bool {
    nodes.iter().any(|node| match node {
        Node::Task(task) => {
            let name = task.task.name.value.as_str();
            if meant.contains(&task.id.as_str()) || meant.contains(&name) {
                return true;
            }
            if task.chosen {
                before.push((&task.id, name, hosts));
            }
            false
        }
        Node::Include(include) => {
            meant.contains(&include.id.as_str()) || meant.contains(&include.name.as_str())
        }
        Node::Block(block) => [&block.body, &block.rescue, &block.always]
            .into_iter()
            .any(|nodes| collect_until(meant, nodes, hosts, before)),
    })
}

struct Search<'a> {
    name: [&'a str; 2],
    found: bool,
    seen: Vec<String>,
}

impl Search<'_> {
    /// Whether this is it, or comes after it.
    fn reached(&mut self, id: &str, name: &str) -> bool {
        self.found |= self.name.contains(&id) || self.name.contains(&name);
        self.seen.push(name.to_owned());
        self.found
    }

    fn leave_out(&mut self, nodes: &mut [Node]) {
        for node in nodes {
            match node {
                Node::Task(task) => {
                    if !self.reached(&task.id, &task.task.name.value) {
                        Arc::make_mut(task).chosen = false;
                    }
                }
                Node::Include(include) => {
                    if !self.reached(&include.id, &include.name) {
                        Arc::make_mut(include).chosen = false;
                    }
                }
                Node::Block(block) => {
                    let block = Arc::make_mut(block);
                    self.leave_out(&mut block.body);
                    self.leave_out(&mut block.rescue);
                    self.leave_out(&mut block.always);
                }
            }
            if self.found {
                return;
            }
        }
    }
}
