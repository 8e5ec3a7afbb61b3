//! What a run needs from outside.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use nebplay_modules::federation_map::Federation;
use nebplay_modules::host::Clock;
use nebplay_modules::module::Peers;
use serde_json::{Map, Value};
use tokio::sync::watch;

use super::halt::Halt;
use super::replay::Replay;
use super::stop::Stop;
use crate::diagnostics::{Findings, Span};
use crate::events::{Events, FailedStep, RunResult};
use crate::plan::{Node, Tags};
use crate::playbook::{Item, PartFiles, Role, Vars};
use crate::template::{Layer, Templates};

/// What a run asks the inventory.
pub trait Inventory: Send + Sync {
    /// Names of all hosts.
    fn names(&self) -> Vec<String>;
    /// The variables of a host, group and host variable files included.
    fn vars(&self, host: &str) -> Layer;
    /// The groups with the names of their hosts, for the variable `groups`.
    fn groups(&self) -> Map<String, Value>;
    /// The groups that a host is in.
    fn groups_of(&self, host: &str) -> Vec<String>;
    /// The zones.
    fn federation(&self) -> Federation;
}

/// Loads what is only known by name when it is reached.
pub trait Loader: Send + Sync {
    /// The tasks of a file, relative to the file `from` stands in; and the SHA-256 (hex) of its text.
    fn tasks(&self, file: &str, from: &Span) -> Result<(Vec<Item>, String), Findings>;
    /// A role, looked for beside the file `from` stands in and above, with these files of its parts; `around`: the role whose task asks
    /// for it.
    fn role(
        &self,
        name: &str,
        files: &PartFiles,
        around: Option<&Role>,
        from: &Span,
    ) -> Result<IncludedRole, Findings>;
    /// The variables of a file, relative to the file `from` stands in.
    fn vars(&self, file: &str, from: &Span) -> Result<Vars, Findings>;
    /// What is in a file that is copied or rendered, opened if it is encrypted; or why that cannot be, a sentence's end.
    fn opened(&self, name: &str, content: Vec<u8>) -> Result<Vec<u8>, String> {
        let _ = name;
        Ok(content)
    }
    /// Told which tasks a file came to, before the first of them runs.
    fn included(&self, tasks: &[Node]) {
        let _ = tasks;
    }
}

/// A role that was included.
pub struct IncludedRole {
    /// Its tasks.
    pub items: Vec<Item>,
    /// What its handlers are called.
    pub handlers: Vec<String>,
    /// SHA-256 (hex) of what its files are.
    pub digest: String,
}

/// The person at the keyboard.
#[async_trait]
pub trait Operator: Send + Sync {
    /// Asks, and waits for a line. `None`: nobody is there.
    async fn ask(&self, question: &str, echo: bool) -> Option<String>;
}

/// What of the command line decides how a plan is run.
#[derive(Debug, Clone)]
pub struct Options {
    /// Only look.
    pub check: bool,
    /// Show differences.
    pub diff: bool,
    /// Ask before every task.
    pub step: bool,
    /// At most that many hosts at once.
    pub forks: usize,
    /// `-b`: become another user unless the playbook says no.
    pub r#become: bool,
    /// Whom, unless the playbook says; root if nothing does.
    pub become_user: Option<String>,
    /// How long a host that was connected and is lost is tried again.
    pub reconnect: Duration,
    /// Which tasks of files that are included at run time.
    pub tags: Tags,
    /// `-l`, as it was given: playbooks may insist on one.
    pub limit: Option<String>,
    /// How many `-v`.
    pub verbosity: u8,
    /// Where the process ends by its own hand.
    pub halt: Option<Halt>,
}

/// Everything a run needs beside its plan.
pub struct World {
    /// The run's id.
    pub run: String,
    /// From the command line.
    pub options: Options,
    /// Hosts, their variables and zones.
    pub inventory: Arc<dyn Inventory>,
    /// `-e`: wins over everything.
    pub extra_vars: Layer,
    /// Connections; made when a host is first used.
    pub hosts: Arc<dyn Peers>,
    /// Included files.
    pub loader: Arc<dyn Loader>,
    /// Who answers questions.
    pub operator: Arc<dyn Operator>,
    /// Templates.
    pub templates: Templates,
    /// Where events go.
    pub events: Arc<Events>,
    /// The run's clock, for what is done on no host.
    pub clock: Arc<dyn Clock>,
    /// The directory of the first playbook: what `copy`, `template` and `fetch` are relative to.
    pub directory: PathBuf,
    /// Whether the operator wants it to end.
    pub stop: watch::Receiver<Stop>,
    /// What earlier processes of the same run did.
    pub replay: Replay,
    /// A run that goes on: what is taken for done because the operator said so.
    pub resumed: Option<Vec<String>>,
}

/// How a run ended; the rest is in its last event.
#[derive(Debug, Clone)]
pub struct Summary {
    /// The result, for the exit code.
    pub result: RunResult,
    /// What failed and was not caught.
    pub failures: Vec<FailedStep>,
    /// What the play that it stopped in says of the way back (its variable `way_back`).
    pub way_back: Option<String>,
}
