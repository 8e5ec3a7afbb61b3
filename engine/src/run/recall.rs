//! A step that the journal knows, as the result that it had.

use nebplay_modules::contract::Recovery;
use nebplay_modules::module::{Directive, Failure, FailureKind, Outcome};
use nebplay_modules::registry::Acts;
use serde_json::{Map, Value};

use super::outcome::StepResult;
use super::replay::{Record, tries};
use super::stop::{self, Stop};
use super::unit::{Part, Unit};
use crate::events::{FailureRecord, StepEnd, StepRef, What, is_redacted};

/// Why a result cannot be used any more; it begins every such explanation.
pub(super) const LOST: &str = "the journal does not hold it";

/// What is to be done about a step.
pub(super) enum Recalled {
    /// Run it.
    Run,
    /// Look what it came to: it was cut off while it acted, in this try.
    LookAgain(u32),
    /// It only reads, and what it read was a secret: read it again, which is no new step.
    ReadAgain,
    /// This is how it ended, in an earlier process or by the operator's word.
    Ended(Box<StepResult>),
}

impl Unit {
    /// What the journal and the operator say of a step that is about to be run.
    pub(super) async fn recall(&self, part: &Part) -> Recalled {
        let replay = &self.scoped.runner.world.replay;
        if !replay.is_under_way() {
            return Recalled::Run;
        }
        match replay.take(&part.step.id) {
            Some(Record::Ended(step, end)) => {
                if self.has_witness(self.recovery(part).await) {
                    self.had_witnesses(&step);
                }
                self.ended(&step, *end)
            }
            // It is the `rescue` that goes on from here.
            Some(Record::Failed(step, end) | Record::InDoubt(step, Some(end))) if self.caught => {
                self.ended(&step, *end)
            }
            _ if replay.assumes_done() => {
                let told = "taken for done, because the run goes on from a later step (--from)";
                Recalled::Ended(Box::new(StepResult::done(Outcome::unchanged(told))))
            }
            Some(Record::Failed(..)) if self.only_operator_can_tell() && !replay.settle.retry_failed => {
                self.ask_about_failed(part).await
            }
            Some(Record::InDoubt(step, told)) => self.doubted(part, &step, told.as_deref()).await,
            Some(Record::Failed(..)) | None => Recalled::Run,
        }
    }

    fn only_operator_can_tell(&self) -> bool {
        self.node.task.module.contract.recovery == Recovery::Ask
    }

    /// A step that was cut off; `told`: how it ended then.
    async fn doubted(&self, part: &Part, step: &StepRef, told: Option<&StepEnd>) -> Recalled {
        // All but a command look before they act, and find what their job or the host says.
        if !self.only_operator_can_tell() {
            return Recalled::LookAgain(1);
        }
        if !self.has_witness(self.recovery(part).await) {
            return self.settle(part, step).await;
        }
        self.had_witnesses(step);
        let kind = told
            .and_then(|end| end.failure.as_ref())
            .map(|failure| failure.kind);
        let can_settle = self.scoped.runner.world.replay.settle.in_doubt.is_some();
        match kind {
            // Its job was lost, and told nothing.
            Some(FailureKind::InDoubt) => self.settle(part, step).await,
            // Its job was ended when its time was over, which tells as little to whoever knows better.
            Some(FailureKind::TimedOut) if can_settle => self.settle(part, step).await,
            _ => Recalled::LookAgain(step.attempt),
        }
    }

    /// What settles the step, by its arguments; by its module's contract where they cannot be told.
    async fn recovery(&self, part: &Part) -> Recovery {
        let contract = self.node.task.module.contract.recovery;
        if contract != Recovery::Ask {
            return contract;
        }
        let (host, locals) = (&part.step.host, &part.locals);
        let rendered = self
            .scoped
            .rendered(host, locals, |scope| Ok(self.arguments(scope)?));
        match rendered.await.map(|(args, _)| self.action(args)) {
            Ok(Ok(action)) => action.recovery(),
            _ => contract,
        }
    }

    /// Whether its job's record tells what only the operator could tell otherwise.
    pub(super) fn has_witness(&self, recovery: Recovery) -> bool {
        self.only_operator_can_tell() && recovery == Recovery::Job
    }

    /// The tries of this step by an earlier process left records of their jobs.
    fn had_witnesses(&self, step: &StepRef) {
        let place = step.delegate.as_ref().unwrap_or(&step.host);
        for id in tries(step) {
            self.scoped
                .runner
                .note_witness(&id, self.node.task.module.name, place);
        }
    }

    fn ended(&self, step: &StepRef, end: StepEnd) -> Recalled {
        let module = self.node.task.module;
        let values = [
            &end.result,
            &Value::Object(end.vars.clone()),
            &Value::Object(end.facts.clone()),
        ];
        let incomplete = end.hidden || values.into_iter().any(is_redacted);
        let wanted = self.node.task.register.is_some()
            || ["set_fact", "include_vars", "setup"].contains(&module.name)
            || !end.facts.is_empty();
        if incomplete && wanted {
            // An answer that must not be seen is asked for again, too.
            if module.acts == Acts::Never {
                return Recalled::ReadAgain;
            }
            let why = if end.hidden {
                "no_log withheld it"
            } else {
                "a secret was in it"
            };
            let mut result = StepResult::recalled(step, end);
            result.known.retain(|_, value| !is_redacted(value));
            result.unknown = Some(format!("{LOST}: {why}"));
            return Recalled::Ended(Box::new(result));
        }
        Recalled::Ended(Box::new(StepResult::recalled(step, end)))
    }

    async fn ask(&self, question: &str) -> Option<String> {
        let world = &self.scoped.runner.world;
        let answer = tokio::select! {
            answer = world.operator.ask(question, true) => answer?,
            () = stop::wanted(&world.stop, Stop::Drain) => return None,
        };
        Some(answer.trim().to_ascii_lowercase())
    }

    /// Nobody but the operator knows whether it took effect.
    async fn settle(&self, part: &Part, cut_off: &StepRef) -> Recalled {
        let runner = &self.scoped.runner;
        let what = self.described(part);
        let done = if let Some(done) = runner.world.replay.settle.in_doubt {
            Some(done)
        } else {
            runner.announce_now();
            let question = format!(
                "{what} was cut off while it acted. Did it take effect? [yes: go on, no: run it again, anything else: stop]"
            );
            match self.ask(&question).await.as_deref() {
                Some("yes" | "y") => Some(true),
                Some("no" | "n") => Some(false),
                _ => None,
            }
        };
        let Some(done) = done else {
            let message =
                format!("{what} was cut off while it acted, and nobody said whether it took effect");
            let failure = Failure::new(FailureKind::InDoubt, message)
                .state("whether it took effect is not known")
                .hint("look at the host, then resume with `--in-doubt done` (it did) or `--in-doubt again` (run it again)");
            return Recalled::Ended(Box::new(StepResult::failed(failure)));
        };
        runner.world.events.emit(What::StepSettled {
            step: cut_off.clone(),
            done,
        });
        if !done {
            return Recalled::Run;
        }
        let told = "taken for done: the operator says that it took effect before it was cut off";
        let mut outcome = Outcome::unchanged(told);
        outcome.changed = true;
        let mut result = StepResult::done(outcome);
        result.unknown = Some(format!("{LOST}: the step was cut off"));
        Recalled::Ended(Box::new(result))
    }

    /// It failed; running it once more may do the half of it twice that succeeded.
    async fn ask_about_failed(&self, part: &Part) -> Recalled {
        self.scoped.runner.announce_now();
        let what = self.described(part);
        let question = format!("{what} failed. Run it again? [yes, anything else: stop]");
        if let Some("yes" | "y") = self.ask(&question).await.as_deref() {
            return Recalled::Run;
        }
        let failure = Failure::failed(format!("{what} failed, and nobody said that it may be run again"))
            .hint("resume with --retry-failed to run it again, or with --from and the step after it if you did by hand what it should have done");
        Recalled::Ended(Box::new(StepResult::failed(failure)))
    }

    fn described(&self, part: &Part) -> String {
        let item = part
            .step
            .item
            .as_ref()
            .map_or_else(String::new, |item| format!(" ({item})"));
        format!("`{}`{item} on {}", self.name, part.step.host)
    }
}

impl StepResult {
    /// What an earlier process wrote down.
    fn recalled(step: &StepRef, end: StepEnd) -> Self {
        let known = match end.result {
            Value::Object(known) => known,
            _ => Map::new(),
        };
        let directive = match end.directive {
            None if !end.vars.is_empty() => Some(Directive::SetVars(end.vars)),
            directive => directive,
        };
        let failure = end.failure.map(|record| failure(record, &known));
        Self {
            ignored: end.ignored,
            known,
            message: end.message,
            facts: end.facts,
            directive,
            failure,
            delegate: step.delegate.clone(),
            replayed: true,
            ..Self::new(end.status)
        }
    }
}

fn failure(record: FailureRecord, result: &Map<String, Value>) -> Failure {
    Failure {
        kind: record.kind,
        message: record.message,
        state: record.state,
        next: record.next,
        result: result.clone(),
    }
}
