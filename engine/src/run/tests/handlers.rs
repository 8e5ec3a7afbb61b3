//! Handlers.

use super::story::{Story, honest};

#[tokio::test]
async fn handlers_run_once_at_the_end_of_the_section_in_their_own_order() {
    let told = Story::new(
        "
- hosts: m
  pre_tasks:
    - {act: {x: pre}, notify: second}
  tasks:
    - {act: {x: a}, notify: [second, first]}
    - {act: {x: b}, notify: first}
    - {act: {x: c, already: true}, notify: third}
  handlers:
    - {name: first, act: {x: h1}}
    - {name: second, act: {x: h2}}
    - {name: third, act: {x: h3}}
",
    )
    .told()
    .await;
    assert_eq!(told.did("m"), ["pre", "h2", "a", "b", "h1", "h2"]);
    let ids: std::collections::BTreeSet<_> = told.ends().map(|(step, _)| &step.id).collect();
    assert_eq!(
        ids.len(),
        told.ends().count(),
        "a handler that runs again is another step"
    );
}

#[tokio::test]
async fn handlers_listen_flush_and_notify_others() {
    let told = Story::new(
        "
- hosts: all
  tasks:
    - {act: {x: a}, notify: [topic, 'with {{ v }}'], when: inventory_hostname != 's2'}
    - {meta: flush_handlers}
    - {act: {x: b}}
  handlers:
    - {name: late, act: {x: late}}
    - {name: one, act: {x: h1}, listen: topic, notify: late}
    - {name: two, act: {x: h2}, listen: [topic, other]}
    - {name: 'with {{ v }}', act: {x: h3}}
  vars: {v: 1}
",
    )
    .told()
    .await;
    assert_eq!(told.did("m"), ["a", "h1", "h2", "h3", "late", "b"]);
    assert_eq!(told.did("s2"), ["b"]);
}

#[tokio::test]
async fn what_would_notify_nobody_does_nothing() {
    let told = Story::new(
        "
- hosts: all
  vars: {v: two}
  tasks:
    - {act: {x: a}, notify: 'handler {{ v }}', when: inventory_hostname == 's2'}
    - {act: {x: b}, notify: 'handler {{ r.changed }}', register: r}
  handlers:
    - {name: handler one, act: {x: h1}}
",
    )
    .told()
    .await;
    assert_eq!(told.did("m"), ["b"]);
    assert_eq!(told.did("s2"), [""; 0]);
    let why = &told.failures()[0];
    assert!(why.contains("it would notify `handler two` (test.yml:"), "{why}");
    // Known only when it was done.
    assert!(
        told.warnings()
            .iter()
            .any(|warning| warning.contains("no such handler"))
    );
}

#[tokio::test]
async fn a_host_that_failed_runs_no_handlers_and_that_is_told() {
    let told = Story::new(
        "
- hosts: all
  tasks:
    - {act: {x: a}, notify: h}
    - {act: {x: b}}
  handlers: [{name: h, act: {x: h}}]
",
    )
    .host(honest("s1").on("^do b", 1, ""))
    .told()
    .await;
    assert_eq!(told.did("s1"), ["a", "b"]);
    assert_eq!(told.did("s2"), ["a", "b", "h"]);
    assert_eq!(
        told.warnings(),
        ["the handler `h` was notified and did not run on s1"]
    );
}

#[tokio::test]
async fn handlers_that_notify_each_other_come_to_an_end() {
    let told = Story::new(
        "
- hosts: m
  tasks: [{act: {x: a}, notify: h}]
  handlers: [{name: h, act: {x: h}, notify: g}, {name: g, act: {x: g}, notify: h}]
",
    )
    .told()
    .await;
    assert!(told.did("m").len() < 10);
    assert!(told.warnings()[0].contains("keep notifying each other"));
}
