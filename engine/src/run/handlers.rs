//! Handlers: who answers to a notification, and running those that were notified.

use std::sync::Arc;

use super::items::{Context, Dropped};
use super::play::PlayRun;
use super::runner::Runner;
use crate::events::What;
use crate::plan::Node;
use crate::template::Scope;

/// A handler and the names it answers to.
pub(super) struct Handler {
    pub(super) id: String,
    pub(super) name: String,
    /// The name that it has within its role.
    short: String,
    topics: Vec<String>,
    node: Node,
}

/// The handlers of a play, in the order in which they run; those in a block each for itself.
pub(super) fn handlers(nodes: &[Node]) -> Vec<Handler> {
    let mut all = Vec::new();
    for node in nodes {
        match node {
            Node::Task(task) => all.push(Handler {
                id: task.id.clone(),
                name: task.task.name.value.clone(),
                short: task.keywords.own_name(&task.task.name.value).to_owned(),
                topics: task.task.listen.iter().map(|topic| topic.value.clone()).collect(),
                node: node.clone(),
            }),
            Node::Include(include) => all.push(Handler {
                id: include.id.clone(),
                name: include.name.clone(),
                short: include.name.clone(),
                topics: Vec::new(),
                node: node.clone(),
            }),
            Node::Block(block) => all.extend(handlers(&block.body)),
        }
    }
    all
}

impl Runner {
    /// Tells the handlers of that name, or that listen to it. Of several with the same name the last one answers, as in Ansible.
    /// A name may be a template, whose variables are those of the task that notifies.
    pub(super) fn notify(&self, play: &PlayRun, topic: &str, host: &str, by: &str, scope: &Scope) {
        let is_called = |handler: &Handler| {
            let is = |name: &str| {
                let rendered = self.world.templates.render_text(name, scope);
                name == topic || rendered.is_ok_and(|name| name == topic)
            };
            is(&handler.name) || handler.short != handler.name && is(&handler.short)
        };
        let named = play.handlers.iter().rposition(is_called);
        // Of a role that was brought in more than once, too.
        let listens = |handler: &Handler| handler.topics.iter().any(|name| name == topic);
        let is_last = |at: usize| {
            let mut later = play.handlers[at + 1..].iter();
            !later.any(|other| other.name == play.handlers[at].name && listens(other))
        };
        let listening = (0..play.handlers.len()).filter(|&at| listens(&play.handlers[at]) && is_last(at));
        let mut told: Vec<usize> = named.into_iter().chain(listening).collect();
        told.sort_unstable();
        told.dedup();
        if told.is_empty() {
            self.warn(format!("{by} notifies `{topic}`, and there is no such handler"));
        }
        for at in told {
            if play.notify(at, host) {
                let handler = &play.handlers[at];
                self.world.events.emit(What::HandlerNotified {
                    handler: handler.id.clone(),
                    name: handler.name.clone(),
                    host: host.to_owned(),
                    by: by.to_owned(),
                });
            }
        }
    }

    /// Runs what was notified on these hosts, in the order of the handlers; also what handlers notify in turn.
    pub(super) async fn flush(self: &Arc<Self>, play: &Arc<PlayRun>, hosts: &[String]) -> Dropped {
        let mut dropped = Dropped::new();
        // A handler that keeps notifying an earlier one would never end.
        for _ in 0..=play.handlers.len() {
            let mut ran = false;
            for (at, handler) in play.handlers.iter().enumerate() {
                let active: Vec<String> = hosts
                    .iter()
                    .filter(|host| !dropped.contains_key(*host))
                    .cloned()
                    .collect();
                let notified = play.take_notified(at, &active);
                if notified.is_empty() || !self.may_start() {
                    continue;
                }
                ran = true;
                let context = Context {
                    handler: true,
                    occasion: play.next_flush(),
                    ..Context::default()
                };
                let node = std::slice::from_ref(&handler.node);
                for (host, failures) in self.list(play, node, &notified, &context).await {
                    dropped.entry(host).or_default().extend(failures);
                }
            }
            if !ran {
                return dropped;
            }
        }
        self.warn("handlers keep notifying each other; the last notifications were not followed".to_owned());
        dropped
    }
}
