//! Lists of tasks, blocks and includes.

use std::pin::Pin;
use std::sync::Arc;

use indexmap::IndexMap;
use nebplay_modules::module::Directive;

use super::play::PlayRun;
use super::runner::Runner;
use crate::events::{FailedStep, What};
use crate::plan::{BlockNode, Node};
use crate::template::Layer;

/// Hosts that failed on the way, with what failed; empty for one that only ends because another failed.
pub(super) type Dropped = IndexMap<String, Vec<FailedStep>>;

/// What a list runs in.
#[derive(Clone, Default)]
pub(super) struct Context {
    /// Variables of includes around it, innermost last.
    pub(super) inner: Vec<Arc<Layer>>,
    /// Whether these are handlers.
    pub(super) handler: bool,
    /// Whether a `rescue` catches failures.
    pub(super) caught: bool,
    /// For what runs more than once: which time. 0 and 1 need no telling apart.
    pub(super) occasion: u32,
    /// How many files were included on the way here.
    pub(super) includes: usize,
}

type Running<'a> = Pin<Box<dyn Future<Output = Dropped> + Send + 'a>>;

impl Runner {
    /// Runs a list on hosts, each item on all of them before the next. A host that fails takes no part in the rest.
    pub(super) fn list<'a>(
        self: &'a Arc<Self>,
        play: &'a Arc<PlayRun>,
        nodes: &'a [Node],
        hosts: &'a [String],
        context: &'a Context,
    ) -> Running<'a> {
        Box::pin(async move {
            let mut dropped = Dropped::new();
            for node in nodes {
                let takes_part = |host: &&String| !dropped.contains_key(*host) && !play.has_left(host);
                let active: Vec<String> = hosts.iter().filter(takes_part).cloned().collect();
                if active.is_empty() || play.has_ended() || !self.may_start() {
                    break;
                }
                let failed = match node {
                    Node::Task(task) if task.chosen => {
                        let end = self.task(play, task, &active, context).await;
                        let mut failed = end.failed;
                        for (host, directive) in end.directives {
                            self.obey(play, &host, directive, &active, &mut failed).await;
                        }
                        failed
                    }
                    Node::Block(block) => self.block(play, block, &active, context).await,
                    Node::Include(include) if include.chosen => {
                        self.include(play, include, &active, context).await
                    }
                    Node::Task(_) | Node::Include(_) => continue,
                };
                if !context.caught {
                    play.failed(failed.keys());
                }
                merge(&mut dropped, failed);
                if play.plan.play.any_errors_fatal && !dropped.is_empty() {
                    for host in &active {
                        dropped.entry(host.clone()).or_default();
                    }
                    break;
                }
            }
            dropped
        })
    }

    /// Does what a module asked of the engine.
    async fn obey(
        self: &Arc<Self>,
        play: &Arc<PlayRun>,
        host: &str,
        directive: Directive,
        active: &[String],
        failed: &mut Dropped,
    ) {
        let left = |hosts: Vec<String>, why: &str| {
            self.world.events.emit(What::Left {
                play: play.plan.id.clone(),
                hosts,
                why: why.to_owned(),
            });
        };
        match directive {
            Directive::FlushHandlers => merge(failed, self.flush(play, active).await),
            Directive::EndHost => {
                play.leave(host);
                left(vec![host.to_owned()], "end_host");
            }
            Directive::EndBatch => {
                let there: Vec<String> = active
                    .iter()
                    .filter(|host| !play.has_left(host))
                    .cloned()
                    .collect();
                for host in &there {
                    play.leave(host);
                }
                if !there.is_empty() {
                    left(there, "end_batch");
                }
            }
            Directive::EndPlay if !play.has_ended() => {
                play.end();
                left(active.to_vec(), "end_play");
            }
            Directive::EndRun => {
                self.end();
                if !play.has_ended() {
                    play.end();
                    left(active.to_vec(), "end of the run");
                }
            }
            Directive::ClearHostErrors => {
                let hosts = &play.plan.hosts;
                play.forgive(hosts.iter().filter(|host| self.books.is_out(host)));
                self.books.clear(hosts);
            }
            // Obeyed where the step ended.
            Directive::EndPlay | Directive::SetVars(_) | Directive::Prompt { .. } => {}
        }
    }

    async fn block(
        self: &Arc<Self>,
        play: &Arc<PlayRun>,
        block: &BlockNode,
        hosts: &[String],
        context: &Context,
    ) -> Dropped {
        let to_go: Vec<String>;
        let hosts = match &block.role {
            Some(run) if !run.again => {
                let has_to = |host: &&String| !play.went_through(&run.role, host);
                to_go = hosts.iter().filter(has_to).cloned().collect();
                to_go.as_slice()
            }
            _ => hosts,
        };
        let body = Context {
            caught: context.caught || !block.rescue.is_empty(),
            ..context.clone()
        };
        let mut dropped = self.list(play, &block.body, hosts, &body).await;
        if !block.rescue.is_empty() && !dropped.is_empty() && self.may_start() {
            dropped = self.rescue(play, block, hosts, dropped, context).await;
        }
        // What must run in any case runs on hosts that failed, too, and on those that cannot be reached it is tried.
        merge(&mut dropped, self.list(play, &block.always, hosts, context).await);
        if let Some(run) = &block.role {
            let through = hosts.iter().filter(|host| !dropped.contains_key(*host));
            play.role_ended(&run.role, through);
        }
        dropped
    }

    /// Runs `rescue` on the hosts that failed; returns those that failed again, or that could not finish.
    async fn rescue(
        self: &Arc<Self>,
        play: &Arc<PlayRun>,
        block: &BlockNode,
        hosts: &[String],
        mut failed: Dropped,
        context: &Context,
    ) -> Dropped {
        // In the play's order, not in that in which they failed.
        let hosts: Vec<String> = hosts
            .iter()
            .filter(|host| failed.contains_key(*host))
            .cloned()
            .collect();
        for (host, failures) in &mut failed {
            for failure in failures.iter_mut().filter(|failure| !failure.rescued) {
                self.books.rescued(host);
                failure.rescued = true;
            }
            let last = failures.last();
            if !self.world.replay.has_rescued(&block.id, host) {
                self.world.events.emit(What::Rescuing {
                    block: block.id.clone(),
                    host: host.clone(),
                    failed: last
                        .map_or_else(|| "a task on another host".to_owned(), |last| last.task.clone()),
                });
            }
        }
        let again = self.list(play, &block.rescue, &hosts, context).await;
        if !self.may_start() {
            merge(&mut failed, again);
            return failed;
        }
        // One whose rescue failed, too, is told with what failed first.
        failed.retain(|host, _| again.contains_key(host));
        merge(&mut failed, again);
        failed
    }
}

/// Adds failures to failures.
pub(super) fn merge(all: &mut Dropped, more: Dropped) {
    for (host, failures) in more {
        all.entry(host).or_default().extend(failures);
    }
}
