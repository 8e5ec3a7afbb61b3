//! What the author says about a result: `changed_when`, `failed_when`, `until`, `ignore_errors`.

use std::sync::Arc;
use std::time::Duration;

use nebplay_modules::module::{Failure, FailureKind};

use super::outcome::StepResult;
use super::unit::{Part, Unit};
use crate::events::{Status, What};
use crate::template::Layer;
use crate::yaml::Node;

impl Unit {
    /// `changed_when`, `failed_when`, and what the module wants the engine to do.
    pub(super) fn judge(&self, part: &Part, result: &mut StepResult) {
        if self.is_retried(result) {
            result
                .known
                .insert("attempts".to_owned(), part.step.attempt.into());
        }
        let module_failed = result
            .failure
            .as_ref()
            .is_some_and(|failure| failure.kind == FailureKind::Failed);
        let can_have_changed = matches!(result.status, Status::Ok | Status::Changed | Status::WouldChange);
        if (can_have_changed || module_failed)
            && let Some(conditions) = &self.node.task.changed_when
        {
            match self.all_hold(part, result, conditions) {
                Ok(changed) => result.set_changed(changed),
                // What is not known yet leaves it as it looks, and what a failure left undefined must not stand in its place.
                Err(verdict) if module_failed || verdict.status == Status::Unknown => {}
                Err(verdict) => *result = verdict,
            }
        }
        let can_be_judged = matches!(result.status, Status::Ok | Status::Changed) || module_failed;
        if can_be_judged && let Some(conditions) = &self.node.task.failed_when {
            match self.all_hold(part, result, conditions) {
                Ok(failed) => {
                    if failed {
                        result.set_failed("failed_when says that it failed");
                    } else {
                        result.set_not_failed();
                    }
                    result
                        .known
                        .insert("failed_when_result".to_owned(), failed.into());
                }
                Err(verdict) => *result = verdict,
            }
        }
    }

    /// Whether all conditions hold with the result in the variable that registers it.
    fn all_hold(&self, part: &Part, result: &StepResult, conditions: &[Node]) -> Result<bool, StepResult> {
        let mut locals = part.locals.clone();
        if let Some(name) = &self.node.task.register {
            locals.push(Arc::new(Layer::from([(name.value.clone(), result.binding())])));
        }
        let scope = self.scoped.scope(&part.step.host, &locals);
        for condition in conditions {
            match self.scoped.runner.world.templates.condition(condition, &scope) {
                Ok(true) => {}
                Ok(false) => return Ok(false),
                Err(error) => return Err(StepResult::template(error)),
            }
        }
        Ok(true)
    }

    /// Whether the task is one that is tried again, and came to something that may be tried again.
    fn is_retried(&self, result: &StepResult) -> bool {
        let task = &self.node.task;
        let is_asked_for = !task.until.is_empty() || task.retries.is_some();
        is_asked_for && matches!(result.status, Status::Ok | Status::Changed | Status::Failed)
    }

    /// Whether to try again. Says in the result that it failed if there are no tries left.
    pub(super) fn again(&self, part: &Part, result: &mut StepResult) -> Option<Again> {
        let (task, attempt) = (&self.node.task, part.step.attempt);
        if !self.is_retried(result) {
            return None;
        }
        // Whether it took effect is not known, so it must not be done once more.
        let kind = result.failure.as_ref().map(|failure| failure.kind);
        if kind == Some(FailureKind::InDoubt) {
            return None;
        }
        let satisfied = if task.until.is_empty() {
            !result.status.is_failure()
        } else {
            match self.all_hold(part, result, &task.until) {
                Ok(satisfied) => satisfied,
                Err(verdict) => {
                    *result = verdict;
                    return None;
                }
            }
        };
        if satisfied {
            return None;
        }
        let scope = self.scoped.scope(&part.step.host, &part.locals);
        let keywords = self.keywords(&scope);
        let tries = match &task.retries {
            None => Ok(3),
            Some(node) => keywords.count(node).map(|retries| retries.saturating_add(1)),
        };
        let delay = keywords.seconds(task.delay.as_ref());
        let (tries, delay) = match (tries, delay) {
            (Ok(tries), Ok(delay)) => (tries, delay.unwrap_or(Duration::from_secs(5))),
            (Err(trouble), _) | (_, Err(trouble)) => {
                *result = StepResult::failed(trouble.into_failure());
                return None;
            }
        };
        if attempt < tries {
            let why = match &result.failure {
                Some(failure) if !part.hidden => failure.message.clone(),
                _ => "not there yet".to_owned(),
            };
            return Some(Again { tries, delay, why });
        }
        if !result.status.is_failure() {
            result.set_failed(&format!("it did not get there in {attempt} tries"));
        }
        None
    }

    /// `ignore_errors` and `ignore_unreachable`; what cannot be told is not ignored.
    pub(super) fn forgive(&self, part: &Part, result: &mut StepResult) {
        let written = &self.node.keywords;
        let unreachable = |failure: &Failure| failure.kind == FailureKind::Unreachable;
        let said = match result.status {
            // That of a delegate is a failure of the host, but not one that an author thinks of who ignores errors.
            Status::Failed if !result.failure.as_ref().is_some_and(unreachable) => &written.ignore_errors,
            Status::Failed | Status::Unreachable => &written.ignore_unreachable,
            _ => return,
        };
        let scope = self.scoped.scope(&part.step.host, &part.locals);
        result.ignored = self.keywords(&scope).flag(said.as_ref(), false).unwrap_or(false);
    }
}

/// A further try.
pub(super) struct Again {
    pub(super) tries: u32,
    pub(super) delay: Duration,
    why: String,
}

impl Again {
    pub(super) fn event(&self, part: &Part) -> What {
        What::StepRetried {
            step: part.step.clone(),
            of: self.tries,
            delay: self.delay.as_secs_f64(),
            why: self.why.clone(),
        }
    }
}
