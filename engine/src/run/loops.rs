//! What a task loops over on a host.

use nebplay_modules::module::Failure;
use serde_json::Value;

use super::outcome::{StepResult, finding_failure};
use super::unit::{Part, Unit};
use crate::diagnostics::Finding;
use crate::events::{What, is_redacted};
use crate::template::{Binding, Scope};
use crate::yaml::Node;

/// What a task on a host goes over.
pub(super) struct Items {
    /// `None`: no loop.
    pub(super) list: Option<Vec<Value>>,
}

impl Items {
    /// How many steps that is.
    pub(super) fn rounds(&self) -> usize {
        self.list.as_ref().map_or(1, Vec::len)
    }
}

impl Unit {
    /// What the task's loop goes over on this host.
    pub(super) async fn items(&self, host: &str) -> Result<Items, Box<StepResult>> {
        let Some(r#loop) = &self.node.task.r#loop else {
            return Ok(Items { list: None });
        };
        let recorded = self.scoped.runner.world.replay.items(&self.id, host);
        if let Some(list) = recorded.filter(|list| !list.iter().any(is_redacted)) {
            return Ok(Items { list: Some(list) });
        }
        let templates = &self.scoped.runner.world.templates;
        let rendered = self
            .scoped
            .rendered(host, &[], |scope| Ok(templates.render_node(&r#loop.over, scope)?))
            .await;
        let list = match rendered {
            Ok((Value::Array(list), _)) => list,
            Ok(_) => {
                let failure = not_a_list(&r#loop.over);
                return Err(Box::new(StepResult::failed(failure)));
            }
            // A condition that does not need the item may say that the list does not matter.
            Err(result) => {
                let conditions = &self.node.keywords.when;
                let no = |scope: &Scope| {
                    let first_false = conditions
                        .iter()
                        .find(|node| templates.condition(node, scope).is_ok_and(|yes| !yes));
                    Ok(first_false.map(super::step::written))
                };
                return match self.scoped.rendered(host, &[], no).await {
                    Ok((Some(condition), _)) => Err(Box::new(StepResult::skipped(&condition))),
                    _ => Err(result),
                };
            }
        };
        if !self.hidden(&self.scoped.scope(host, &[])) {
            self.scoped.runner.world.events.emit(What::LoopResolved {
                task: self.id.clone(),
                host: host.to_owned(),
                items: list.clone(),
            });
        }
        Ok(Items { list: Some(list) })
    }

    /// What a result of a loop says about its item.
    pub(super) fn add_item(&self, part: &Part, result: &mut StepResult, items: &[Items]) {
        let Some(r#loop) = self
            .node
            .task
            .r#loop
            .as_ref()
            .filter(|_| items[part.at].list.is_some())
        else {
            return;
        };
        if let Some(Binding::Value(item)) = part.locals.first().and_then(|layer| layer.get(&r#loop.var)) {
            result.known.insert(r#loop.var.clone(), item.clone());
            result
                .known
                .insert("ansible_loop_var".to_owned(), r#loop.var.as_str().into());
        }
    }
}

/// The failure of a `loop` over something else.
pub(super) fn not_a_list(over: &Node) -> Failure {
    let finding = Finding::at(&over.span, "`loop` needs a list", "this is none");
    finding_failure(&finding.help("a mapping becomes one with `| dict2items`, a single value in brackets"))
}
