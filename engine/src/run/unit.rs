//! A task on a host, or on all hosts of a wave for a module that acts on them together: loop items, tries, and what the engine
//! makes of results.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use nebplay_modules::module::{Change, Directive, Failure, Finding};
use serde_json::Value;

use super::cut_off::done_unseen;
use super::loops::{Items, item_layer, place_in};
use super::outcome::{NOT_RUN, StepResult, of_loop};
use super::recall::Recalled;
use super::replay::is_in_doubt;
use super::scoped::Scoped;
use super::step::Ready;
use super::stop::{self, Stop};
use super::undone::Undone;
use crate::events::{FailedStep, FailureRecord, LastStep, Status, StepRef, What};
use crate::plan::{TaskNode, step_id};
use crate::template::{Binding, Layer, Scope};

/// What the operator answered, by question and item; `None`: nothing.
pub(super) type Answers = HashMap<(String, Option<String>), Option<String>>;

/// A task, this time.
pub(super) struct Unit {
    /// Where it stands.
    pub(super) scoped: Scoped,
    /// The task's name, rendered.
    pub(super) name: String,
    pub(super) node: Arc<TaskNode>,
    /// The task's identity; for what runs more than once (a handler), with which time it is.
    pub(super) id: String,
    /// Whether a `rescue` catches its failure.
    pub(super) caught: bool,
    /// Whether it is done once, for all hosts of the play.
    pub(super) once: bool,
    /// What the operator answered, by question and item.
    pub(super) answers: tokio::sync::Mutex<Answers>,
    /// What check mode had left undone before this task; what it leaves undone on one host says nothing about the next.
    pub(super) undone: Undone,
}

/// One step to be done, with what belongs to it.
pub(super) struct Part {
    /// Index of its host in the group.
    pub(super) at: usize,
    pub(super) step: StepRef,
    /// Loop variables.
    pub(super) locals: Vec<Arc<Layer>>,
    pub(super) hidden: bool,
    started: Duration,
}

impl Unit {
    /// Does the task on these hosts, item by item: one host, or several for a module that acts on them together. The results
    /// are in their order; `None` where the run ended before the first step.
    pub(super) async fn on(&self, hosts: &[String]) -> Vec<Option<StepResult>> {
        let mut items = Vec::with_capacity(hosts.len());
        let mut ended: Vec<Option<StepResult>> = vec![None; hosts.len()];
        for (at, host) in hosts.iter().enumerate() {
            items.push(match self.items(host).await {
                Ok(list) => list,
                Err(mut result) => {
                    let part = self.part(at, host, None, 1);
                    self.begin(&part);
                    self.forgive(&part, &mut result);
                    self.conclude(&part, &result);
                    ended[at] = Some(*result);
                    Items {
                        list: Some(Vec::new()),
                    }
                }
            });
        }
        let mut results: Vec<Vec<StepResult>> = vec![Vec::new(); hosts.len()];
        let mut alive = vec![false; hosts.len()];
        let mut lost = vec![false; hosts.len()];
        let rounds = items.iter().map(Items::rounds).max().unwrap_or(0);
        for round in 0..rounds {
            if round > 0 && !self.pause_between_items().await {
                break;
            }
            let here = (0..hosts.len()).filter(|&at| round < items[at].rounds() && !lost[at]);
            let here: Vec<_> = here.map(|at| (at, hosts[at].as_str(), round)).collect();
            for (at, result) in self.round(&here, &items, &mut alive).await {
                // There is no point in trying the next item on a host that is gone.
                lost[at] = result.status == Status::Unreachable;
                results[at].push(result);
            }
        }
        for (at, host) in hosts.iter().enumerate() {
            if alive[at] || ended[at].is_some() {
                self.scoped.runner.goes_on_by_itself(host);
            }
        }
        let all = ended.into_iter().zip(results).zip(items);
        all.map(|((ended, mut results), items)| match (ended, items.list) {
            (Some(ended), _) => Some(ended),
            (None, None) => results.pop(),
            (None, Some(list)) if results.is_empty() && !list.is_empty() => None,
            (None, Some(_)) => Some(of_loop(results)),
        })
        .collect()
    }

    /// Waits between items; no if the run ends.
    async fn pause_between_items(&self) -> bool {
        let pause = self.node.task.r#loop.as_ref().and_then(|r#loop| r#loop.pause);
        if let Some(pause) = pause.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()) {
            self.wait(self.scoped.runner.world.clock.as_ref(), pause).await;
        }
        self.scoped.runner.may_start()
    }

    async fn wait(&self, clock: &dyn nebplay_modules::host::Clock, how_long: Duration) {
        tokio::select! {
            biased;
            () = stop::wanted(&self.scoped.runner.world.stop, Stop::Drain) => {}
            () = clock.sleep(how_long) => {}
        }
    }

    /// One item on each of the hosts, with as many tries as it takes. Those that the journal does not know are `alive`.
    async fn round(
        &self,
        here: &[(usize, &str, usize)],
        items: &[Items],
        alive: &mut [bool],
    ) -> Vec<(usize, StepResult)> {
        let mut done = Vec::with_capacity(here.len());
        let mut todo = Vec::with_capacity(here.len());
        let mut doubted = Vec::new();
        let mut first = 1;
        for &(at, host, round) in here {
            let part = self.part(at, host, items[at].list.as_deref().map(|list| (list, round)), 1);
            match self.recall(&part).await {
                Recalled::Run => {
                    alive[at] = true;
                    todo.push((at, host, round));
                }
                Recalled::LookAgain(attempt) => {
                    alive[at] = true;
                    let item = items[at].list.as_deref().map(|list| (list, round));
                    doubted.push(self.part(at, host, item, attempt).step.id);
                    first = first.max(attempt);
                    todo.push((at, host, round));
                }
                Recalled::ReadAgain => {
                    let step = part.step;
                    self.scoped.runner.world.events.emit(What::StepReread { step });
                    todo.push((at, host, round));
                }
                Recalled::Ended(mut result) => {
                    if !result.replayed {
                        self.forgive(&part, &mut result);
                        self.add_item(&part, &mut result, items);
                    }
                    self.conclude(&part, &result);
                    done.push((at, *result));
                }
            }
        }
        for attempt in first.. {
            if todo.is_empty() || !self.scoped.runner.may_start() {
                break;
            }
            let parts: Vec<Part> = todo
                .iter()
                .map(|&(at, host, round)| {
                    self.part(
                        at,
                        host,
                        items[at].list.as_deref().map(|list| (list, round)),
                        attempt,
                    )
                })
                .collect();
            todo = Vec::new();
            let mut delay = Duration::ZERO;
            for (part, mut result) in self.tries(parts, &doubted).await {
                let again = self.again(&part, &mut result);
                if let Some(again) = again.filter(|_| self.scoped.runner.may_start()) {
                    self.scoped.runner.under_way.ended(&part.step);
                    self.scoped.runner.world.events.emit(again.event(&part));
                    delay = delay.max(again.delay);
                    todo.extend(here.iter().filter(|(at, ..)| *at == part.at));
                } else {
                    self.answer(&part, &mut result).await;
                    self.forgive(&part, &mut result);
                    self.add_item(&part, &mut result, items);
                    self.conclude(&part, &result);
                    done.push((part.at, result));
                }
            }
            if !todo.is_empty() {
                self.wait(self.scoped.runner.world.clock.as_ref(), delay).await;
            }
        }
        done
    }

    fn part(&self, at: usize, host: &str, item: Option<(&[Value], usize)>, attempt: u32) -> Part {
        let mut locals = Vec::new();
        let mut label = None;
        if let (Some((list, round)), Some(r#loop)) = (item, &self.node.task.r#loop) {
            let mut layer = item_layer(r#loop, &list[round], round);
            layer.insert(
                "ansible_loop_var".to_owned(),
                Binding::Value(r#loop.var.as_str().into()),
            );
            if r#loop.extended {
                layer.insert(
                    "ansible_loop".to_owned(),
                    Binding::Value(place_in(list, round, r#loop)),
                );
            }
            locals.push(Arc::new(layer));
            let scope = self.scoped.scope(host, &locals);
            let templates = &self.scoped.runner.world.templates;
            let written = r#loop
                .label
                .as_ref()
                .and_then(|node| templates.render_to_text(node, &scope).ok());
            label = Some(written.unwrap_or_else(|| text(&list[round])));
        }
        let hidden = self.hidden(&self.scoped.scope(host, &locals));
        if hidden && label.is_some() {
            label = Some("withheld because of no_log".to_owned());
        }
        let identity = item.map(|(list, round)| {
            let same_before = list[..round].iter().filter(|item| **item == list[round]).count();
            (&list[round], same_before)
        });
        Part {
            at,
            step: StepRef {
                id: step_id(&self.id, identity, host, attempt),
                task: self.id.clone(),
                host: host.to_owned(),
                delegate: None,
                item: label,
                attempt,
            },
            locals,
            hidden,
            started: self.scoped.runner.world.clock.monotonic(),
        }
    }

    /// `no_log`; what cannot be told is hidden.
    pub(super) fn hidden(&self, scope: &Scope) -> bool {
        let keywords = self.keywords(scope);
        keywords
            .flag(self.node.keywords.no_log.as_ref(), false)
            .unwrap_or(true)
    }

    /// Prepares a step and looks.
    async fn look(&self, part: Part, in_doubt: bool) -> (Part, Looked) {
        self.begin(&part);
        let step = part.step.clone();
        match self.prepare(step, &part.locals, part.hidden, in_doubt).await {
            Err(result) => (part, Err(*result)),
            Ok(ready) => {
                let found = ready.inspect().await;
                let step = ready.step.clone();
                (Part { step, ..part }, Ok((ready, found)))
            }
        }
    }

    /// One try of one item on each host: all look, those that have to act do so together, each is proven. Where nothing is left to
    /// be done, the `doubted` steps have done it.
    async fn tries(&self, parts: Vec<Part>, doubted: &[String]) -> Vec<(Part, StepResult)> {
        let looks = parts.into_iter().map(|part| {
            let in_doubt = doubted.contains(&part.step.id);
            self.look(part, in_doubt)
        });
        let looked = join_all(looks).await;
        let acting: Vec<(&Ready, &Change)> = looked.iter().filter_map(|(_, looked)| to_act(looked)).collect();
        let mut acted = Ready::act(&acting).await.into_iter();
        let mut results = Vec::with_capacity(looked.len());
        for (part, looked) in looked {
            let acts = to_act(&looked).is_some();
            let mut result = match looked {
                Err(result) => result,
                Ok((ready, found)) => {
                    let delegate = ready.step.delegate.clone();
                    let contract = &self.node.task.module.contract;
                    let doubt = self.undone.doubt(contract, &found);
                    let result = match found {
                        _ if doubt.is_some() => doubt.unwrap_or_else(|| StepResult::unknown(NOT_RUN)),
                        Ok(Finding::NoChange(outcome)) if doubted.contains(&part.step.id) => {
                            StepResult::done(done_unseen(outcome, "found done after the run was cut off"))
                        }
                        Ok(Finding::NoChange(outcome)) => StepResult::done(outcome),
                        Ok(Finding::Change(change)) if !acts => {
                            self.scoped.runner.leave_undone(Undone::by(contract));
                            StepResult::would_change(&change.what, change.diff)
                        }
                        Ok(Finding::CannotTell(_)) if !acts => {
                            self.scoped.runner.leave_undone(Undone::by(contract));
                            StepResult::unknown(NOT_RUN)
                        }
                        Ok(Finding::Change(_) | Finding::CannotTell(_)) => match acted.next() {
                            Some(Ok(outcome)) => StepResult::done(outcome),
                            Some(Err(failure)) => StepResult::failed_at(failure, delegate.clone()),
                            None => StepResult::failed(Failure::failed("the module was not asked to act")),
                        },
                        Err(failure) => StepResult::failed_at(failure, delegate.clone()),
                    };
                    StepResult { delegate, ..result }
                }
            };
            self.judge(&part, &mut result);
            results.push((part, result));
        }
        results
    }

    /// Asks the operator what a module wants to know (`pause`): once for all hosts of the task.
    async fn answer(&self, part: &Part, result: &mut StepResult) {
        let Some(Directive::Prompt { text, echo }) = &result.directive else {
            return;
        };
        let echo = *echo;
        let mut answers = self.answers.lock().await;
        let question = (text.clone(), part.step.item.clone());
        let answer = if let Some(answer) = answers.get(&question) {
            answer.clone()
        } else {
            let step = part.step.clone();
            self.scoped.runner.world.events.emit(What::Asking { step });
            let asked = self.scoped.runner.world.operator.ask(text, echo);
            let answer = tokio::select! {
                answer = asked => answer,
                () = stop::wanted(&self.scoped.runner.world.stop, Stop::Drain) => None,
            };
            answers.insert(question, answer.clone());
            answer
        };
        drop(answers);
        match answer {
            Some(line) => {
                // What must not be seen while it is typed must not be seen later.
                if !echo {
                    let secrets = self.scoped.runner.world.events.secrets();
                    secrets.learn(&line, &format!("the answer to \"{}\"", self.name));
                }
                result.known.insert("user_input".to_owned(), line.into());
            }
            None => result.set_failed("nobody answered the question"),
        }
    }

    fn begin(&self, part: &Part) {
        self.scoped.runner.announce_now();
        self.scoped.runner.under_way.looking(&part.step);
        self.scoped.runner.world.events.emit(What::StepStarted {
            step: part.step.clone(),
        });
    }

    /// The task as the last thing that a host did.
    pub(super) fn last_step(&self, host: &str, status: Option<Status>) -> LastStep {
        LastStep {
            play: self.scoped.play.plan.play.name.value.clone(),
            task: self.name.clone(),
            host: host.to_owned(),
            status,
        }
    }

    /// The failure of the task on a host, for the books.
    pub(super) fn failed_step(&self, host: &str, result: &StepResult) -> FailedStep {
        let failure = result.failure.as_ref().map_or_else(
            || FailureRecord::from(&Failure::failed("it failed")),
            FailureRecord::from,
        );
        let hidden = self.hidden(&self.scoped.scope(host, &[]));
        FailedStep {
            play: self.scoped.play.plan.play.name.value.clone(),
            task: self.name.clone(),
            host: host.to_owned(),
            delegate: result.delegate.clone(),
            place: self.node.task.span.place(),
            failure: if hidden { failure.withheld() } else { failure },
            rescued: false,
        }
    }

    /// A fault cut the steps on a host off: they end now.
    pub(super) fn faulted(&self, host: &str, result: &StepResult) {
        for running in self.scoped.runner.under_way.of(&self.id, host) {
            let part = Part {
                at: 0,
                step: running.step,
                locals: Vec::new(),
                hidden: false,
                started: self.scoped.runner.world.clock.monotonic(),
            };
            self.conclude(&part, result);
        }
    }

    /// What a step learned: for its host, or for all of the play where it is done once for them.
    fn learn(&self, part: &Part, result: &StepResult) {
        let host = &part.step.host;
        let variables = &self.scoped.runner.variables;
        let module = self.node.task.module.name;
        let hosts = if self.once {
            &self.scoped.play.plan.hosts[..]
        } else {
            std::slice::from_ref(host)
        };
        for host in hosts {
            match &result.directive {
                Some(Directive::SetVars(vars)) if module == "include_vars" => {
                    vars.iter()
                        .for_each(|(name, value)| variables.include(host, name, value.clone()));
                }
                Some(Directive::SetVars(vars)) => {
                    let all = vars.iter();
                    all.for_each(|(name, value)| variables.set(host, name, Binding::Value(value.clone())));
                }
                _ => {}
            }
            if let (Status::Unknown, "set_fact", Some(why)) = (result.status, module, &result.unknown) {
                let scope = self.scoped.scope(&part.step.host, &part.locals);
                for name in self.node.task.args.keys() {
                    let name = self.scoped.runner.world.templates.render_text(name, &scope);
                    if let Ok(name) = name {
                        variables.set(host, &name, Binding::Unknown(why.clone()));
                    }
                }
            }
        }
        if !result.facts.is_empty() {
            variables.add_facts(host, result.facts.clone(), module == "setup");
        }
    }

    /// The step ended: it is told, and its variables and facts hold from now on.
    fn conclude(&self, part: &Part, result: &StepResult) {
        self.learn(part, result);
        if result.replayed {
            return;
        }
        let took = self
            .scoped
            .runner
            .world
            .clock
            .monotonic()
            .saturating_sub(part.started);
        let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let with_diff = self.scoped.runner.world.options.diff;
        self.scoped.runner.under_way.ended(&part.step);
        let in_doubt = result
            .failure
            .as_ref()
            .is_some_and(|failure| is_in_doubt(failure.kind));
        if in_doubt && !result.ignored {
            self.scoped.runner.witnesses.keep(&part.step.id);
        }
        self.scoped.runner.world.events.emit(What::StepEnded {
            step: part.step.clone(),
            end: Box::new(result.end(part.hidden, with_diff, took_ms)),
        });
    }
}

/// What a look found, or how the step ended before it.
type Looked = Result<(Ready, Result<Finding, Failure>), StepResult>;

/// What of a look calls for action.
fn to_act(looked: &Looked) -> Option<(&Ready, &Change)> {
    match looked {
        Ok((ready, Ok(Finding::Change(change) | Finding::CannotTell(change)))) if !ready.check => {
            Some((ready, change))
        }
        _ => None,
    }
}

/// A value as it is shown on one line.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
