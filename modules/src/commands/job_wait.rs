//! `job_wait`: until nothing that nebplay started is under way.

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::contract::{Contract, Privilege};
use crate::job::JobState;
use crate::module::{Cx, Failure, Finding, Module, Outcome};

/// Waits until every job that an earlier run left running on the host has ended, and shows what they print.
///
/// A controller that is cut off leaves its migration, backup or package upgrade running, and nothing on the host can be believed
/// before that has ended. How it ended is no failure here: the step that started it looks at the host and decides.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct JobWait {}

#[async_trait]
impl Module for JobWait {
    const NAME: &'static str = "job_wait";
    const CONTRACT: Contract = Contract::reads(Privilege::Root);
    const EXAMPLE: &'static str = "- name: nothing of an earlier run is under way\n  job_wait:\n";

    async fn inspect(&self, cx: &Cx<'_>) -> Result<Finding, Failure> {
        let jobs = cx.host.list_jobs().await?;
        let mut waited = Vec::new();
        for job in jobs.into_iter().filter(|job| job.state == JobState::Running) {
            let line = format!("attached to job {}, which an earlier run left running", job.name);
            cx.progress.line(&line, false);
            let end = cx.host.follow_job(&job.name, cx.progress).await?;
            let how = end
                .exit
                .map_or_else(|| "lost".to_owned(), |exit| exit.to_string());
            waited.push(format!("{} ({how})", job.name));
        }
        let message = if waited.is_empty() {
            "nothing of an earlier run is under way".to_owned()
        } else {
            format!(
                "waited for what an earlier run left running: {}",
                waited.join(", ")
            )
        };
        Ok(Finding::NoChange(
            Outcome::unchanged(message).with("waited", json!(waited)),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Host;
    use crate::testing::{FakeHost, FakeWorld};

    #[tokio::test]
    async fn a_running_job_is_followed_and_neither_started_nor_forgotten() {
        let left = FakeHost::new("m").running_job("onedb-upgrade-1", "migrating\n");
        for (host, expected, jobs) in [
            (FakeHost::new("m"), "nothing of an earlier run is under way", 0),
            (left, "running: onedb-upgrade-1 (exit status 0)", 1),
        ] {
            let world = FakeWorld::default();
            let finding = (JobWait {}).inspect(&world.cx(&host)).await.unwrap();
            let Finding::NoChange(outcome) = finding else {
                panic!("{finding:?}")
            };
            let message = outcome.message.unwrap();
            assert!(message.ends_with(expected), "{message}");
            assert_eq!(host.list_jobs().await.unwrap().len(), jobs);
            assert!(host.asked().is_empty());
        }
    }
}
