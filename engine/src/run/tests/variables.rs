//! Which variable wins.

use serde_json::json;

use super::story::Story;

#[tokio::test]
async fn the_stronger_variable_wins() {
    let told = Story::new(
        "
- hosts: m
  vars: {play: 2, file: 2, task: 2, set: 2, extra: 2}
  vars_files: ['{{ inventory_hostname }}.yml']
  tasks:
    - set_fact: {set: 6}
      vars: {task: 5, set: 5, extra: 5}
    - debug: {msg: '{{ [inventory, play, file, task, set, extra] }}'}
      vars: {task: 5, set: 5, extra: 5}
",
    )
    .var("inventory", json!(1))
    .var("play", json!(1))
    .file("m.yml", "{file: 3, task: 3, set: 3, extra: 3}")
    .extra("extra", "7")
    .told()
    .await;
    assert_eq!(
        told.end("debug", "m").result["msg"],
        json!([1, 2, 3, 5, 6, "7"]),
        "{:?}",
        told.failures()
    );
}

#[tokio::test]
async fn hosts_see_each_other_and_the_play() {
    let told = Story::new(
        "
- name: together
  hosts: all
  tasks:
    - set_fact: {mine: '{{ inventory_hostname }}!'}
    - act: {x: '{{ hostvars.s2.mine }} {{ ansible_play_hosts | length }} {{ groups.all | join(\",\") }} {{ ansible_play_name }}'}
",
    )
    .told()
    .await;
    assert_eq!(told.did("m"), ["s2! 3 m,s1,s2 together"], "{:?}", told.failures());
}

#[tokio::test]
async fn what_a_host_printed_is_never_a_template() {
    let told = Story::new(
        "
- hosts: m
  tasks:
    - {act: {x: a}, register: r}
    - {set_fact: {f: '{{ r.stdout }}'}}
    - debug: {msg: '{{ f }}'}
",
    )
    .host(super::story::honest("m").on("^do a", 0, "{{ 1 + 1 }}"))
    .told()
    .await;
    assert_eq!(told.end("debug", "m").result["msg"], "{{ 1 + 1 }}");
}
