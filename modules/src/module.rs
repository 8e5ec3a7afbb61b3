//! What a module is: typed arguments, a contract, and inspect, apply, verify.
//!
//! The argument struct *is* the module: its doc comments are the module's documentation, and its JSON schema,
//! argument checking and `nebplay doc` page are derived from it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::contract::{Contract, Recovery};
use crate::federation_map::{Federation, Zone};
use crate::host::{Command, Host, HostError, Lines, RunAs};

/// A verb. Every module can look; one that also acts is an [`Effect`] or acts [`Together`].
#[async_trait]
pub trait Module: DeserializeOwned + JsonSchema + Send + Sync + 'static {
    /// The name it has in a playbook.
    const NAME: &'static str;
    /// What it declares about itself.
    const CONTRACT: Contract;
    /// A task as one would write it in a playbook, for `nebplay doc`.
    const EXAMPLE: &'static str;

    /// Looks, and changes nothing. This is all that `--check` runs.
    async fn inspect(&self, cx: &Cx<'_>) -> Result<Finding, Failure>;

    /// What settles it if it is cut off, where its arguments decide that. A module whose contract says [`Recovery::Ask`] and that
    /// says [`Recovery::Job`] here leaves the record of its job, of the name [`Cx::witness`]: it is removed when the run is finished.
    fn recovery(&self) -> Recovery {
        Self::CONTRACT.recovery
    }
}

/// A module that changes one host at a time.
#[async_trait]
pub trait Effect: Module {
    /// Acts, once.
    async fn apply(&self, cx: &Cx<'_>, change: &Change) -> Result<Outcome, Failure>;

    /// Reads the world again, by another way than `apply` took, and fails unless the change is there.
    /// May add what it read to the outcome.
    async fn verify(&self, cx: &Cx<'_>, change: &Change, outcome: &mut Outcome) -> Result<(), Failure>;
}

/// A module that acts on all hosts of its task at once (`distribute`); still one step, and one result, per host.
#[async_trait]
pub trait Together: Module {
    /// Acts on every given host; the results are in the order of `targets`.
    async fn apply_all(&self, targets: &[(&Cx<'_>, &Change)]) -> Vec<Result<Outcome, Failure>>;

    /// As [`Effect::verify`], for one host.
    async fn verify(&self, cx: &Cx<'_>, change: &Change, outcome: &mut Outcome) -> Result<(), Failure>;
}

/// What a look at the host said.
#[derive(Debug, Clone)]
pub enum Finding {
    /// All is as it should be, or the module only reads: this is the result.
    NoChange(Outcome),
    /// This has to be done.
    Change(Change),
    /// Nobody can know before it is done (a `command`): it is done, and check mode skips it as unknown.
    CannotTell(Change),
}

impl Finding {
    /// A finding that nothing is to be done, with a sentence for the operator.
    pub fn no_change(message: impl Into<String>) -> Self {
        Self::NoChange(Outcome {
            message: Some(message.into()),
            ..Outcome::default()
        })
    }

    /// A finding that this has to be done.
    pub fn change(what: impl Into<String>) -> Self {
        Self::Change(Change::new(what))
    }
}

/// What a module is about to do, and what it saw that made it necessary.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// One sentence each, as an operator would say it: "stop opennebula.service".
    pub what: Vec<String>,
    /// What inspect read that apply or verify needs again.
    pub seen: Value,
    /// Before and after, for `--diff`.
    pub diff: Option<Diff>,
}

impl Change {
    /// A change of one sentence.
    pub fn new(what: impl Into<String>) -> Self {
        Self {
            what: vec![what.into()],
            ..Self::default()
        }
    }

    /// Adds what inspect saw.
    pub fn seen(mut self, seen: Value) -> Self {
        self.seen = seen;
        self
    }

    /// Adds a diff.
    pub fn diff(mut self, diff: Diff) -> Self {
        self.diff = Some(diff);
        self
    }
}

/// A text before and after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diff {
    /// What it is: a path, most of the time.
    pub title: String,
    /// As it is.
    pub before: String,
    /// As it will be.
    pub after: String,
}

/// What a module did or read.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// Whether anything was changed.
    pub changed: bool,
    /// One sentence (or a table) for the operator.
    pub message: Option<String>,
    /// What `register` gets, beside `changed`, `failed` and `msg` which the engine adds.
    pub result: Map<String, Value>,
    /// Facts of the host, from now on.
    pub facts: Map<String, Value>,
    /// What the operator should know although nothing failed.
    pub warnings: Vec<String>,
    /// Before and after, for `--diff`.
    pub diff: Option<Diff>,
    /// What the engine is to do: for modules that touch no host.
    pub directive: Option<Directive>,
}

impl Outcome {
    /// Something was changed; a sentence that says what.
    pub fn changed(message: impl Into<String>) -> Self {
        Self {
            changed: true,
            message: Some(message.into()),
            ..Self::default()
        }
    }

    /// Nothing was changed.
    pub fn unchanged(message: impl Into<String>) -> Self {
        Self {
            message: Some(message.into()),
            ..Self::default()
        }
    }

    /// Adds a value to the registered result.
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.result.insert(key.to_owned(), value.into());
        self
    }

    /// Adds a warning.
    pub fn warn(mut self, warning: impl Into<String>) -> Self {
        self.warnings.push(warning.into());
        self
    }
}

/// What a module that touches no host asks of the engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Directive {
    /// Variables of the host for the rest of the run (`set_fact`, `include_vars`).
    SetVars(Map<String, Value>),
    /// Run the notified handlers now.
    FlushHandlers,
    /// No further task of this play on this host.
    EndHost,
    /// No further task of this play on any host of the batch, successfully.
    EndBatch,
    /// No further task of this play on any host, successfully.
    EndPlay,
    /// No further play at all, successfully.
    EndRun,
    /// Failed and unreachable hosts take part again.
    ClearHostErrors,
    /// Ask the operator and wait for the answer (`pause` with a prompt).
    Prompt {
        /// The question.
        text: String,
        /// Whether the answer is shown while it is typed.
        echo: bool,
    },
}

/// What kind of failure it is; decides the exit code and whether `rescue` catches it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// The host did what was asked and it went wrong.
    Failed,
    /// A look at the host said that going on would do harm; nothing was done.
    Unsafe,
    /// The host took it and did not finish in time.
    TimedOut,
    /// The host cannot be reached.
    Unreachable,
    /// The effect is not there although everything claimed success.
    NotVerified,
    /// It was cut off while it acted in an earlier process, and nobody said whether it took effect.
    InDoubt,
}

/// Why a task did not succeed, and what the operator can do.
#[derive(Debug, Clone)]
pub struct Failure {
    /// What kind.
    pub kind: FailureKind,
    /// What was done and what came back, in one or a few sentences.
    pub message: String,
    /// What state the zone or host is in now, as far as it is known.
    pub state: Option<String>,
    /// What the operator can do next, a sentence each.
    pub next: Vec<String>,
    /// What `register` gets.
    pub result: Map<String, Value>,
}

impl Failure {
    /// A failure of this kind.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            state: None,
            next: Vec::new(),
            result: Map::new(),
        }
    }

    /// It went wrong.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(FailureKind::Failed, message)
    }

    /// Going on would do harm.
    pub fn unsafe_to_go_on(message: impl Into<String>) -> Self {
        Self::new(FailureKind::Unsafe, message)
    }

    /// The effect is not there.
    pub fn not_verified(message: impl Into<String>) -> Self {
        Self::new(FailureKind::NotVerified, message)
    }

    /// Says what state the zone is in.
    pub fn state(mut self, state: impl Into<String>) -> Self {
        self.state = Some(state.into());
        self
    }

    /// Adds what the operator can do.
    pub fn hint(mut self, next: impl Into<String>) -> Self {
        self.next.push(next.into());
        self
    }

    /// Adds a value to the registered result.
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.result.insert(key.to_owned(), value.into());
        self
    }
}

impl From<HostError> for Failure {
    fn from(error: HostError) -> Self {
        let kind = match &error {
            HostError::Unreachable { .. } => FailureKind::Unreachable,
            HostError::TimedOut { .. } => FailureKind::TimedOut,
            HostError::Refused { .. } => FailureKind::Failed,
        };
        Self::new(kind, error.to_string())
    }
}

/// Shows the operator that something goes on.
pub trait Progress: Lines {
    /// `done` of `total` bytes of a transfer; `total` 0 where it is not known.
    fn bytes(&self, done: u64, total: u64);
}

/// Learns what must never be shown.
pub trait Secrets: Send + Sync {
    /// From now on this value is scrubbed wherever it turns up; `origin` says where it came from ("oned.conf PASSWD of fe1").
    fn learn(&self, value: &str, origin: &str);
    /// A digest is scrubbed as well if there is a secret in what it is the digest of: whoever knows the rest could guess a short one.
    fn withhold(&self, digest: &str, of: &[u8]);
}

/// The other hosts of the inventory.
#[async_trait]
pub trait Peers: Send + Sync {
    /// The host of that inventory name, connected when it is first used.
    async fn peer(&self, name: &str) -> Result<Arc<dyn Host>, HostError>;
}

/// What becomes of white space around the blocks (`{% … %}`) of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Blocks {
    /// A newline right behind one is removed.
    pub trim: bool,
    /// White space in front of one that begins a line is removed.
    pub lstrip: bool,
}

impl Default for Blocks {
    fn default() -> Self {
        Self {
            trim: true,
            lstrip: false,
        }
    }
}

/// Files beside the playbook, on the machine nebplay runs on.
#[async_trait]
pub trait Controller: Send + Sync {
    /// Reads a file for `copy`, looked up beside the playbook and in its `files/`.
    async fn read(&self, name: &str) -> Result<Vec<u8>, Failure>;
    /// Reads a template, looked up in `templates/` too, and renders it with the task's variables.
    async fn render(&self, name: &str, blocks: Blocks) -> Result<String, Failure>;
    /// Reads a variables file for `include_vars`, looked up in `vars/` too; templates in it stay templates.
    async fn vars_file(&self, name: &str) -> Result<Map<String, Value>, Failure>;
    /// Writes what `fetch` brought; directories are made. Relative to the playbook.
    async fn write(&self, name: &str, content: &[u8]) -> Result<(), Failure>;
}

/// Everything a module gets beside its arguments.
pub struct Cx<'a> {
    /// The host to act on.
    pub host: &'a dyn Host,
    /// The zones, as the inventory has them.
    pub federation: &'a Federation,
    /// The other hosts.
    pub peers: &'a dyn Peers,
    /// Files of the controller.
    pub controller: &'a dyn Controller,
    /// Where to show progress.
    pub progress: &'a dyn Progress,
    /// Where to report secrets.
    pub secrets: &'a dyn Secrets,
    /// The step's id, stable across runs of the same plan; names jobs.
    pub step: &'a str,
    /// The run's id; one that is resumed keeps it.
    pub run: &'a str,
    /// It was cut off before while it acted on this very step.
    pub in_doubt: bool,
    /// Who general-purpose commands run as (`become`, `become_user`).
    pub run_as: RunAs,
    /// The task's `environment`.
    pub environment: &'a BTreeMap<String, String>,
    /// The task's `timeout`, for modules that wait.
    pub timeout: Option<Duration>,
}

impl Cx<'_> {
    /// The zone this host is a front-end of, if it is one.
    pub fn zone(&self) -> Option<&Zone> {
        self.federation.zone_of(self.host.name())
    }

    /// A general-purpose command: as the task's user and with its environment.
    pub fn command<S: Into<String>>(&self, argv: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(argv).run_as(self.run_as.clone());
        command.env.clone_from(self.environment);
        command
    }

    /// A script for `sh` with its arguments, likewise.
    pub fn script<S: Into<String>>(&self, script: &str, args: impl IntoIterator<Item = S>) -> Command {
        self.command(Command::script(script, args).argv)
    }

    /// A name for a job of this step.
    pub fn job_name(&self, verb: &str) -> String {
        crate::job::name(self.step, verb)
    }

    /// A name for the job of this step in this run, whose record is all that tells whether the step acted.
    pub fn witness(&self, verb: &str) -> String {
        crate::job::name_in_run(self.step, verb, self.run)
    }
}
