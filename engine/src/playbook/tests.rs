//! Playbooks as cases: what they become, and what is wrong with them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::*;
use crate::diagnostics::Findings;
use crate::yaml::Style;

/// Files of a case.
struct Files(BTreeMap<PathBuf, String>);

impl Reader for Files {
    fn read(&self, path: &Path) -> Result<String, String> {
        self.0
            .get(path)
            .cloned()
            .ok_or_else(|| "there is no such file".to_owned())
    }
}

fn files(files: &[(&str, &str)]) -> Files {
    let files = files
        .iter()
        .map(|(path, text)| (PathBuf::from(path), (*text).to_owned()));
    Files(files.collect())
}

fn load_one(text: &str) -> Result<Playbook, Findings> {
    load(Path::new("play.yml"), &files(&[("play.yml", text)]))
}

/// A playbook of one play with these tasks.
fn with_tasks(tasks: &str) -> String {
    format!("- hosts: all\n  tasks:\n{}", indented(tasks))
}

fn indented(tasks: &str) -> String {
    tasks.lines().map(|line| format!("    {line}\n")).collect()
}

fn first_task(tasks: &str) -> Task {
    let playbook = load_one(&with_tasks(tasks)).unwrap_or_else(|findings| panic!("{tasks}\n{findings:#?}"));
    let first = playbook.plays.into_iter().flat_map(|play| play.tasks).next();
    let Some(Item::Task(task)) = first else {
        panic!("no task")
    };
    *task
}

#[test]
fn a_whole_playbook_is_read() {
    let text = r"
- name: look at {{ what }}
  hosts: master:slaves
  become: yes
  vars: {what: everything, version: 6.10}
  vars_files: [vars.yml]
  serial: [1, 50%]
  parallel: 2
  tags: upgrade, night
  pre_tasks:
    - import_tasks: tasks/check.yml
      when: what == 'everything'
  tasks:
    - name: both
      block:
        - command: uptime
          register: up
          until: up.rc == 0
          retries: 3
          delay: '{{ pause }}'
          notify: [told, heard]
      rescue:
        - fail: {msg: no}
      always:
        - debug: var=up.stdout
    - include_tasks: '{{ what }}.yml'
      loop: [1, 2]
      loop_control: {loop_var: n, label: 'number {{ n }}'}
  handlers:
    - name: told
      debug: {msg: told}
    - name: other
      listen: heard
      meta: noop
- import_playbook: more/second.yml
  tags: late
";
    let all = files(&[
        ("dir/play.yml", text),
        ("dir/vars.yml", "a: 1\n"),
        ("dir/tasks/check.yml", "- import_tasks: deeper.yml\n"),
        (
            "dir/tasks/deeper.yml",
            "- ansible.builtin.shell: |\n    a |\n    b\n",
        ),
        ("dir/more/second.yml", "- hosts: all\n  tags: own\n"),
    ]);
    let playbook = load(Path::new("./dir/play.yml"), &all).unwrap();
    let [play, second] = playbook.plays.as_slice() else {
        panic!("{playbook:#?}")
    };
    assert_eq!(play.name.value, "look at {{ what }}");
    assert_eq!(play.vars["version"].as_str(), Some("6.10"));
    let serial: Vec<_> = play.serial.iter().map(|batch| batch.value).collect();
    assert_eq!(serial, [Batch::Hosts(1), Batch::Percent(50.0)]);
    let tags: Vec<_> = play.keywords.tags.iter().map(|tag| tag.value.as_str()).collect();
    assert_eq!(tags, ["upgrade", "night"]);
    assert_eq!(
        play.keywords.parallel.as_ref().map(|asked| asked.value),
        Some(Parallelism::AtMost(2))
    );

    let [Item::Block(import)] = play.pre_tasks.as_slice() else {
        panic!("{play:#?}")
    };
    assert_eq!(import.keywords.when.len(), 1);
    let [Item::Block(deeper)] = import.body.as_slice() else {
        panic!("{import:#?}")
    };
    let [Item::Task(shell)] = deeper.body.as_slice() else {
        panic!("{deeper:#?}")
    };
    assert_eq!(shell.module.name, "shell");
    assert_eq!(shell.args["cmd"].as_str(), Some("a |\nb"));

    let [Item::Block(block), Item::Include(include)] = play.tasks.as_slice() else {
        panic!("{play:#?}")
    };
    assert_eq!(
        (block.body.len(), block.rescue.len(), block.always.len()),
        (1, 1, 1)
    );
    let Item::Task(uptime) = &block.body[0] else {
        panic!("{block:#?}")
    };
    assert_eq!(
        uptime.register.as_ref().map(|name| name.value.as_str()),
        Some("up")
    );
    assert_eq!(uptime.keywords.notify.len(), 2);
    assert_eq!(include.r#loop.as_ref().map(|over| over.var.as_str()), Some("n"));
    assert_eq!(play.handlers.len(), 2);
    assert_eq!(second.keywords.tags.len(), 2);
    assert_eq!(second.name.value, "all");
}

#[test]
fn free_form_arguments_follow_ansibles_rules() {
    for (task, expected) in [
        (
            "- command: echo chdir=/tmp a=b",
            vec![("cmd", "echo  a=b"), ("chdir", "/tmp")],
        ),
        (
            "- shell: A=1 make creates='/a b' | tee x",
            vec![("cmd", "A=1 make  | tee x"), ("creates", "/a b")],
        ),
        (
            "- shell: echo \"chdir=/tmp x\"",
            vec![("cmd", "echo \"chdir=/tmp x\"")],
        ),
        (
            "- command: uptime\n  args:\n    chdir: /tmp",
            vec![("cmd", "uptime"), ("chdir", "/tmp")],
        ),
        ("- debug: msg=\"a b\"", vec![("msg", "a b")]),
        (
            "- debug: msg={{ a | default('x y') }}",
            vec![("msg", "{{ a | default('x y') }}")],
        ),
        ("- meta: flush_handlers", vec![("action", "flush_handlers")]),
        (
            "- include_vars: file=a.yml name=x",
            vec![("file", "a.yml"), ("name", "x")],
        ),
        ("- set_fact: a=1 b='x y'", vec![("a", "1"), ("b", "x y")]),
        ("- command:\n    argv: [a, 6.10, yes]", vec![]),
    ] {
        let task_read = first_task(task);
        let args: Vec<_> = task_read
            .args
            .iter()
            .filter_map(|(name, node)| Some((name.as_str(), node.as_str()?)))
            .collect();
        assert_eq!(args, expected, "{task}");
    }
}

#[test]
fn text_is_taken_as_it_is_written_where_text_is_meant() {
    let task =
        first_task("- command:\n    argv: [a, 6.10, yes, 0644]\n    chdir: 7.0\n    strip_empty_ends: no");
    let words: Vec<_> = task.args["argv"]
        .as_sequence()
        .unwrap()
        .iter()
        .map(crate::yaml::Node::to_value)
        .collect();
    assert_eq!(words, ["a", "6.10", "yes", "0644"]);
    assert_eq!(task.args["chdir"].to_value(), "7.0");
    assert_eq!(task.args["strip_empty_ends"].to_value(), false);
    let crate::yaml::Value::Scalar { style, .. } = &task.args["chdir"].value else {
        panic!()
    };
    assert_eq!(*style, Style::Text);
}

#[test]
fn everything_that_is_wrong_is_found_and_underlined() {
    for (tasks, expected) in [
        (
            "- comand: uptime",
            vec![("there is no module `comand`", "comand")],
        ),
        ("- apt: {name: x}", vec![("there is no module `apt`", "apt")]),
        (
            "- command: uptime\n  whn: x",
            vec![("a task has no keyword `whn`", "whn")],
        ),
        (
            "- command: uptime\n  async: 5",
            vec![("the keyword `async` is not supported", "async")],
        ),
        (
            "- command: a\n  shell: b",
            vec![("two modules in one task: `command` and `shell`", "shell")],
        ),
        ("- name: nothing", vec![("a task without a module", "name")]),
        ("- uptime", vec![("a task is a mapping, not text", "uptime")]),
        (
            "- command: {cmd: a, chdri: /}",
            vec![("command: there is no argument `chdri`", "chdri")],
        ),
        (
            "- pause: {seconds: soon}",
            vec![(
                "pause: expected a whole number for `seconds`, got the text \"soon\"",
                "soon",
            )],
        ),
        (
            "- pause: seconds=soon",
            vec![(
                "pause: expected a whole number for `seconds`, got the text \"soon\"",
                "soon",
            )],
        ),
        ("- debug: hello", vec![("`hello` is no argument", "hello")]),
        (
            "- meta: flush",
            vec![(
                "meta: `action` cannot be the text \"flush\"; it is one of flush_handlers, end_host, end_batch, end_play, end_run, clear_host_errors, noop",
                "flush",
            )],
        ),
        (
            "- command: a\n  rehearse: {rc: 256, stdin: a}",
            vec![
                ("`rc` is an exit status, from 0 to 255", "256"),
                ("a `rehearse` has no keyword `stdin`", "stdin"),
            ],
        ),
        (
            "- command: a\n  rehearse: hello",
            vec![(
                "`rehearse` must be a mapping of `rc`, `stdout` and `stderr`, not text",
                "hello",
            )],
        ),
        (
            "- command: a\n  register: my-result",
            vec![("`my-result` cannot be the name of a variable", "my-result")],
        ),
        (
            "- command: a\n  when: '{{ x }}'",
            vec![("braces around a condition", "'{{ x }}'")],
        ),
        (
            "- command: a\n  when: x == {{ y }}",
            vec![("braces inside of a condition", "x == {{ y }}")],
        ),
        (
            "- command: a {{ b | upperr }}",
            vec![("there is no filter `upperr`", "upperr")],
        ),
        (
            "- command: a\n  loop: things",
            vec![("a loop goes over a list, not text", "things")],
        ),
        (
            "- command: a\n  with_random_choice: [a, b]",
            vec![("`with_random_choice` is not supported", "with_random_choice")],
        ),
        (
            "- command: a\n  notify: nobody",
            vec![("no handler of this play is called `nobody`", "nobody")],
        ),
        (
            "- command: a\n  ignore_errors: perhaps",
            vec![("`ignore_errors` must be true or false, not text", "perhaps")],
        ),
        (
            "- block: []\n  register: x",
            vec![("a block cannot have `register`", "register")],
        ),
        (
            "- rescue: []",
            vec![("`rescue` and `always` need a `block`", "rescue")],
        ),
        (
            "- import_tasks: none.yml",
            vec![("cannot read none.yml: there is no such file", "none.yml")],
        ),
        (
            "- import_tasks: play.yml",
            vec![("play.yml imports itself: play.yml → play.yml", "play.yml")],
        ),
        (
            "- import_tasks: '{{ x }}.yml'",
            vec![(
                "the file of an import cannot be a template: it is needed before anything runs",
                "'{{ x }}.yml'",
            )],
        ),
        (
            "- onedb_fsck:\n  parallel: all",
            vec![("`onedb_fsck` works on one host at a time", "all")],
        ),
        (
            "- command: a\n  parallel: some",
            vec![("`parallel` is a number of hosts or `all`", "some")],
        ),
        (
            "- include_role: {name: x, public: true}",
            vec![
                ("there is no role `x`", "x"),
                ("the keyword `public` is not supported", "public"),
            ],
        ),
        (
            "- nothing: 1\n- neither: 2",
            vec![
                ("there is no module `nothing`", "nothing"),
                ("there is no module `neither`", "neither"),
            ],
        ),
    ] {
        let findings = load_one(&with_tasks(tasks)).expect_err(tasks);
        let found: Vec<_> = findings
            .iter()
            .map(|finding| (finding.message.as_str(), finding.labels[0].0.text()))
            .collect();
        assert_eq!(found, expected, "{tasks}");
    }
}

#[test]
fn plays_are_checked_too() {
    for (text, expected) in [
        ("hosts: all\n", "a playbook is a list of plays, not a mapping"),
        ("", "play.yml: no play in it"),
        ("- tasks: []\n", "a play without `hosts`"),
        ("- hosts: all\n  roles: [x]\n", "there is no role `x`"),
        ("- hosts: all\n  taks: []\n", "a play has no keyword `taks`"),
        (
            "- hosts: all\n  serial: many\n",
            "`serial` is a number of hosts or a part like `50%`",
        ),
        (
            "- hosts: all\n  vars: {a-b: 1}\n",
            "`a-b` cannot be the name of a variable",
        ),
        (
            "- hosts: all\n  vars: {a: '{{ b'}\n",
            "not a valid template: unexpected end of input, expected end of variable block",
        ),
        (
            "- hosts: all\n  vars_files: none.yml\n",
            "cannot read none.yml: there is no such file",
        ),
        (
            "- hosts: all\n  tasks: {command: a}\n",
            "expected a list of tasks, not a mapping",
        ),
        (
            "- import_playbook: none.yml\n",
            "cannot read none.yml: there is no such file",
        ),
    ] {
        let findings = load_one(text).expect_err(text);
        let found: Vec<_> = findings.iter().map(|finding| finding.message.as_str()).collect();
        assert_eq!(found, [expected], "{text}");
    }
}

#[test]
fn the_example_of_every_module_loads() {
    for module in nebplay_modules::registry::all() {
        if let Err(findings) = load_one(&with_tasks(module.example)) {
            let messages: Vec<_> = findings.iter().map(|finding| finding.message.as_str()).collect();
            panic!("{}: {messages:#?}\n{}", module.name, module.example);
        }
    }
}
