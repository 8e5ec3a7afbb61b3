//! Blocks, includes, and how far a failure reaches.

use super::story::{Story, honest, unreachable};
use crate::events::{RunResult, What};

const BLOCK: &str = "
- hosts: all
  tasks:
    - name: careful
      block:
        - {act: {x: a}}
        - {act: {x: b}}
      rescue:
        - {act: {x: '{{ ansible_failed_task.name }} back'}}
      always:
        - {act: {x: end}}
    - {act: {x: after}}
";

#[tokio::test]
async fn rescue_catches_what_failed_and_the_host_goes_on() {
    let told = Story::new(BLOCK)
        .host(honest("s1").on("^do a$", 1, ""))
        .told()
        .await;
    assert_eq!(told.did("s1"), ["a", "act back", "end", "after"]);
    assert_eq!(told.did("s2"), ["a", "b", "end", "after"]);
    assert_eq!(told.summary.result, RunResult::Ok);
    let Some(What::RunEnded { hosts, .. }) = told.events.last().map(|event| &event.what) else {
        panic!("no last event")
    };
    assert_eq!((hosts["s1"].rescued, hosts["s1"].failed), (1, 0));
}

#[tokio::test]
async fn rescue_catches_an_unreachable_host() {
    let told = Story::new(BLOCK)
        .host(honest("s1").on_error("^do a$", unreachable("s1")))
        .impatient()
        .told()
        .await;
    assert_eq!(told.did("s1"), ["a", "act back", "end", "after"]);
    assert_eq!(told.summary.result, RunResult::Ok);
}

#[tokio::test]
async fn a_rescue_that_fails_leaves_both_failures_and_always_runs() {
    let told = Story::new(BLOCK)
        .host(honest("s1").on("^do (a$|act)", 1, ""))
        .told()
        .await;
    assert_eq!(told.did("s1"), ["a", "act back", "end"]);
    assert_eq!(told.failures().len(), 2);
    assert_eq!(told.summary.result, RunResult::Failed);
}

#[tokio::test]
async fn a_host_that_failed_is_out_and_the_others_go_on() {
    let told = Story::new("[{hosts: all, tasks: [{act: {x: a}}]}, {hosts: all, tasks: [{act: {x: b}}]}]")
        .host(honest("s1").on("^do a$", 1, ""))
        .told()
        .await;
    assert_eq!(
        (told.did("m"), told.did("s1")),
        (vec!["a".to_owned(), "b".to_owned()], vec!["a".to_owned()])
    );
}

#[tokio::test]
async fn a_play_of_which_nothing_is_left_ends_the_run() {
    let told = Story::new("[{hosts: m, tasks: [{act: {x: a}}]}, {hosts: slaves, tasks: [{act: {x: b}}]}]")
        .host(honest("m").on("^do a$", 1, ""))
        .told()
        .await;
    assert!(told.did("s1").is_empty());
}

#[tokio::test]
async fn any_errors_fatal_starts_nothing_more() {
    let told = Story::new("[{hosts: all, any_errors_fatal: true, tasks: [{act: {x: a}}, {act: {x: b}}]}, {hosts: all, tasks: [{act: {x: c}}]}]")
        .host(honest("s1").on("^do a$", 1, ""))
        .told()
        .await;
    assert_eq!(told.did("m"), ["a"]);
    assert!(
        told.did("s2").is_empty(),
        "one host at a time, and the one before failed"
    );
    assert_eq!(told.failures().len(), 1);
}

#[tokio::test]
async fn an_unreachable_host_is_not_a_failed_one() {
    let gone = || honest("s1").on_error("connect", unreachable("s1"));
    let told = Story::new("[{hosts: all, tasks: [{act: {x: a}}, {debug: {msg: still}}]}]")
        .host(gone())
        .told()
        .await;
    assert_eq!(told.summary.result, RunResult::Unreachable);
    assert!(told.steps().contains(&"act@s1 unreachable".to_owned()));
    let told =
        Story::new("[{hosts: all, tasks: [{act: {x: a}, ignore_unreachable: true}, {debug: {msg: still}}]}]")
            .host(gone())
            .told()
            .await;
    assert!(
        told.steps().contains(&"debug@s1 ok".to_owned()),
        "no host is needed to show something"
    );
    assert_eq!(told.summary.result, RunResult::Ok);
}

#[tokio::test]
async fn includes_are_loaded_when_they_are_reached() {
    let told = Story::new(
        "
- hosts: all
  tasks:
    - {include_tasks: '{{ item }}.yml', loop: [one, two], when: inventory_hostname != 's2', vars: {v: 'v-{{ item }}'}}
    - {act: {x: after}}
",
    )
    .file("one.yml", "[{act: {x: '1 {{ v }}'}}]")
    .file("two.yml", "[{act: {x: '2 {{ v }}'}, when: inventory_hostname == 'm'}]")
    .told()
    .await;
    assert_eq!(told.did("m"), ["1 v-one", "2 v-two", "after"]);
    assert_eq!(told.did("s1"), ["1 v-one", "after"]);
    assert_eq!(told.did("s2"), ["after"]);
    let included = told
        .events
        .iter()
        .filter(|event| matches!(&event.what, What::Included { hosts, .. } if hosts == &["m", "s1"]));
    assert_eq!(included.count(), 2);
}

#[tokio::test]
async fn an_include_that_is_not_there_fails_where_it_is_wanted() {
    let told =
        Story::new("[{hosts: m, tasks: [{block: [{include_tasks: none.yml}], rescue: [{act: {x: back}}]}]}]")
            .told()
            .await;
    assert_eq!(told.did("m"), ["back"]);
}

#[tokio::test]
async fn a_file_that_includes_itself_goes_on_until_its_condition_says_so_and_never_for_ever() {
    let told = Story::new("[{hosts: m, vars: {n: 0}, tasks: [{include_tasks: more.yml}]}]")
        .file(
            "more.yml",
            "[{act: {x: '{{ n }}'}}, {set_fact: {n: '{{ n + 1 }}'}}, {include_tasks: more.yml, when: n < 3}]",
        )
        .told()
        .await;
    assert_eq!(told.did("m"), ["0", "1", "2"]);
    let told = Story::new(
        "[{hosts: m, tasks: [{block: [{include_tasks: more.yml}], rescue: [{act: {x: '{{ ansible_failed_result.msg }}'}}]}]}]",
    )
    .file("more.yml", "[{include_tasks: more.yml}]")
    .told()
    .await;
    assert!(told.did("m")[0].starts_with("files include each other more than 64 deep"));
}

#[tokio::test]
async fn meta_ends_hosts_plays_and_runs() {
    let told = Story::new(
        "
- hosts: all
  tasks:
    - {meta: end_host, when: inventory_hostname == 's1'}
    - {act: {x: a}}
    - {meta: end_play}
    - {act: {x: b}}
- hosts: all
  tasks:
    - {act: {x: c}}
    - {meta: end_run}
- hosts: all
  tasks: [{act: {x: d}}]
",
    )
    .told()
    .await;
    assert_eq!(told.did("m"), ["a", "c"]);
    assert_eq!(told.did("s1"), ["c"]);
    assert_eq!(told.summary.result, RunResult::Ok);
}
