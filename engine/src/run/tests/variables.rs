//! Which variable wins.

use serde_json::json;

use super::story::Story;

#[tokio::test]
async fn the_stronger_variable_wins() {
    let told = Story::new(
        "
- hosts: m
  vars: {play: 2, file: 2, task: 2, m_set: 2, extra: 2}
  vars_files: ['{{ inventory_hostname }}.yml']
  tasks:
    - set_fact: {'{{ inventory_hostname }}_set': 6}
      vars: {task: 5, m_set: 5, extra: 5}
    - debug: {msg: '{{ [inventory, play, file, task, m_set, extra] }}'}
      vars: {task: 5, m_set: 5, extra: 5}
",
    )
    .var("inventory", json!(1))
    .var("play", json!(1))
    .file("m.yml", "{file: 3, task: 3, m_set: 3, extra: 3}")
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

#[tokio::test]
async fn hosts_that_failed_are_no_longer_named() {
    let told = Story::new(
        "
- hosts: all
  serial: 2
  tasks:
    - block: [{fail: {msg: x}, when: inventory_hostname == 's1'}]
      rescue: [{act: {x: '{{ ansible_play_hosts | join }}'}}]
    - {fail: {msg: x}, when: inventory_hostname == 'm'}
    - act: {x: '{{ ansible_play_hosts | join }} {{ ansible_play_batch | join }} {{ ansible_play_hosts_all | join }}'}
",
    )
    .told()
    .await;
    assert_eq!(
        told.did("s1"),
        ["ms1s2", "s1s2 s1 ms1s2"],
        "{:?}",
        told.failures()
    );
    assert_eq!(told.did("s2"), ["s1s2 s2 ms1s2"]);
}

#[tokio::test]
async fn variables_of_a_file_are_evaluated_when_they_are_used() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_string_lossy().into_owned()
    };
    let written = "lazy: '{{ late }}'\nlist: [{a: '{{ lazy }}!'}]\nwritten: !unsafe 'a {{ b'\n";
    let more = file("more.yml", written);
    let bad = file("bad.yml", "bad: '{{ fine'\n");
    let told = Story::new(&format!(
        "
- hosts: m
  tasks:
    - include_vars: {{file: {more}}}
    - set_fact: {{late: 1}}
    - act: {{x: '{{{{ lazy }}}} {{{{ list[0].a }}}} {{{{ written }}}}'}}
    - set_fact: {{late: 2}}
    - include_vars: {{file: {more}, name: all}}
    - act: {{x: '{{{{ lazy }}}} {{{{ all.lazy }}}}'}}
    - include_vars: {{file: {bad}}}
"
    ))
    .file(&more, written)
    .file(&bad, "bad: '{{ fine'\n")
    .told()
    .await;
    assert_eq!(told.did("m"), ["1 1! a {{ b", "2 2"], "{:?}", told.failures());
    let failures = told.failures();
    assert!(failures[0].contains("not a valid template"), "{failures:?}");
}
