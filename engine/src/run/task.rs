//! One task over its hosts.

use std::collections::HashMap;
use std::sync::Arc;

use nebplay_modules::module::{Directive, Failure};
use nebplay_modules::registry::Acts;
use tokio::task::{Id, JoinError, JoinSet};

use super::items::{Context, Dropped};
use super::outcome::StepResult;
use super::play::PlayRun;
use super::runner::Runner;
use super::scoped::Scoped;
use super::stop::{self, Stop};
use super::unit::{Unit, text};
use crate::events::{Status, What};
use crate::plan::{TaskNode, pace};
use crate::yaml;

/// What came of a task.
#[derive(Default)]
pub(super) struct TaskEnd {
    /// Hosts that failed.
    pub(super) failed: Dropped,
    /// What modules ask of the engine, and on behalf of which host.
    pub(super) directives: Vec<(String, Directive)>,
}

type HostResult = (String, Option<StepResult>);

impl Runner {
    /// Runs a task on hosts, as many at once as its contract allows.
    pub(super) async fn task(
        self: &Arc<Self>,
        play: &Arc<PlayRun>,
        node: &Arc<TaskNode>,
        hosts: &[String],
        context: &Context,
    ) -> TaskEnd {
        let id = match context.occasion {
            0 | 1 => node.id.clone(),
            occasion => format!("{}~{occasion}", node.id),
        };
        let scoped = Scoped::of(self, play, &node.keywords, context, &node.task.span);
        let Some(first) = hosts.first() else {
            return TaskEnd::default();
        };
        let scope = scoped.scope(first, &[]);
        let mut unit = Unit {
            scoped,
            name: self.task_name(node, &scope),
            node: Arc::clone(node),
            id,
            caught: context.caught,
            once: false,
            answers: tokio::sync::Mutex::default(),
            undone: self.undone(),
        };
        // Whoever cannot be told whether a task runs once must not run it many times.
        let once = unit
            .keywords(&scope)
            .flag(node.keywords.run_once.as_ref(), false)
            .unwrap_or(true);
        unit.once = once;
        let unit = Arc::new(unit);
        if once && let Some(result) = play.ran_once(&unit.id) {
            return self.share(&unit, hosts, &result);
        }
        if self
            .world
            .replay
            .reaches(&[&unit.id, &unit.name, &node.task.name.value])
        {
            // The operator wants all of it run from here on, whatever is known of it.
            let known = self.world.replay.hosts();
            known.iter().for_each(|host| self.goes_on_by_itself(host));
        }
        if !self.wants(&unit, hosts).await {
            return TaskEnd::default();
        }
        let before = if once {
            self.world.replay.host_of(&unit.id, hosts)
        } else {
            None
        };
        let only = [before.unwrap_or_else(|| first.clone())];
        let pace = pace(
            node.task.module,
            node.keywords.parallel,
            node.keywords.delegate_to.is_some(),
            self.world.options.forks,
            if once { &only } else { hosts },
            &self.federation,
        );
        self.announce(What::TaskStarted {
            task: unit.id.clone(),
            name: unit.name.clone(),
            module: node.task.module.name.to_owned(),
            hosts: pace.hosts().cloned().collect(),
            pace: if once {
                "once for all".to_owned()
            } else {
                pace.why.clone()
            },
            handler: context.handler,
        });
        let mut end = TaskEnd::default();
        for (number, wave) in (1..).zip(&pace.waves) {
            if pace.waves.len() > 1 {
                self.announce(What::WaveStarted {
                    task: unit.id.clone(),
                    number,
                    of: pace.waves.len(),
                    hosts: wave.clone(),
                });
            }
            self.wave(&unit, wave, pace.at_once, once.then_some(hosts), &mut end)
                .await;
            if !self.may_start() || (play.plan.play.any_errors_fatal && !end.failed.is_empty()) {
                break;
            }
        }
        end
    }

    fn task_name(&self, node: &TaskNode, scope: &crate::template::Scope) -> String {
        let name = &node.task.name;
        let as_node = yaml::Node {
            span: name.span.clone(),
            tag: None,
            value: yaml::Value::Scalar {
                text: name.value.clone(),
                style: yaml::Style::Text,
            },
        };
        let rendered = self.world.templates.render_node(&as_node, scope);
        rendered.map_or_else(|_| name.value.clone(), |value| text(&value))
    }

    /// Works on the hosts of a wave, at most so many at any time, each in a task of its own so that a fault in a module is a
    /// failure of its host alone.
    async fn wave(
        self: &Arc<Self>,
        unit: &Arc<Unit>,
        hosts: &[String],
        at_once: usize,
        shared_with: Option<&[String]>,
        end: &mut TaskEnd,
    ) {
        let together = unit.node.task.module.acts == Acts::OnAllTogether && at_once > 1;
        let size = if together { hosts.len().max(1) } else { 1 };
        let mut queue = hosts.chunks(size);
        let mut running: JoinSet<Vec<HostResult>> = JoinSet::new();
        let mut who: HashMap<Id, Vec<String>> = HashMap::new();
        let fatal = unit.scoped.play.plan.play.any_errors_fatal;
        loop {
            while running.len() < at_once && self.may_start() && (!fatal || end.failed.is_empty()) {
                let Some(group) = queue.next() else {
                    break;
                };
                let (mine, group) = (Arc::clone(unit), group.to_vec());
                let theirs = group.clone();
                let handle = running.spawn(async move {
                    let results = mine.on(&theirs).await;
                    theirs.into_iter().zip(results).collect()
                });
                who.insert(handle.id(), group);
            }
            let ended = tokio::select! {
                biased;
                () = stop::wanted(&self.told, Stop::Leave) => {
                    running.abort_all();
                    return;
                }
                ended = running.join_next_with_id() => ended,
            };
            let results = match ended {
                None => return,
                Some(Ok((_, results))) => results,
                Some(Err(fault)) => {
                    let group = who.remove(&fault.id()).unwrap_or_default();
                    let result = StepResult::failed(failure_of(unit.node.task.module.name, fault));
                    let all = group.into_iter().map(|host| (host, Some(result.clone())));
                    all.inspect(|(host, _)| unit.faulted(host, &result)).collect()
                }
            };
            for (host, result) in results {
                let Some(result) = result else {
                    continue;
                };
                self.account(unit, &host, &result);
                if let Some(hosts) = shared_with {
                    unit.scoped.play.did_once(&unit.id, result.clone());
                    let shared = self.share(unit, hosts, &result);
                    end.failed.extend(shared.failed);
                } else if result.stops_host() {
                    let failure = unit.failed_step(&host, &result);
                    end.failed.insert(host.clone(), vec![failure]);
                }
                end.directives
                    .extend(result.directive.map(|directive| (host, directive)));
            }
        }
    }

    /// The result of a task that runs once holds for every host of the play.
    fn share(&self, unit: &Unit, hosts: &[String], result: &StepResult) -> TaskEnd {
        if let Some(register) = &unit.node.task.register {
            for host in &unit.scoped.play.plan.hosts {
                self.variables.set(host, &register.value, result.binding());
            }
        }
        let mut end = TaskEnd::default();
        if result.stops_host() {
            for host in hosts {
                self.variables
                    .set_failed(host, unit.node.keywords.own_name(&unit.name), result.binding());
            }
            let mut failures = hosts.iter().take(1).map(|host| unit.failed_step(host, result));
            // One failure, that ends all of them.
            end.failed = hosts
                .iter()
                .map(|host| (host.clone(), failures.next().into_iter().collect()))
                .collect();
        }
        end
    }

    /// The task ended on a host.
    fn account(&self, unit: &Unit, host: &str, result: &StepResult) {
        let task = &unit.node.task;
        if let Some(role) = &unit.node.keywords.role
            && result.status != Status::Skipped
        {
            unit.scoped.play.ran_in(role, host);
        }
        if let Some(register) = &task.register {
            self.variables.set(host, &register.value, result.binding());
        }
        // What steers the run is no task of a host's.
        if task.module.name != "meta" || result.stops_host() {
            let last = unit.last_step(host, Some(result.status));
            self.books.ended(last, result);
        }
        if result.stops_host() {
            self.variables
                .set_failed(host, unit.node.keywords.own_name(&unit.name), result.binding());
        }
        // The end is told last: once it is, the journal has all that follows from it.
        let replay = &self.world.replay;
        if result.replayed && replay.has_ended(&unit.id, host) {
            let handlers = replay.notified(&unit.id, host);
            unit.scoped.play.notify_again(&handlers, host);
            return;
        }
        if result.notifies() {
            for topic in &unit.node.keywords.notify {
                let scope = unit.scoped.scope(host, &[]);
                let topic = self.world.templates.render_text(&topic.value, &scope);
                match topic {
                    Ok(topic) => self.notify(&unit.scoped.play, &topic, host, &unit.id, &scope),
                    Err(error) => self.warn(format!(
                        "{}: a notification cannot be rendered: {error}",
                        unit.name
                    )),
                }
            }
        }
        self.world.events.emit(What::HostEnded {
            task: unit.id.clone(),
            host: host.to_owned(),
            status: result.status,
            ignored: result.ignored,
            register: task.register.as_ref().map(|register| register.value.clone()),
        });
    }
}

/// A fault in a module, as the failure of its host.
fn failure_of(module: &str, fault: JoinError) -> Failure {
    let said = match fault.try_into_panic() {
        Ok(panic) => {
            let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
            text.or_else(|| panic.downcast_ref::<String>().cloned())
                .unwrap_or_default()
        }
        Err(cancelled) => cancelled.to_string(),
    };
    Failure::failed(format!("a fault in the module {module} itself: {said}"))
        .state("what it had done by then is not known")
        .hint("report this, with the playbook's task and this message")
}
