use super::*;
use crate::federation::cloud::Cloud;

fn module(nudge: bool) -> FedIndexCheck {
    FedIndexCheck {
        timeout: 60,
        nudge,
        write: false,
        data: false,
    }
}

async fn inspect(cloud: &Cloud, nudge: bool) -> Result<Finding, Failure> {
    let world = cloud.world();
    let host = cloud.host("m");
    module(nudge).inspect(&world.cx(&host)).await
}

#[tokio::test]
async fn equal_twice_is_in_sync_and_prints_the_table() {
    let cloud = Cloud::default();
    match inspect(&cloud, true).await.unwrap() {
        Finding::NoChange(outcome) => {
            assert_eq!(outcome.result["fed_index"], 33);
            let table = outcome.message.unwrap();
            assert!(
                table.contains("101 zone-s2") && table.contains("33 on"),
                "{table}"
            );
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_is_never_equal() {
    type Case = (&'static str, fn(&Cloud), FailureKind, &'static str);
    let cases: [Case; 6] = [
        (
            "behind",
            |cloud| cloud.indices(101, &["30"]),
            FailureKind::Failed,
            "zone 101 (zone-s2) is at 30 of 33",
        ),
        (
            "down",
            |cloud| cloud.down(100),
            FailureKind::Failed,
            "zone 100 (zone-s1) did not tell its index",
        ),
        (
            "no log",
            |cloud| cloud.indices(101, &["18446744073709551615"]),
            FailureKind::Unsafe,
            "2^64-1",
        ),
        (
            "ahead",
            |cloud| cloud.indices(100, &["34"]),
            FailureKind::Unsafe,
            "ahead of its master",
        ),
        (
            "alone",
            |cloud| cloud.indices(100, &["-1"]),
            FailureKind::Unsafe,
            "stands alone",
        ),
        (
            "garbled",
            |cloud| cloud.indices(100, &["x"]),
            FailureKind::Failed,
            "not an answer of oned",
        ),
    ];
    for (name, arrange, kind, part) in cases {
        let cloud = Cloud::default();
        arrange(&cloud);
        let failure = inspect(&cloud, false).await.unwrap_err();
        assert_eq!(failure.kind, kind, "{name}: {}", failure.message);
        assert!(failure.message.contains(part), "{name}: {}", failure.message);
        assert!(failure.state.unwrap().contains("FED_INDEX"), "{name}");
        assert!(cloud.toggles().is_empty(), "{name}");
    }
}

#[tokio::test]
async fn the_deadline_counts_from_the_last_progress() {
    let cloud = Cloud::default();
    // A hundred seconds of one step in ten are longer than the deadline, and no reason to give up.
    let steps: Vec<String> = (0..100).map(|second| (20 + second / 10).to_string()).collect();
    let mut steps: Vec<&str> = steps.iter().map(String::as_str).collect();
    steps.push("33");
    cloud.indices(101, &steps);
    assert!(matches!(inspect(&cloud, false).await, Ok(Finding::NoChange(_))));
}

#[tokio::test]
async fn one_equal_look_between_others_is_not_enough() {
    let cloud = Cloud::default();
    cloud.indices(0, &["33", "34", "35", "36"]);
    cloud.indices(100, &["33", "33", "35", "36"]);
    cloud.indices(101, &["33", "34", "35", "36"]);
    match inspect(&cloud, false).await.unwrap() {
        Finding::NoChange(outcome) => assert_eq!(outcome.result["fed_index"], 36),
        other => panic!("{other:?}"),
    }
}

async fn nudge(cloud: &Cloud) -> Result<Outcome, Failure> {
    let world = cloud.world();
    let host = cloud.host("m");
    let cx = world.cx(&host);
    let Finding::Change(change) = module(true).inspect(&cx).await? else {
        panic!("expected a nudge");
    };
    assert!(
        change.what[0].contains("zone 101 (zone-s2) is at 30 of 33"),
        "{:?}",
        change.what
    );
    assert!(cloud.toggles().is_empty(), "inspect only looks");
    let mut outcome = module(true).apply(&cx, &change).await?;
    module(true).verify(&cx, &change, &mut outcome).await?;
    Ok(outcome)
}

#[tokio::test]
async fn a_stuck_slave_is_woken_by_repeating_the_present_state() {
    for (state, toggle) in [(0, "0=0 at 0"), (1, "0=1 at 0")] {
        let cloud = Cloud::default();
        cloud.set_state(0, state);
        cloud.indices(101, &["30"]);
        cloud.woken_to(36);
        let outcome = nudge(&cloud).await.unwrap();
        assert!(outcome.changed);
        assert_eq!(outcome.result["fed_index"], 36);
        let message = outcome.message.unwrap();
        assert!(
            message.contains("to wake up: zone 101 (zone-s2) is at 30 of 33\n"),
            "{message}"
        );
        assert_eq!(cloud.toggles(), [toggle]);
    }
}

#[tokio::test]
async fn a_nudge_whose_answer_is_lost_still_counts() {
    let cloud = Cloud::default();
    cloud.indices(101, &["30"]);
    cloud.woken_to(36);
    cloud.loses_answers();
    assert!(nudge(&cloud).await.is_ok());
}

#[tokio::test]
async fn a_nudge_that_moved_nothing_is_no_success() {
    let cloud = Cloud::default();
    cloud.indices(101, &["30"]);
    let failure = nudge(&cloud).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::NotVerified);
}

#[tokio::test]
async fn a_write_is_proven_by_every_index_moving() {
    for (woken_to, proven) in [(Some(36), true), (None, false)] {
        let cloud = Cloud::default();
        if let Some(index) = woken_to {
            cloud.woken_to(index);
        }
        let world = cloud.world();
        let host = cloud.host("m");
        let cx = world.cx(&host);
        let module = FedIndexCheck {
            write: true,
            ..module(true)
        };
        let Finding::Change(change) = module.inspect(&cx).await.unwrap() else {
            panic!("expected a write");
        };
        let mut outcome = module.apply(&cx, &change).await.unwrap();
        assert_eq!(cloud.toggles(), ["0=0 at 0"]);
        let verified = module.verify(&cx, &change, &mut outcome).await;
        assert_eq!(verified.is_ok(), proven);
        if let Err(failure) = verified {
            assert_eq!(failure.kind, FailureKind::NotVerified);
        }
    }
}

/// The master went down after it had written and before a slave heard: the slave waits for another write.
#[tokio::test]
async fn a_write_that_reaches_nobody_is_made_once_more() {
    let cloud = Cloud::default();
    cloud.indices(0, &["34"]);
    cloud.indices(101, &["33"]);
    cloud.woken_to(36);
    let module = FedIndexCheck {
        write: true,
        ..module(false)
    };
    let (world, host) = (cloud.world(), cloud.host("m"));
    let cx = world.cx(&host);
    let Finding::Change(change) = module.inspect(&cx).await.unwrap() else {
        panic!("expected a write");
    };
    cloud.deaf(101);
    assert!(module.apply(&cx, &change).await.is_ok());
    assert_eq!(cloud.toggles(), ["0=0 at 0", "0=0 at 0"]);
}

#[tokio::test]
async fn nothing_is_nudged_while_a_zone_does_not_answer() {
    let cloud = Cloud::default();
    cloud.indices(101, &["30"]);
    cloud.down(100);
    assert_eq!(inspect(&cloud, true).await.unwrap_err().kind, FailureKind::Failed);
}

#[tokio::test]
async fn without_forwarding_the_list_is_read() {
    let csv = "CURRENT,ID,NAME,ENDPOINT,FED_INDEX,STAT\n\"\",101,S-US-CA,http://10.99.0.3:2633/RPC2,33,on\n\
               \"\",100,S-EU-GE,http://10.99.0.2:2633/RPC2,33,on\n\"\",0,M-EU-FR,http://10.99.0.1:2633/RPC2,33,on\n";
    let cloud = Cloud::default();
    cloud.down(0);
    let world = cloud.world();
    let host = cloud.host("m").on("onezone list --csv", 0, csv);
    let found = module(false).inspect(&world.cx(&host)).await.unwrap();
    assert!(matches!(found, Finding::NoChange(_)));
    let dash = csv.replace("2633/RPC2,33,on\n\"\",0", "2633/RPC2,-,on\n\"\",0");
    let host = cloud.host("m").on("onezone list --csv", 0, &dash);
    let failure = module(false).inspect(&world.cx(&host)).await.unwrap_err();
    assert!(
        failure.message.contains("down, or no permission"),
        "{}",
        failure.message
    );
}

#[tokio::test]
async fn it_runs_on_the_master_alone() {
    let cloud = Cloud::default();
    let world = cloud.world();
    let host = cloud.host("s1");
    let failure = module(false).inspect(&world.cx(&host)).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Unsafe);
}
