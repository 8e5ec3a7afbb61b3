//! Results: the shape that `register` gets, as Ansible has it, and what the engine makes of them.

use nebplay_modules::module::{Diff, Directive, Failure, FailureKind, Outcome};
use serde_json::{Map, Value};

use super::recall::LOST;
use crate::diagnostics::Finding;
use crate::events::{FailureRecord, Status, StepEnd};
use crate::template::{Binding, TemplateError, TemplateErrorKind};

/// Why check mode does not know a result.
pub(super) const NOT_RUN: &str = "it was not done, because of check mode";

/// How a step ended.
#[derive(Debug, Clone)]
pub(super) struct StepResult {
    /// How.
    pub(super) status: Status,
    /// It failed and the author said to go on.
    pub(super) ignored: bool,
    /// What is known of the result.
    pub(super) known: Map<String, Value>,
    /// Why the rest of the result is not known.
    pub(super) unknown: Option<String>,
    /// One sentence, or a table.
    pub(super) message: Option<String>,
    /// What the operator should know.
    pub(super) warnings: Vec<String>,
    /// Before and after.
    pub(super) diff: Option<Diff>,
    /// Facts from now on.
    pub(super) facts: Map<String, Value>,
    /// What the engine is to do.
    pub(super) directive: Option<Directive>,
    /// Why it did not succeed.
    pub(super) failure: Option<Failure>,
    /// Where it acted, when that is not the host itself.
    pub(super) delegate: Option<String>,
    /// It was run in an earlier process, and is told already.
    pub(super) replayed: bool,
}

impl StepResult {
    pub(super) fn new(status: Status) -> Self {
        Self {
            status,
            ignored: false,
            known: Map::new(),
            unknown: None,
            message: None,
            warnings: Vec::new(),
            diff: None,
            facts: Map::new(),
            directive: None,
            failure: None,
            delegate: None,
            replayed: false,
        }
    }

    /// The module looked, or acted and was believed.
    pub(super) fn done(outcome: Outcome) -> Self {
        let mut known = outcome.result;
        known.insert("changed".to_owned(), outcome.changed.into());
        known.insert("failed".to_owned(), false.into());
        if let Some(message) = &outcome.message {
            known.entry("msg").or_insert_with(|| message.as_str().into());
        }
        add_lines(&mut known);
        Self {
            known,
            message: outcome.message,
            warnings: outcome.warnings,
            diff: outcome.diff,
            facts: outcome.facts,
            directive: outcome.directive,
            ..Self::new(if outcome.changed {
                Status::Changed
            } else {
                Status::Ok
            })
        }
    }

    /// Check mode, and something is to be done.
    pub(super) fn would_change(what: &[String], diff: Option<Diff>) -> Self {
        let message = what.join("; ");
        let known = [
            ("changed", Value::Bool(true)),
            ("failed", Value::Bool(false)),
            ("msg", message.as_str().into()),
        ];
        Self {
            known: known
                .map(|(name, value)| (name.to_owned(), value))
                .into_iter()
                .collect(),
            unknown: Some(NOT_RUN.to_owned()),
            message: Some(message),
            diff,
            ..Self::new(Status::WouldChange)
        }
    }

    /// Check mode, and nobody can tell.
    pub(super) fn unknown(why: impl Into<String>) -> Self {
        let why = why.into();
        Self {
            message: Some(why.clone()),
            unknown: Some(why),
            ..Self::new(Status::Unknown)
        }
    }

    /// A condition said no.
    pub(super) fn skipped(condition: &str) -> Self {
        let known = [
            ("changed", Value::Bool(false)),
            ("failed", Value::Bool(false)),
            ("skipped", Value::Bool(true)),
            ("skip_reason", "Conditional result was False".into()),
            ("false_condition", condition.into()),
        ];
        Self {
            known: known
                .map(|(name, value)| (name.to_owned(), value))
                .into_iter()
                .collect(),
            ..Self::new(Status::Skipped)
        }
    }

    /// It failed.
    pub(super) fn failed(failure: Failure) -> Self {
        let unreachable = failure.kind == FailureKind::Unreachable;
        let mut known = failure.result.clone();
        known.entry("changed").or_insert(Value::Bool(false));
        known.insert("failed".to_owned(), true.into());
        known
            .entry("msg")
            .or_insert_with(|| failure.message.as_str().into());
        if unreachable {
            known.insert("unreachable".to_owned(), true.into());
        }
        add_lines(&mut known);
        Self {
            known,
            failure: Some(failure),
            ..Self::new(if unreachable {
                Status::Unreachable
            } else {
                Status::Failed
            })
        }
    }

    /// It failed where it acted. Of another host than its own, not its own is unreachable.
    pub(super) fn failed_at(failure: Failure, delegate: Option<String>) -> Self {
        let mut result = Self::failed(failure);
        if delegate.is_some() && result.status == Status::Unreachable {
            result.status = Status::Failed;
            result.known.shift_remove("unreachable");
        }
        result.delegate = delegate;
        result
    }

    /// Whether something was changed, also by what failed in the end.
    pub(super) fn has_changed(&self) -> bool {
        let changed = self.known.get("changed");
        changed.and_then(Value::as_bool).unwrap_or(false)
    }

    /// `changed_when` decided.
    pub(super) fn set_changed(&mut self, changed: bool) {
        self.known.insert("changed".to_owned(), changed.into());
        self.status = match (self.status, changed) {
            (failed, _) if failed.is_failure() => failed,
            (_, false) => Status::Ok,
            (Status::WouldChange, true) => Status::WouldChange,
            (_, true) => Status::Changed,
        };
    }

    /// The author's conditions, or the number of tries, say that it failed.
    pub(super) fn set_failed(&mut self, why: &str) {
        self.status = Status::Failed;
        self.known.insert("failed".to_owned(), true.into());
        let said = self
            .message
            .as_ref()
            .map_or_else(String::new, |message| format!(": {message}"));
        self.failure
            .get_or_insert_with(|| Failure::failed(format!("{why}{said}")));
    }

    /// The author's conditions say that it did not fail.
    pub(super) fn set_not_failed(&mut self) {
        if self.failure.take().is_some() {
            self.status = if self.has_changed() {
                Status::Changed
            } else {
                Status::Ok
            };
        }
        self.known.insert("failed".to_owned(), false.into());
    }

    /// A template could not be rendered: unknown in check mode, or failed.
    pub(super) fn template(error: TemplateError) -> Self {
        match error.kind {
            TemplateErrorKind::Unknown { why } if why.starts_with(LOST) => Self::failed(
                Failure::failed(error.message.replacen(" before it is run", "", 1))
                    .hint("resume with --from and the step that finds this value, so that it is found again"),
            ),
            TemplateErrorKind::Unknown { why } => Self::unknown(why),
            _ => Self::failed(template_failure(error)),
        }
    }

    /// What a variable that registers it is bound to.
    pub(super) fn binding(&self) -> Binding {
        match &self.unknown {
            None => Binding::Value(Value::Object(self.known.clone())),
            Some(why) if self.known.is_empty() => Binding::Unknown(why.clone()),
            Some(why) => Binding::Partial {
                known: self.known.clone(),
                why: why.clone(),
            },
        }
    }

    /// Whether the host goes on after it.
    pub(super) fn stops_host(&self) -> bool {
        self.status.is_failure() && !self.ignored
    }

    /// Whether handlers are told.
    pub(super) fn notifies(&self) -> bool {
        matches!(self.status, Status::Changed | Status::WouldChange)
    }

    /// As views see it.
    pub(super) fn end(&self, hidden: bool, with_diff: bool, took_ms: u64) -> StepEnd {
        let vars = match &self.directive {
            Some(Directive::SetVars(vars)) => vars.clone(),
            _ => Map::new(),
        };
        let failure = self.failure.as_ref().map(FailureRecord::from);
        // Obeyed when the step ended, and its traces are in the result.
        let directive = match &self.directive {
            None | Some(Directive::SetVars(_) | Directive::Prompt { .. }) => None,
            Some(other) => Some(other.clone()),
        };
        let mut end = StepEnd {
            status: self.status,
            ignored: self.ignored,
            message: self.message.clone(),
            result: Value::Object(self.known.clone()),
            vars,
            facts: self.facts.clone(),
            directive,
            warnings: self.warnings.clone(),
            diff: if with_diff { self.diff.clone() } else { None },
            failure,
            hidden,
            took_ms,
        };
        if hidden {
            hide(&mut end);
        }
        end
    }
}

/// What `no_log` leaves: how it ended, and what the operator can do.
fn hide(end: &mut StepEnd) {
    end.message = None;
    end.result = Value::Null;
    end.vars.clear();
    end.facts.clear();
    end.warnings.clear();
    end.diff = None;
    end.failure = end.failure.take().map(FailureRecord::withheld);
}

/// `stdout_lines` beside `stdout`, and the same for `stderr`.
fn add_lines(known: &mut Map<String, Value>) {
    for (text, lines) in [("stdout", "stdout_lines"), ("stderr", "stderr_lines")] {
        let Some(Value::String(text)) = known.get(text) else {
            continue;
        };
        let split: Vec<Value> = text.lines().map(Value::from).collect();
        known.entry(lines).or_insert_with(|| Value::from(split));
    }
}

/// All items of a loop as one result.
pub(super) fn of_loop(items: Vec<StepResult>) -> StepResult {
    let any = |status: Status| items.iter().any(|item| item.status == status);
    let all_skipped = items.iter().all(|item| item.status == Status::Skipped);
    let failing = items.iter().find(|item| item.stops_host());
    let failing = failing.or_else(|| items.iter().find(|item| item.status.is_failure()));
    let status = match failing {
        Some(item) => item.status,
        None if all_skipped => Status::Skipped,
        None if any(Status::Changed) => Status::Changed,
        None if any(Status::WouldChange) => Status::WouldChange,
        None if any(Status::Unknown) => Status::Unknown,
        None => Status::Ok,
    };
    let unknown = items.iter().find_map(|item| item.unknown.clone());
    let mut known = Map::new();
    let changed = any(Status::Changed) || any(Status::WouldChange);
    // A result of which only a part is known must not look like one that was not changed.
    if unknown.is_none() || changed {
        known.insert("changed".to_owned(), changed.into());
    }
    if unknown.is_none() || failing.is_some() {
        known.insert("failed".to_owned(), failing.is_some().into());
    }
    if status == Status::Skipped {
        known.insert("skipped".to_owned(), true.into());
    }
    let message = match (items.is_empty(), failing) {
        (true, _) => "No items in the list",
        (false, Some(_)) => "One or more items failed",
        (false, None) => "All items completed",
    };
    known.insert("msg".to_owned(), message.into());
    if unknown.is_none() {
        let results = items.iter().map(|item| Value::Object(item.known.clone()));
        known.insert("results".to_owned(), results.collect());
    }
    StepResult {
        ignored: failing.is_some_and(|item| item.ignored),
        failure: failing.and_then(|item| item.failure.clone()),
        delegate: failing.and_then(|item| item.delegate.clone()),
        replayed: items.iter().all(|item| item.replayed) && !items.is_empty(),
        known,
        unknown,
        ..StepResult::new(status)
    }
}

/// The failure of something that is wrong in a file.
pub(super) fn finding_failure(finding: &Finding) -> Failure {
    let mut text = String::new();
    let handler = miette::GraphicalReportHandler::new_themed(miette::GraphicalTheme::unicode_nocolor())
        .with_width(110)
        .with_context_lines(0)
        .without_cause_chain();
    let shown = !finding.labels.is_empty() && handler.render_report(&mut text, finding).is_ok();
    let message = if shown {
        text.trim().trim_start_matches(['×', '⚠', ' ']).to_owned()
    } else {
        match &finding.help {
            Some(help) => format!("{} ({help})", finding.message),
            None => finding.message.clone(),
        }
    };
    Failure::failed(message)
}

/// The failure of a file in which all of this is wrong.
pub(super) fn findings_failure(findings: &[Finding]) -> Failure {
    let all: Vec<_> = findings
        .iter()
        .map(|finding| finding_failure(finding).message)
        .collect();
    Failure::failed(all.join("\n"))
}

/// The failure of a template.
pub(super) fn template_failure(error: TemplateError) -> Failure {
    finding_failure(&error.into_finding())
}
