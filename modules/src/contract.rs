//! What a module declares about itself.

use serde::Serialize;

/// How many hosts of a task may be worked on at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Concurrency {
    /// One host at a time; asking for more is an error when the playbook is loaded.
    Serial,
    /// All hosts of the task at once, bounded by `--forks`.
    Parallel {
        /// The sentence of the documentation that allows it.
        allowed_by: &'static str,
    },
    /// One at a time unless the play or task says `parallel`.
    OnRequest,
}

/// The order of a task's hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// As the inventory has them.
    Inventory,
    /// The master zone first, whatever the inventory says.
    MasterFirst,
    /// The master zone last, whatever the inventory says.
    MasterLast,
}

/// What settles a step that was cut off inside the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Recovery {
    /// Look again: inspect tells whether it happened.
    Inspect,
    /// The job's record on the host tells.
    Job,
    /// Nobody can tell: stop and ask the operator.
    Ask,
}

/// What the module needs to be on the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Privilege {
    /// Root, whatever `become` says.
    Root,
    /// The user oneadmin, whatever `become` says.
    Oneadmin,
    /// Whatever `become` says.
    AsTask,
    /// It touches no host.
    None,
}

/// A module's contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Contract {
    /// How many hosts at once, and why.
    pub concurrency: Concurrency,
    /// In which order.
    pub order: Order,
    /// What settles an interrupted step.
    pub recovery: Recovery,
    /// What it needs to be.
    pub privilege: Privilege,
    /// Arguments that are expressions, evaluated by the engine and handed over as values (`that` of `assert`).
    pub expressions: &'static [&'static str],
}

impl Contract {
    /// A module that only reads: all hosts at once, settled by looking again.
    pub const fn reads(privilege: Privilege) -> Self {
        Self {
            concurrency: Concurrency::Parallel {
                allowed_by: "it only reads",
            },
            order: Order::Inventory,
            recovery: Recovery::Inspect,
            privilege,
            expressions: &[],
        }
    }

    /// A module that changes OpenNebula's state: one host at a time.
    pub const fn serial(order: Order, recovery: Recovery, privilege: Privilege) -> Self {
        Self {
            concurrency: Concurrency::Serial,
            order,
            recovery,
            privilege,
            expressions: &[],
        }
    }

    /// A general-purpose module.
    pub const fn general(recovery: Recovery) -> Self {
        Self {
            concurrency: Concurrency::OnRequest,
            order: Order::Inventory,
            recovery,
            privilege: Privilege::AsTask,
            expressions: &[],
        }
    }

    /// A module that touches no host.
    pub const fn control(expressions: &'static [&'static str]) -> Self {
        Self {
            concurrency: Concurrency::Parallel {
                allowed_by: "it touches no host",
            },
            order: Order::Inventory,
            recovery: Recovery::Inspect,
            privilege: Privilege::None,
            expressions,
        }
    }
}
