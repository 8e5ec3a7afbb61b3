//! `durable: true`: a command that runs as a job, so that neither a lost connection nor the end of nebplay ends it.
//!
//! Nothing but its job's record tells whether it ran. So the record is of this run alone ([`Cx::witness`]) and stays until the run is
//! finished: when a step was cut off, a job that has ended is its result, and one that is lost leaves it in doubt.

use std::time::Duration;

use crate::host::{Command, HostError, Output};
use crate::job::{self, JobEnd, JobRecord, JobSpec, JobState};
use crate::module::{Cx, Failure, FailureKind};

/// How long it may take when the task sets no `timeout`: it is durable because it takes long.
pub(super) const LIMIT: Duration = Duration::from_hours(48);

const SETTLE: &str = "look at the host what it did, then resume with `--in-doubt done` (it is done) or `--in-doubt again` (run it again)";

/// Runs the command as this step's job, or joins the one that is there, and waits for its end.
pub(super) async fn run(cx: &Cx<'_>, verb: &str, command: Command) -> Result<Output, Failure> {
    let spec = JobSpec {
        name: cx.witness(verb),
        command,
    };
    let lost_sight = |error| lost_sight(&spec.name, error);
    let name = match joined(cx, verb, &spec).await? {
        Some(name) => name,
        None => cx.host.start_job(&spec).await.map_err(lost_sight)?.name,
    };
    let end = cx.host.follow_job(&name, cx.progress).await.map_err(lost_sight)?;
    match end.exit {
        Some(exit) => Ok(Output {
            exit,
            stdout: end.stdout,
            stderr: end.stderr,
            elapsed: end.elapsed,
        }),
        None => Err(lost(cx, &name, &end)),
    }
}

/// The name of the job that is this step's already.
async fn joined(cx: &Cx<'_>, verb: &str, spec: &JobSpec) -> Result<Option<String>, Failure> {
    let show = |line: String| cx.progress.line(&line, false);
    let name = &spec.name;
    match cx.host.find_job(name).await? {
        Some(job) if job.state == JobState::Running => {
            show(format!("attached to job {name}, which this run left running"));
            Ok(Some(job.name))
        }
        Some(job) if cx.in_doubt => {
            show(format!(
                "job {name}, which this run started, tells what it came to"
            ));
            Ok(Some(job.name))
        }
        // How it ended was told, and the step is to be run again.
        Some(_) => {
            cx.host.forget_job(name).await?;
            Ok(None)
        }
        None => of_an_earlier_run(cx, verb, spec).await,
    }
}

/// Who runs the playbook anew instead of resuming the run that was cut off must not run the command beside itself.
async fn of_an_earlier_run(cx: &Cx<'_>, verb: &str, spec: &JobSpec) -> Result<Option<String>, Failure> {
    let beginning = job::of_any_run(cx.step, verb);
    let jobs = cx.host.list_jobs().await?;
    let others: Vec<JobRecord> = jobs
        .into_iter()
        .filter(|job| job.name.starts_with(&beginning))
        .collect();
    let host = cx.host.name();
    let same = spec.digest();
    if let Some(job) = others.iter().find(|job| job.state == JobState::Running) {
        if job.digest != same {
            return Err(Failure::unsafe_to_go_on(format!(
                "{host}: job {}, which an earlier run of this step left running, runs another command",
                job.name
            ))
            .hint("wait for its end with job_wait, then run this again"));
        }
        let line = format!("attached to job {}, which an earlier run left running", job.name);
        cx.progress.line(&line, false);
        return Ok(Some(job.name.clone()));
    }
    // This run may have been attached to it when it was cut off.
    match others.iter().find(|job| cx.in_doubt && job.digest == same) {
        None => Ok(None),
        Some(job) => Err(Failure::new(
            FailureKind::InDoubt,
            format!(
                "{host}: it was cut off, and there is only job {} of an earlier run, which runs no more",
                job.name
            ),
        )
        .state("whether this run had attached itself to that job, or had started nothing, is not known")
        .hint(SETTLE)),
    }
}

fn lost_sight(name: &str, error: HostError) -> Failure {
    let over = matches!(error, HostError::TimedOut { .. });
    let failure = Failure::from(error);
    if over {
        failure
            .state(format!(
                "job {name} was ended on the host when its time was over; how far it came is not known"
            ))
            .hint("a longer `timeout` of the task lets it come to its end")
            .hint(SETTLE)
    } else {
        failure
            .state(format!(
                "job {name} may have been started, and goes on without us"
            ))
            .hint("resume the run: the job is found and followed to its end, not started twice")
    }
}

fn lost(cx: &Cx<'_>, name: &str, end: &JobEnd) -> Failure {
    let said = end.text();
    let last = said.lines().rev().find(|line| !line.trim().is_empty());
    let last = last.map_or_else(
        || "it had printed nothing".to_owned(),
        |line| format!("the last that it printed is: {}", line.trim()),
    );
    Failure::new(
        FailureKind::InDoubt,
        format!(
            "{}: job {name} did not come to its end: {}",
            cx.host.name(),
            end.loss()
        ),
    )
    .state(format!("how far it came is not known; {last}"))
    .hint(SETTLE)
    .with("stdout", String::from_utf8_lossy(&end.stdout))
    .with("stderr", String::from_utf8_lossy(&end.stderr))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::contract::Recovery;
    use crate::host::Host;
    use crate::module::Outcome;
    use crate::testing::{FakeHost, FakeWorld};

    async fn run(world: &FakeWorld, host: &FakeHost) -> Result<Outcome, Failure> {
        let args = json!({"cmd": "migrate --all", "durable": true});
        world.run(host, "command", args).await
    }

    fn names(cx: &Cx<'_>) -> (String, String) {
        let of = |run: &str| job::name_in_run(cx.step, "command", run);
        (of(cx.run), of("last week"))
    }

    async fn leave(host: &FakeHost, name: &str) {
        let spec = JobSpec {
            name: name.to_owned(),
            command: Command::new(["migrate", "--all"]),
        };
        host.start_job(&spec).await.unwrap();
    }

    fn started(host: &FakeHost) -> usize {
        let asked = host.asked();
        asked.iter().filter(|line| line.starts_with("job ")).count()
    }

    #[tokio::test]
    async fn it_runs_as_a_job_whose_record_stays_and_is_the_result_of_a_step_in_doubt() {
        let host = FakeHost::new("m")
            .on_full("^migrate", 3, "half\n", "no room\n")
            .on_full("^migrate", 0, "all\n", "");
        let mut world = FakeWorld::default();
        let (name, _) = names(&world.cx(&host));
        for in_doubt in [false, true, true] {
            world.in_doubt = in_doubt;
            let failure = run(&world, &host).await.unwrap_err();
            assert_eq!(failure.message, "the command ended with exit status 3: no room");
            assert_eq!(
                (&failure.result["rc"], &failure.result["stdout"]),
                (&json!(3), &json!("half"))
            );
            assert_eq!(started(&host), 1);
            assert!(host.find_job(&name).await.unwrap().is_some());
        }
        // Its failure was told, and somebody wants it to be run again.
        world.in_doubt = false;
        let outcome = run(&world, &host).await.unwrap();
        assert!(outcome.changed);
        assert_eq!(outcome.result["stdout"], "all");
        assert_eq!(started(&host), 2);
    }

    #[tokio::test]
    async fn the_record_of_another_run_is_no_result() {
        let host = FakeHost::new("m").on("^migrate", 0, "done\n");
        let mut world = FakeWorld::default();
        let (name, other) = names(&world.cx(&host));
        leave(&host, &other).await;
        run(&world, &host).await.unwrap();
        assert_eq!(started(&host), 2);
        // Unless it may be the very one that this run was attached to.
        host.forget_job(&name).await.unwrap();
        world.in_doubt = true;
        let failure = run(&world, &host).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::InDoubt);
        assert!(failure.message.contains(&other), "{}", failure.message);
        assert_eq!(started(&host), 2);
    }

    #[tokio::test]
    async fn a_job_that_runs_is_joined_whichever_run_left_it() {
        let spec = |name: &str| JobSpec {
            name: name.to_owned(),
            command: Command::new(["migrate", "--all"]).deadline(LIMIT),
        };
        let world = FakeWorld::default();
        let (own, other) = names(&world.cx(&FakeHost::new("m")));
        for name in [own, other.clone()] {
            let host = FakeHost::new("m").running_job_of(&spec(&name), "going on\n", Some(0));
            let outcome = run(&world, &host).await.unwrap();
            assert_eq!(outcome.result["stdout"], "going on");
            assert_eq!(started(&host), 0);
            let shown = world.lines.lock().unwrap().join("\n");
            assert!(shown.contains(&format!("attached to job {name}")), "{shown}");
        }
        let another = JobSpec {
            command: Command::new(["migrate", "--half"]),
            ..spec(&other)
        };
        let host = FakeHost::new("m").running_job_of(&another, "", Some(0));
        let failure = run(&world, &host).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Unsafe);
        assert_eq!(started(&host), 0);
    }

    #[tokio::test]
    async fn one_that_was_lost_is_in_doubt_and_never_run_again_by_itself() {
        let mut world = FakeWorld::default();
        let host = FakeHost::new("m").on("^migrate", 0, "");
        let spec = JobSpec {
            name: world.cx(&host).witness("command"),
            command: Command::new(["migrate", "--all"]),
        };
        let host = host.running_job_of(&spec, "table 3 of 9\n", None);
        world.in_doubt = true;
        let failure = run(&world, &host).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::InDoubt);
        assert!(failure.message.contains("rebooted"), "{}", failure.message);
        assert!(failure.state.unwrap().contains("table 3 of 9"));
        assert!(failure.next[0].contains("--in-doubt again"));
        assert_eq!(started(&host), 0);
    }

    #[tokio::test]
    async fn its_arguments_decide_what_settles_it_and_what_it_may_read() {
        for module in ["command", "shell"] {
            let task = |args| crate::registry::find(module).unwrap().task(args).unwrap();
            let plain = task(json!({"cmd": "x"}));
            assert_eq!(plain.recovery(), Recovery::Ask);
            let durable = task(json!({"cmd": "x", "durable": true, "stdin": "yes"}));
            assert_eq!(durable.recovery(), Recovery::Job);
            let (world, host) = (FakeWorld::default(), FakeHost::new("m"));
            let failure = durable.inspect(&world.cx(&host)).await.unwrap_err();
            assert!(failure.message.contains("`stdin`"), "{}", failure.message);
        }
    }

    #[tokio::test]
    async fn what_it_made_before_it_was_cut_off_does_not_count_as_done() {
        let host = FakeHost::new("m")
            .on("^sh -c IFS=", 0, "")
            .on("^make", 0, "made\n");
        let mut world = FakeWorld::default();
        let args = json!({"cmd": "make it", "creates": "/it", "durable": true});
        for (in_doubt, started_by_then) in [(false, 0), (true, 1)] {
            world.in_doubt = in_doubt;
            world.run(&host, "command", args.clone()).await.unwrap();
            assert_eq!(started(&host), started_by_then);
        }
    }
}
