//! Handlers: who answers to a notification, and running those that were notified.

use std::sync::Arc;

use nebplay_modules::module::Failure;

use super::items::{Context, Dropped};
use super::play::PlayRun;
use super::runner::Runner;
use crate::diagnostics::suggest;
use crate::events::What;
use crate::plan::Node;
use crate::playbook::Spanned;
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
    /// Who answers to a notification: the handler of that name, the last one if several have it, as in Ansible, and those that listen to
    /// it. A handler's name may be a template, whose variables are those of the task that notifies.
    fn answering(&self, play: &PlayRun, topic: &str, scope: &Scope) -> Vec<usize> {
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
        let mut answering: Vec<usize> = named.into_iter().chain(listening).collect();
        answering.sort_unstable();
        answering.dedup();
        answering
    }

    /// Refuses what would notify a handler that is not there, before anything is done: it would not be run, whatever it is for. Names
    /// that stand in the playbook as they are were looked at when it was loaded.
    pub(super) fn has_handlers(
        &self,
        play: &PlayRun,
        topics: &[Spanned<String>],
        scope: &Scope,
    ) -> Result<(), Failure> {
        for topic in topics {
            // What is made of the task's own result cannot be known yet.
            let Ok(name) = self.world.templates.render_text(&topic.value, scope) else {
                continue;
            };
            if self.answering(play, &name, scope).is_empty() {
                let names: Vec<&str> = play
                    .handlers
                    .iter()
                    .map(|handler| handler.name.as_str())
                    .collect();
                let hint = suggest(&name, names.iter().copied()).unwrap_or_else(|| match names.as_slice() {
                    [] => "the play has no `handlers`".to_owned(),
                    names => format!("handlers are {}", names.join(", ")),
                });
                return Err(Failure::failed(format!(
                    "it would notify `{name}` ({}), and no handler of this play is called so; nothing was done",
                    topic.span.place()
                ))
                .hint(hint));
            }
        }
        Ok(())
    }

    /// Tells the handlers that answer to it.
    pub(super) fn notify(&self, play: &PlayRun, topic: &str, host: &str, by: &str, scope: &Scope) {
        let told = self.answering(play, topic, scope);
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
