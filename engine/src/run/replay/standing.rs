//! Where a run stands: what of its events so far decides how it goes on.

use std::hash::{DefaultHasher, Hash, Hasher as _};

use serde_json::Value;

use super::{Record, Records, Replay};
use crate::events::is_redacted;

/// What is compared of a run.
pub struct Compared<'a> {
    /// Whether anybody reads later on what the steps of a task came to, by the task's identity.
    pub is_read: &'a dyn Fn(&str) -> bool,
    /// What of a text makes a difference.
    pub plain: &'a dyn Fn(&str) -> String,
}

impl Replay {
    /// A number that is the same for two runs of a plan that go on alike, on hosts that are alike. `None`: something that is read later
    /// on was withheld from the events.
    pub fn standing(&self, compared: &Compared<'_>) -> Option<u64> {
        let plain = |value: &dyn ToString| (compared.plain)(&value.to_string());
        // Every field is named, for whoever adds one to say whether it makes a difference.
        let Records {
            steps,
            loops,
            includes,
            facts,
            notified,
            chosen,
            // Only while the process at hand reads them.
            rereading: _,
            ended,
            rescued,
            from,
        } = &*self.records();
        let mut sum = Sum(0);
        for (id, record) in steps.iter() {
            let (word, end, is_read) = match record {
                Record::Ended(step, end) => ("ended", end, (compared.is_read)(&step.task)),
                // A `rescue` reads how it failed.
                Record::Failed(_, end) => ("failed", end, true),
                Record::InDoubt(..) => {
                    sum.add("in doubt", &id);
                    continue;
                }
            };
            let variables = || end.vars.iter().chain(&end.facts);
            if is_read && (end.hidden || is_redacted(&end.result))
                || variables().any(|(_, value)| is_redacted(value))
            {
                return None;
            }
            let variables: Vec<_> = variables().map(|(name, value)| (name, plain(value))).collect();
            let result = is_read.then(|| plain(&end.result));
            sum.add(word, &(id, variables, result));
        }
        for (place, items) in loops {
            sum.add("loop", &(place, plain(&Value::from(items.clone()))));
        }
        for (place, files) in includes {
            sum.add("include", &(place, format!("{files:?}")));
        }
        for (host, facts) in facts {
            sum.add("facts", &(host, plain(&Value::from(facts.clone()))));
        }
        sum.add_all("notified", notified);
        sum.add_all("chosen", chosen);
        sum.add_all("task ended", ended);
        sum.add_all("rescued", rescued);
        sum.add("from", from);
        Some(sum.0)
    }
}

/// The order in which hosts came to where they are makes no difference to it.
struct Sum(u64);

impl Sum {
    fn add(&mut self, what: &str, value: &impl Hash) {
        let mut hasher = DefaultHasher::new();
        (what, value).hash(&mut hasher);
        self.0 = self.0.wrapping_add(hasher.finish());
    }

    fn add_all<T: Hash>(&mut self, what: &str, values: impl IntoIterator<Item = T>) {
        for value in values {
            self.add(what, &value);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::*;
    use crate::events::{Event, Status, StepEnd, StepRef, What};

    fn ended(task: &str, status: Status, result: Value) -> Event {
        let step = StepRef {
            id: format!("{task}@h"),
            task: task.to_owned(),
            host: "h".to_owned(),
            delegate: None,
            item: None,
            attempt: 1,
        };
        let end = Box::new(StepEnd {
            status,
            ignored: false,
            message: None,
            result,
            vars: Map::new(),
            facts: Map::new(),
            directive: None,
            warnings: Vec::new(),
            diff: None,
            failure: None,
            hidden: false,
            took_ms: 0,
        });
        Event {
            seq: 0,
            time: 0,
            elapsed_ms: 0,
            what: What::StepEnded { step, end },
        }
    }

    fn standing(events: &[Event]) -> Option<u64> {
        Replay::of(events).standing(&Compared {
            is_read: &|task| task == "read",
            plain: &|text| text.replace("1800000000", ""),
        })
    }

    #[test]
    fn only_what_somebody_reads_makes_a_difference() {
        let changed = |task: &str, result: Value| ended(task, Status::Changed, result);
        let one = [changed("a", json!({"x": 1})), changed("read", json!({"x": 1}))];
        let other = [changed("read", json!({"x": 1})), changed("a", json!({"x": 2}))];
        assert_eq!(standing(&one), standing(&other));
        for other in [
            vec![changed("a", json!({"x": 1})), changed("read", json!({"x": 2}))],
            vec![changed("a", json!({"x": 1}))],
            vec![
                ended("a", Status::Failed, json!({"x": 1})),
                changed("read", json!({"x": 1})),
            ],
        ] {
            assert_ne!(standing(&one), standing(&other));
        }
    }

    #[test]
    fn what_was_withheld_cannot_be_compared() {
        let mut hidden = ended("read", Status::Ok, Value::Null);
        if let What::StepEnded { end, .. } = &mut hidden.what {
            end.hidden = true;
        }
        assert_eq!(standing(&[hidden]), None);
    }

    #[test]
    fn a_time_makes_none() {
        let at = |time: &str| [ended("read", Status::Ok, json!({"at": time}))];
        assert_eq!(standing(&at("")), standing(&at("1800000000")));
    }
}
