//! The options that commands share, and what they mean once read.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::{ArgAction, Args, ValueEnum};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::CommandError;
use super::extra_vars;
use super::hosts::{self, Hosts};
use super::state::{State, StateArgs};
use super::vault::VaultArgs;
use crate::events::{Secrets, is_redacted};
use crate::inventory::{Inventory, Overrides, Zoned};
use crate::playbook::Vars;
use crate::run::Halt;
use crate::transport::{HostKeyPolicy, Kind};
use crate::vault::Vault;

/// Hosts at once, unless something else is said.
const FORKS: usize = 10;

/// How long a host that is lost is tried again, unless something else is said.
const RECONNECT: Duration = Duration::from_mins(10);

/// Where hosts come from, and which of them.
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
pub struct InventoryArgs {
    /// Inventory: an INI or YAML file, a directory of them, or host names with commas (`fe1,`). May be repeated; later ones win.
    #[arg(
        short,
        long = "inventory",
        value_name = "INVENTORY",
        env = "NEBPLAY_INVENTORY",
        help_heading = "Hosts"
    )]
    inventory: Vec<String>,
    /// Only hosts of this pattern (`slaves`, `all:!fe3`), or of a file of names: `@FILE`.
    #[arg(short, long, value_name = "PATTERN", help_heading = "Hosts")]
    limit: Option<String>,
    /// Variables that win over all others: `name=value`, a mapping in JSON or YAML, or `@FILE`. May be repeated.
    #[arg(short = 'e', long = "extra-vars", value_name = "VARS", help_heading = "Hosts")]
    extra_vars: Vec<String>,
    #[command(flatten)]
    #[serde(default)]
    vault: VaultArgs,
}

/// How hosts are reached.
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
#[command(next_help_heading = "Connection")]
pub struct ConnectionArgs {
    /// Reach hosts this way, unless the inventory says another (`ansible_connection`).
    #[arg(short, long, value_name = "KIND")]
    connection: Option<Connection>,
    /// Log in as this user, unless the inventory says another (`ansible_user`).
    #[arg(short, long = "user", value_name = "USER")]
    user: Option<String>,
    /// Log in with this key, unless the inventory says another.
    #[arg(long, value_name = "FILE", alias = "key-file")]
    private_key: Option<PathBuf>,
    /// Become root (by sudo) for tasks that do not say otherwise.
    #[arg(short, long = "become")]
    r#become: bool,
    /// Become this user instead of root.
    #[arg(long, value_name = "USER")]
    become_user: Option<String>,
    /// Ask for the password of sudo, once, before anything starts.
    #[arg(short = 'K', long)]
    ask_become_pass: bool,
    /// What to do about a host key nobody knows yet. A key that has changed is always refused.
    #[arg(long, value_name = "POLICY")]
    host_keys: Option<HostKeys>,
    /// Seconds a connection may take to come up.
    #[arg(short = 'T', long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=3600))]
    timeout: Option<u64>,
    /// Seconds without a word from a host before it is asked whether it is still there; three unanswered are a dead connection. 15 unless said.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=3600))]
    keepalive: Option<u64>,
    /// Seconds a host that was connected and is lost is tried again, without failing the run; what is long goes on there. 600 unless said.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(0..=86400))]
    reconnect: Option<u64>,
}

/// [`Kind`] as one writes it.
#[derive(Debug, Clone, Copy, ValueEnum, Serialize, Deserialize)]
enum Connection {
    Ssh,
    Local,
}

/// [`HostKeyPolicy`] as one writes it.
#[derive(Debug, Clone, Copy, ValueEnum, Serialize, Deserialize)]
enum HostKeys {
    Strict,
    AcceptNew,
}

/// Which tasks.
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
#[command(next_help_heading = "Tasks")]
pub struct SelectionArgs {
    /// Only tasks with one of these tags (commas, or repeated).
    #[arg(short, long, value_name = "TAGS", value_delimiter = ',')]
    tags: Vec<String>,
    /// No task with one of these tags.
    #[arg(long, value_name = "TAGS", value_delimiter = ',')]
    skip_tags: Vec<String>,
    /// Begin at the task of this name or step id.
    #[arg(long, value_name = "TASK")]
    start_at_task: Option<String>,
    /// Ask before each task whether it is run.
    #[arg(long)]
    step: bool,
}

/// Everything `nebplay PLAYBOOK…` takes.
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
pub struct RunArgs {
    /// Playbooks, run one after the other.
    #[arg(value_name = "PLAYBOOK", required = true)]
    pub(super) playbooks: Vec<PathBuf>,
    #[command(flatten)]
    inventory: InventoryArgs,
    #[command(flatten)]
    selection: SelectionArgs,
    /// Change nothing: look, and say what would be done.
    #[arg(short = 'C', long, help_heading = "Tasks")]
    check: bool,
    /// Show what changes in files.
    #[arg(short = 'D', long, help_heading = "Tasks")]
    diff: bool,
    /// At most that many hosts at once, where a task may work on several.
    #[arg(short, long, value_name = "N", default_value_t = FORKS, value_parser = forks, help_heading = "Tasks")]
    forks: usize,
    #[command(flatten)]
    connection: ConnectionArgs,
    /// Only check that all files are right, then stop.
    #[arg(long, help_heading = "Instead of running", group = "instead")]
    syntax_check: bool,
    /// List the hosts of each play, then stop.
    #[arg(long, help_heading = "Instead of running", group = "instead")]
    list_hosts: bool,
    /// List the tasks of each play, then stop.
    #[arg(long, help_heading = "Instead of running", group = "instead")]
    list_tasks: bool,
    /// List the tags of each play, then stop.
    #[arg(long, help_heading = "Instead of running", group = "instead")]
    list_tags: bool,
    /// Show more: results of tasks (-v), commands (-vv), connections (-vvv).
    #[arg(short, long, action = ArgAction::Count, help_heading = "Output")]
    verbose: u8,
    /// Write events as JSON, one a line, instead of text.
    #[arg(long, help_heading = "Output")]
    json: bool,
    #[command(flatten)]
    #[serde(skip)]
    state: StateArgs,
    /// Keep no journal; for measuring what it costs.
    #[arg(long, hide = true)]
    #[serde(skip)]
    no_journal: bool,
    /// End the process in the middle of a step: `tests/README.md`.
    #[arg(long, hide = true)]
    #[serde(skip)]
    halt: Option<Halt>,
}

fn forks(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(forks @ 1..=1000) => Ok(forks),
        _ => Err("a number from 1 to 1000".to_owned()),
    }
}

/// What to do with the playbooks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Run them.
    Run,
    /// Check the files.
    SyntaxCheck,
    /// List hosts.
    ListHosts,
    /// List tasks.
    ListTasks,
    /// List tags.
    ListTags,
}

/// Everything a run is asked for, read and checked as far as it can be without the playbooks.
#[derive(Debug)]
pub struct Options {
    /// Playbooks, in order.
    pub playbooks: Vec<PathBuf>,
    /// What to do with them.
    pub action: Action,
    /// Hosts, variables and connections.
    pub hosts: Hosts,
    /// Tags a task must have one of; empty: any.
    pub tags: Vec<String>,
    /// Tags a task must have none of.
    pub skip_tags: Vec<String>,
    /// Name or step id of the task to begin at.
    pub start_at_task: Option<String>,
    /// Ask before each task.
    pub step: bool,
    /// Change nothing.
    pub check: bool,
    /// Show what changes in files.
    pub diff: bool,
    /// At most that many hosts at once.
    pub forks: usize,
    /// Become another user, unless a task says otherwise.
    pub r#become: bool,
    /// Which one; root unless said.
    pub become_user: Option<String>,
    /// How long a host that was connected and is lost is tried again.
    pub reconnect: Duration,
    /// `-v`, counted.
    pub verbosity: u8,
    /// Events as JSON.
    pub json: bool,
    /// Where the journal is kept; `None`: there is to be none.
    pub(super) state: Option<State>,
    /// Where the process ends by its own hand.
    pub(super) halt: Option<Halt>,
}

impl RunArgs {
    /// Reads inventory and variables and asks for what must be asked for.
    pub fn read(self) -> Result<Options, CommandError> {
        // At most one: clap sees to it.
        let instead = [
            (self.syntax_check, Action::SyntaxCheck),
            (self.list_hosts, Action::ListHosts),
            (self.list_tasks, Action::ListTasks),
            (self.list_tags, Action::ListTags),
        ];
        let asked = instead.into_iter().find(|(asked, _)| *asked);
        let action = asked.map_or(Action::Run, |(_, action)| action);
        let hosts = self.inventory.read(&self.playbooks, Some(&self.connection))?;
        let state = if self.no_journal || self.check || action != Action::Run {
            None
        } else {
            Some(self.state.state()?)
        };
        Ok(Options {
            playbooks: self.playbooks,
            action,
            hosts,
            tags: self.selection.tags,
            skip_tags: self.selection.skip_tags,
            start_at_task: self.selection.start_at_task,
            step: self.selection.step,
            check: self.check,
            diff: self.diff,
            forks: self.forks,
            r#become: self.connection.r#become,
            become_user: self.connection.become_user,
            reconnect: self.connection.reconnect.map_or(RECONNECT, Duration::from_secs),
            verbosity: self.verbose,
            json: self.json,
            state,
            halt: self.halt,
        })
    }

    /// Where journals are.
    pub(super) fn state_args(&self) -> &StateArgs {
        &self.state
    }

    /// What opens files and values that are encrypted.
    pub(super) fn vault(&self) -> Result<Arc<Vault>, CommandError> {
        self.inventory.vault.read()
    }

    /// The hosts, to be asked beside the run.
    pub(super) fn hosts(&self) -> Result<Hosts, CommandError> {
        self.inventory.read(&self.playbooks, Some(&self.connection))
    }

    /// The same, for a rehearsal: it keeps no journal and asks for no password.
    pub(super) fn rehearsed(mut self) -> Self {
        self.no_journal = true;
        self.connection.ask_become_pass = false;
        self
    }

    /// The same with another playbook, from its beginning.
    pub(super) fn of_playbook(self, playbook: PathBuf) -> Self {
        let selection = SelectionArgs {
            start_at_task: None,
            ..self.selection
        };
        Self {
            playbooks: vec![playbook],
            selection,
            ..self
        }
    }

    /// Takes away every `-e` that a secret was taken out of, and returns them.
    pub(super) fn take_redacted(&mut self) -> Vec<String> {
        let given = std::mem::take(&mut self.inventory.extra_vars);
        let (redacted, whole) = given
            .into_iter()
            .partition(|given| is_redacted(&Value::from(given.as_str())));
        self.inventory.extra_vars = whole;
        redacted
    }

    /// Playbooks and inventories, as given.
    pub(super) fn playbooks_and_inventory(self) -> (Vec<String>, Vec<String>) {
        let playbooks = self.playbooks.iter().map(|path| path.display().to_string());
        (playbooks.collect(), self.inventory.inventory)
    }

    /// What `nebplay resume` says on top of the run's own command line. What shows a run is not a part of it.
    pub(super) fn resume(
        &mut self,
        inventory: Vec<String>,
        extra_vars: &[String],
        vault: &VaultArgs,
        ask_become_pass: bool,
        verbose: u8,
        json: bool,
    ) {
        self.inventory.vault.replace(vault);
        if !inventory.is_empty() {
            self.inventory.inventory = inventory;
        }
        self.inventory.extra_vars.extend(extra_vars.iter().cloned());
        self.connection.ask_become_pass |= ask_become_pass;
        self.verbose = verbose;
        self.json = json;
    }

    /// The same without texts that hold a secret.
    pub(super) fn without_secrets(&self, secrets: &Secrets) -> Self {
        let mut args = self.clone();
        for given in &mut args.inventory.extra_vars {
            *given = secrets.scrub(given);
        }
        args
    }
}

impl InventoryArgs {
    /// Reads the inventory, with the variables that stand beside it and beside the playbooks.
    pub(super) fn read(
        &self,
        playbooks: &[PathBuf],
        connection: Option<&ConnectionArgs>,
    ) -> Result<Hosts, CommandError> {
        if self.inventory.is_empty() {
            return Err(CommandError::Usage {
                message: "which hosts? There is no inventory".to_owned(),
                help: Some(
                    "give one with -i FILE (or host names: -i fe1,fe2), or set NEBPLAY_INVENTORY".to_owned(),
                ),
            });
        }
        let directories: Vec<PathBuf> = playbooks.iter().filter_map(|path| directory_of(path)).collect();
        let vault = self.vault.read()?;
        let read = Inventory::load(&self.inventory, &directories, &vault).and_then(Zoned::new);
        // Both are read before either is complained of: all that is wrong is said in one go.
        let extra_vars = extra_vars::read(&self.extra_vars, &vault);
        let (zoned, extra_vars) = match (read, extra_vars) {
            (Ok(zoned), Ok(extra_vars)) => (zoned, extra_vars),
            (zoned, extra_vars) => {
                let wrong = zoned.err().into_iter().chain(extra_vars.err());
                return Err(wrong.flatten().collect::<Vec<_>>().into());
            }
        };
        let limit = self.limit.as_deref();
        let limit = limit
            .map(|limit| hosts::limited(&zoned.inventory, limit))
            .transpose()?;
        let mut overrides = match connection {
            Some(connection) => connection.read()?,
            None => Overrides::default(),
        };
        overrides.extra.clone_from(&extra_vars);
        Ok(Hosts {
            zoned: Arc::new(zoned),
            limit,
            limit_given: self.limit.clone(),
            extra_vars,
            overrides,
            vault,
        })
    }
}

/// The hosts of these inventories, and nothing else.
pub(super) fn hosts_of(inventory: &[String], vault: &VaultArgs) -> Result<Hosts, CommandError> {
    let args = InventoryArgs {
        inventory: inventory.to_vec(),
        limit: None,
        extra_vars: Vec::new(),
        vault: vault.clone(),
    };
    args.read(&[], None)
}

impl ConnectionArgs {
    fn read(&self) -> Result<Overrides, CommandError> {
        Ok(Overrides {
            kind: self.connection.map(|connection| match connection {
                Connection::Ssh => Kind::Ssh,
                Connection::Local => Kind::Local,
            }),
            user: self.user.clone(),
            private_key: self.private_key.clone(),
            become_password: if self.ask_become_pass { Some(ask()?) } else { None },
            host_keys: self.host_keys.map(|policy| match policy {
                HostKeys::Strict => HostKeyPolicy::Strict,
                HostKeys::AcceptNew => HostKeyPolicy::AcceptNew,
            }),
            connect_timeout: self.timeout.map(Duration::from_secs),
            keepalive: self.keepalive.map(Duration::from_secs),
            extra: Vars::new(),
        })
    }
}

fn ask() -> Result<String, CommandError> {
    rpassword::prompt_password("Password of sudo: ").map_err(|error| CommandError::Io {
        doing: "ask for the password of sudo (-K needs a terminal)".to_owned(),
        error,
    })
}

pub(super) fn directory_of(path: &Path) -> Option<PathBuf> {
    let parent = path.parent()?;
    Some(if parent.as_os_str().is_empty() {
        PathBuf::from(".")
    } else {
        parent.to_owned()
    })
}
