//! `job_clean`: removes what is left of jobs that have ended.

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::contract::{Contract, Privilege, Recovery};
use crate::job::{JobRecord, JobState};
use crate::module::{Change, Cx, Effect, Failure, Finding, Module, Outcome};

/// Removes what is left of jobs on the host: records of those that have ended while nobody watched.
///
/// A step forgets its own job when it has seen its end; one whose controller was cut off then leaves a record. Refuses while a job
/// runs.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct JobClean {}

#[async_trait]
impl Module for JobClean {
    const NAME: &'static str = "job_clean";
    const CONTRACT: Contract = Contract {
        privilege: Privilege::Root,
        ..Contract::general(Recovery::Inspect)
    };
    const EXAMPLE: &'static str = "- name: nothing is left of what earlier runs started\n  job_clean:\n";

    async fn inspect(&self, cx: &Cx<'_>) -> Result<Finding, Failure> {
        let jobs = cx.host.list_jobs().await?;
        if let Some(job) = jobs.iter().find(|job| job.state == JobState::Running) {
            return Err(Failure::unsafe_to_go_on(format!(
                "{}: the job {} still runs",
                cx.host.name(),
                job.name
            ))
            .hint("wait for it with job_wait, or run the playbook that started it again"));
        }
        let names = names(&jobs);
        if names.is_empty() {
            return Ok(Finding::no_change("no job is left"));
        }
        Ok(Finding::Change(Change {
            what: names
                .iter()
                .map(|name| format!("remove the record of job {name}"))
                .collect(),
            seen: json!(names),
            diff: None,
        }))
    }
}

fn names(jobs: &[JobRecord]) -> Vec<&str> {
    jobs.iter().map(|job| job.name.as_str()).collect()
}

#[async_trait]
impl Effect for JobClean {
    async fn apply(&self, cx: &Cx<'_>, change: &Change) -> Result<Outcome, Failure> {
        for name in change.seen.as_array().into_iter().flatten() {
            if let Some(name) = name.as_str() {
                cx.host.forget_job(name).await?;
            }
        }
        Ok(Outcome::changed(change.what.join(", ")))
    }

    async fn verify(&self, cx: &Cx<'_>, _: &Change, _: &mut Outcome) -> Result<(), Failure> {
        let left = cx.host.list_jobs().await?;
        if left.is_empty() {
            return Ok(());
        }
        let names = names(&left).join(", ");
        Err(Failure::not_verified(format!(
            "{}: jobs are still there: {names}",
            cx.host.name()
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::{Command, Host};
    use crate::job::JobSpec;
    use crate::module::FailureKind;
    use crate::testing::{FakeHost, FakeWorld};

    #[tokio::test]
    async fn ended_jobs_are_removed_and_a_host_that_keeps_them_is_found_out() {
        let host = FakeHost::new("m").on("true", 0, "");
        let world = FakeWorld::default();
        let cx = world.cx(&host);
        let spec = JobSpec {
            name: "service-stop-1".to_owned(),
            command: Command::new(["true"]),
        };
        host.start_job(&spec).await.unwrap();
        host.follow_job(&spec.name, cx.progress).await.unwrap();
        let change = Change::new("remove").seen(json!([spec.name]));
        let failure = (JobClean {})
            .verify(&cx, &change, &mut Outcome::default())
            .await
            .unwrap_err();
        assert_eq!(failure.kind, FailureKind::NotVerified);
        let mut outcome = (JobClean {}).apply(&cx, &change).await.unwrap();
        (JobClean {}).verify(&cx, &change, &mut outcome).await.unwrap();
        assert!(matches!(
            (JobClean {}).inspect(&cx).await.unwrap(),
            Finding::NoChange(_)
        ));
    }
}
