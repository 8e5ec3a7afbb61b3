//! Running a job of a step to its end.

use crate::host::Command;
use crate::job::{JobEnd, JobSpec, JobState};
use crate::module::{Cx, Failure, FailureKind};

/// Follows a job that an earlier run of this step left running, so that a look at the host sees what it came to and not
/// what it is in the middle of. Changes nothing.
pub(crate) async fn settle(cx: &Cx<'_>, verb: &str) -> Result<(), Failure> {
    let name = cx.job_name(verb);
    if let Some(job) = cx.host.find_job(&name).await?
        && job.state == JobState::Running
    {
        cx.progress.line(
            &format!("attached to job {name}, which an earlier run left running"),
            false,
        );
        cx.host.follow_job(&name, cx.progress).await?;
    }
    Ok(())
}

/// Runs a command as a job and waits for its end. A job of the same step that still runs is joined, not started again;
/// one that has ended is done with, since a look at the host said that there is something to do.
pub(crate) async fn run(cx: &Cx<'_>, verb: &str, command: Command) -> Result<JobEnd, Failure> {
    let name = cx.job_name(verb);
    match cx.host.find_job(&name).await? {
        Some(job) if job.state == JobState::Running => {}
        Some(_) => cx.host.forget_job(&name).await?,
        None => {}
    }
    cx.host
        .start_job(&JobSpec {
            name: name.clone(),
            command,
        })
        .await?;
    let end = cx.host.follow_job(&name, cx.progress).await?;
    cx.host.forget_job(&name).await?;
    if end.exit.is_none() {
        let message = format!(
            "{}: the host was rebooted or the job {name} was killed before it ended",
            cx.host.name()
        );
        return Err(Failure::new(FailureKind::Failed, message)
            .state("how far it came is not known")
            .hint(
                "run the playbook again: the step looks at the host first and decides from what it finds",
            ));
    }
    Ok(end)
}
