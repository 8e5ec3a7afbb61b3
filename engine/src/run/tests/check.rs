//! Check mode: the same code stopped before it acts, and what is not known stays unknown.

use super::story::Story;
use crate::events::{RunResult, Status};

#[tokio::test]
async fn nothing_is_done_and_what_would_be_is_told() {
    let told = Story::new("[{hosts: all, tasks: [{act: {x: a}, notify: h}, {act: {x: b, already: true}}, {look: {x: c}}], handlers: [{name: h, act: {x: h}}]}]")
        .check()
        .told()
        .await;
    for host in ["m", "s1", "s2"] {
        assert!(told.did(host).is_empty());
        assert_eq!(told.end("h", host).status, Status::WouldChange);
        assert_eq!(told.end("act", host).message.as_deref(), Some("do a"));
    }
    assert_eq!(told.end("act#2", "m").status, Status::Ok);
    assert_eq!(told.end("look", "m").status, Status::Ok);
}

#[tokio::test]
async fn what_is_unknown_flows_on() {
    let told = Story::new(
        "
- hosts: m
  tasks:
    - {name: change, act: {x: a}, register: r}
    - {name: changed, look: {x: b}, when: r is changed}
    - {name: guess, look: {x: c}, when: r.stdout == 'x', register: g}
    - {name: second guess, look: {x: d}, when: g.rc == 0}
    - {name: fact, set_fact: {'f_{{ inventory_hostname }}': '{{ r.stdout }}'}}
    - {name: third guess, look: {x: '{{ f_m }}'}}
    - {name: loop, look: {x: '{{ item }}'}, loop: '{{ r.stdout_lines }}', register: l}
    - {name: either, look: {x: e}, when: r.stdout == 'x' or true}
",
    )
    .check()
    .told()
    .await;
    assert_eq!(
        told.end("changed", "m").status,
        Status::Ok,
        "that it would change is known"
    );
    for task in ["guess", "second guess", "fact", "third guess", "loop"] {
        assert_eq!(
            told.end(task, "m").status,
            Status::Unknown,
            "{task}: {:?}",
            told.end(task, "m")
        );
    }
    assert_eq!(told.summary.result, RunResult::Ok);
}

#[tokio::test]
async fn a_task_can_insist() {
    let told = Story::new("[{hosts: m, tasks: [{act: {x: a}, check_mode: false}, {act: {x: b}}]}]")
        .check()
        .told()
        .await;
    assert_eq!(told.did("m"), ["a"]);
    let told = Story::new("[{hosts: m, tasks: [{act: {x: a}, check_mode: true}, {act: {x: b}}]}]")
        .told()
        .await;
    assert_eq!(told.did("m"), ["b"]);
}

#[tokio::test]
async fn differences_are_shown_on_request() {
    let mut story = Story::new("[{hosts: m, tasks: [{act: {x: a}}]}]").check();
    story.options.diff = true;
    assert_eq!(
        story
            .told()
            .await
            .end("act", "m")
            .diff
            .as_ref()
            .map(|diff| diff.after.as_str()),
        Some("new\n")
    );
    let told = Story::new("[{hosts: m, tasks: [{act: {x: a}}]}]")
        .check()
        .told()
        .await;
    assert_eq!(told.end("act", "m").diff, None);
}
