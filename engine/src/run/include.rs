//! `include_tasks` and `include_role`: what is included is only known when it is reached, and may differ from host to host.

use std::sync::Arc;

use serde_json::Value;

use super::items::{Context, Dropped, merge};
use super::keywords::Keywords;
use super::loops::item_layer;
use super::outcome::{StepResult, findings_failure};
use super::play::PlayRun;
use super::runner::Runner;
use super::scoped::Scoped;
use super::step::written;
use super::stop::{self, Stop};
use crate::diagnostics::{Finding, Findings, Span};
use crate::events::{FailedStep, FailureRecord, IncludedFile, Status, StepRef, What};
use crate::plan::{IncludeNode, item_hash, resolve_items, step_id};
use crate::playbook::Item;
use crate::template::{Scope, layer_of};

/// A file that includes itself until something is so needs an end, and a thread's stack has one.
const DEEPEST: usize = 64;

/// Hosts that include the same file for the same item.
struct Group {
    file: String,
    item: Option<Value>,
    index: usize,
    hosts: Vec<String>,
}

/// What a host includes: a file for each item, or for none.
type Wanted = Vec<IncludedFile>;

impl Runner {
    /// Includes on hosts. Those that include the same file for the same item go through it together.
    pub(super) async fn include(
        self: &Arc<Self>,
        play: &Arc<PlayRun>,
        node: &Arc<IncludeNode>,
        hosts: &[String],
        context: &Context,
    ) -> Dropped {
        let mut dropped = Dropped::new();
        let mut groups: Vec<Group> = Vec::new();
        self.announce(What::TaskStarted {
            task: node.id.clone(),
            name: node.name.clone(),
            module: node.include.module().to_owned(),
            hosts: hosts.to_vec(),
            pace: "each host decides what it includes".to_owned(),
            handler: context.handler,
        });
        let scoped = Scoped::of(self, play, &node.keywords, context, &node.include.span);
        let hosts = match (&node.keywords.run_once, hosts) {
            (Some(once), [first, ..]) => {
                let scope = scoped.scope(first, &[]);
                let keywords = self.keywords(node, &scope);
                if keywords.flag(Some(once), false).unwrap_or(true) {
                    &hosts[..1]
                } else {
                    hosts
                }
            }
            _ => hosts,
        };
        let mut replayed = !hosts.is_empty();
        for host in hosts {
            let before = self.world.replay.included(&node.id, host);
            replayed &= before.is_some();
            let wanted = if let Some(files) = before {
                Ok(files)
            } else {
                tokio::select! {
                    biased;
                    () = stop::wanted(&self.told, Stop::Leave) => break,
                    wanted = self.wanted(&scoped, node, host) => wanted,
                }
            };
            match wanted {
                Ok(wanted) => {
                    self.books.included(host, wanted.len());
                    for IncludedFile { file, item, index } in wanted {
                        let same = |group: &&mut Group| {
                            group.file == file && group.item == item && group.index == index
                        };
                        match groups.iter_mut().find(same) {
                            Some(group) => group.hosts.push(host.clone()),
                            None => groups.push(Group {
                                file,
                                item,
                                index,
                                hosts: vec![host.clone()],
                            }),
                        }
                    }
                }
                Err(result) => {
                    let failure = self.include_ended(play, node, host, &result);
                    dropped.extend(failure.map(|failure| (host.clone(), vec![failure])));
                }
            }
        }
        // As one host would do them: all of its first item before its second.
        groups.sort_by_key(|group| group.index);
        for group in groups {
            let hosts: Vec<String> = group
                .hosts
                .iter()
                .filter(|host| !dropped.contains_key(*host))
                .cloned()
                .collect();
            if hosts.is_empty() || !self.may_start() {
                continue;
            }
            let failed = self.included(play, node, &group, &hosts, context, replayed).await;
            merge(&mut dropped, failed);
        }
        dropped
    }

    fn keywords<'a>(&'a self, node: &'a IncludeNode, scope: &'a Scope) -> Keywords<'a> {
        Keywords {
            written: &node.keywords,
            templates: &self.world.templates,
            scope,
        }
    }

    /// Which files this host includes, decided now; an error if it includes none.
    async fn wanted(
        &self,
        scoped: &Scoped,
        node: &IncludeNode,
        host: &str,
    ) -> Result<Wanted, Box<StepResult>> {
        self.announce_now();
        let wanted = self.decide(scoped, node, host).await;
        let skipped = matches!(&wanted, Err(result) if result.status == Status::Skipped);
        if let Some(files) = wanted.as_ref().ok().cloned().or(skipped.then(Wanted::new)) {
            self.world.events.emit(What::IncludeResolved {
                task: node.id.clone(),
                host: host.to_owned(),
                files,
            });
        }
        wanted
    }

    async fn decide(
        &self,
        scoped: &Scoped,
        node: &IncludeNode,
        host: &str,
    ) -> Result<Wanted, Box<StepResult>> {
        let templates = &self.world.templates;
        let file = |scope: &Scope| -> Result<Result<String, String>, super::keywords::Trouble> {
            for condition in &node.keywords.when {
                if !templates.condition(condition, scope)? {
                    return Ok(Err(written(condition)));
                }
            }
            Ok(Ok(templates.render_to_text(&node.include.file, scope)?))
        };
        let Some(r#loop) = &node.include.r#loop else {
            return match scoped.rendered(host, &[], file).await?.0 {
                Ok(file) => Ok(vec![IncludedFile {
                    file,
                    item: None,
                    index: 0,
                }]),
                Err(condition) => Err(Box::new(StepResult::skipped(&condition))),
            };
        };
        let list = scoped.looped(host, r#loop).await?;
        let mut wanted = Wanted::new();
        for (index, item) in list.into_iter().enumerate() {
            let locals = [Arc::new(item_layer(r#loop, &item, index))];
            if let Ok(file) = scoped.rendered(host, &locals, file).await?.0 {
                wanted.push(IncludedFile {
                    file,
                    item: Some(item),
                    index,
                });
            }
        }
        Ok(wanted)
    }

    async fn included(
        self: &Arc<Self>,
        play: &Arc<PlayRun>,
        node: &Arc<IncludeNode>,
        group: &Group,
        hosts: &[String],
        context: &Context,
        replayed: bool,
    ) -> Dropped {
        let loaded = if context.includes < DEEPEST {
            self.loaded(play, node, &group.file)
        } else {
            Err(vec![too_deep(&node.include.file.span)])
        };
        let (items, digest) = match loaded {
            Ok(loaded) => loaded,
            Err(findings) => {
                let result = StepResult::failed(findings_failure(&findings));
                let fail = |host: &String| {
                    let failure = self.include_ended(play, node, host, &result);
                    (host.clone(), failure.into_iter().collect())
                };
                return hosts.iter().map(fail).collect();
            }
        };
        let id = match &group.item {
            Some(item) => format!("{}[{}]", node.id, item_hash(item)),
            None => node.id.clone(),
        };
        if !replayed {
            self.world.events.emit(What::Included {
                task: id.clone(),
                file: group.file.clone(),
                digest,
                hosts: hosts.to_vec(),
            });
        }
        let nodes = resolve_items(&items, &id, &node.passed_on, &self.world.options.tags);
        self.world.loader.included(&nodes);
        let mut context = context.clone();
        context.includes += 1;
        let vars = &node.include.keywords.vars;
        if !vars.is_empty() {
            context.inner.push(Arc::new(layer_of(vars)));
        }
        if let (Some(r#loop), Some(item)) = (&node.include.r#loop, &group.item) {
            context
                .inner
                .push(Arc::new(item_layer(r#loop, item, group.index)));
        }
        self.list(play, &nodes, hosts, &context).await
    }

    /// The tasks of a file or role, and a digest of it.
    fn loaded(
        &self,
        play: &PlayRun,
        node: &IncludeNode,
        name: &str,
    ) -> Result<(Vec<Item>, String), Findings> {
        let place = &node.include.file.span;
        let Some(files) = &node.include.role else {
            return self.world.loader.tasks(name, place);
        };
        let around = node.keywords.role.as_deref();
        let role = self.world.loader.role(name, files, around, place)?;
        let is_known = |name: &String| play.handlers.iter().any(|handler| handler.name == *name);
        match role.handlers.iter().find(|name| !is_known(name)) {
            None => Ok((role.items, role.digest)),
            Some(unknown) => {
                let message =
                    format!("the play does not know the handler `{unknown}` of a role that is included");
                let finding = Finding::at(place, message, "which role it is, is known only now");
                Err(vec![finding.help(
                    "write the role's name here, or a loop's list of names, instead of a template",
                )])
            }
        }
    }

    /// An include did not come about on a host: tells it, and returns why, unless it was just skipped.
    fn include_ended(
        &self,
        play: &PlayRun,
        node: &IncludeNode,
        host: &str,
        result: &StepResult,
    ) -> Option<FailedStep> {
        let step = StepRef {
            id: step_id(&node.id, None, host, 1),
            task: node.id.clone(),
            host: host.to_owned(),
            delegate: None,
            item: None,
            attempt: 1,
        };
        self.world.events.emit(What::StepEnded {
            step,
            end: Box::new(result.end(false, false, 0)),
        });
        if result.status == Status::Skipped {
            self.books.included(host, 0);
        }
        let failure = result.failure.as_ref()?;
        self.variables
            .set_failed(host, node.keywords.own_name(&node.name), result.binding());
        Some(FailedStep {
            play: play.plan.play.name.value.clone(),
            task: node.name.clone(),
            host: host.to_owned(),
            delegate: None,
            place: node.include.span.place(),
            failure: FailureRecord::from(failure),
            rescued: false,
        })
    }
}

fn too_deep(place: &Span) -> Finding {
    let message = format!("files include each other more than {DEEPEST} deep");
    Finding::at(place, message, "included once more here")
        .help("give the include a `when` that is false in the end, or use `until` or `loop` instead")
}
