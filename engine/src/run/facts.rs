//! Facts of hosts, gathered when a template first asks for one.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use nebplay_modules::host::RunAs;
use nebplay_modules::module::{Cx, Failure, Finding, Peers as _};
use nebplay_modules::registry;
use serde_json::{Map, Value};

use super::controller::Files;
use super::outcome::StepResult;
use super::progress::StepProgress;
use super::runner::Runner;
use crate::diagnostics::Span;
use crate::events::{StepRef, What};

/// One lock per host, so that a host is asked once however many steps want its facts.
#[derive(Default)]
pub(super) struct Gathering(Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>);

impl Gathering {
    fn of(&self, host: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut locks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(locks.entry(host.to_owned()).or_default())
    }
}

impl Runner {
    /// Gathers a host's facts unless that was done. `task` is the one that wants them.
    pub(super) async fn gather(&self, host: &str, task: &Span) -> Result<(), Failure> {
        let lock = self.gathering.of(host);
        let _alone = lock.lock().await;
        if self.variables.gathered(host) {
            return Ok(());
        }
        if let Some(facts) = self.world.replay.facts(host) {
            self.variables.add_facts(host, facts, true);
            return Ok(());
        }
        let module = registry::find("setup")
            .ok_or_else(|| Failure::failed("there is no module to gather facts with"))?;
        let action = module
            .task(Value::Object(Map::new()))
            .map_err(|error| Failure::failed(error.to_string()))?;
        let peers = self.peers();
        let machine = peers.peer(host).await?;
        let step = StepRef {
            id: format!("facts@{host}"),
            task: "facts".to_owned(),
            host: host.to_owned(),
            delegate: None,
            item: None,
            attempt: 1,
        };
        let files = Files {
            directories: [self.world.directory.clone()].into(),
            task: task.clone(),
            scope: self.variables.scope(host, &[], &[], &[]),
            templates: self.world.templates.clone(),
            loader: Arc::clone(&self.world.loader),
            events: Arc::clone(&self.world.events),
        };
        let cx = Cx {
            host: machine.as_ref(),
            federation: &self.federation,
            peers: &peers,
            controller: &files,
            progress: &StepProgress::new(&self.world.events, &self.world.clock, &step, true),
            secrets: self.world.events.secrets().as_ref(),
            step: &step.id,
            run: &self.world.run,
            in_doubt: false,
            run_as: RunAs::Login,
            environment: &BTreeMap::new(),
            timeout: None,
        };
        match action.inspect(&cx).await? {
            Finding::NoChange(outcome) => {
                let result = StepResult::done(outcome);
                self.world.events.emit(What::FactsGathered {
                    host: host.to_owned(),
                    facts: result.facts.clone(),
                });
                self.variables.add_facts(host, result.facts, true);
                Ok(())
            }
            Finding::Change(_) | Finding::CannotTell(_) => Err(Failure::failed(
                "gathering facts would change the host, which it never may",
            )),
        }
    }
}
