//! Running onedb as a job: nothing secret is shown, no other onedb job runs beside it, and its end is told in onedb's own words.

use std::time::Duration;

use crate::host::{Command, Exit, Lines};
use crate::job::{JobEnd, JobState};
use crate::job_run;
use crate::module::{Cx, Failure};
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

    fn question(&self, question: &str) {
        self.lines.question(&self.access.scrub(question));
    }
}

/// Waits for the end of a job of this step that an earlier run left running, see [`job_run::settle`].
pub(super) async fn settle(cx: &Cx<'_>, access: &Access, verb: &str) -> Result<(), Failure> {
    let lines = Scrubbed {
        access,
        lines: cx.progress,
    };
    job_run::settle_shown(cx, verb, &lines).await
}

/// Runs a command as the step's job of that verb, see [`job_run::run_to_end`].
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
        .hint("wait for it, or run the playbook that started it again"));
    }
    let lines = Scrubbed {
        access,
        lines: cx.progress,
    };
    job_run::run_to_end(cx, verb, command.deadline(LIMIT), &lines).await
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
        None => end.loss().to_owned(),
    };
    let failure = Failure::failed(format!(
        "{}: {what} failed: {how}\n{}",
        cx.host.name(),
        access.scrub(&last)
    ));
    Err(explain(failure, &said))
}
