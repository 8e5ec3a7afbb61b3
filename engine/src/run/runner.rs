//! Plays, batches and sections.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use indexmap::IndexSet;
use nebplay_modules::federation_map::Federation;
use nebplay_modules::module::Failure;
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::books::Books;
use super::facts::Gathering;
use super::items::{Context, Dropped};
use super::keywords::Trouble;
use super::outcome::{StepResult, findings_failure};
use super::play::{AllBatches, PlayRun, layer};
use super::reach::{Lines, SteadyPeers};
use super::scoped::Scoped;
use super::stop::{self, Stop, UnderWay};
use super::undone::Undone;
use super::variables::Variables;
use super::witnesses::Witnesses;
use super::world::{Summary, World};
use crate::events::{FailedStep, FailureRecord, RunResult, What};
use crate::plan::{Plan, PlayPlan};
use crate::template::layer_of;

/// A run.
pub(super) struct Runner {
    pub(super) world: World,
    pub(super) federation: Federation,
    pub(super) variables: Arc<Variables>,
    pub(super) books: Books,
    pub(super) under_way: UnderWay,
    pub(super) witnesses: Witnesses,
    pub(super) gathering: Gathering,
    /// Which hosts are out of reach.
    lines: Arc<Lines>,
    /// What was told of the operator's wish to end the run; steps leave only after it, so that they are told to be under way.
    pub(super) told: watch::Receiver<Stop>,
    /// A task said that this is all.
    ended: AtomicBool,
    /// Check mode left something undone: from here on hosts are not what later tasks would find.
    left_undone: Mutex<Undone>,
    /// Plays and tasks that have begun, and of which everything so far was replayed: told when a step is run.
    untold: Mutex<Vec<What>>,
    /// Whether the operator is asked before every task.
    pub(super) asks: AtomicBool,
    /// The operator, asked, wanted it to end.
    pub(super) stopped: AtomicBool,
    /// The way back from the play that is under way, in its author's words.
    way_back: Mutex<Option<String>>,
}

/// Runs a plan to its end. Everything that happens is told in events, the last one being [`What::RunEnded`].
pub async fn run(plan: Plan, world: World) -> Summary {
    let playbook_dir = std::path::absolute(&world.directory).unwrap_or_else(|_| world.directory.clone());
    let options = &world.options;
    let run_tags = match options.tags.only.as_slice() {
        [] => vec!["all".to_owned()],
        only => only.to_vec(),
    };
    let mut common = layer([
        ("ansible_check_mode", options.check.into()),
        ("ansible_diff_mode", options.diff.into()),
        ("ansible_forks", options.forks.into()),
        ("ansible_run_tags", run_tags.into()),
        ("ansible_skip_tags", options.tags.skip.clone().into()),
        ("ansible_verbosity", options.verbosity.into()),
        ("playbook_dir", Value::from(playbook_dir.display().to_string())),
    ]);
    if let Some(limit) = &options.limit {
        common.extend(layer([("ansible_limit", limit.as_str().into())]));
    }
    let (tell, told) = watch::channel(Stop::Run);
    let runner = Arc::new(Runner {
        federation: world.inventory.federation(),
        variables: Variables::new(Arc::clone(&world.inventory), common, world.extra_vars.clone()),
        books: Books::default(),
        under_way: UnderWay::default(),
        witnesses: Witnesses::default(),
        gathering: Gathering::default(),
        lines: Arc::new(Lines::new(&world.events, world.options.reconnect)),
        told,
        ended: AtomicBool::new(false),
        left_undone: Mutex::default(),
        untold: Mutex::default(),
        way_back: Mutex::default(),
        asks: AtomicBool::new(world.options.step),
        stopped: AtomicBool::new(false),
        world,
    });
    let sources: IndexSet<String> = plan.plays.iter().map(|play| play.source.name.clone()).collect();
    runner.world.events.emit(match &runner.world.resumed {
        None => What::RunStarted {
            run: runner.world.run.clone(),
            playbooks: sources.into_iter().collect(),
            check: runner.world.options.check,
        },
        Some(assumed) => What::RunResumed {
            run: runner.world.run.clone(),
            done: runner.world.replay.done(),
            in_doubt: runner.world.replay.in_doubt(),
            assumed: assumed.clone(),
        },
    });
    let herald = tokio::spawn(tell_of_interruption(Arc::clone(&runner), tell));
    for play in plan.plays {
        if !runner.may_start() || runner.ended.load(Ordering::Relaxed) {
            break;
        }
        if !runner.play(&Arc::new(play)).await {
            break;
        }
    }
    herald.abort();
    runner.dismiss_witnesses().await;
    runner.finish()
}

/// Tells that the operator wants the run to end, and what is under way.
async fn tell_of_interruption(runner: Arc<Runner>, tell: watch::Sender<Stop>) {
    for at_least in [Stop::Drain, Stop::Leave] {
        stop::wanted(&runner.world.stop, at_least).await;
        let now = *runner.world.stop.borrow() == Stop::Leave;
        runner.world.events.emit(What::Interrupted {
            now,
            running: runner.under_way.list(),
        });
        tell.send_replace(if now { Stop::Leave } else { Stop::Drain });
        if now {
            return;
        }
    }
}

impl Runner {
    /// The hosts, for one step.
    pub(super) fn peers(&self) -> SteadyPeers {
        SteadyPeers::new(&self.world.hosts, &self.lines)
    }

    /// What check mode has left undone so far.
    pub(super) fn undone(&self) -> Undone {
        *self.left_undone.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Check mode did not do something.
    pub(super) fn leave_undone(&self, what: Undone) {
        let mut undone = self.left_undone.lock().unwrap_or_else(PoisonError::into_inner);
        *undone = what.max(*undone);
    }

    /// Whether new steps may begin: not if the operator wants the run to end, nor if nothing can be written down any more.
    pub(super) fn may_start(&self) -> bool {
        *self.world.stop.borrow() == Stop::Run
            && !self.stopped.load(Ordering::Relaxed)
            && self.world.events.fault().is_none()
    }

    /// Tells that a play or task begins, if only when one of its steps is run: what is replayed was told by an earlier process.
    pub(super) fn announce(&self, what: What) {
        if !self.world.replay.is_under_way() {
            self.announce_now();
            self.world.events.emit(what);
            return;
        }
        let mut untold = self.untold();
        match &what {
            What::PlayStarted { .. } => untold.clear(),
            What::TaskStarted { .. } => untold.retain(|other| !is_of_a_task(other)),
            _ => {}
        }
        untold.push(what);
    }

    /// Tells what has begun and was not told yet.
    pub(super) fn announce_now(&self) {
        let untold = std::mem::take(&mut *self.untold());
        for what in untold {
            self.world.events.emit(what);
        }
    }

    fn untold(&self) -> std::sync::MutexGuard<'_, Vec<What>> {
        self.untold.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From here on a host runs its steps, and replays none.
    pub(super) fn goes_on_by_itself(&self, host: &str) {
        let void = self.world.replay.ends_for(host);
        if !void.is_empty() {
            self.world.events.emit(What::ReplayEnded {
                host: host.to_owned(),
                void,
            });
        }
    }

    /// No further play.
    pub(super) fn end(&self) {
        self.ended.store(true, Ordering::Relaxed);
    }

    /// Tells the operator something.
    pub(super) fn warn(&self, text: String) {
        self.world.events.emit(What::Warning { text });
    }

    /// Runs a play on the hosts that are left. No: nothing further is to be run.
    async fn play(self: &Arc<Self>, plan: &Arc<PlayPlan>) -> bool {
        let left = |hosts: &[String]| -> Vec<String> {
            hosts
                .iter()
                .filter(|host| !self.books.is_out(host))
                .cloned()
                .collect()
        };
        let batches: Vec<Vec<String>> = plan
            .batches
            .iter()
            .map(|batch| left(batch))
            .filter(|batch| !batch.is_empty())
            .collect();
        self.announce(What::PlayStarted {
            play: plan.id.clone(),
            name: plan.play.name.value.clone(),
            hosts: left(&plan.hosts),
            batches: batches.len(),
        });
        let back = plan.play.vars.get("way_back").and_then(|words| words.as_str());
        *self.way_back.lock().unwrap_or_else(PoisonError::into_inner) = back.map(str::to_owned);
        self.books.take_part(&plan.hosts);
        let all = Arc::new(AllBatches::default());
        let count = batches.len();
        for (number, batch) in (1..).zip(batches) {
            if !self.may_start() {
                return false;
            }
            if count > 1 {
                self.announce(What::BatchStarted {
                    play: plan.id.clone(),
                    number,
                    of: count,
                    hosts: batch.clone(),
                });
            }
            let run = PlayRun::new(plan, batch, &all);
            self.batch(&run).await;
            let failed = run.batch.iter().filter(|host| self.books.is_out(host)).count();
            // A batch of which nothing is left ends the run, as in Ansible.
            if failed == run.batch.len() || (plan.play.any_errors_fatal && failed > 0) {
                return false;
            }
            if run.has_ended() {
                break;
            }
        }
        true
    }

    async fn batch(self: &Arc<Self>, run: &Arc<PlayRun>) {
        let prepared = self.prepare(run).await;
        self.drop_hosts(run, prepared);
        for section in &run.plan.sections {
            let hosts = self.taking_part(run);
            if hosts.is_empty() || !self.may_start() {
                break;
            }
            let dropped = self.list(run, &section.nodes, &hosts, &Context::default()).await;
            self.drop_hosts(run, dropped);
            let hosts = self.taking_part(run);
            let dropped = self.flush(run, &hosts).await;
            self.drop_hosts(run, dropped);
        }
        for (handler, hosts) in run.pending() {
            let name = &run.handlers[handler].name;
            self.warn(format!(
                "the handler `{name}` was notified and did not run on {}",
                hosts.join(", ")
            ));
        }
    }

    fn taking_part(&self, run: &PlayRun) -> Vec<String> {
        let takes_part = |host: &&String| !self.books.is_out(host) && !run.has_left(host);
        run.batch.iter().filter(takes_part).cloned().collect()
    }

    fn drop_hosts(&self, run: &PlayRun, dropped: Dropped) {
        for (host, failures) in dropped {
            self.books.dropped(&host, failures, run.is_forgiven(&host));
        }
    }

    /// Reads the play's files of variables, and gathers facts where it asks for that.
    async fn prepare(self: &Arc<Self>, run: &Arc<PlayRun>) -> Dropped {
        let mut dropped = Dropped::new();
        let play = &run.plan.play;
        if play.vars_files.is_empty() && !play.gather_facts {
            return dropped;
        }
        let mut queue = run.batch.iter();
        let mut preparing = JoinSet::new();
        loop {
            while preparing.len() < self.world.options.forks.max(1)
                && let Some(host) = queue.next()
            {
                let (runner, run, host) = (Arc::clone(self), Arc::clone(run), host.clone());
                preparing.spawn(async move {
                    let mut prepared = runner.vars_files(&run, &host).await;
                    if prepared.is_ok() && run.plan.play.gather_facts {
                        prepared = runner.gather(&host, &run.plan.play.name.span).await;
                    }
                    (host, prepared)
                });
            }
            let prepared = tokio::select! {
                biased;
                () = stop::wanted(&self.told, Stop::Leave) => return dropped,
                prepared = preparing.join_next() => prepared,
            };
            let Some(prepared) = prepared else {
                return dropped;
            };
            if let Ok((host, Err(failure))) = prepared {
                let step = FailedStep {
                    play: play.name.value.clone(),
                    task: "preparing the play".to_owned(),
                    host: host.clone(),
                    delegate: None,
                    place: play.name.span.place(),
                    failure: FailureRecord::from(&failure),
                    rescued: false,
                };
                self.warn(format!("{host}: {}", failure.message));
                dropped.insert(host, vec![step]);
            }
        }
    }

    async fn vars_files(self: &Arc<Self>, run: &Arc<PlayRun>, host: &str) -> Result<(), Failure> {
        for node in &run.plan.play.vars_files {
            let scoped = Scoped {
                runner: Arc::clone(self),
                play: Arc::clone(run),
                beneath: Vec::new(),
                middle: Vec::new(),
                inner: Vec::new(),
                directories: [].into(),
                span: node.span.clone(),
            };
            let path = |scope: &crate::template::Scope| -> Result<String, Trouble> {
                Ok(self.world.templates.render_to_text(node, scope)?)
            };
            let rendered = scoped.rendered(host, &[], path).await;
            let (path, _) = rendered.map_err(|result| why(*result))?;
            let vars = self.world.loader.vars(&path, &node.span);
            let vars = vars.map_err(|findings| findings_failure(&findings))?;
            run.add_file(host, layer_of(&vars));
        }
        Ok(())
    }

    /// Closes the books.
    fn finish(&self) -> Summary {
        self.announce_now();
        let fault = self.world.events.fault();
        let result = match &fault {
            Some(_) => self.books.result().max(RunResult::Failed),
            None if self.may_start() => self.books.result(),
            None => RunResult::Interrupted,
        };
        if let Some(why) = fault {
            self.warn(format!(
                "the journal is lost ({why}), so nothing further was started; what was done after its last record is not in it"
            ));
        }
        let failures = self.books.failures();
        self.world.events.emit(What::RunEnded {
            result,
            hosts: self.books.counts(),
            zones: self.books.zones(&self.federation),
            failures: failures.clone(),
        });
        Summary {
            result,
            failures,
            way_back: self
                .way_back
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone(),
        }
    }
}

fn is_of_a_task(what: &What) -> bool {
    matches!(what, What::TaskStarted { .. } | What::WaveStarted { .. })
}

fn why(result: StepResult) -> Failure {
    let unknown = result.unknown;
    result
        .failure
        .unwrap_or_else(|| Failure::failed(unknown.unwrap_or_else(|| "it cannot be rendered".to_owned())))
}
