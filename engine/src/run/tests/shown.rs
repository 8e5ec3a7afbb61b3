//! What a whole run looks like to a person and to a program.

use std::io::Write;
use std::sync::{Arc, Mutex};

use super::story::{Story, Told, honest, unreachable};
use crate::events::{Event, Json, Look, Terminal, View};
use crate::run::Stop;

/// A terminal that keeps what was written.
#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Write for Paper {
    fn write(&mut self, text: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("nobody panicked").extend_from_slice(text);
        Ok(text.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Paper {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().expect("nobody panicked").clone()).expect("text")
    }
}

fn shown(told: &Told, look: Look) -> String {
    let paper = Paper::default();
    let mut view = Terminal::new(paper.clone(), look);
    told.events.iter().for_each(|event| view.event(event));
    paper.text()
}

fn a_bad_night() -> Story {
    let mut story = Story::new(
        "
- name: Stop all zones
  hosts: all
  tasks:
    - {name: 'Keep {{ what }} out', master_last: {x: disable}, vars: {what: the API}, notify: tidy up}
    - {name: Look around, look: {x: around}, when: inventory_hostname == 'm'}
    - name: Careful now
      block:
        - {name: Walk on eggs, act: {x: eggs}, parallel: all}
      rescue:
        - {name: Sweep, act: {x: sweep}}
    - {name: Each of them, act: {x: '{{ item }}', already: true}, loop: [one, two]}
  handlers:
    - {name: tidy up, act: {x: tidy}}
- name: Open again
  hosts: all
  tasks: [{name: Open, act: {x: open}, delegate_to: m}]
",
    )
    .host(honest("s1").on("^do eggs", 1, "").on("^do sweep", 3, ""))
    .host(honest("s2").on("^check tidy", 1, ""))
    .host(
        honest("m")
            .on_error("^do eggs", unreachable("m"))
            .on("^do eggs", 0, "crack\n")
            .on_error("^do open", unreachable("m")),
    );
    story.options.diff = true;
    story
}

#[tokio::test]
async fn a_run_that_fails_is_told_to_its_end() {
    let told = a_bad_night().told().await;
    insta::assert_snapshot!("plain", shown(&told, Look::default()));
    let look = Look {
        verbosity: 2,
        ..Look::default()
    };
    insta::assert_snapshot!("verbose", shown(&told, look));
}

#[tokio::test]
async fn check_mode_tells_what_would_be_done() {
    insta::assert_snapshot!(
        "check",
        shown(&a_bad_night().check().told().await, Look::default())
    );
}

#[tokio::test]
async fn an_interrupted_run_tells_what_goes_on() {
    let story = Story::new("[{hosts: all, tasks: [{name: Disable, master_last: {x: a}}, {act: {x: b}}]}]");
    let told = story.stop_at("Disable@s1", Stop::Leave).told().await;
    insta::assert_snapshot!("interrupted", shown(&told, Look::default()));
}

#[tokio::test]
async fn colours_come_only_when_asked_for() {
    let told = a_bad_night().told().await;
    assert!(!shown(&told, Look::default()).contains('\u{1b}'));
    let look = Look {
        colour: true,
        ..Look::default()
    };
    assert!(shown(&told, look).contains("\u{1b}[31mfailed: [s1]\u{1b}[0m"));
}

#[tokio::test]
async fn every_line_for_programs_is_an_event_again() {
    let told = a_bad_night().told().await;
    let paper = Paper::default();
    let mut view = Json::new(paper.clone());
    told.events.iter().for_each(|event| view.event(event));
    let read: Vec<Event> = paper
        .text()
        .lines()
        .map(|line| serde_json::from_str(line).expect("an event"))
        .collect();
    assert_eq!(read, told.events);
    assert!(read.iter().map(|event| event.seq).eq(1..=read.len() as u64));
}

#[tokio::test]
async fn a_plan_says_in_which_order_and_why() {
    let story = Story::new(
        "
- name: Upgrade
  hosts: all
  any_errors_fatal: true
  tasks:
    - {name: Keep out, master_last: {x: a}, tags: [out, always]}
    - name: Careful
      block:
        - {name: Bring it, share: {x: b}, when: really}
      rescue:
        - {name: Complain, debug: {msg: oh}, run_once: true}
    - {name: Each, act: {x: '{{ item }}'}, loop: [1, 2], delegate_to: m}
    - {include_tasks: more.yml}
    - {name: Not today, act: {x: c}, tags: never}
  handlers: [{name: tidy, act: {x: tidy}}]
- hosts: slaves
  serial: 1
  tasks: [{look: {x: around}}]
",
    );
    let listing = story.listing();
    insta::assert_snapshot!("plan", listing.text(80));
    insta::assert_snapshot!("tasks", listing.task_names());
    insta::assert_snapshot!("hosts", listing.host_names());
}
