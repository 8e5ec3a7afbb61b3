//! A playbook after loading: every name is known, every module exists, and every node knows its place.
//! Templates are still unrendered [`Node`]s.

use std::path::PathBuf;
use std::sync::Arc;

use indexmap::IndexMap;
use nebplay_modules::registry::Entry as Module;

use crate::diagnostics::{Source, Span};
use crate::template::Listing;
use crate::yaml::Node;

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub span: Span,
}

/// Variables as they were written, in order; values may be templates.
pub type Vars = IndexMap<String, Node>;

/// A playbook file.
#[derive(Debug, Clone)]
pub struct Playbook {
    /// The file.
    pub source: Arc<Source>,
    /// Its plays, in order.
    pub plays: Vec<Play>,
}

/// A play.
#[derive(Debug, Clone)]
pub struct Play {
    /// Its name, or its host pattern where it has none.
    pub name: Spanned<String>,
    /// The host pattern; may be a template over extra variables.
    pub hosts: Node,
    /// Its variables.
    pub vars: Vars,
    /// Files of variables, in order; may be templates.
    pub vars_files: Vec<Node>,
    /// What its roles define for all of it, weaker than everything else.
    pub defaults: Vars,
    /// What its roles define for all of it, stronger than its files of variables.
    pub role_vars: Vars,
    /// What its tasks inherit.
    pub keywords: Keywords,
    /// Sizes of the batches of hosts that go through the play one after another; empty: all at once.
    pub serial: Vec<Spanned<Batch>>,
    /// A host that fails ends the play for all.
    pub any_errors_fatal: bool,
    /// Whether facts are gathered before the first task; `false` unless the play says otherwise (they are gathered when a
    /// template asks for one).
    pub gather_facts: bool,
    /// The first section.
    pub pre_tasks: Vec<Item>,
    /// The second.
    pub tasks: Vec<Item>,
    /// The last.
    pub post_tasks: Vec<Item>,
    /// Tasks that run when notified, in this order.
    pub handlers: Vec<Item>,
}

/// The size of a batch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Batch {
    /// That many hosts.
    Hosts(usize),
    /// That part of the play's hosts, in percent; at least one host.
    Percent(f64),
}

/// How many hosts at once, as an author asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parallelism {
    /// That many.
    AtMost(usize),
    /// As many as `--forks` allows.
    All,
}

/// What plays, blocks and tasks have in common; the innermost that says something wins, tags add up, and every `when` counts.
#[derive(Debug, Clone, Default)]
pub struct Keywords {
    /// Whether to become another user.
    pub r#become: Option<Node>,
    /// Which one; root unless said.
    pub become_user: Option<Node>,
    /// Variables of the environment.
    pub environment: Vec<Node>,
    /// Tags, `always` and `never` included.
    pub tags: Vec<Spanned<String>>,
    /// Conditions; all must be true.
    pub when: Vec<Node>,
    /// Variables.
    pub vars: Vars,
    /// How many hosts at once.
    pub parallel: Option<Spanned<Parallelism>>,
    /// Go on when it fails.
    pub ignore_errors: Option<Node>,
    /// Go on when the host cannot be reached.
    pub ignore_unreachable: Option<Node>,
    /// Show nothing of arguments and results.
    pub no_log: Option<Node>,
    /// Deadline in seconds.
    pub timeout: Option<Node>,
    /// Act there instead of on the host itself.
    pub delegate_to: Option<Node>,
    /// On the first host of the play only, for all.
    pub run_once: Option<Node>,
    /// Run it, or pretend, whatever the command line says about check mode.
    pub check_mode: Option<Node>,
    /// Handlers to run at the end of the section if a task changed something. Plays have none.
    pub notify: Vec<Spanned<String>>,
    /// The role whose tasks these are.
    pub role: Option<Arc<Role>>,
}

/// A role, for what runs in it.
#[derive(Debug, PartialEq)]
pub struct Role {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
    /// Its variables that everybody's are stronger than.
    pub defaults: Vars,
    /// Its variables that are stronger than those of the play.
    pub vars: Vars,
    /// What whoever asked for it, or for one that depends on it, gave it beside keywords: stronger than facts that are set.
    pub params: Vars,
    /// How it was asked for, where that is more than its name: then it is another one.
    pub asked: String,
}

/// All of a role: what it depends on, and its own tasks.
#[derive(Debug, Clone)]
pub struct RoleRun {
    /// Which one.
    pub role: Arc<Role>,
    /// Whether a host goes through it that went through it before, in this play.
    pub again: bool,
}

impl Role {
    /// What a task or handler of that name is called.
    pub fn qualified(&self, task: &str) -> String {
        format!("{} : {task}", self.name)
    }

    /// What a task or handler is called that everybody else knows by that name.
    pub fn own<'n>(&self, qualified: &'n str) -> &'n str {
        qualified.strip_prefix(&self.qualified("")).unwrap_or(qualified)
    }
}

/// An item of a list of tasks. `import_tasks` is already replaced by what it imports (as a block that carries its keywords).
#[derive(Debug, Clone)]
pub enum Item {
    /// A task.
    Task(Box<Task>),
    /// A block.
    Block(Box<Block>),
    /// An `include_tasks` or `include_role`, loaded when it is reached.
    Include(Box<Include>),
}

/// A task.
#[derive(Clone)]
pub struct Task {
    /// Its name, or its module's where it has none; may be a template.
    pub name: Spanned<String>,
    /// Where the whole task stands.
    pub span: Span,
    /// Its module.
    pub module: &'static Module,
    /// Where the module is named.
    pub module_span: Span,
    /// Its arguments, by name; values may be templates.
    pub args: IndexMap<String, Node>,
    /// What it shares with blocks and plays.
    pub keywords: Keywords,
    /// The variable that gets the result.
    pub register: Option<Spanned<String>>,
    /// What to loop over, and how.
    pub r#loop: Option<Loop>,
    /// Repeat until these are true.
    pub until: Vec<Node>,
    /// How often to try again; 3 unless said.
    pub retries: Option<Node>,
    /// Seconds between tries; 5 unless said.
    pub delay: Option<Node>,
    /// For a handler: further names it answers to.
    pub listen: Vec<Spanned<String>>,
    /// It failed if all of these are true, as in Ansible.
    pub failed_when: Option<Vec<Node>>,
    /// It changed something if all of these are true.
    pub changed_when: Option<Vec<Node>>,
    /// What a rehearsal's hosts answer where they do not know what the task runs.
    pub rehearse: Option<Answer>,
}

/// What a program answers that a rehearsal's hosts do not know.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// Its exit status.
    pub rc: i32,
    /// What it prints.
    pub stdout: String,
    /// What it prints as errors.
    pub stderr: String,
}

impl std::fmt::Debug for Task {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Task")
            .field("name", &self.name.value)
            .field("module", &self.module.name)
            .finish_non_exhaustive()
    }
}

/// A loop.
#[derive(Debug, Clone)]
pub struct Loop {
    /// The list, or a template that yields one; of `with_…`, what its list is made of.
    pub over: Node,
    /// How the list is made, unless it is one.
    pub with: Option<With>,
    /// The variable that holds the item; `item` unless said.
    pub var: String,
    /// The variable that counts from 0.
    pub index_var: Option<String>,
    /// Whether `ansible_loop` tells where in the list an item is.
    pub extended: bool,
    /// Whether it holds the whole list, too.
    pub all_items: bool,
    /// What to show of an item.
    pub label: Option<Node>,
    /// Seconds between items.
    pub pause: Option<f64>,
}

/// How `with_…` makes its list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum With {
    /// Of what it is given.
    Listing(Listing),
    /// The paths that patterns match.
    FileGlob,
    /// The path of the first file that is there.
    FirstFound,
}

/// A block.
#[derive(Debug, Clone)]
pub struct Block {
    /// Its name.
    pub name: Option<Spanned<String>>,
    /// Where it stands.
    pub span: Span,
    /// What its tasks inherit.
    pub keywords: Keywords,
    /// The tasks.
    pub body: Vec<Item>,
    /// What runs on a host where one of them failed.
    pub rescue: Vec<Item>,
    /// What runs in any case.
    pub always: Vec<Item>,
    /// The role it is.
    pub role: Option<RoleRun>,
}

/// The parts of a role that are not read from `main`, each with the file instead.
pub type PartFiles = Vec<(&'static str, String)>;

/// An `include_tasks` or `include_role`.
#[derive(Debug, Clone)]
pub struct Include {
    /// Its name.
    pub name: Option<Spanned<String>>,
    /// Where it stands.
    pub span: Span,
    /// The file, relative to the file that includes it, or the role's name; a template perhaps.
    pub file: Node,
    /// It is a role, with these files of its parts.
    pub role: Option<PartFiles>,
    /// What its tasks inherit.
    pub keywords: Keywords,
    /// What to loop over.
    pub r#loop: Option<Loop>,
}

impl Include {
    /// What its author calls it.
    pub fn module(&self) -> &'static str {
        match self.role {
            Some(_) => "include_role",
            None => "include_tasks",
        }
    }
}
