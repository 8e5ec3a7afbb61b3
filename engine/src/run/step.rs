//! One step: look, act, prove.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use nebplay_modules::contract::{Privilege, Recovery};
use nebplay_modules::host::{Host, RunAs};
use nebplay_modules::module::{Change, Cx, Failure, FailureKind, Finding, Outcome, Peers as _};
use nebplay_modules::registry::Task as Action;
use serde_json::{Map, Value, json};

use super::controller::Files;
use super::cut_off;
use super::halt::{Halt, Moment};
use super::keywords::{Keywords, Trouble};
use super::nowhere::Nowhere;
use super::outcome::{StepResult, finding_failure};
use super::progress::StepProgress;
use super::reach::SteadyPeers;
use super::runner::Runner;
use super::unit::Unit;
use crate::diagnostics;
use crate::events::{LastStep, Seen, StepRef, What};
use crate::template::{Layer, Scope, TemplateError, TemplateErrorKind};
use crate::yaml;

/// Modules watch their own `timeout`; the engine steps in this much later.
const GRACE: Duration = Duration::from_secs(2);

/// A job of the task's own is ended by its host, which takes this long where nothing but KILL helps; its record then tells.
const GRACE_OF_JOB: Duration = Duration::from_secs(20);

/// Why a host is not believed to be done.
const SILENT: &str = "the module said nothing about this host";

/// What the templates of a task came to on a host.
enum Inputs {
    /// This condition says no.
    Skip(String),
    Go(Box<Rendered>),
}

struct Rendered {
    args: Map<String, Value>,
    delegate: Option<String>,
    run_as: RunAs,
    environment: BTreeMap<String, String>,
    timeout: Option<Duration>,
    check: bool,
}

/// A step that is ready to look.
pub(super) struct Ready {
    runner: Arc<Runner>,
    pub(super) step: StepRef,
    action: Box<dyn Action>,
    args: Map<String, Value>,
    pub(super) host: Arc<dyn Host>,
    pub(super) peers: SteadyPeers,
    files: Files,
    progress: StepProgress,
    run_as: RunAs,
    environment: BTreeMap<String, String>,
    timeout: Option<Duration>,
    /// A job's record is all that tells whether it acted.
    has_witness: bool,
    halt_at_look: Option<Moment>,
    halt_at_act: Option<Moment>,
    pub(super) recovery: Recovery,
    /// Whether it was cut off before while it acted.
    pub(super) in_doubt: AtomicBool,
    /// This step, cut off.
    cut_off: LastStep,
    /// Only look.
    pub(super) check: bool,
}

impl Unit {
    /// Renders everything and connects. An error is how the step ended already.
    pub(super) async fn prepare(
        &self,
        mut step: StepRef,
        locals: &[Arc<Layer>],
        hidden: bool,
        in_doubt: bool,
    ) -> Result<Ready, Box<StepResult>> {
        let (inputs, scope) = self
            .scoped
            .rendered(&step.host, locals, |scope| self.inputs(scope))
            .await?;
        let inputs = match inputs {
            Inputs::Skip(condition) => return Err(Box::new(StepResult::skipped(&condition))),
            Inputs::Go(inputs) => *inputs,
        };
        let failed = |failure| Box::new(StepResult::failed(failure));
        let notify = &self.node.keywords.notify;
        let answered = self.scoped.runner.has_handlers(&self.scoped.play, notify, &scope);
        answered.map_err(failed)?;
        let secrets = self.scoped.runner.world.events.secrets();
        for (name, value) in &inputs.args {
            secrets.learn_passwords(name, value);
        }
        for (name, value) in &inputs.environment {
            secrets.learn_passwords(name, &Value::from(value.as_str()));
        }
        let action = self.action(inputs.args.clone()).map_err(failed)?;
        step.delegate = inputs.delegate.filter(|other| *other != step.host);
        let world = &self.scoped.runner.world;
        let peers = self.scoped.runner.peers();
        let host: Arc<dyn Host> = if self.node.task.module.contract.privilege == Privilege::None {
            Arc::new(Nowhere::new(&step.host, Arc::clone(&world.clock)))
        } else {
            let place = step.delegate.as_ref().unwrap_or(&step.host);
            let connected = peers.peer(place).await;
            connected.map_err(|error| Box::new(StepResult::failed_at(error.into(), step.delegate.clone())))?
        };
        let recovery = action.recovery();
        let has_witness = self.has_witness(recovery);
        if has_witness && !inputs.check {
            let place = step.delegate.as_ref().unwrap_or(&step.host);
            let runner = &self.scoped.runner;
            runner.note_witness(&step.id, self.node.task.module.name, place);
        }
        let files = Files {
            directories: Arc::clone(&self.scoped.directories),
            task: self.node.task.span.clone(),
            scope,
            templates: world.templates.clone(),
            loader: Arc::clone(&world.loader),
            events: Arc::clone(&world.events),
        };
        Ok(Ready {
            progress: StepProgress::new(&world.events, &world.clock, &step, hidden),
            runner: Arc::clone(&self.scoped.runner),
            action,
            args: inputs.args,
            host,
            peers,
            files,
            run_as: inputs.run_as,
            environment: inputs.environment,
            timeout: inputs.timeout,
            halt_at_look: Halt::at_look(world.options.halt.as_ref(), self.node.task.module.name),
            halt_at_act: Halt::at_act(world.options.halt.as_ref(), self.node.task.module.name),
            has_witness,
            recovery,
            in_doubt: AtomicBool::new(in_doubt),
            cut_off: self.last_step(&step.host, None),
            check: inputs.check,
            step,
        })
    }

    fn inputs(&self, scope: &Scope) -> Result<Inputs, Trouble> {
        let (world, node) = (&self.scoped.runner.world, &self.node);
        for condition in &node.keywords.when {
            if !world.templates.condition(condition, scope)? {
                return Ok(Inputs::Skip(written(condition)));
            }
        }
        let keywords = self.keywords(scope);
        Ok(Inputs::Go(Box::new(Rendered {
            args: self.arguments(scope)?,
            delegate: keywords.delegate()?,
            run_as: keywords.run_as(&world.options)?,
            environment: keywords.environment()?,
            timeout: keywords.seconds(node.keywords.timeout.as_ref())?,
            check: keywords.flag(node.keywords.check_mode.as_ref(), world.options.check)?,
        })))
    }

    pub(super) fn keywords<'a>(&'a self, scope: &'a Scope) -> Keywords<'a> {
        Keywords {
            written: &self.node.keywords,
            templates: &self.scoped.runner.world.templates,
            scope,
        }
    }

    /// Renders arguments. Those that are expressions are evaluated: `that` becomes a list of `{expr, ok}` that ends with the
    /// first that does not hold, any other becomes `{name, value}`.
    pub(super) fn arguments(&self, scope: &Scope) -> Result<Map<String, Value>, TemplateError> {
        let task = &self.node.task;
        let templates = &self.scoped.runner.world.templates;
        let expressions = task.module.contract.expressions;
        let is_expression = |name: &str| expressions.contains(&name);
        let plain = task.args.iter().filter(|(name, _)| !is_expression(name));
        let plain = plain.map(|(name, node)| (name.clone(), node.clone())).collect();
        let mut args = templates.render_args(&plain, scope)?;
        for (name, node) in task.args.iter().filter(|(name, _)| is_expression(name)) {
            let value = if name == "that" {
                self.conditions(node, scope)?
            } else {
                let value = match templates.evaluate(node, scope) {
                    Err(error) if matches!(error.kind, TemplateErrorKind::Undefined { .. }) => {
                        Value::from("VARIABLE IS NOT DEFINED!")
                    }
                    value => value?,
                };
                json!({ "name": written(node), "value": value })
            };
            args.insert(name.clone(), value);
        }
        Ok(args)
    }

    fn conditions(&self, node: &yaml::Node, scope: &Scope) -> Result<Value, TemplateError> {
        let all = match &node.value {
            yaml::Value::Sequence(all) => all.as_slice(),
            _ => std::slice::from_ref(node),
        };
        let mut evaluated = Vec::new();
        for condition in all {
            let ok = self.scoped.runner.world.templates.condition(condition, scope)?;
            evaluated.push(json!({ "expr": written(condition), "ok": ok }));
            if !ok {
                break;
            }
        }
        Ok(Value::from(evaluated))
    }

    pub(super) fn action(&self, args: Map<String, Value>) -> Result<Box<dyn Action>, Failure> {
        let task = &self.node.task;
        task.module.task(Value::Object(args)).map_err(|error| {
            let blamed = error.argument.as_ref().and_then(|name| task.args.get(name));
            let span = blamed.map_or(&task.module_span, |node| &node.span);
            let finding = diagnostics::Finding::at(span, format!("{}: {error}", task.module.name), "");
            finding_failure(&match error.suggestion {
                Some(suggestion) => finding.help(suggestion),
                None => finding,
            })
        })
    }
}

/// A node as its author wrote it, on one line.
pub(super) fn written(node: &yaml::Node) -> String {
    match &node.value {
        yaml::Value::Scalar { text, .. } => text.trim().to_owned(),
        _ => node.span.text().split_whitespace().collect::<Vec<_>>().join(" "),
    }
}

impl Ready {
    pub(super) fn cx(&self) -> Cx<'_> {
        let world = &self.runner.world;
        Cx {
            host: self.host.as_ref(),
            federation: &self.runner.federation,
            peers: &self.peers,
            controller: &self.files,
            progress: &self.progress,
            secrets: world.events.secrets().as_ref(),
            step: &self.step.id,
            run: &world.run,
            in_doubt: self.in_doubt.load(Ordering::Relaxed),
            run_as: self.run_as.clone(),
            environment: &self.environment,
            timeout: self.timeout,
        }
    }

    fn emit(&self, what: What) {
        self.runner.world.events.emit(what);
    }

    /// Waits for something on the host, no longer than the task's timeout.
    async fn within<T>(&self, doing: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        let Some(limit) = self.timeout else {
            return doing.await;
        };
        let grace = if self.has_witness { GRACE_OF_JOB } else { GRACE };
        tokio::select! {
            biased;
            done = doing => done,
            () = self.host.clock().sleep(limit + grace) => Err(Failure::new(
                FailureKind::TimedOut,
                format!("{} did not finish within the task's timeout of {limit:?}", self.place()),
            )),
        }
    }

    fn place(&self) -> &str {
        self.step.delegate.as_ref().unwrap_or(&self.step.host)
    }

    /// Looks, and changes nothing.
    pub(super) async fn inspect(&self) -> Result<Finding, Failure> {
        let mut finding = Err(Failure::failed("it was not looked"));
        for _ in 0..=cut_off::MOST {
            self.peers.look_anew();
            let cx = self.cx();
            let looking = Moment::within(self.halt_at_look, self.action.inspect(&cx));
            finding = self.within(looking).await;
            if finding.is_ok() || !self.peers.broke().await {
                break;
            }
        }
        if let Ok(finding) = &finding {
            let (seen, to_do) = match finding {
                Finding::NoChange(_) => (Seen::NoChange, Vec::new()),
                Finding::Change(change) => (Seen::Change, change.what.clone()),
                Finding::CannotTell(change) => (Seen::CannotTell, change.what.clone()),
            };
            self.emit(What::StepInspected {
                step: self.step.clone(),
                seen,
                to_do: if self.progress.hidden() { Vec::new() } else { to_do },
            });
        }
        finding
    }

    /// Acts on all of these at once, which are steps of one task, and proves each. Where templates made the arguments differ
    /// between hosts, those with the same ones act together, one such group after the other.
    pub(super) async fn act(steps: &[(&Self, &Change)]) -> Vec<Result<Outcome, Failure>> {
        let mut results: Vec<Option<Result<Outcome, Failure>>> = steps.iter().map(|_| None).collect();
        for first in 0..steps.len() {
            if results[first].is_some() {
                continue;
            }
            let same = (first..steps.len()).filter(|&at| steps[at].0.args == steps[first].0.args);
            let same: Vec<usize> = same.collect();
            let group: Vec<_> = same.iter().map(|&at| steps[at]).collect();
            for (at, result) in same.into_iter().zip(Self::act_alike(&group).await) {
                results[at] = Some(result);
            }
        }
        results.into_iter().flatten().collect()
    }

    async fn act_alike(group: &[(&Self, &Change)]) -> Vec<Result<Outcome, Failure>> {
        let Some((first, _)) = group.first() else {
            return Vec::new();
        };
        if let Err(failure) = Self::write_down(group).await {
            return vec![Err(failure); group.len()];
        }
        for (ready, _) in group {
            ready.peers.act();
        }
        let contexts: Vec<Cx<'_>> = group.iter().map(|(ready, _)| ready.cx()).collect();
        let targets: Vec<_> = contexts
            .iter()
            .zip(group)
            .map(|(cx, (_, change))| (cx, *change))
            .collect();
        let acting = Moment::within(first.halt_at_act, first.action.apply(&targets));
        let applied = match first.within(async { Ok(acting.await) }).await {
            Ok(applied) => applied,
            Err(timed_out) => vec![Err(timed_out); group.len()],
        };
        for (ready, _) in group {
            ready.has_acted();
        }
        // What a connection cut off may be another's work: a source that breaks off breaks off for all.
        let cut_off = group.iter().any(|(ready, _)| ready.peers.was_cut_off());
        // A module that answers for fewer hosts than it was given is a fault, and none of the others is believed.
        let missing = || Err(Failure::not_verified(SILENT));
        let applied = applied.into_iter().chain(std::iter::repeat_with(missing));
        let proofs = group.iter().zip(&targets).zip(applied);
        join_all(proofs.map(|(((ready, change), (cx, _)), applied)| async move {
            let (change, applied) = ready.settled(change, applied, cut_off).await;
            let result = match applied {
                Ok(outcome) => ready.prove(cx, &change, outcome).await,
                Err(failure) => Err(in_doubt(ready.progress.explain(failure), &change)),
            };
            ready.progress.finish();
            result
        }))
        .await
    }

    /// Acts on one host, after its look.
    pub(super) async fn act_alone(&self, cx: &Cx<'_>, change: &Change) -> Result<Outcome, Failure> {
        self.peers.act();
        let acting = async { self.action.apply(&[(cx, change)]).await.pop() };
        let applied = self.within(async { Ok(acting.await) }).await;
        self.has_acted();
        applied?.unwrap_or_else(|| Err(Failure::not_verified(SILENT)))
    }

    /// Writes down that these steps act, and waits until that would survive a power cut: from then on they are in doubt.
    pub(super) async fn write_down(group: &[(&Self, &Change)]) -> Result<(), Failure> {
        for (ready, change) in group {
            let recovery = ready.recovery;
            ready.runner.books.acts(ready.cut_off.clone());
            ready.runner.under_way.acting(&ready.step, recovery);
            ready.emit(What::StepApplying {
                step: ready.step.clone(),
                to_do: if ready.progress.hidden() {
                    Vec::new()
                } else {
                    change.what.clone()
                },
            });
        }
        let Some((first, _)) = group.first() else {
            return Ok(());
        };
        let events = &first.runner.world.events;
        events.settled().await.map_err(|why| {
            Failure::failed(format!("nothing can be written into the journal: {why}"))
                .state("nothing was done by this step")
                .hint("mend that, then resume the run")
        })?;
        // Another controller must not run it unasked because its copy of the journal ends before it.
        if first.recovery == Recovery::Ask || first.has_witness {
            events.settled_elsewhere().await;
        }
        Ok(())
    }

    /// From now on it looks at what came of it.
    fn has_acted(&self) {
        self.peers.look();
        self.emit(What::StepProving {
            step: self.step.clone(),
        });
    }

    async fn prove(&self, cx: &Cx<'_>, change: &Change, mut outcome: Outcome) -> Result<Outcome, Failure> {
        let mut proof = Ok(());
        for _ in 0..=cut_off::MOST {
            self.peers.look_anew();
            proof = self.within(self.action.verify(cx, change, &mut outcome)).await;
            if proof.is_ok() || !self.peers.broke().await {
                break;
            }
        }
        match proof {
            Ok(()) => {
                outcome.diff = outcome.diff.or_else(|| change.diff.clone());
                Ok(outcome)
            }
            Err(failure) => Err(match failure.state {
                Some(_) => failure,
                None => failure.state("it acted, and its effect is not proven"),
            }),
        }
    }
}

/// A step that was cut off while it acted may or may not have taken effect.
fn in_doubt(failure: Failure, change: &Change) -> Failure {
    let cut_off = matches!(failure.kind, FailureKind::TimedOut | FailureKind::Unreachable);
    if cut_off && failure.state.is_none() {
        let what = change.what.join("; ");
        failure.state(format!(
            "it was cut off while it acted ({what}): whether that took effect is not known"
        ))
    } else {
        failure
    }
}
