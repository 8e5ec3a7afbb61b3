//! One task: conditions, results, loops, tries, delegation, and hosts that fail or lie.

use serde_json::json;

use super::story::{Story, honest, unreachable};
use crate::events::{RunResult, Status, What};
use crate::run::Stop;
use nebplay_modules::module::FailureKind;

#[tokio::test]
async fn a_host_that_lies_is_not_believed() {
    let told = Story::new("[{hosts: all, tasks: [{act: {x: a}, failed_when: false}, {act: {x: b}}]}]")
        .host(honest("s1").on("^check a", 1, ""))
        .told()
        .await;
    let end = told.end("act", "s1");
    let failure = end.failure.as_ref().expect("a failure");
    assert_eq!(
        (end.status, failure.kind),
        (Status::Failed, FailureKind::NotVerified)
    );
    assert_eq!(
        failure.state.as_deref(),
        Some("it acted, and its effect is not proven")
    );
    assert_eq!(told.did("s1"), ["a"], "no further task on it");
    assert_eq!(told.did("s2"), ["a", "b"]);
    assert_eq!(told.summary.result, RunResult::Failed);
}

#[tokio::test]
async fn a_condition_decides_and_says_so() {
    let told = Story::new(
        "
- hosts: all
  tasks:
    - {act: {x: a}, when: [true, inventory_hostname == 'm'], register: r}
    - {act: {x: b}, when: r is skipped}
    - {act: {x: c}, when: inventory_hostname}
",
    )
    .told()
    .await;
    assert_eq!(told.end("act", "s1").status, Status::Skipped);
    assert_eq!(
        told.end("act", "s1").result["false_condition"],
        "inventory_hostname == 'm'"
    );
    assert_eq!(told.did("m"), ["a"]);
    assert_eq!(told.did("s1"), ["b"]);
    assert!(
        told.failures()[0].contains("is a text, `\"m\"`, and not true or false"),
        "{:?}",
        told.failures()
    );
}

#[tokio::test]
async fn results_have_the_shape_of_ansible() {
    let told = Story::new("[{hosts: m, tasks: [{act: {x: a}}, {act: {x: b}, ignore_errors: true, register: r}, {set_fact: {rc: '{{ r.rc }}'}}]}]")
        .host(honest("m").on("^do a", 0, "one\ntwo\n").on("^do b", 7, "oops\n"))
        .told()
        .await;
    assert_eq!(
        told.end("act", "m").result,
        json!({"stdout": "one\ntwo\n", "rc": 0, "changed": true, "failed": false, "msg": "did a", "stdout_lines": ["one", "two"]})
    );
    let failed = &told.end("act#2", "m").result;
    assert_eq!(
        (&failed["failed"], &failed["rc"], &failed["stdout_lines"]),
        (&json!(true), &json!(7), &json!(["oops"]))
    );
    assert_eq!(told.end("set_fact", "m").vars["rc"], 7);
    assert_eq!(told.summary.result, RunResult::Ok);
}

#[tokio::test]
async fn a_loop_goes_on_after_a_failed_item_and_fails_as_a_whole() {
    let told = Story::new(
        "
- hosts: m
  tasks:
    - {act: {x: '{{ item }}'}, loop: [a, b, c], when: item != 'a', register: r, ignore_errors: true}
    - debug: {var: r.results | map(attribute='failed') | list}
    - {act: {x: '{{ item }}'}, loop: [d, d, bad]}
    - {act: {x: unreached}}
",
    )
    .host(honest("m").on("^do b", 1, "").on("^do bad", 1, ""))
    .told()
    .await;
    assert_eq!(told.did("m"), ["b", "c", "d", "d", "bad"]);
    let ids: std::collections::BTreeSet<_> = told.ends().map(|(step, _)| &step.id).collect();
    assert_eq!(ids.len(), told.ends().count(), "the same item twice is two steps");
    assert_eq!(told.summary.failures.len(), 1);
}

#[tokio::test]
async fn a_loop_over_nothing_that_is_there_is_a_failure_like_any_other() {
    let told = Story::new(
        "
- hosts: m
  tasks:
    - {act: {x: a}, loop: '{{ nowhere }}', ignore_errors: true, register: r}
    - {act: {x: b}, when: r is failed}
    - block: [{act: {x: c}, loop: '{{ nowhere }}'}]
      rescue: [{act: {x: d}}]
    - {act: {x: e}, loop: '{{ nowhere }}'}
    - {act: {x: f}}
",
    )
    .told()
    .await;
    assert_eq!(told.did("m"), ["b", "d"]);
    assert_eq!(told.summary.failures.len(), 1);
}

#[tokio::test]
async fn an_empty_loop_is_skipped() {
    let told = Story::new(
        "[{hosts: m, tasks: [{act: {x: a}, loop: [], register: r}, {act: {x: b}, when: r is skipped}]}]",
    )
    .told()
    .await;
    assert_eq!(told.did("m"), ["b"]);
}

#[tokio::test]
async fn tries_until_it_is_so() {
    let told = Story::new(
        "[{hosts: m, tasks: [{look: {x: a}, register: r, until: r.rc == 0, retries: 5, delay: 7}]}]",
    )
    .host(
        honest("m")
            .on("connect", 0, "")
            .on("^look a", 1, "")
            .on("^look a", 1, "")
            .on("^look a", 0, "there\n"),
    )
    .told()
    .await;
    let end = told.end("look", "m");
    assert_eq!((end.status, &end.result["attempts"]), (Status::Ok, &json!(3)));
    let retried = told
        .events
        .iter()
        .filter(|event| matches!(event.what, What::StepRetried { delay, .. } if delay > 6.9));
    assert_eq!(retried.count(), 2);

    let told = Story::new("[{hosts: m, tasks: [{look: {x: a}, register: r, until: r.stdout == 'never', retries: 2, delay: 0}]}]").told().await;
    let end = told.end("look", "m");
    assert_eq!((end.status, &end.result["attempts"]), (Status::Failed, &json!(3)));
}

#[tokio::test]
async fn failed_when_and_changed_when_decide() {
    let told = Story::new(
        "
- hosts: m
  tasks:
    - {act: {x: a}, register: r, failed_when: r.rc > 1, changed_when: false}
    - {act: {x: b}, register: r, failed_when: [r.rc == 0, \"'bad' in r.stdout\"]}
",
    )
    .host(honest("m").on("^do a", 1, "").on("^do b", 0, "bad\n"))
    .told()
    .await;
    assert_eq!(told.steps(), ["act@m ok", "act#2@m failed"]);
    assert!(told.failures()[0].contains("failed_when says that it failed"));

    // A program may say by its exit status that it changed something; a failure stays one, whatever is said of changes.
    let told = Story::new(
        "
- hosts: m
  handlers: [{name: h, act: {x: told}}]
  tasks:
    - {act: {x: a}, register: r, failed_when: r.rc == 1, changed_when: r.rc == 2, notify: h}
    - {act: {x: a}, register: r, changed_when: r.rc == 2, ignore_errors: true}
    - {act: {x: 'is {{ r.changed }}'}}
    - {act: {x: a}, changed_when: nowhere.found, ignore_errors: true}
",
    )
    .host(honest("m").on("^do a", 2, ""))
    .told()
    .await;
    assert_eq!(
        told.steps(),
        [
            "act@m changed",
            "act#2@m failed, ignored",
            "act#3@m changed",
            "act#4@m failed, ignored",
            "h@m changed"
        ],
    );
    assert_eq!(told.did("m"), ["a", "a", "is True", "a", "told"]);
    assert!(
        !told
            .end("act#4", "m")
            .message
            .as_deref()
            .unwrap_or_default()
            .contains("nowhere")
    );
}

#[tokio::test]
async fn the_host_that_failed_is_the_host_named() {
    let told = Story::new("[{hosts: s1, tasks: [{act: {x: a}, delegate_to: m}]}]")
        .host(honest("m").on_error("^do ", unreachable("m")))
        .told()
        .await;
    let failed = &told.summary.failures[0];
    assert_eq!(
        (failed.host.as_str(), failed.delegate.as_deref()),
        ("s1", Some("m"))
    );
    assert!(failed.failure.message.starts_with("m is unreachable"));
    assert_eq!(told.summary.result, RunResult::Unreachable);
    let Some(What::RunEnded { hosts, .. }) = told.events.last().map(|event| &event.what) else {
        panic!("no last event")
    };
    assert_eq!(
        (
            hosts["m"].unreachable,
            hosts["s1"].unreachable,
            hosts["s1"].failed
        ),
        (1, 0, 1)
    );
    assert!(
        failed
            .failure
            .state
            .as_deref()
            .is_some_and(|state| state.contains("whether that took effect is not known"))
    );
}

#[tokio::test]
async fn run_once_is_once_per_play_and_its_result_is_everybodys() {
    let told = Story::new(
        "
- hosts: all
  serial: 1
  tasks:
    - {act: {x: once}, run_once: true, register: r}
    - {act: {x: '{{ r.stdout | trim }}'}}
",
    )
    .host(honest("m").on("^do once", 0, "shared\n"))
    .told()
    .await;
    assert_eq!(told.did("m"), ["once", "shared"]);
    assert_eq!(told.did("s2"), ["shared"]);
}

#[tokio::test]
async fn a_run_once_that_fails_ends_all() {
    let told = Story::new("[{hosts: all, tasks: [{act: {x: once}, run_once: true}, {act: {x: more}}]}, {hosts: all, tasks: [{act: {x: next}}]}]")
        .host(honest("m").on("^do once", 1, ""))
        .told()
        .await;
    assert_eq!(told.failures().len(), 1);
    assert!(told.did("s1").is_empty());
}

#[tokio::test]
async fn a_fault_in_a_module_is_the_failure_of_its_host_alone() {
    let told = Story::new("[{hosts: all, tasks: [{faulty: {}}, {act: {x: a}}]}]")
        .told()
        .await;
    assert_eq!(
        told.failures(),
        ["faulty@s1: a fault in the module faulty itself: a fault on s1"]
    );
    assert_eq!(told.did("s2"), ["a"]);
    assert_eq!(told.end("faulty", "s1").status, Status::Failed);
}

#[tokio::test]
async fn arguments_that_do_not_fit_are_underlined() {
    let told = Story::new("[{hosts: m, tasks: [{act: {y: a}}]}]").told().await;
    let message = &told.summary.failures[0].failure.message;
    assert!(
        message.contains("test.yml") && message.contains("act: "),
        "{message}"
    );
}

#[tokio::test]
async fn no_log_withholds_everything_but_how_it_ended() {
    let told = Story::new("[{hosts: m, tasks: [{act: {x: hush}, loop: [hush], no_log: true}]}]")
        .host(honest("m").on("^do hush", 1, "hush hush"))
        .told()
        .await;
    let shown = serde_json::to_string(&told.events).expect("events are JSON");
    assert!(!shown.contains("hush"), "{shown}");
}

#[tokio::test]
async fn secrets_never_reach_a_view() {
    let story = Story::new(
        "[{hosts: m, tasks: [{act: {x: a}, register: r}, {debug: {msg: 'it is {{ r.stdout }}'}}]}]",
    )
    .host(honest("m").on("^do a", 0, "password\nis s3cret!\nmulti\nline-of-key\n"));
    story.secrets.learn("s3cret!", "one_auth");
    story.secrets.learn("multi\nline-of-key", "a key");
    let told = story.told().await;
    let shown = serde_json::to_string(&told.events).expect("events are JSON");
    assert!(
        !shown.contains("s3cret") && !shown.contains("line-of-key"),
        "{shown}"
    );
    assert!(shown.contains("Redacted(one_auth)") && shown.contains("Redacted(a key)"));
}

#[tokio::test]
async fn the_first_interruption_lets_running_steps_end() {
    let told = Story::new(
        "[{hosts: all, tasks: [{block: [{act: {x: a}}, {act: {x: b}}], always: [{act: {x: c}}]}]}]",
    )
    .stop_at("act@s1", Stop::Drain)
    .told()
    .await;
    assert_eq!(told.steps(), ["act@m changed", "act@s1 changed"]);
    assert_eq!(told.summary.result, RunResult::Interrupted);
}

#[tokio::test]
async fn the_second_interruption_leaves_and_names_what_goes_on() {
    let told = Story::new("[{hosts: all, tasks: [{master_last: {x: a}}]}]")
        .stop_at("master_last@s1", Stop::Leave)
        .told()
        .await;
    assert!(told.steps().is_empty());
    let running = told.events.iter().find_map(|event| match &event.what {
        What::Interrupted { now: true, running } => Some(running),
        _ => None,
    });
    let running = running.expect("the interruption is told");
    assert_eq!(
        running
            .iter()
            .map(|running| running.step.host.as_str())
            .collect::<Vec<_>>(),
        ["s1"]
    );
}

#[tokio::test]
async fn a_timeout_is_no_failure_of_the_host_and_leaves_the_step_in_doubt() {
    // The scripted clock never makes anybody wait: whatever takes more than a moment takes too long.
    let told = Story::new("[{hosts: m, tasks: [{act: {x: a}, timeout: 5}]}]")
        .told()
        .await;
    let failure = &told.summary.failures[0].failure;
    assert_eq!(failure.kind, FailureKind::TimedOut);
    assert!(failure.message.contains("timeout of 5s"), "{}", failure.message);
    assert!(
        failure
            .state
            .as_deref()
            .is_some_and(|state| state.contains("not known"))
    );
}

#[tokio::test]
async fn environment_and_user_reach_the_module() {
    let told = Story::new(
        "
- hosts: m
  environment: {A: play, B: '{{ 1 + 1 }}'}
  become: true
  tasks:
    - {command: 'env', environment: {A: task}, become_user: oneadmin, register: r}
",
    )
    .host(honest("m").on("^env$", 0, ""))
    .told()
    .await;
    let command = told.hosts["m"]
        .commands()
        .into_iter()
        .find(|command| command.argv == ["env"]);
    let command = command.unwrap_or_else(|| panic!("{:?}", told.failures()));
    assert_eq!(
        command.run_as,
        nebplay_modules::host::RunAs::User("oneadmin".to_owned())
    );
    assert_eq!(
        (command.env["A"].as_str(), command.env["B"].as_str()),
        ("task", "2")
    );
}

#[tokio::test]
async fn a_question_is_asked_once_for_all_hosts() {
    let playbook =
        "[{hosts: all, tasks: [{pause: {prompt: 'Go on?'}, register: r}, {act: {x: '{{ r.user_input }}'}}]}]";
    let told = Story::new(playbook).attended().told().await;
    for host in ["m", "s1", "s2"] {
        assert_eq!(told.did(host), ["answer 1"], "{:?}", told.failures());
    }
    let hidden = playbook.replace("'Go on?'", "'Password?', echo: false");
    let told = Story::new(&hidden).attended().told().await;
    assert_eq!(told.did("m"), ["answer 1"], "{:?}", told.failures());
    let kept = told.end("pause", "m").result["user_input"].to_string();
    assert!(kept.contains("Redacted("), "{kept}");
    let told = Story::new(playbook).told().await;
    assert!(
        told.failures()[0].contains("nobody answered"),
        "{:?}",
        told.failures()
    );
}
