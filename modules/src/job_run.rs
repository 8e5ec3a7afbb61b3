//! Running a job of a step to its end. This is the only way in which modules do it, but for commands of the operator's own.
//!
//! What the world looks like decides, never what a job once said: inspect follows a job that still runs ([`settle`]) and then looks at
//! the host; one that has ended is done with. So a job that a run of last month left behind is never taken for tonight's.

use crate::host::{Command, HostError, Lines};
use crate::job::{JobEnd, JobSpec, JobState};
use crate::module::{Cx, Failure};

/// Follows a job that an earlier run of this step left running, so that a look at the host sees what it came to and not
/// what it is in the middle of. Changes nothing.
pub(crate) async fn settle(cx: &Cx<'_>, verb: &str) -> Result<(), Failure> {
    settle_shown(cx, verb, cx.progress).await
}

/// As [`settle`], with the job's output shown through `lines`.
pub(crate) async fn settle_shown(cx: &Cx<'_>, verb: &str, lines: &dyn Lines) -> Result<(), Failure> {
    let name = cx.job_name(verb);
    if let Some(job) = cx.host.find_job(&name).await?
        && job.state == JobState::Running
    {
        cx.progress.line(
            &format!("attached to job {name}, which an earlier run left running"),
            false,
        );
        cx.host.follow_job(&name, lines).await?;
    }
    Ok(())
}

/// Runs a command as a job and waits for its end; a job that vanished without an exit status is a failure.
pub(crate) async fn run(cx: &Cx<'_>, verb: &str, command: Command) -> Result<JobEnd, Failure> {
    let end = run_to_end(cx, verb, command, cx.progress).await?;
    if end.exit.is_none() {
        let message = format!(
            "{}: job {} did not come to its end: {}",
            cx.host.name(),
            cx.job_name(verb),
            end.loss()
        );
        return Err(Failure::failed(message)
            .state("how far it came is not known")
            .hint("resume the run, or run the playbook again: the step looks at the host first and decides from what it finds"));
    }
    Ok(end)
}

/// As [`run`], with its output shown through `lines`, and without an opinion on how it ended.
///
/// A job of the same step that still runs is joined, not started again; one that has ended, or was lost, is done with, since a look
/// at the host said that there is something to do.
pub(crate) async fn run_to_end(
    cx: &Cx<'_>,
    verb: &str,
    command: Command,
    lines: &dyn Lines,
) -> Result<JobEnd, Failure> {
    let name = cx.job_name(verb);
    match cx.host.find_job(&name).await? {
        Some(job) if job.state == JobState::Running => {}
        Some(_) => cx.host.forget_job(&name).await?,
        None => {}
    }
    let lost_sight = |error: HostError| {
        Failure::from(error)
            .state(format!(
                "the job {name} may have been started and goes on without us"
            ))
            .hint("resume the run, or run the playbook again: the job is found and followed to its end, not started twice")
    };
    let spec = JobSpec {
        name: name.clone(),
        command,
    };
    cx.host.start_job(&spec).await.map_err(lost_sight)?;
    let end = cx.host.follow_job(&name, lines).await.map_err(lost_sight)?;
    match cx.host.forget_job(&name).await {
        // It has ended, and what it left is removed when the step is run again.
        Ok(()) | Err(HostError::Unreachable { .. }) => Ok(end),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::{Exit, Host};
    use crate::testing::FakeWorld;
    use crate::testing_local::LocalHost;

    #[tokio::test]
    async fn a_job_that_ended_unseen_long_ago_is_not_taken_for_this_one() {
        let (world, host) = (FakeWorld::default(), LocalHost::new("m"));
        let cx = world.cx_of(&host);
        let leftover = JobSpec {
            name: cx.job_name("verb"),
            command: Command::new(["echo", "of last month"]),
        };
        host.start_job(&leftover).await.unwrap();
        settle(&cx, "verb").await.unwrap();
        let end = run(&cx, "verb", Command::new(["echo", "of tonight"]))
            .await
            .unwrap();
        assert_eq!(
            (end.exit, end.text().as_str()),
            (Some(Exit::Code(0)), "of tonight\n")
        );
        assert!(host.list_jobs().await.unwrap().is_empty());
    }
}
