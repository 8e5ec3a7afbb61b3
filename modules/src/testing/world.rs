//! What surrounds a module that runs: the zones, other hosts, the controller's files, and what it reports.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use serde_json::{Map, Value};

use super::{FakeHost, locked};
use crate::federation_map::{Federation, Role, Zone};
use crate::host::{Host, HostError, Lines, RunAs};
use crate::module::{Blocks, Controller, Cx, Failure, Finding, Outcome, Peers, Progress, Secrets};

/// Everything of a [`Cx`] beside the host, remembering what was reported.
pub struct FakeWorld {
    /// The zones.
    pub federation: Federation,
    /// The other hosts.
    pub hosts: BTreeMap<String, FakeHost>,
    /// Files of the controller, by name.
    pub files: Mutex<BTreeMap<String, Vec<u8>>>,
    /// What modules called a secret.
    pub secrets: Mutex<Vec<String>>,
    /// Lines of progress.
    pub lines: Mutex<Vec<String>>,
    /// The task's environment.
    pub environment: BTreeMap<String, String>,
    /// The run's id.
    pub run: String,
    /// Whether the step was cut off before.
    pub in_doubt: bool,
}

impl Default for FakeWorld {
    /// The three zones of the documentation: hosts `m`, `s1`, `s2`; ids 0, 100, 101.
    fn default() -> Self {
        let zone = |id, name: &str, role, host: &str| Zone {
            id,
            name: name.to_owned(),
            role,
            hosts: vec![host.to_owned()],
        };
        let zones = vec![
            zone(0, "M-EU-FR", Role::Master, "m"),
            zone(100, "S-EU-GE", Role::Slave, "s1"),
            zone(101, "S-US-CA", Role::Slave, "s2"),
        ];
        Self {
            federation: Federation { zones },
            hosts: BTreeMap::new(),
            files: Mutex::default(),
            secrets: Mutex::default(),
            lines: Mutex::default(),
            environment: BTreeMap::new(),
            run: "tonight".to_owned(),
            in_doubt: false,
        }
    }
}

impl FakeWorld {
    /// A context for acting on this host.
    pub fn cx<'a>(&'a self, host: &'a FakeHost) -> Cx<'a> {
        self.cx_of(host)
    }

    /// Runs a module as the engine would: it looks, and if something is to be done, acts and verifies.
    pub async fn run(&self, host: &dyn Host, module: &str, args: Value) -> Result<Outcome, Failure> {
        let entry = crate::registry::find(module).expect("there is such a module");
        let task = entry.task(args).expect("its arguments are right");
        let cx = self.cx_of(host);
        let change = match task.inspect(&cx).await? {
            Finding::NoChange(outcome) => return Ok(outcome),
            Finding::Change(change) | Finding::CannotTell(change) => change,
        };
        let mut outcome = task
            .apply(&[(&cx, &change)])
            .await
            .pop()
            .expect("one target, one result")?;
        task.verify(&cx, &change, &mut outcome).await.map(|()| outcome)
    }

    /// As [`Self::cx`], for any other host.
    pub fn cx_of<'a>(&'a self, host: &'a dyn Host) -> Cx<'a> {
        Cx {
            host,
            federation: &self.federation,
            peers: self,
            controller: self,
            progress: self,
            secrets: self,
            step: "play/task@host",
            run: &self.run,
            in_doubt: self.in_doubt,
            run_as: RunAs::Login,
            environment: &self.environment,
            timeout: None,
        }
    }
}

#[async_trait]
impl Peers for FakeWorld {
    async fn peer(&self, name: &str) -> Result<Arc<dyn Host>, HostError> {
        match self.hosts.get(name) {
            Some(host) => Ok(Arc::new(host.clone())),
            None => Err(HostError::Unreachable {
                host: name.to_owned(),
                why: "no such host".to_owned(),
                sent: false,
            }),
        }
    }
}

#[async_trait]
impl Controller for FakeWorld {
    async fn read(&self, name: &str) -> Result<Vec<u8>, Failure> {
        let content = locked(&self.files).get(name).cloned();
        content.ok_or_else(|| Failure::failed(format!("{name}: no such file on the controller")))
    }
    async fn render(&self, name: &str, _: Blocks) -> Result<String, Failure> {
        Ok(String::from_utf8_lossy(&self.read(name).await?).into_owned())
    }
    async fn vars_file(&self, name: &str) -> Result<Map<String, Value>, Failure> {
        serde_yaml::from_slice(&self.read(name).await?).map_err(|error| Failure::failed(error.to_string()))
    }
    async fn write(&self, name: &str, content: &[u8]) -> Result<(), Failure> {
        locked(&self.files).insert(name.to_owned(), content.to_vec());
        Ok(())
    }
}

impl Lines for FakeWorld {
    fn line(&self, line: &str, _: bool) {
        locked(&self.lines).push(line.to_owned());
    }
}

impl Progress for FakeWorld {
    fn bytes(&self, _: u64, _: u64) {}
}

impl Secrets for FakeWorld {
    fn learn(&self, value: &str, _: &str) {
        locked(&self.secrets).push(value.to_owned());
    }

    fn withhold(&self, _: &str, _: &[u8]) {}
}
