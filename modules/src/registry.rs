//! All modules by name; a new module is one line in [`all`].

use std::sync::LazyLock;

use async_trait::async_trait;
use schemars::Schema;
use serde_json::Value;

use crate::arguments::{self, ArgumentError};
use crate::contract::{Contract, Recovery};
use crate::module::{Change, Cx, Effect, Failure, Finding, Module, Outcome, Together};

/// A module whose arguments have been read: what the engine runs.
#[async_trait]
pub trait Task: Send + Sync {
    /// See [`Module::recovery`].
    fn recovery(&self) -> Recovery;
    /// See [`Module::inspect`].
    async fn inspect(&self, cx: &Cx<'_>) -> Result<Finding, Failure>;
    /// See [`Effect::apply`] and [`Together::apply_all`].
    async fn apply(&self, targets: &[(&Cx<'_>, &Change)]) -> Vec<Result<Outcome, Failure>>;
    /// See [`Effect::verify`].
    async fn verify(&self, cx: &Cx<'_>, change: &Change, outcome: &mut Outcome) -> Result<(), Failure>;
}

/// How a module acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acts {
    /// Not at all: it only reads, or only computes.
    Never,
    /// On one host at a time: [`Task::apply`] gets exactly one target.
    OnEach,
    /// On all hosts of the task at once.
    OnAllTogether,
}

/// Reads arguments of that schema.
type Build = fn(&Schema, Value) -> Result<Box<dyn Task>, ArgumentError>;

/// A registered module.
pub struct Entry {
    /// The name in a playbook.
    pub name: &'static str,
    /// Its contract.
    pub contract: Contract,
    /// A task as one would write it.
    pub example: &'static str,
    /// How it acts.
    pub acts: Acts,
    /// Made when it is first asked for: every task of the module is read by it.
    schema: LazyLock<Schema>,
    build: Build,
}

impl Entry {
    /// The JSON schema of its arguments; the description is the module's documentation.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// Reads its arguments.
    pub fn task(&self, arguments: Value) -> Result<Box<dyn Task>, ArgumentError> {
        (self.build)(&self.schema, arguments)
    }
}

struct Reads<M>(M);
struct Changes<M>(M);
struct ActsTogether<M>(M);

#[async_trait]
impl<M: Module> Task for Reads<M> {
    fn recovery(&self) -> Recovery {
        self.0.recovery()
    }
    async fn inspect(&self, cx: &Cx<'_>) -> Result<Finding, Failure> {
        self.0.inspect(cx).await
    }
    async fn apply(&self, targets: &[(&Cx<'_>, &Change)]) -> Vec<Result<Outcome, Failure>> {
        let refuse = |_| {
            Err(Failure::failed(format!(
                "{} only reads and was asked to act",
                M::NAME
            )))
        };
        targets.iter().map(refuse).collect()
    }
    async fn verify(&self, _: &Cx<'_>, _: &Change, _: &mut Outcome) -> Result<(), Failure> {
        Ok(())
    }
}

#[async_trait]
impl<M: Effect> Task for Changes<M> {
    fn recovery(&self) -> Recovery {
        self.0.recovery()
    }
    async fn inspect(&self, cx: &Cx<'_>) -> Result<Finding, Failure> {
        self.0.inspect(cx).await
    }
    async fn apply(&self, targets: &[(&Cx<'_>, &Change)]) -> Vec<Result<Outcome, Failure>> {
        let mut results = Vec::with_capacity(targets.len());
        for (cx, change) in targets {
            results.push(self.0.apply(cx, change).await);
        }
        results
    }
    async fn verify(&self, cx: &Cx<'_>, change: &Change, outcome: &mut Outcome) -> Result<(), Failure> {
        self.0.verify(cx, change, outcome).await
    }
}

#[async_trait]
impl<M: Together> Task for ActsTogether<M> {
    fn recovery(&self) -> Recovery {
        self.0.recovery()
    }
    async fn inspect(&self, cx: &Cx<'_>) -> Result<Finding, Failure> {
        self.0.inspect(cx).await
    }
    async fn apply(&self, targets: &[(&Cx<'_>, &Change)]) -> Vec<Result<Outcome, Failure>> {
        self.0.apply_all(targets).await
    }
    async fn verify(&self, cx: &Cx<'_>, change: &Change, outcome: &mut Outcome) -> Result<(), Failure> {
        self.0.verify(cx, change, outcome).await
    }
}

const fn entry<M: Module>(acts: Acts, build: Build) -> Entry {
    Entry {
        name: M::NAME,
        contract: M::CONTRACT,
        example: M::EXAMPLE,
        acts,
        schema: LazyLock::new(arguments::schema_of::<M>),
        build,
    }
}

/// A module that only reads.
pub(crate) const fn reads<M: Module>() -> Entry {
    entry::<M>(Acts::Never, |schema, value| {
        Ok(Box::new(Reads(arguments::read::<M>(schema, value)?)))
    })
}

/// A module that changes each host.
pub(crate) const fn changes<M: Effect>() -> Entry {
    entry::<M>(Acts::OnEach, |schema, value| {
        Ok(Box::new(Changes(arguments::read::<M>(schema, value)?)))
    })
}

/// A module that acts on all hosts together.
pub(crate) const fn together<M: Together>() -> Entry {
    entry::<M>(Acts::OnAllTogether, |schema, value| {
        Ok(Box::new(ActsTogether(arguments::read::<M>(schema, value)?)))
    })
}

/// Modules of tests, which no playbook can name.
#[cfg(any(test, feature = "testing"))]
pub mod for_tests {
    use super::{Effect, Entry, Module, Together};

    /// A module that only reads.
    pub fn reads<M: Module>() -> Entry {
        super::reads::<M>()
    }

    /// A module that changes each host.
    pub fn changes<M: Effect>() -> Entry {
        super::changes::<M>()
    }

    /// A module that acts on all hosts together.
    pub fn together<M: Together>() -> Entry {
        super::together::<M>()
    }
}

/// Every module, by name.
pub fn all() -> &'static [Entry] {
    static ALL: LazyLock<Vec<Entry>> = LazyLock::new(|| {
        let rooms = [
            crate::commands::modules(),
            crate::control::modules(),
            crate::database::modules(),
            crate::federation::modules(),
            crate::files::modules(),
            crate::packages::modules(),
            crate::services::modules(),
        ];
        let mut all: Vec<Entry> = rooms.into_iter().flatten().collect();
        all.sort_by_key(|entry| entry.name);
        all
    });
    &ALL
}

/// What Ansible has under other names.
const OTHER_NAMES: &[(&str, &str)] = &[("systemd", "service"), ("systemd_service", "service")];

/// The module of that name; `ansible.builtin.` before it is fine.
pub fn find(name: &str) -> Option<&'static Entry> {
    let name = name
        .strip_prefix("ansible.builtin.")
        .or(name.strip_prefix("ansible.legacy."))
        .unwrap_or(name);
    let other = OTHER_NAMES.iter().find(|(other, _)| *other == name);
    let name = other.map_or(name, |(_, name)| *name);
    all().iter().find(|entry| entry.name == name)
}
