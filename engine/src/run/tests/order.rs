//! Order, parallelism, and that everything happens exactly once.

use std::collections::BTreeMap;

use super::story::{Story, Told};
use crate::events::What;

/// Hosts in the order in which they acted.
fn acted(told: &Told, task: &str) -> Vec<String> {
    let all = told.events.iter().filter_map(|event| match &event.what {
        What::StepApplying { step, .. } if step.task.ends_with(task) => Some(step.host.clone()),
        _ => None,
    });
    all.collect()
}

/// The most hosts that acted at the same time, and whether the master and a slave ever did.
fn overlap(told: &Told) -> (usize, bool) {
    let (mut now, mut most, mut mixed) = (Vec::<String>::new(), 0, false);
    for event in &told.events {
        match &event.what {
            What::StepApplying { step, .. } => now.push(step.host.clone()),
            What::StepEnded { step, .. } => now.retain(|host| *host != step.host),
            _ => {}
        }
        most = most.max(now.len());
        mixed |= now.iter().any(|host| host == "m") && now.iter().any(|host| host.starts_with('s'));
    }
    (most, mixed)
}

#[tokio::test]
async fn contracts_decide_the_order_whatever_the_inventory_says() {
    let told = Story::new(
        "
- hosts: all
  tasks:
    - master_last: {x: disable}
    - master_first: {x: enable}
    - act: {x: anything}
",
    )
    .told()
    .await;
    assert_eq!(acted(&told, "master_last"), ["s1", "s2", "m"]);
    assert_eq!(acted(&told, "master_first"), ["m", "s1", "s2"]);
    assert_eq!(acted(&told, "act"), ["m", "s1", "s2"]);
    assert_eq!(overlap(&told), (1, false));
}

#[tokio::test]
async fn the_master_and_slaves_never_act_at_the_same_time() {
    let told = Story::new("[{hosts: all, tasks: [{act: {x: a}, parallel: all}, {share: {x: b}}]}]")
        .told()
        .await;
    let (most, mixed) = overlap(&told);
    assert_eq!((most, mixed), (2, false));
    let waves = told
        .events
        .iter()
        .filter(|event| matches!(event.what, What::WaveStarted { .. }));
    assert_eq!(waves.count(), 4, "two tasks in two waves each");
    assert_eq!(
        told.end("share", "s1").result["targets"],
        2,
        "both slaves were handed over at once"
    );
    assert_eq!(told.end("share", "m").result["targets"], 1);
}

#[tokio::test]
async fn what_acts_on_another_host_goes_one_by_one_in_a_federation() {
    let told = Story::new(
        "
- hosts: all
  tasks:
    - {act: {x: a}, parallel: all, delegate_to: \"{{ 's1' if inventory_hostname == 'm' else 'm' }}\"}
",
    )
    .told()
    .await;
    assert_eq!(overlap(&told).0, 1);
    assert_eq!(told.did("m"), ["a", "a"]);
    assert_eq!(told.did("s1"), ["a"]);
}

#[tokio::test]
async fn forks_bound_what_runs_at_the_same_time() {
    for forks in [1, 3, 20] {
        let story = Story::new("[{hosts: all, tasks: [{act: {x: a}, parallel: all}]}]");
        let told = story.plain_hosts(10).forks(forks).told().await;
        assert_eq!(overlap(&told).0, forks.min(10), "forks {forks}");
    }
    let told = Story::new("[{hosts: all, tasks: [{act: {x: a}, parallel: 2}]}]")
        .plain_hosts(5)
        .told()
        .await;
    assert_eq!(overlap(&told).0, 2);
}

/// Whatever the sizes of batches and the number of forks: every task on every host, once, in the order of the tasks.
#[tokio::test]
async fn every_task_runs_on_every_host_exactly_once() {
    for serial in ["", "1", "3", "40%", "[1, 2, 50%]"] {
        for forks in [1, 4, 50] {
            let keyword = if serial.is_empty() {
                String::new()
            } else {
                format!("  serial: {serial}\n")
            };
            let playbook = format!(
                "
- hosts: all
{keyword}  pre_tasks: [{{act: {{x: a}}, parallel: all}}]
  tasks:
    - block: [{{act: {{x: b}}}}, {{look: {{x: c}}}}]
      always: [{{act: {{x: d}}, parallel: 3}}]
"
            );
            let told = Story::new(&playbook).plain_hosts(7).forks(forks).told().await;
            let mut seen: BTreeMap<(String, String), usize> = BTreeMap::new();
            for (step, _) in told.ends() {
                *seen.entry((step.task.clone(), step.host.clone())).or_default() += 1;
            }
            assert_eq!(seen.len(), 4 * 7, "serial {serial:?}, forks {forks}");
            assert!(
                seen.values().all(|&times| times == 1),
                "serial {serial:?}, forks {forks}"
            );
            for host in told.hosts.keys() {
                assert_eq!(told.did(host), ["a", "b", "d"]);
            }
        }
    }
}

#[tokio::test]
async fn batches_go_through_the_play_one_after_the_other() {
    let told = Story::new("[{hosts: all, serial: [1, 2], tasks: [{act: {x: a}}, {act: {x: b}}]}]")
        .told()
        .await;
    let steps = told.steps();
    assert_eq!(
        steps,
        [
            "act@m changed",
            "act#2@m changed",
            "act@s1 changed",
            "act@s2 changed",
            "act#2@s1 changed",
            "act#2@s2 changed"
        ]
    );
}

#[tokio::test]
async fn tags_choose() {
    let playbook = "
- hosts: m
  tasks:
    - {name: plain, act: {x: a}}
    - {name: chosen, act: {x: b}, tags: yes_please}
    - {name: never, act: {x: c}, tags: [never, yes_please_too]}
    - {name: always, act: {x: d}, tags: always}
    - {block: [{name: inside, act: {x: e}}], tags: yes_please}
";
    let mut story = Story::new(playbook);
    story.options.tags.only = vec!["yes_please".to_owned()];
    assert_eq!(story.told().await.did("m"), ["b", "d", "e"]);
    let mut story = Story::new(playbook);
    story.options.tags.skip = vec!["yes_please".to_owned()];
    assert_eq!(story.told().await.did("m"), ["a", "d"]);
}
