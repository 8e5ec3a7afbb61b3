//! Secrets are taken out of events by walking over everything in them that is text.

use nebplay_modules::module::Diff;
use serde_json::{Map, Value};

use super::event::What;
use super::parts::{FailedStep, FailureRecord, Running, StepEnd, StepRef};
use super::secrets::{MARK, Secrets};

/// What holds texts that may hold secrets.
pub trait Scrub {
    /// Replaces every secret in it.
    fn scrub(&mut self, secrets: &Secrets);
}

impl Scrub for String {
    fn scrub(&mut self, secrets: &Secrets) {
        *self = secrets.scrub(self);
    }
}

impl<T: Scrub> Scrub for Option<T> {
    fn scrub(&mut self, secrets: &Secrets) {
        if let Some(inner) = self {
            inner.scrub(secrets);
        }
    }
}

impl<T: Scrub> Scrub for Vec<T> {
    fn scrub(&mut self, secrets: &Secrets) {
        for inner in self {
            inner.scrub(secrets);
        }
    }
}

impl Scrub for Value {
    fn scrub(&mut self, secrets: &Secrets) {
        match self {
            Self::String(text) => text.scrub(secrets),
            // A password of digits is still a password.
            Self::Number(number) => {
                let text = number.to_string();
                let scrubbed = secrets.scrub(&text);
                if scrubbed != text && secrets.is_one(&text) {
                    *self = Self::String(scrubbed);
                }
            }
            Self::Array(items) => items.scrub(secrets),
            Self::Object(map) => map.scrub(secrets),
            Self::Null | Self::Bool(_) => {}
        }
    }
}

impl Scrub for Map<String, Value> {
    fn scrub(&mut self, secrets: &Secrets) {
        *self = std::mem::take(self)
            .into_iter()
            .map(|(mut key, mut value)| {
                key.scrub(secrets);
                value.scrub(secrets);
                (key, value)
            })
            .collect();
    }
}

impl Scrub for Diff {
    fn scrub(&mut self, secrets: &Secrets) {
        self.title.scrub(secrets);
        self.before.scrub(secrets);
        self.after.scrub(secrets);
    }
}

impl Scrub for FailureRecord {
    fn scrub(&mut self, secrets: &Secrets) {
        self.message.scrub(secrets);
        self.state.scrub(secrets);
        self.next.scrub(secrets);
    }
}

impl Scrub for FailedStep {
    fn scrub(&mut self, secrets: &Secrets) {
        self.task.scrub(secrets);
        self.failure.scrub(secrets);
    }
}

impl Scrub for StepRef {
    /// Identities are made of names as they were written, never of rendered values; only the item is shown rendered.
    fn scrub(&mut self, secrets: &Secrets) {
        self.item.scrub(secrets);
    }
}

impl Scrub for Running {
    fn scrub(&mut self, secrets: &Secrets) {
        self.step.scrub(secrets);
    }
}

impl Scrub for StepEnd {
    fn scrub(&mut self, secrets: &Secrets) {
        self.message.scrub(secrets);
        self.result.scrub(secrets);
        self.vars.scrub(secrets);
        self.facts.scrub(secrets);
        self.warnings.scrub(secrets);
        self.diff.scrub(secrets);
        self.failure.scrub(secrets);
    }
}

impl Scrub for What {
    fn scrub(&mut self, secrets: &Secrets) {
        match self {
            Self::TaskStarted { name, .. }
            | Self::TaskChosen { name, .. }
            | Self::PlayStarted { name, .. }
            | Self::HandlerNotified { name, .. } => name.scrub(secrets),
            Self::LoopResolved { items, .. } => items.scrub(secrets),
            Self::FactsGathered { facts, .. } => facts.scrub(secrets),
            Self::IncludeResolved { files, .. } => {
                for included in files {
                    included.file.scrub(secrets);
                    included.item.scrub(secrets);
                }
            }
            Self::RunResumed { in_doubt, .. } => in_doubt.iter_mut().for_each(|step| step.scrub(secrets)),
            Self::StepStarted { step }
            | Self::StepReread { step }
            | Self::StepProving { step }
            | Self::StepSettled { step, .. }
            | Self::Asking { step }
            | Self::StepBytes { step, .. } => {
                step.scrub(secrets);
            }
            Self::StepInspected { step, to_do, .. } | Self::StepApplying { step, to_do } => {
                step.scrub(secrets);
                to_do.scrub(secrets);
            }
            Self::StepLine { step, line, .. } => {
                step.scrub(secrets);
                line.scrub(secrets);
            }
            Self::StepRetried { step, why, .. } => {
                step.scrub(secrets);
                why.scrub(secrets);
            }
            Self::StepEnded { step, end } => {
                step.scrub(secrets);
                end.scrub(secrets);
            }
            Self::Included { file, .. } | Self::FileUsed { file, .. } => file.scrub(secrets),
            Self::Rescuing { failed, .. } => failed.scrub(secrets),
            Self::Left { why, .. } | Self::ConnectionLost { why, .. } => why.scrub(secrets),
            Self::Warning { text } => text.scrub(secrets),
            Self::Interrupted { running, .. } => running.scrub(secrets),
            Self::RunEnded { failures, zones, .. } => {
                failures.scrub(secrets);
                for last in zones.iter_mut().filter_map(|zone| zone.last.as_mut()) {
                    last.task.scrub(secrets);
                }
            }
            Self::RunStarted { .. }
            | Self::ReplayEnded { .. }
            | Self::BatchStarted { .. }
            | Self::WaveStarted { .. }
            | Self::HostEnded { .. }
            | Self::ConnectionRestored { .. } => {}
        }
    }
}

/// Whether something was taken out of a value.
pub fn is_redacted(value: &Value) -> bool {
    let text = |text: &str| text.contains(MARK);
    match value {
        Value::String(string) => text(string),
        Value::Array(items) => items.iter().any(is_redacted),
        Value::Object(fields) => fields
            .iter()
            .any(|(name, value)| text(name) || is_redacted(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_is_a_secret_is_replaced() {
        let secrets = Secrets::default();
        secrets.learn("12345678", "pin");
        let mut value = serde_json::json!({"pin": 12_345_678, "n": 1, "12345678": [true]});
        value.scrub(&secrets);
        assert_eq!(
            value,
            serde_json::json!({"pin": "Redacted(pin)", "n": 1, "Redacted(pin)": [true]})
        );
    }
}
