//! Commands that run as jobs: when the run is cut off, their jobs tell.

use nebplay_modules::host::{Command, Host};
use nebplay_modules::job::{JobSpec, name_in_run};
use nebplay_modules::module::FailureKind;
use nebplay_modules::testing::FakeHost;

use super::story::{Story, Told, honest, rest_fine};
use crate::events::{Event, RunResult, What};
use crate::run::Settle;

const PLAYBOOK: &str = "[{hosts: s1, tasks: [{name: a, command: {argv: [do, a], durable: true}, register: a}, {name: b, act: {x: b}}]}]";

async fn jobs(told: &Told) -> usize {
    told.hosts["s1"].list_jobs().await.expect("jobs").len()
}

/// The events of a run up to one about `a`.
fn until(events: &[Event], wanted: impl Fn(&What) -> Option<&str>) -> Vec<Event> {
    let is_it = |event: &Event| wanted(&event.what).is_some_and(|id| id.contains("/a@s1"));
    let at = events.iter().rposition(is_it).expect("it came to that");
    events[..=at].to_vec()
}

fn applying(what: &What) -> Option<&str> {
    match what {
        What::StepApplying { step, .. } => Some(&step.id),
        _ => None,
    }
}

fn started(what: &What) -> Option<&str> {
    match what {
        What::StepStarted { step } => Some(&step.id),
        _ => None,
    }
}

/// The job of the latest try of `a` that these events know.
fn job(events: &[Event]) -> JobSpec {
    let last = events.iter().rev().find_map(|event| applying(&event.what));
    JobSpec {
        name: name_in_run(last.expect("it acted"), "command", "test"),
        command: Command::new(["do", "a"]),
    }
}

/// A host on which that job has ended.
async fn with_ended(events: &[Event], code: i32) -> FakeHost {
    let host = rest_fine(honest("s1").on("^do a", code, "out\n").on("^do a", 0, "again\n"));
    host.start_job(&job(events)).await.expect("a job");
    host
}

#[tokio::test]
async fn its_record_is_removed_when_the_run_is_finished() {
    let told = Story::new(PLAYBOOK).told().await;
    assert_eq!(told.did("s1"), ["a", "b"]);
    assert_eq!((told.summary.result, jobs(&told).await), (RunResult::Ok, 0));
    let failed = honest("s1").on("^do a", 1, "");
    let told = Story::new(PLAYBOOK).host(failed).told().await;
    assert_eq!((told.summary.result, jobs(&told).await), (RunResult::Failed, 0));
}

#[tokio::test]
async fn cut_off_its_job_tells_and_nobody_is_asked() {
    let whole = Story::new(PLAYBOOK).told().await;
    let cut = until(&whole.events, applying);
    for (code, did, result) in [
        (0, &["a", "b"][..], RunResult::Ok),
        (4, &["a"], RunResult::Failed),
    ] {
        let host = with_ended(&cut, code).await;
        let told = Story::new(PLAYBOOK).after(&cut).host(host).told().await;
        assert_eq!(
            (told.did("s1"), told.summary.result),
            (did.iter().map(ToString::to_string).collect(), result)
        );
        assert_eq!(told.end("a", "s1").result["rc"], code);
        assert_eq!(told.end("a", "s1").result["stdout"], "out");
        assert_eq!(jobs(&told).await, 0);
    }
    // Cut off once more, when it had only begun to look.
    let told = Story::new(PLAYBOOK).after(&cut).told().await;
    let cut = [&cut[..], &until(&told.events, started)].concat();
    let host = with_ended(&cut, 0).await;
    let told = Story::new(PLAYBOOK).after(&cut).host(host).told().await;
    assert_eq!(told.did("s1"), ["a", "b"]);
    // It was never started.
    let told = Story::new(PLAYBOOK).after(&cut).told().await;
    assert_eq!(told.did("s1"), ["a", "b"]);
}

#[tokio::test]
async fn a_record_that_a_killed_process_left_is_removed_by_the_run_that_goes_on() {
    let whole = Story::new(PLAYBOOK).told().await;
    let cut = until(&whole.events, |what| match what {
        What::StepEnded { step, .. } => Some(&step.id),
        _ => None,
    });
    let told = Story::new(PLAYBOOK)
        .after(&cut)
        .host(with_ended(&cut, 0).await)
        .told()
        .await;
    assert_eq!(told.did("s1"), ["a", "b"]);
    assert_eq!(jobs(&told).await, 0);
}

#[tokio::test]
async fn one_that_was_lost_is_the_operators_to_settle() {
    let whole = Story::new(PLAYBOOK).told().await;
    let cut = until(&whole.events, applying);
    let host = rest_fine(honest("s1")).running_job_of(&job(&cut), "half\n", None);
    let told = Story::new(PLAYBOOK).after(&cut).host(host.clone()).told().await;
    let failure = &told.summary.failures[0].failure;
    assert_eq!(failure.kind, FailureKind::InDoubt);
    assert!(failure.message.contains("rebooted"), "{}", failure.message);
    assert!(told.did("s1").is_empty());
    assert_eq!(jobs(&told).await, 1, "it is needed when the run goes on");
    let cut = [cut, told.events].concat();
    let settle = Settle {
        in_doubt: Some(true),
        retry_failed: false,
    };
    let told = Story::new(PLAYBOOK)
        .after(&cut)
        .replay(|replay| replay.settled_by(settle))
        .host(host)
        .told()
        .await;
    assert_eq!(told.did("s1"), ["b"]);
}

#[tokio::test]
async fn a_later_try_that_was_cut_off_is_the_one_that_is_followed() {
    let playbook = PLAYBOOK.replace("register: a", "retries: 2, delay: 0");
    let failing = honest("s1").on("^do a", 1, "").on("^do a", 0, "");
    let whole = Story::new(&playbook).host(failing).told().await;
    assert_eq!(whole.did("s1"), ["a", "a", "b"]);
    let cut = until(&whole.events, applying);
    let told = Story::new(&playbook)
        .after(&cut)
        .host(with_ended(&cut, 0).await)
        .told()
        .await;
    assert_eq!(told.did("s1"), ["a", "b"]);
    assert_eq!(jobs(&told).await, 0);
}
