//! The host of a module that touches no host: it has a name and a clock, and refuses everything else.

use std::sync::Arc;

use async_trait::async_trait;
use nebplay_modules::host::{
    Clock, Command, Duplex, FileMeta, Host, HostError, Lines, Output, RunAs, Sink, Source, Stat,
};
use nebplay_modules::job::{JobEnd, JobRecord, JobSpec};

/// See the module.
pub(super) struct Nowhere {
    name: String,
    clock: Arc<dyn Clock>,
}

impl Nowhere {
    pub(super) fn new(name: &str, clock: Arc<dyn Clock>) -> Self {
        Self {
            name: name.to_owned(),
            clock,
        }
    }

    fn refuse<T>(&self, what: impl Into<String>) -> Result<T, HostError> {
        Err(HostError::Refused {
            host: self.name.clone(),
            what: what.into(),
            why: "the module's contract says that it touches no host".to_owned(),
        })
    }
}

#[async_trait]
impl Host for Nowhere {
    fn name(&self) -> &str {
        &self.name
    }
    fn clock(&self) -> &dyn Clock {
        self.clock.as_ref()
    }
    async fn run(&self, command: &Command) -> Result<Output, HostError> {
        self.refuse(command.display())
    }
    async fn stream(&self, command: &Command, _: &dyn Lines) -> Result<Output, HostError> {
        self.refuse(command.display())
    }
    async fn source(&self, command: &Command) -> Result<Source, HostError> {
        self.refuse(command.display())
    }
    async fn sink(&self, command: &Command) -> Result<Sink, HostError> {
        self.refuse(command.display())
    }
    async fn start_job(&self, spec: &JobSpec) -> Result<JobRecord, HostError> {
        self.refuse(format!("start job {}", spec.name))
    }
    async fn find_job(&self, name: &str) -> Result<Option<JobRecord>, HostError> {
        self.refuse(format!("find job {name}"))
    }
    async fn follow_job(&self, name: &str, _: &dyn Lines) -> Result<JobEnd, HostError> {
        self.refuse(format!("follow job {name}"))
    }
    async fn forget_job(&self, name: &str) -> Result<(), HostError> {
        self.refuse(format!("forget job {name}"))
    }
    async fn list_jobs(&self) -> Result<Vec<JobRecord>, HostError> {
        self.refuse("list jobs")
    }
    async fn read_file(&self, path: &str, _: &RunAs, _: u64) -> Result<Option<Vec<u8>>, HostError> {
        self.refuse(format!("read {path}"))
    }
    async fn write_file(&self, path: &str, _: &[u8], _: &FileMeta, _: &RunAs) -> Result<(), HostError> {
        self.refuse(format!("write {path}"))
    }
    async fn stat(&self, path: &str, _: &RunAs) -> Result<Option<Stat>, HostError> {
        self.refuse(format!("stat {path}"))
    }
    async fn connect(&self, address: &str, port: u16) -> Result<Box<dyn Duplex>, HostError> {
        self.refuse(format!("connect to {address}:{port}"))
    }
}
