use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use nebplay_modules::testing::FakeHost;
use serde_json::json;

use super::*;
use crate::events::{Event, Events, Secrets, StepRef, What};

fn header(run: &str) -> Header {
    Header {
        format: FORMAT,
        run: run.to_owned(),
        nebplay: "0.1.0".to_owned(),
        who: "ops@desk".to_owned(),
        at: 1_700_000_000,
        directory: "/home/ops".to_owned(),
        arguments: json!({"playbooks": ["upgrade.yml"]}),
        inputs: [("upgrade.yml".to_owned(), "ab".to_owned())]
            .into_iter()
            .collect(),
        variables: [(
            "fe1".to_owned(),
            [("zone_id".to_owned(), "cd".to_owned())].into_iter().collect(),
        )]
        .into_iter()
        .collect(),
    }
}

fn event(seq: u64, what: What) -> Event {
    Event {
        seq,
        time: 1_700_000_001,
        elapsed_ms: seq * 10,
        what,
    }
}

fn step(id: &str) -> StepRef {
    StepRef {
        id: id.to_owned(),
        task: "t".to_owned(),
        host: "fe1".to_owned(),
        delegate: None,
        item: Some("naïve \"item\"\n".to_owned()),
        attempt: 1,
    }
}

fn some_events(count: u64) -> Vec<Event> {
    (1..=count)
        .map(|seq| match seq % 3 {
            0 => event(
                seq,
                What::Warning {
                    text: format!("warning {seq}"),
                },
            ),
            1 => event(
                seq,
                What::StepStarted {
                    step: step(&format!("s{seq}")),
                },
            ),
            _ => event(
                seq,
                What::StepApplying {
                    step: step(&format!("s{seq}")),
                    to_do: vec!["stop it".to_owned()],
                },
            ),
        })
        .collect()
}

fn written(events: &[Event]) -> (tempfile::TempDir, std::path::PathBuf) {
    let directory = tempfile::TempDir::new().unwrap();
    let path = directory.path().join("run.jsonl");
    let journal = Journal::create(&path, header("r")).unwrap();
    for event in events {
        journal.event(event);
    }
    drop(journal);
    (directory, path)
}

#[test]
fn what_was_written_is_read() {
    let mut events = some_events(9);
    let (_directory, path) = written(&events);
    let history = read(&path).unwrap();
    assert_eq!(
        (history.began.clone(), history.events.clone()),
        (header("r"), events.clone())
    );
    // Only its owner reads it.
    assert_eq!(
        std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    // Every line is JSON by itself.
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(
        text.lines()
            .all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok())
    );

    let journal = Journal::resume(&path, &history, header("r")).unwrap();
    let more = event(
        10,
        What::Warning {
            text: "more".to_owned(),
        },
    );
    journal.event(&more);
    journal.event(&event(
        11,
        What::StepBytes {
            step: step("s"),
            done: 1,
            total: 2,
        },
    ));
    drop(journal);
    events.push(more);
    let history = read(&path).unwrap();
    assert_eq!((history.resumed.len(), history.events), (1, events));
}

#[test]
fn a_record_that_was_being_written_is_dropped_and_the_run_goes_on_before_it() {
    let events = some_events(4);
    let (_directory, path) = written(&events);
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() - 9]).unwrap();
    let history = read(&path).unwrap();
    assert_eq!(history.events, events[..3]);
    let journal = Journal::resume(&path, &history, header("r")).unwrap();
    journal.event(&events[3]);
    drop(journal);
    assert_eq!(read(&path).unwrap().events, events);
}

#[test]
fn ten_thousand_ways_to_damage_it() {
    let events = some_events(12);
    let (_directory, path) = written(&events);
    let whole = std::fs::read(&path).unwrap();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % below as u64).unwrap()
    };
    let (mut prefixes, mut errors) = (0, 0);
    for round in 0..10_000 {
        let mut damaged = whole.clone();
        if round % 2 == 0 {
            damaged.truncate(random(whole.len()));
        }
        if round % 2 == 1 || round % 10 == 0 {
            for _ in 0..=random(3) {
                if damaged.is_empty() {
                    continue;
                }
                let at = random(damaged.len());
                damaged[at] ^= 1 << random(8);
            }
        }
        match read_bytes(&damaged, "j") {
            Ok(history) => {
                assert_eq!(history.began, header("r"));
                assert_eq!(history.events, events[..history.events.len()], "round {round}");
                prefixes += 1;
            }
            Err(Damage::Broken { line, .. }) => {
                // It is said where: everything before that line is as it was.
                let before: usize = whole
                    .split_inclusive(|byte| *byte == b'\n')
                    .take(usize::try_from(line).unwrap() - 1)
                    .map(<[u8]>::len)
                    .sum();
                assert_eq!(damaged[..before], whole[..before], "round {round}");
                errors += 1;
            }
            // A flipped digit of the format looks like a format to come.
            Err(Damage::Empty { .. } | Damage::Newer { .. }) => errors += 1,
            Err(other @ Damage::Unreadable { .. }) => panic!("{other}"),
        }
    }
    assert!(prefixes > 1000 && errors > 1000, "{prefixes} {errors}");
}

#[test]
fn a_line_left_out_repeated_or_moved_is_found() {
    let (_directory, path) = written(&some_events(6));
    let text = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let cases: [(Vec<usize>, u64); 4] = [
        (vec![0, 1, 3, 4], 3),
        (vec![0, 1, 1, 2], 3),
        (vec![0, 2, 1, 3], 2),
        (vec![1, 2, 3], 1),
    ];
    for (order, at) in cases {
        let changed: String = order.iter().map(|&line| lines[line]).collect();
        let damage = read_bytes(changed.as_bytes(), "j").unwrap_err();
        assert!(
            matches!(damage, Damage::Broken { line, .. } if line == at),
            "{order:?}: {damage}"
        );
    }
}

#[test]
fn a_later_format_is_refused_by_name() {
    let line = r#"{"sum":"0000000000000000","n":1,"record":"began","format":99}"#;
    let damage = read_bytes(format!("{line}\n").as_bytes(), "j").unwrap_err();
    assert!(damage.to_string().contains("format 99"), "{damage}");
}

/// Every file in `formats/` was written by the nebplay of its time, and is never made anew.
#[test]
fn every_earlier_format_stays_readable() {
    let first = read_bytes(include_bytes!("formats/1.jsonl"), "formats/1.jsonl").unwrap();
    assert_eq!(first.began, header("of-format-1"));
    assert_eq!(first.events, some_events(9));
}

#[test]
fn one_process_writes_at_a_time() {
    let directory = tempfile::TempDir::new().unwrap();
    let path = directory.path().join("run.jsonl");
    let journal = Journal::create(&path, header("r")).unwrap();
    let history = read(&path).unwrap();
    let refused = Journal::resume(&path, &history, header("r")).err().unwrap();
    assert_eq!(refused.kind(), std::io::ErrorKind::WouldBlock);
    assert!(is_being_written(&path));
    drop(journal);
    assert!(!is_being_written(&path));
    assert!(
        Journal::create(&path, header("r")).is_err(),
        "no run takes another's place"
    );
}

#[tokio::test]
async fn a_full_disk_is_told_before_anything_is_done() {
    let clock = Arc::new(FakeHost::new("controller"));
    let full = Journal::create_anywhere(std::path::Path::new("/dev/full"), header("r"));
    let events = Events::new(clock, Arc::new(Secrets::default()), Vec::new()).journaled(Arc::new(full));
    let why = events.settled().await.unwrap_err();
    assert!(why.contains("/dev/full"), "{why}");
    assert_eq!(events.fault(), Some(why));
}

#[tokio::test]
async fn what_is_settled_is_on_the_disk() {
    let directory = tempfile::TempDir::new().unwrap();
    let path = directory.path().join("run.jsonl");
    let journal = Arc::new(Journal::create(&path, header("r")).unwrap());
    let mut waiting = tokio::task::JoinSet::new();
    for event in some_events(20) {
        let journal = Arc::clone(&journal);
        waiting.spawn(async move {
            journal.event(&event);
            journal.settled().await
        });
    }
    while let Some(settled) = waiting.join_next().await {
        assert_eq!(settled.unwrap(), Ok(()));
    }
    assert_eq!(read(&path).unwrap().events.len(), 20);
}
