//! What a run says of itself, event by event.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::Value;

use super::night::Met;

/// A step that begins to look, or to act.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Heard {
    pub(super) module: String,
    pub(super) host: String,
    pub(super) acts: bool,
    /// How many other steps of the module have acted before, tonight.
    pub(super) after: usize,
}

/// A step that acted.
#[derive(Debug)]
struct Act {
    step: String,
    /// The number of the event with which it began to, the first time.
    first: usize,
    /// The time of the run at which it began to, the last time.
    since: Duration,
    took: Duration,
}

/// Everything heard of a night.
#[derive(Debug, Default)]
pub(super) struct Feed {
    /// Modules by the identity of the task.
    tasks: HashMap<String, String>,
    /// Modules, each with the number of the event with which it first looked.
    looked: Vec<(usize, String)>,
    /// The steps of a module that acted, in their order.
    acts: HashMap<String, Vec<Act>>,
    heard: usize,
    failures: Vec<String>,
    lost: usize,
    last: String,
}

impl Feed {
    /// Takes a line of `--json`.
    pub(super) fn take(&mut self, line: &str) -> Option<Heard> {
        let event: Value = serde_json::from_str(line).ok()?;
        line.clone_into(&mut self.last);
        self.heard += 1;
        let what = &event["what"];
        let now = Duration::from_millis(event["elapsed_ms"].as_u64()?);
        match what["event"].as_str()? {
            "task_started" => {
                let (task, module) = (what["task"].as_str()?, what["module"].as_str()?);
                self.tasks.insert(task.to_owned(), module.to_owned());
                None
            }
            "step_started" => self.step(what, false),
            "step_inspected" => {
                let module = self.step(what, false)?.module;
                if !self.looked.iter().any(|(_, known)| *known == module) {
                    self.looked.push((self.heard, module));
                }
                None
            }
            "step_applying" => {
                let mut heard = self.step(what, true)?;
                heard.after = self.acts(&heard.module, what["step"]["id"].as_str()?, now);
                Some(heard)
            }
            "step_ended" => {
                let step = what["step"]["id"].as_str()?;
                let mut acts = self.acts.values_mut().flatten();
                let act = acts.find(|act| act.step == step)?;
                act.took = now.saturating_sub(act.since);
                None
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

    /// A step acts, maybe once more; how many others of its module began to before it.
    fn acts(&mut self, module: &str, step: &str, now: Duration) -> usize {
        let acts = self.acts.entry(module.to_owned()).or_default();
        if let Some(known) = acts.iter().position(|act| act.step == step) {
            acts[known].since = now;
            return known;
        }
        acts.push(Act {
            step: step.to_owned(),
            first: self.heard,
            since: now,
            took: Duration::ZERO,
        });
        acts.len() - 1
    }

    fn step(&self, what: &Value, acts: bool) -> Option<Heard> {
        let step = &what["step"];
        let module = self.tasks.get(step["task"].as_str()?)?.clone();
        Some(Heard {
            module,
            host: step["host"].as_str()?.to_owned(),
            acts,
            after: 0,
        })
    }

    /// The modules in the order in which they meet their faults: when they first act, or first look if they never act.
    pub(super) fn modules(&self) -> Vec<Met> {
        let mut all: Vec<(usize, Met)> = Vec::new();
        for (looked, module) in &self.looked {
            let acts = self.acts.get(module).map_or(&[][..], Vec::as_slice);
            let met = Met {
                module: module.clone(),
                takes: acts.iter().map(|act| act.took).collect(),
            };
            all.push((acts.first().map_or(*looked, |act| act.first), met));
        }
        all.sort_by_key(|(at, _)| *at);
        all.into_iter().map(|(_, met)| met).collect()
    }

    /// What failed, a line each.
    pub(super) fn failures(&self) -> &[String] {
        &self.failures
    }

    /// How many times a connection was lost.
    pub(super) fn lost(&self) -> usize {
        self.lost
    }

    /// The last line.
    pub(super) fn last(&self) -> &str {
        &self.last
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
            r#"{"elapsed_ms": 150, "what": {"event": "task_started", "task": "1", "module": "ping"}}"#,
            r#"{"elapsed_ms": 200, "what": {"event": "task_started", "task": "2", "module": "service_stop"}}"#,
            r#"{"elapsed_ms": 250, "what": {"event": "step_started", "step": {"id": "2@a", "task": "2", "host": "a"}}}"#,
            r#"{"elapsed_ms": 300, "what": {"event": "step_started", "step": {"id": "1@b", "task": "1", "host": "b"}}}"#,
            r#"{"elapsed_ms": 350, "what": {"event": "step_inspected", "step": {"id": "1@b", "task": "1", "host": "b"}}}"#,
            r#"{"elapsed_ms": 400, "what": {"event": "step_inspected", "step": {"id": "2@b", "task": "2", "host": "b"}}}"#,
            r#"{"elapsed_ms": 450, "what": {"event": "step_applying", "step": {"id": "2@a", "task": "2", "host": "a"}}}"#,
            r#"{"elapsed_ms": 500, "what": {"event": "step_ended", "step": {"id": "2@a", "task": "2", "host": "a"}}}"#,
            r#"{"elapsed_ms": 520, "what": {"event": "step_applying", "step": {"id": "2@b", "task": "2", "host": "b"}}}"#,
            r#"{"elapsed_ms": 530, "what": {"event": "step_applying", "step": {"id": "2@a", "task": "2", "host": "a"}}}"#,
            r#"{"elapsed_ms": 590, "what": {"event": "step_ended", "step": {"id": "2@a", "task": "2", "host": "a"}}}"#,
            r#"{"elapsed_ms": 600, "what": {"event": "run_ended", "failures": [{"host": "a", "task": "stop", "failure": {"message": "no"}}]}}"#,
        ] {
            heard.extend(feed.take(line).map(|heard| (heard.module, heard.after)));
        }
        assert_eq!(
            heard,
            [
                ("service_stop".to_owned(), 0),
                ("ping".to_owned(), 0),
                ("service_stop".to_owned(), 0),
                ("service_stop".to_owned(), 1),
                ("service_stop".to_owned(), 0)
            ]
        );
        let modules: Vec<(String, Vec<u128>)> = feed
            .modules()
            .into_iter()
            .map(|met| (met.module, met.takes.iter().map(Duration::as_millis).collect()))
            .collect();
        assert_eq!(
            modules,
            [
                ("ping".to_owned(), Vec::new()),
                ("service_stop".to_owned(), vec![60, 0])
            ]
        );
        assert_eq!(feed.failures(), ["a, \"stop\": no"]);
    }
}
