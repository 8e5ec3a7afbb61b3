//! What a task loops over on a host.

use nebplay_modules::module::Failure;
use serde_json::{Value, json};

use super::outcome::{StepResult, finding_failure};
use super::scoped::{Scoped, absolute};
use super::unit::{Part, Unit};
use crate::diagnostics::Finding;
use crate::events::{What, is_redacted};
use crate::playbook::{Loop, With};
use crate::template::{Binding, Layer, Scope};
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
        let list = match self.scoped.looped(host, r#loop).await {
            Ok(list) => list,
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

impl Scoped {
    /// The list that a loop goes over on a host.
    pub(super) async fn looped(&self, host: &str, r#loop: &Loop) -> Result<Vec<Value>, Box<StepResult>> {
        let templates = &self.runner.world.templates;
        let rendered = self
            .rendered(host, &[], |scope| Ok(templates.render_node(&r#loop.over, scope)?))
            .await?
            .0;
        let list = match (r#loop.with, rendered) {
            (None, Value::Array(list)) => Ok(list),
            (None, _) => Err(not_a_list(&r#loop.over)),
            (Some(with), given) => self.made(with, given).map_err(|why| {
                let message = format!("no list can be made of this: {why}");
                finding_failure(&Finding::at(&r#loop.over.span, message, "this is given"))
            }),
        };
        list.map_err(|failure| Box::new(StepResult::failed(failure)))
    }

    /// The list that `with_…` makes of what it is given; one thing is a list of one.
    fn made(&self, with: With, given: Value) -> Result<Vec<Value>, String> {
        let terms = match given {
            Value::Array(terms) => terms,
            one => vec![one],
        };
        let templates = &self.runner.world.templates;
        match with {
            With::Listing(listing) => listing.of(terms),
            With::FileGlob => templates.glob(&absolute(&self.directories), &terms),
            With::FirstFound => templates.first_found(&absolute(&self.directories), &terms),
        }
    }
}

/// The variables of an item.
pub(super) fn item_layer(r#loop: &Loop, item: &Value, index: usize) -> Layer {
    let mut layer = Layer::from([(r#loop.var.clone(), Binding::Value(item.clone()))]);
    if let Some(name) = &r#loop.index_var {
        layer.insert(name.clone(), Binding::Value(index.into()));
    }
    layer
}

/// `ansible_loop`: where in the list an item is.
pub(super) fn place_in(list: &[Value], at: usize, r#loop: &Loop) -> Value {
    let after = list.len() - at - 1;
    let mut place = json!({
        "index0": at,
        "index": at + 1,
        "revindex0": after,
        "revindex": after + 1,
        "first": at == 0,
        "last": after == 0,
        "length": list.len(),
    });
    if r#loop.all_items {
        place["allitems"] = list.into();
    }
    if let Some(next) = list.get(at + 1) {
        place["nextitem"] = next.clone();
    }
    if let Some(before) = at.checked_sub(1).and_then(|before| list.get(before)) {
        place["previtem"] = before.clone();
    }
    place
}

/// The failure of a `loop` over something else.
fn not_a_list(over: &Node) -> Failure {
    let finding = Finding::at(&over.span, "`loop` needs a list", "this is none");
    finding_failure(&finding.help("a mapping becomes one with `| dict2items`, a single value in brackets"))
}
