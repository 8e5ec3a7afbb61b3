//! A run that was cut off goes on: nothing lost, nothing twice.

use std::collections::BTreeMap;

use indexmap::IndexMap;

use super::story::{Story, Told, honest, unreachable};
use crate::events::journal::{self, FORMAT, Header, Journal};
use crate::events::{Event, RunResult, Status, What};
use crate::run::Settle;

/// Everything that run time decides: results, facts set, items, conditions, includes, notifications, who runs once.
const RICH: &str = "
- name: first
  hosts: all
  tasks:
    - {name: see, look: {x: '{{ inventory_hostname }}'}, register: seen}
    - {name: remember, set_fact: {mine: '{{ seen.stdout_lines[0] }} by {{ inventory_hostname }}'}}
    - {name: each, act: {x: '{{ item }} {{ mine }}'}, loop: '{{ [seen.stdout_lines[0], \"two\"] }}', notify: told, register: each}
    - {name: sometimes, act: {x: only}, when: inventory_hostname == 's1'}
    - {name: once, act: {x: once}, run_once: true, register: once}
    - {name: more, include_tasks: more.yml, when: each.changed}
    - name: careful
      block:
        - {name: try, act: {x: 'try {{ once.rc }}'}}
      rescue:
        - {name: back, act: {x: back}}
      always:
        - {name: end, act: {x: end}}
  handlers:
    - {name: told, act: {x: handled}}
- name: second
  hosts: slaves
  serial: 1
  tasks:
    - {name: last, act: {x: 'last {{ mine }} {{ hostvars.m.seen.stdout_lines[0] }}'}}
";

fn rich() -> Story {
    Story::new(RICH)
        .file(
            "more.yml",
            "- {name: included, act: {x: 'included {{ seen.stdout_lines[0] }}'}}",
        )
        .host(honest("s2").on("^do try", 1, ""))
}

/// What a host did, in order, with the step that did it.
fn acts(events: &[Event]) -> BTreeMap<String, Vec<String>> {
    let mut acts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for event in events {
        if let What::StepApplying { step, to_do } = &event.what {
            let done = format!("{} {}", step.id, to_do.join(";"));
            acts.entry(step.host.clone()).or_default().push(done);
        }
    }
    acts
}

fn ended(events: &[Event]) -> Vec<String> {
    let acted: Vec<&str> = events
        .iter()
        .filter_map(|event| match &event.what {
            What::StepApplying { step, .. } => Some(step.id.as_str()),
            _ => None,
        })
        .collect();
    let ends = events.iter().filter_map(|event| match &event.what {
        What::StepEnded { step, .. } => Some(step.id.clone()),
        _ => None,
    });
    ends.filter(|id| acted.contains(&id.as_str())).collect()
}

fn counts(told: &Told) -> String {
    match told.events.last().map(|event| &event.what) {
        Some(What::RunEnded { hosts, .. }) => format!("{hosts:?}"),
        other => panic!("the last event is {other:?}"),
    }
}

#[tokio::test]
async fn cut_off_after_any_event_it_does_what_is_left_and_nothing_twice() {
    let whole = rich().told().await;
    assert_eq!(whole.summary.result, RunResult::Ok, "{:?}", whole.failures());
    let all = acts(&whole.events);
    assert!(all["s2"].iter().any(|act| act.contains("back")), "{all:?}");
    for cut in 1..whole.events.len() {
        let before = &whole.events[..cut];
        let told = rich().after(before).told().await;
        let what = &before[cut - 1].what;
        assert_eq!(
            told.summary.result,
            RunResult::Ok,
            "after {what:?}: {:?}",
            told.failures()
        );
        let done = ended(before);
        let left: BTreeMap<String, Vec<String>> = all
            .iter()
            .map(|(host, acts)| {
                let left = acts
                    .iter()
                    .filter(|act| !done.iter().any(|id| act.starts_with(&format!("{id} "))));
                (host.clone(), left.cloned().collect::<Vec<_>>())
            })
            .filter(|(_, left)| !left.is_empty())
            .collect();
        assert_eq!(acts(&told.events), left, "after {what:?}");
        assert_eq!(counts(&told), counts(&whole), "after {what:?}");
    }
}

#[tokio::test]
async fn cut_off_again_and_again_it_comes_to_the_same_end() {
    let whole = rich().told().await;
    let mut so_far: Vec<Event> = whole.events[..6].to_vec();
    for round in 0.. {
        assert!(round < 60, "it does not come to an end");
        let told = rich().after(&so_far).told().await;
        // A few events of each process reach the disk.
        let fresh = told.events.len().min(20);
        let ended = fresh == told.events.len();
        so_far.extend(told.events.into_iter().take(fresh));
        if ended {
            break;
        }
    }
    let mut all = acts(&so_far);
    // What was in doubt when a process was cut off was done again.
    for acts in all.values_mut() {
        acts.dedup();
    }
    assert_eq!(all, acts(&whole.events));
}

const PLAIN: &str = "
- hosts: m,s1
  tasks:
    - {name: a, act: {x: a}}
    - {name: b, act: {x: b}}
    - {name: c, act: {x: c}}
";

#[tokio::test]
async fn what_failed_is_tried_again_and_others_are_left_alone() {
    let failed = Story::new(PLAIN)
        .host(honest("s1").on("^do b$", 1, ""))
        .told()
        .await;
    assert_eq!(failed.summary.result, RunResult::Failed);
    let told = Story::new(PLAIN).after(&failed.events).told().await;
    assert_eq!(told.did("s1"), ["b", "c"]);
    assert!(told.did("m").is_empty());
    assert_eq!(told.summary.result, RunResult::Ok);
    let resumed = told.events.first().map(|event| &event.what);
    assert!(
        matches!(resumed, Some(What::RunResumed { done: 4, .. })),
        "{resumed:?}"
    );
}

#[tokio::test]
async fn the_end_of_a_block_runs_again_after_what_it_is_the_end_of() {
    let playbook = "[{hosts: s1, tasks: [{block: [{act: {x: a}}, {act: {x: b}}], always: [{name: end, act: {x: end}}]}]}]";
    let failed = Story::new(playbook)
        .host(honest("s1").on("^do b$", 1, ""))
        .told()
        .await;
    assert_eq!(failed.did("s1"), ["a", "b", "end"]);
    let told = Story::new(playbook).after(&failed.events).told().await;
    assert_eq!(told.did("s1"), ["b", "end"]);
    // Also when the second process was cut off between the two.
    let cut = told
        .events
        .iter()
        .position(|event| matches!(event.what, What::ReplayEnded { .. }))
        .expect("the old end is void");
    let so_far = [&failed.events[..], &told.events[..=cut]].concat();
    let told = Story::new(playbook).after(&so_far).told().await;
    assert_eq!(told.did("s1"), ["end"]);
}

const ASK: &str = "[{hosts: s1, tasks: [{name: a, blind: {x: a}, register: a}, {name: b, act: {x: b}}]}]";

/// The events of a run up to the moment in which `a` has begun to act.
async fn in_doubt() -> Vec<Event> {
    let whole = Story::new(ASK).told().await;
    let acts =
        |event: &Event| matches!(&event.what, What::StepApplying { step, .. } if step.id.ends_with("a@s1"));
    let at = whole.events.iter().position(acts).expect("it acted");
    whole.events[..=at].to_vec()
}

#[tokio::test]
async fn the_operator_settles_what_nobody_else_can() {
    let before = in_doubt().await;
    for (answer, did, result) in [
        ("yes", &["b"][..], RunResult::Ok),
        ("No ", &["a", "b"], RunResult::Ok),
        ("what?", &[], RunResult::Failed),
    ] {
        let told = Story::new(ASK).after(&before).answers(&[answer]).told().await;
        assert_eq!(
            (told.did("s1"), told.summary.result),
            (did.iter().map(ToString::to_string).collect(), result),
            "{answer}"
        );
    }
    let unsettled = Story::new(ASK).after(&before).told().await;
    assert_eq!(unsettled.summary.result, RunResult::Failed);
    // It is still in doubt then, and can be settled without a question.
    let so_far = [before, unsettled.events].concat();
    for (done, did) in [(true, &["b"][..]), (false, &["a", "b"])] {
        let settle = Settle {
            in_doubt: Some(done),
            retry_failed: false,
        };
        let told = Story::new(ASK)
            .after(&so_far)
            .replay(|replay| replay.settled_by(settle))
            .told()
            .await;
        assert_eq!(told.did("s1"), did);
    }
}

#[tokio::test]
async fn what_failed_and_may_have_done_half_is_not_run_again_unasked() {
    let failed = Story::new(ASK)
        .host(honest("s1").on("^do a$", 1, ""))
        .told()
        .await;
    let told = Story::new(ASK).after(&failed.events).told().await;
    assert!(told.did("s1").is_empty());
    assert!(told.summary.failures[0].failure.next[0].contains("--retry-failed"));
    let told = Story::new(ASK)
        .after(&failed.events)
        .answers(&["yes"])
        .told()
        .await;
    assert_eq!(told.did("s1"), ["a", "b"]);
    let settle = Settle {
        in_doubt: None,
        retry_failed: true,
    };
    let told = Story::new(ASK)
        .after(&failed.events)
        .replay(|replay| replay.settled_by(settle))
        .told()
        .await;
    assert_eq!(told.did("s1"), ["a", "b"]);
}

#[tokio::test]
async fn a_blind_step_that_was_cut_off_by_the_connection_is_in_doubt() {
    let lost = Story::new(ASK)
        .host(honest("s1").on_error("^do a$", unreachable("s1")))
        .told()
        .await;
    let settle = Settle {
        in_doubt: Some(true),
        retry_failed: true,
    };
    let told = Story::new(ASK)
        .after(&lost.events)
        .replay(|replay| replay.settled_by(settle))
        .told()
        .await;
    assert_eq!(told.did("s1"), ["b"]);
}

#[tokio::test]
async fn from_a_step_on_everything_is_run_and_nothing_before_it() {
    let failed = Story::new(PLAIN)
        .host(honest("s1").on("^do b$", 1, ""))
        .told()
        .await;
    let told = Story::new(PLAIN)
        .after(&failed.events)
        .replay(|replay| replay.from("c"))
        .told()
        .await;
    assert_eq!(
        (told.did("m"), told.did("s1")),
        (vec!["c".to_owned()], vec!["c".to_owned()])
    );
    // What was taken for done stays so.
    let so_far = [failed.events, told.events].concat();
    let again = Story::new(PLAIN).after(&so_far).told().await;
    assert!(again.did("s1").is_empty());
}

fn header() -> Header {
    Header {
        format: FORMAT,
        run: "test".to_owned(),
        nebplay: String::new(),
        who: String::new(),
        at: 0,
        directory: String::new(),
        arguments: serde_json::Value::Null,
        inputs: IndexMap::new(),
        variables: IndexMap::new(),
    }
}

#[tokio::test]
async fn without_a_journal_that_can_be_written_nothing_is_done() {
    let full = Journal::create_anywhere(std::path::Path::new("/dev/full"), header());
    let told = Story::new(PLAIN).journaled(full).told().await;
    assert_eq!(told.summary.result, RunResult::Failed);
    assert!(told.did("m").is_empty() && told.did("s1").is_empty());
    assert!(
        told.warnings().iter().any(|text| text.contains("/dev/full")),
        "{:?}",
        told.warnings()
    );
}

#[tokio::test]
async fn what_is_read_from_the_disk_is_what_happened() {
    let directory = tempfile::TempDir::new().expect("a directory");
    let path = directory.path().join("run.jsonl");
    let journal = Journal::create(&path, header()).expect("a journal");
    let whole = rich().journaled(journal).told().await;
    let told: Vec<&Event> = whole
        .events
        .iter()
        .filter(|event| !event.what.is_transient())
        .collect();
    let history = journal::read(&path).expect("it can be read");
    assert_eq!(history.events.iter().collect::<Vec<_>>(), told);
    assert!(history.ended().is_some());
}

#[tokio::test]
async fn a_secret_is_read_again_and_never_from_the_journal() {
    let playbook = "
- hosts: s1
  tasks:
    - {name: see, look: {x: s}, register: seen}
    - {name: use, act: {x: 'with {{ seen.stdout_lines[0] }}'}}
";
    let story = || {
        let story = Story::new(playbook).host(honest("s1").on("^look s", 0, "hunter22"));
        story.secrets.learn("hunter22", "test");
        story
    };
    let whole = story().told().await;
    assert_eq!(whole.did("s1"), ["with hunter22"]);
    let cut = whole
        .events
        .iter()
        .position(|event| matches!(&event.what, What::StepEnded { step, .. } if step.id.ends_with("see@s1")))
        .expect("it ended");
    let told = story().after(&whole.events[..=cut]).told().await;
    assert_eq!(told.did("s1"), ["with hunter22"]);
}

/// What is read again must not make the journal forget what came after it: whoever is cut off while reading would do that twice.
#[tokio::test]
async fn a_run_cut_off_while_a_secret_is_read_again_does_nothing_twice() {
    let playbook = "
- hosts: s1
  tasks:
    - {name: see, look: {x: s}, register: seen}
    - {name: first, act: {x: first}}
    - {name: second, act: {x: 'second with {{ seen.stdout_lines[0] }}'}}
";
    let story = |answers: i32| {
        let story = Story::new(playbook).host(honest("s1").on("^look s", answers, "hunter22"));
        story.secrets.learn("hunter22", "test");
        story
    };
    let until = |events: &[Event], is_it: &dyn Fn(&What) -> bool| {
        let cut = events.iter().position(|event| is_it(&event.what));
        events[..=cut.expect("it happened")].to_vec()
    };
    let whole = story(0).told().await;
    let mut journal = until(
        &whole.events,
        &|what| matches!(what, What::StepEnded { step, .. } if step.id.ends_with("first@s1")),
    );
    // Killed while it reads again.
    let resumed = story(0).after(&journal).told().await;
    journal.extend(until(
        &resumed.events,
        &|what| matches!(what, What::StepStarted { step } if step.id.ends_with("see@s1")),
    ));
    // Failed to read again.
    let failed = story(1).after(&journal).told().await;
    assert!(failed.did("s1").is_empty());
    journal.extend(failed.events);
    let last = story(0).after(&journal).told().await;
    assert_eq!(last.did("s1"), ["second with hunter22"]);
}

#[tokio::test]
async fn a_secret_that_only_an_act_told_fails_where_it_is_used() {
    let playbook = "
- hosts: s1
  tasks:
    - {name: make, blind: {x: make}, register: made}
    - {name: b, act: {x: b}}
    - {name: use, act: {x: 'with {{ made.stdout }}'}}
";
    let story = || {
        let story = Story::new(playbook).host(honest("s1").on("^do make", 0, "hunter22"));
        story.secrets.learn("hunter22", "test");
        story
    };
    let whole = story().told().await;
    assert_eq!(whole.summary.result, RunResult::Ok, "{:?}", whole.failures());
    let cut = whole
        .events
        .iter()
        .position(|event| matches!(&event.what, What::StepEnded { step, .. } if step.id.ends_with("b@s1")))
        .expect("it ended");
    let told = story().after(&whole.events[..=cut]).told().await;
    assert_eq!(told.end("use", "s1").status, Status::Failed);
    assert!(
        told.failures()[0].contains("the journal does not hold it"),
        "{:?}",
        told.failures()
    );
}

#[tokio::test]
async fn what_the_operator_chose_holds_when_the_run_goes_on() {
    let asked = |answers: &[&'static str]| {
        let mut story = Story::new(PLAIN).answers(answers);
        story.options.step = true;
        story
    };
    let told = asked(&["yes", "no", "c"]).told().await;
    assert_eq!(
        (told.did("s1"), told.did("m")),
        (
            vec!["a".to_owned(), "c".to_owned()],
            vec!["a".to_owned(), "c".to_owned()]
        )
    );
    let stopped = asked(&["yes", "no", "stop"]).told().await;
    assert_eq!(
        (stopped.did("s1"), stopped.summary.result),
        (vec!["a".to_owned()], RunResult::Interrupted)
    );
    let told = asked(&["yes"]).after(&stopped.events).told().await;
    assert_eq!(
        (told.did("s1"), told.summary.result),
        (vec!["c".to_owned()], RunResult::Ok)
    );
}
