//! Running onedb as a job: it outlives the connection, and is found again by the step's name.

use std::time::Duration;

use crate::host::{Command, Exit, HostError, Lines};
use crate::job::{JobEnd, JobSpec, JobState};
use crate::module::{Change, Cx, Failure, Finding};
use crate::opennebula::onedb::{Access, output::explain};

/// Killing onedb in the middle does more harm than letting it run.
const LIMIT: Duration = Duration::from_hours(48);

/// Hands lines on without what must not be shown.
struct Scrubbed<'a> {
    access: &'a Access,
    lines: &'a dyn Lines,
}

impl Lines for Scrubbed<'_> {
    fn line(&self, line: &str, stderr: bool) {
        self.lines.line(&self.access.scrub(line), stderr);
    }
}

/// Runs a command as the step's job of that verb, or follows the one that was started before the connection or the controller was lost.
///
/// The job is forgotten once its end was read, so a job that is found is one whose end nobody has seen.
pub(super) async fn run(
    cx: &Cx<'_>,
    access: &Access,
    verb: &str,
    command: Command,
) -> Result<JobEnd, Failure> {
    let name = cx.job_name(verb);
    let others = cx.host.list_jobs().await?;
    let other = others
        .iter()
        .find(|job| job.name != name && job.name.starts_with("onedb-") && job.state == JobState::Running);
    if let Some(other) = other {
        return Err(Failure::unsafe_to_go_on(format!(
            "{}: another onedb job runs on this host: {}",
            cx.host.name(),
            other.name
        ))
        .hint("wait for it, or resume the run that started it"));
    }
    // What a lost one did is unknown, and inspect has looked at the world since.
    if others
        .iter()
        .any(|job| job.name == name && job.state == JobState::Lost)
    {
        cx.host.forget_job(&name).await?;
    }
    let spec = JobSpec {
        name: name.clone(),
        command: command.deadline(LIMIT),
    };
    let lost_sight =
        |error: HostError| {
            let failure = Failure::from(error);
            failure
            .state(format!("the job {name} may have been started and goes on without us"))
            .hint("run the same playbook again, or resume: the job is found and followed, not started twice")
        };
    cx.host.start_job(&spec).await.map_err(lost_sight)?;
    let lines = Scrubbed {
        access,
        lines: cx.progress,
    };
    let end = cx.host.follow_job(&name, &lines).await.map_err(lost_sight)?;
    cx.host.forget_job(&name).await?;
    Ok(end)
}

/// What inspect answers where the step's job of that verb runs, or has ended unseen; `None`: there is none, or it is lost.
pub(super) async fn found_again(cx: &Cx<'_>, verb: &str) -> Result<Option<Finding>, Failure> {
    let job = cx.host.find_job(&cx.job_name(verb)).await?;
    let job = job.filter(|job| job.state != JobState::Lost);
    Ok(job.map(|job| {
        Finding::Change(Change::new(format!(
            "follow the job {}, which was started before",
            job.name
        )))
    }))
}

/// Fails unless the job ended with exit status 0, in onedb's own words.
pub(super) fn succeeded(cx: &Cx<'_>, access: &Access, what: &str, end: &JobEnd) -> Result<(), Failure> {
    if end.exit == Some(Exit::Code(0)) {
        return Ok(());
    }
    let said = end.text();
    let last: Vec<&str> = said.trim().lines().rev().take(12).collect();
    let last = last.into_iter().rev().collect::<Vec<_>>().join("\n");
    let how = match end.exit {
        Some(exit) => exit.to_string(),
        None => "it vanished without an exit status (was the host rebooted?)".to_owned(),
    };
    let failure = Failure::failed(format!(
        "{}: {what} failed: {how}\n{}",
        cx.host.name(),
        access.scrub(&last)
    ));
    Err(explain(failure, &said))
}
