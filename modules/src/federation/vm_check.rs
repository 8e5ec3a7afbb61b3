//! `vm_check`.

use std::time::Duration;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::contract::{Contract, Privilege};
use crate::module::{Cx, Failure, Finding, Module, Outcome};
use crate::opennebula::local::LocalOned;
use crate::opennebula::machines::{self, Motion, Vm};

/// Checks that no virtual machine of the zone is in the middle of a transition, or says which.
///
/// An oned that is stopped in the middle of one never resumes it, and disabling a zone does not stop those under way: look again after
/// it. Machines whose transition failed move only by hand; they are listed as a warning and do not stop anything.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct VmCheck {
    /// Seconds to wait for machines that are on their way, counted from the last one that arrived. 0 looks once.
    #[serde(default)]
    wait: u64,
}

const INTERVAL: Duration = Duration::from_secs(2);

/// Lists are cut here; the registered result has them all.
const SHOWN: usize = 20;

#[async_trait]
impl Module for VmCheck {
    const NAME: &'static str = "vm_check";
    const CONTRACT: Contract = Contract::reads(Privilege::Root);
    const EXAMPLE: &'static str = "- name: No machine may be on its way\n  vm_check:\n    wait: 300\n";

    async fn inspect(&self, cx: &Cx<'_>) -> Result<Finding, Failure> {
        let oned = LocalOned::of(cx.host, cx.secrets).await?;
        let client = oned.client(cx.host);
        let clock = cx.host.clock();
        let limit = Duration::from_secs(self.wait);
        let mut fewest = usize::MAX;
        let mut progress = clock.monotonic();
        loop {
            let vms = machines::vms(&client).await?;
            let moving = in_motion(&vms, Motion::Transient);
            if moving.is_empty() {
                return Ok(Finding::NoChange(at_rest(&vms)));
            }
            if moving.len() < fewest {
                fewest = moving.len();
                progress = clock.monotonic();
                cx.progress
                    .line(&format!("on their way: {}", listed(&moving)), false);
            }
            if clock.monotonic().saturating_sub(progress) >= limit {
                return Err(not_at_rest(&moving));
            }
            clock.sleep(INTERVAL).await;
        }
    }
}

fn in_motion(vms: &[Vm], motion: Motion) -> Vec<&Vm> {
    vms.iter().filter(|vm| vm.state.motion() == motion).collect()
}

fn listed(vms: &[&Vm]) -> String {
    let mut list: Vec<String> = vms
        .iter()
        .take(SHOWN)
        .map(|vm| format!("{} {} ({})", vm.id, vm.name, vm.state))
        .collect();
    if vms.len() > SHOWN {
        list.push(format!("and {} more", vms.len() - SHOWN));
    }
    list.join(", ")
}

fn at_rest(vms: &[Vm]) -> Outcome {
    let failed = in_motion(vms, Motion::Failed);
    let outcome = Outcome::unchanged(format!("no virtual machine of {} is on its way", vms.len()))
        .with("vms", vms.len())
        .with("transient", json!([]))
        .with("failed", json!(failed));
    if failed.is_empty() {
        outcome
    } else {
        outcome.warn(format!(
            "failed transitions, which move only by hand: {}",
            listed(&failed)
        ))
    }
}

fn not_at_rest(moving: &[&Vm]) -> Failure {
    Failure::unsafe_to_go_on(format!("virtual machines are on their way: {}", listed(moving)))
        .with("transient", json!(moving))
        .hint("wait until they have arrived (wait: SECONDS), or recover them with onevm recover while the zone is enabled")
        .hint("do not stop oned now: nothing would resume them")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::federation::cloud::Cloud;
    use crate::module::FailureKind;

    fn pool(states: &[(u32, u32)]) -> String {
        let vm = |(id, (state, lcm)): (usize, &(u32, u32))| {
            format!(
                "<VM><ID>{id}</ID><NAME>v{id}</NAME><STATE>{state}</STATE><LCM_STATE>{lcm}</LCM_STATE></VM>"
            )
        };
        format!(
            "<VM_POOL>{}</VM_POOL>",
            states.iter().enumerate().map(vm).collect::<String>()
        )
    }

    async fn check(wait: u64, looks: &[&[(u32, u32)]]) -> Result<Outcome, Failure> {
        let cloud = Cloud::default();
        cloud.vm_pools(looks.iter().map(|look| pool(look)));
        let world = cloud.world();
        let host = cloud.host("s1");
        match (VmCheck { wait }).inspect(&world.cx(&host)).await? {
            Finding::NoChange(outcome) => Ok(outcome),
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn machines_at_rest_and_failed_ones_let_it_pass() {
        let outcome = check(0, &[&[(3, 3), (8, 0), (3, 36)]]).await.unwrap();
        assert!(outcome.warnings[0].contains("2 v2"), "{:?}", outcome.warnings);
        assert!(check(0, &[&[]]).await.unwrap().warnings.is_empty());
    }

    #[tokio::test]
    async fn a_transient_one_is_named_and_refused() {
        let failure = check(0, &[&[(3, 3), (3, 18)]]).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Unsafe);
        assert!(
            failure.message.contains("1 v1 (ACTIVE/SHUTDOWN_POWEROFF)"),
            "{}",
            failure.message
        );
    }

    #[tokio::test]
    async fn waiting_counts_from_the_last_arrival() {
        let two: &[(u32, u32)] = &[(3, 1), (3, 2)];
        let one: &[(u32, u32)] = &[(3, 3), (3, 2)];
        let none: &[(u32, u32)] = &[(3, 3), (3, 3)];
        assert!(check(4, &[two, two, one, one, one, none]).await.is_err());
        assert!(check(7, &[two, two, one, one, one, none]).await.is_ok());
    }
}
