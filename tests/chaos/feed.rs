//! What a run says of itself, event by event.

use std::collections::HashMap;

use serde_json::Value;

use crate::night::Met;

/// A step that begins to look, or to act.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Heard {
    pub(crate) module: String,
    pub(crate) host: String,
    pub(crate) acts: bool,
}

/// Everything heard of a night.
#[derive(Debug, Default)]
pub(crate) struct Feed {
    /// Modules by the identity of the task.
    tasks: HashMap<String, String>,
    /// Modules in the order in which they first acted; those that never act, in which they first looked.
    looked: Vec<(usize, String)>,
    acted: Vec<(usize, String)>,
    heard: usize,
    failures: Vec<String>,
    lost: usize,
    last: String,
}

impl Feed {
    /// Takes a line of `--json`.
    pub(crate) fn take(&mut self, line: &str) -> Option<Heard> {
        let event: Value = serde_json::from_str(line).ok()?;
        line.clone_into(&mut self.last);
        self.heard += 1;
        let what = &event["what"];
        match what["event"].as_str()? {
            "task_started" => {
                let (task, module) = (what["task"].as_str()?, what["module"].as_str()?);
                self.tasks.insert(task.to_owned(), module.to_owned());
                None
            }
            "step_started" => self.step(what, false),
            "step_inspected" => {
                let looked = self.step(what, false)?;
                note(&mut self.looked, self.heard, &looked.module);
                None
            }
            "step_applying" => {
                let acts = self.step(what, true)?;
                note(&mut self.acted, self.heard, &acts.module);
                Some(acts)
            }
            "connection_lost" => {
                self.lost += 1;
                None
            }
            "run_ended" => {
                for failed in what["failures"].as_array()? {
                    let word = |name: &str| failed[name].as_str().unwrap_or_default().to_owned();
                    let message = failed["failure"]["message"].as_str().unwrap_or_default();
                    self.failures
                        .push(format!("{}, \"{}\": {message}", word("host"), word("task")));
                }
                None
            }
            _ => None,
        }
    }

    fn step(&self, what: &Value, acts: bool) -> Option<Heard> {
        let step = &what["step"];
        let module = self.tasks.get(step["task"].as_str()?)?.clone();
        Some(Heard {
            module,
            host: step["host"].as_str()?.to_owned(),
            acts,
        })
    }

    /// The modules in the order in which they meet their faults: when they first act, or first look if they never act.
    pub(crate) fn modules(&self) -> Vec<Met> {
        let acts = |module: &String| self.acted.iter().any(|(_, acted)| acted == module);
        let idle = self.looked.iter().filter(|(_, module)| !acts(module));
        let mut all: Vec<&(usize, String)> = self.acted.iter().chain(idle).collect();
        all.sort();
        let met = |(_, module): &(usize, String)| Met {
            module: module.clone(),
            acts: acts(module),
        };
        all.into_iter().map(met).collect()
    }

    /// What failed, a line each.
    pub(crate) fn failures(&self) -> &[String] {
        &self.failures
    }

    /// How many times a connection was lost.
    pub(crate) fn lost(&self) -> usize {
        self.lost
    }

    /// The last line.
    pub(crate) fn last(&self) -> &str {
        &self.last
    }
}

fn note(first: &mut Vec<(usize, String)>, at: usize, module: &str) {
    if !first.iter().any(|(_, known)| known == module) {
        first.push((at, module.to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_are_told_apart_by_what_they_do_first() {
        let mut feed = Feed::default();
        let mut heard = Vec::new();
        for line in [
            r#"{"what": {"event": "task_started", "task": "1", "module": "ping"}}"#,
            r#"{"what": {"event": "task_started", "task": "2", "module": "service_stop"}}"#,
            r#"{"what": {"event": "step_started", "step": {"task": "2", "host": "a"}}}"#,
            r#"{"what": {"event": "step_started", "step": {"task": "1", "host": "b"}}}"#,
            r#"{"what": {"event": "step_inspected", "step": {"task": "1", "host": "b"}}}"#,
            r#"{"what": {"event": "step_inspected", "step": {"task": "2", "host": "b"}}}"#,
            r#"{"what": {"event": "step_applying", "step": {"task": "2", "host": "a"}}}"#,
            r#"{"what": {"event": "run_ended", "failures": [{"host": "a", "task": "stop", "failure": {"message": "no"}}]}}"#,
        ] {
            heard.extend(feed.take(line).map(|heard| (heard.module, heard.acts)));
        }
        assert_eq!(
            heard,
            [
                ("service_stop".to_owned(), false),
                ("ping".to_owned(), false),
                ("service_stop".to_owned(), true)
            ]
        );
        let modules: Vec<_> = feed
            .modules()
            .into_iter()
            .map(|met| (met.module, met.acts))
            .collect();
        assert_eq!(
            modules,
            [("ping".to_owned(), false), ("service_stop".to_owned(), true)]
        );
        assert_eq!(feed.failures(), ["a, \"stop\": no"]);
    }
}
