//! How many hosts of a task are worked on at once, in which order, and why.

use nebplay_modules::contract::{Concurrency, Order};
use nebplay_modules::federation_map::{Federation, Role};
use nebplay_modules::registry::{Acts, Entry};
use serde::Serialize;

use crate::playbook::Parallelism;

/// How a task goes over its hosts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pace {
    /// At most that many hosts at any time.
    pub at_once: usize,
    /// Why that many, in that order, as one line.
    pub why: String,
    /// The hosts; one part is done before the next begins.
    pub waves: Vec<Vec<String>>,
}

impl Pace {
    /// All hosts in order.
    pub fn hosts(&self) -> impl Iterator<Item = &String> {
        self.waves.iter().flatten()
    }
}

/// Decides it from the module's contract, what the author asks for, and `--forks`.
///
/// Nothing that changes state runs on a master and on a slave at the same time, whatever was asked for: where more than one
/// host at once is allowed, the master's front-ends and all other hosts are waves of their own; what acts on another host
/// than its own (`delegated`) goes one by one in a federation, since that other host may be anywhere.
pub fn pace(
    module: &Entry,
    asked: Option<Parallelism>,
    delegated: bool,
    forks: usize,
    hosts: &[String],
    federation: &Federation,
) -> Pace {
    let forks = forks.max(1);
    let asked_for = match asked {
        Some(Parallelism::AtMost(n)) => n.clamp(1, forks),
        Some(Parallelism::All) | None => forks,
    };
    let acts = module.acts != Acts::Never;
    let (at_once, mut why) = match module.contract.concurrency {
        Concurrency::Serial => (1, "one host at a time: it changes OpenNebula's state".to_owned()),
        _ if delegated && acts && !federation.zones.is_empty() => {
            (1, "one host at a time: it acts on another host".to_owned())
        }
        Concurrency::Parallel { allowed_by } => (asked_for, format!("in parallel: {allowed_by}")),
        Concurrency::OnRequest if asked.is_none() => {
            (1, "one host at a time: nothing asks for more".to_owned())
        }
        Concurrency::OnRequest => (asked_for, "in parallel: the playbook asks for it".to_owned()),
    };

    let is_master = |host: &String| {
        federation
            .zone_of(host)
            .is_some_and(|zone| zone.role == Role::Master)
    };
    let is_slave = |host: &String| {
        federation
            .zone_of(host)
            .is_some_and(|zone| zone.role == Role::Slave)
    };
    let mut ordered = hosts.to_vec();
    match module.contract.order {
        Order::Inventory => {}
        Order::MasterFirst => {
            ordered.sort_by_key(|host| !is_master(host));
            why.push_str("; the master first");
        }
        Order::MasterLast => {
            ordered.sort_by_key(is_master);
            why.push_str("; the master last");
        }
    }

    let mixed = ordered.iter().any(is_master) && ordered.iter().any(is_slave);
    let waves = if acts && at_once > 1 && mixed {
        why.push_str("; the master and slaves never at the same time");
        let (masters, others): (Vec<_>, Vec<_>) = ordered.iter().cloned().partition(is_master);
        if ordered.first().is_some_and(is_master) {
            vec![masters, others]
        } else {
            vec![others, masters]
        }
    } else {
        vec![ordered]
    };
    Pace { at_once, why, waves }
}
