//! What a journal says, in whatever order its events come.

use std::collections::{BTreeMap, BTreeSet};

use nebplay_modules::module::Failure;

use crate::events::{Event, FailureRecord, Status, StepEnd, StepRef, What};
use crate::run::Replay;

/// However events follow each other: no panic, and the word that counts is the last.
#[test]
fn the_fold_of_any_events_is_what_was_said_last() {
    let step = |number: u64| StepRef {
        id: format!("t{number}@m"),
        task: format!("t{number}"),
        host: "m".to_owned(),
        delegate: None,
        item: None,
        attempt: 1,
    };
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    };
    for _ in 0..2_000 {
        let mut expected: BTreeMap<String, &str> = BTreeMap::new();
        let mut events = Vec::new();
        for seq in 1..=random(24) {
            let step = step(random(4));
            let id = step.id.clone();
            let what = match random(6) {
                // That it looks what it came to settles nothing yet.
                0 => {
                    if expected.get(&id) != Some(&"in doubt") {
                        expected.remove(&id);
                    }
                    What::StepStarted { step }
                }
                1 => {
                    expected.insert(id, "in doubt");
                    What::StepApplying {
                        step,
                        to_do: Vec::new(),
                    }
                }
                2 => {
                    expected.insert(id, "failed");
                    ended_as(step, Status::Failed)
                }
                3 => {
                    expected.insert(id, "done");
                    ended_as(step, Status::Changed)
                }
                4 => {
                    expected.remove(&id);
                    What::StepRetried {
                        step,
                        of: 3,
                        delay: 0.0,
                        why: String::new(),
                    }
                }
                _ => {
                    expected.remove(&id);
                    What::ReplayEnded {
                        host: "m".to_owned(),
                        void: vec![id],
                    }
                }
            };
            events.push(Event {
                seq,
                time: 0,
                elapsed_ms: 0,
                what,
            });
        }
        let replay = Replay::of(&events);
        let names = |steps: Vec<StepRef>| steps.into_iter().map(|step| step.id).collect::<BTreeSet<_>>();
        let those = |word: &str| {
            let ids = expected.iter().filter(|(_, said)| **said == word);
            ids.map(|(id, _)| id.clone()).collect::<BTreeSet<_>>()
        };
        assert_eq!(names(replay.in_doubt()), those("in doubt"), "{events:?}");
        assert_eq!(names(replay.failed()), those("failed"), "{events:?}");
        assert_eq!(replay.done(), those("done").len(), "{events:?}");
    }
}

fn ended_as(step: StepRef, status: Status) -> What {
    let failure = status
        .is_failure()
        .then(|| FailureRecord::from(&Failure::failed("no")));
    What::StepEnded {
        step,
        end: Box::new(StepEnd {
            status,
            ignored: false,
            message: None,
            result: serde_json::Value::Null,
            vars: serde_json::Map::new(),
            facts: serde_json::Map::new(),
            directive: None,
            warnings: Vec::new(),
            diff: None,
            failure,
            hidden: false,
            took_ms: 0,
        }),
    }
}
