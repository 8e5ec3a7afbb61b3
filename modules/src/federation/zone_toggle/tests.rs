use super::*;
use crate::federation::cloud::Cloud;
use crate::federation::zone_disable::ZoneDisable;
use crate::federation::zone_enable::ZoneEnable;
use crate::module::{Change, Effect, Finding, Module};
use crate::module::{FailureKind, Outcome};
use crate::testing::FakeHost;

const NOTE_FILE: &str = "/var/lib/nebplay/memory/zone-disabled.json";

fn host(cloud: &Cloud, name: &str) -> FakeHost {
    cloud.host(name).on("install -d", 0, "").on("rm -f", 0, "")
}

async fn run<M: Effect>(module: &M, cloud: &Cloud, host: &FakeHost) -> Result<Option<Outcome>, Failure> {
    let world = cloud.world();
    let cx = world.cx(host);
    let change = match module.inspect(&cx).await? {
        Finding::Change(change) => change,
        Finding::NoChange(_) => return Ok(None),
        Finding::CannotTell(_) => panic!("it can tell"),
    };
    let mut outcome = module.apply(&cx, &change).await?;
    module.verify(&cx, &change, &mut outcome).await?;
    Ok(Some(outcome))
}

fn enable() -> ZoneEnable {
    serde_json::from_str("{}").unwrap()
}

#[tokio::test]
async fn slaves_then_the_master_each_at_its_own_endpoint_and_back() {
    let cloud = Cloud::default();
    for (name, seen) in [
        ("s1", vec![0, 100]),
        ("s2", vec![0, 101]),
        ("m", vec![0, 100, 101]),
    ] {
        let host = host(&cloud, name);
        let outcome = run(&ZoneDisable {}, &cloud, &host).await.unwrap().unwrap();
        assert_eq!(outcome.result["seen_in_zones"], serde_json::json!(seen));
        assert!(host.content(NOTE_FILE).is_some());
        assert!(
            run(&ZoneDisable {}, &cloud, &host).await.unwrap().is_none(),
            "a second run changes nothing"
        );
    }
    for (name, id, seen) in [
        ("m", 0, vec![0]),
        ("s1", 100, vec![0, 100]),
        ("s2", 101, vec![0, 100, 101]),
    ] {
        let host = host(&cloud, name).file(NOTE_FILE, format!("{{\"zone\":{id}}}"));
        let outcome = run(&enable(), &cloud, &host).await.unwrap().unwrap();
        assert_eq!(outcome.result["seen_in_zones"], serde_json::json!(seen));
        assert!(host.asked().iter().any(|line| line.starts_with("rm -f")));
    }
    let expected = [
        "100=1 at 100",
        "101=1 at 101",
        "0=1 at 0",
        "0=0 at 0",
        "100=0 at 100",
        "101=0 at 101",
    ];
    assert_eq!(cloud.toggles(), expected);
}

#[tokio::test]
async fn what_is_refused_and_why() {
    type Case = (&'static str, &'static str, fn(&Cloud), &'static str);
    let cases: [Case; 5] = [
        ("m", "slaves still open", |_| {}, "can no longer be disabled"),
        (
            "s1",
            "master disabled",
            |cloud| cloud.set_state(0, 1),
            "written through the master",
        ),
        ("s1", "too old", |cloud| cloud.version("6.0.3"), "came with 6.2"),
        ("s1", "HA", |cloud| cloud.servers(3), "HA zone"),
        ("s1", "nonsense", |cloud| cloud.version("new"), "no version"),
    ];
    for (name, case, arrange, part) in cases {
        let cloud = Cloud::default();
        arrange(&cloud);
        let host = host(&cloud, name);
        let failure = run(&ZoneDisable {}, &cloud, &host).await.unwrap_err();
        assert!(failure.message.contains(part), "{case}: {}", failure.message);
        assert!(
            cloud.toggles().is_empty() && host.content(NOTE_FILE).is_none(),
            "{case}"
        );
    }
}

/// As where the master was restarted right after its toggle: slaves hear of that with its next write.
#[tokio::test]
async fn a_slave_that_has_not_heard_of_the_master_is_enabled_all_the_same() {
    let cloud = Cloud::default();
    for zone in [0, 100, 101] {
        cloud.set_state(zone, 1);
    }
    cloud.deaf(100);
    for (name, id) in [("m", 0), ("s1", 100)] {
        let host = host(&cloud, name).file(NOTE_FILE, format!("{{\"zone\":{id}}}"));
        run(&enable(), &cloud, &host).await.unwrap().unwrap();
    }
    assert_eq!(cloud.toggles(), ["0=0 at 0", "100=0 at 100"]);
}

#[tokio::test]
async fn a_zone_disabled_by_somebody_else_stays_so_unless_forced() {
    let cloud = Cloud::default();
    cloud.set_state(101, 1);
    let host = host(&cloud, "s2");
    assert!(run(&enable(), &cloud, &host).await.unwrap().is_none());
    let force: ZoneEnable = serde_json::from_str("{\"force\":true}").unwrap();
    assert!(run(&force, &cloud, &host).await.unwrap().is_some());
    assert_eq!(cloud.toggles(), ["101=0 at 101"]);
}

#[tokio::test]
async fn a_note_left_behind_is_forgotten_without_a_toggle() {
    let cloud = Cloud::default();
    let host = host(&cloud, "s1").file(NOTE_FILE, "{\"zone\":100}");
    run(&enable(), &cloud, &host).await.unwrap().unwrap();
    assert!(cloud.toggles().is_empty());
    assert!(host.asked().iter().any(|line| line.starts_with("rm -f")));
}

#[tokio::test]
async fn a_lost_answer_is_settled_by_looking() {
    let cloud = Cloud::default();
    cloud.loses_answers();
    assert!(
        run(&ZoneDisable {}, &cloud, &host(&cloud, "s1"))
            .await
            .unwrap()
            .is_some()
    );
    cloud.lies(101);
    assert!(run(&ZoneDisable {}, &cloud, &host(&cloud, "s2")).await.is_err());
}

#[tokio::test]
async fn a_zone_that_only_says_yes_is_caught() {
    let cloud = Cloud::default();
    cloud.lies(100);
    let failure = run(&ZoneDisable {}, &cloud, &host(&cloud, "s1"))
        .await
        .unwrap_err();
    assert_eq!(failure.kind, FailureKind::NotVerified);
}

#[tokio::test]
async fn the_master_stays_open_while_a_zone_has_not_heard_of_the_others() {
    let cloud = Cloud::default();
    cloud.deaf(101);
    run(&ZoneDisable {}, &cloud, &host(&cloud, "s1")).await.unwrap();
    cloud.set_state(101, 1);
    let master = host(&cloud, "m");
    let failure = run(&ZoneDisable {}, &cloud, &master).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::NotVerified);
    assert!(
        failure.message.ends_with(": zone 101 has zone 100 on"),
        "{}",
        failure.message
    );
    assert_eq!(
        cloud.toggles(),
        ["100=1 at 100", "0=0 at 0"],
        "the master is set as it is, once"
    );
    assert_eq!(master.content(NOTE_FILE), None);
}

/// The master was restarted as it was written: a slave that had not heard yet waits for the next write, which nothing else makes.
#[tokio::test]
async fn a_zone_that_is_stuck_is_woken_by_setting_the_state_once_more() {
    let of_the_last = Cloud::default();
    for slave in [100, 101] {
        of_the_last.set_state(slave, 1);
    }
    of_the_last.stuck(101);
    let master = host(&of_the_last, "m");
    run(&ZoneDisable {}, &of_the_last, &master)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(of_the_last.toggles(), ["0=1 at 0", "0=1 at 0"]);

    let of_a_slave = Cloud::default();
    of_a_slave.stuck(101);
    run(&ZoneDisable {}, &of_a_slave, &host(&of_a_slave, "s1"))
        .await
        .unwrap()
        .unwrap();
    of_a_slave.set_state(101, 1);
    let master = host(&of_a_slave, "m");
    run(&ZoneDisable {}, &of_a_slave, &master).await.unwrap().unwrap();
    assert_eq!(
        of_a_slave.toggles(),
        ["100=1 at 100", "0=0 at 0", "0=1 at 0"],
        "set as it was, before it is disabled"
    );
}

/// The connection was cut right after the toggle: what looks next sees a zone that is disabled, and one that does not know.
#[tokio::test]
async fn who_comes_back_makes_it_known_to_those_that_have_not_heard() {
    let cloud = Cloud::default();
    for zone in [100, 101] {
        cloud.set_state(zone, 1);
    }
    cloud.stuck(101);
    let master = host(&cloud, "m");
    let world = cloud.world();
    let cx = world.cx(&master);
    Sight::of(&cx)
        .await
        .unwrap()
        .toggle(&cx, ZoneState::Disabled)
        .await
        .unwrap();
    assert!(
        run(&ZoneDisable {}, &cloud, &master).await.unwrap().is_none(),
        "somebody else's toggle is not ours to make known"
    );
    let ours = host(&cloud, "m").file(NOTE_FILE, "{\"zone\":0}");
    run(&ZoneDisable {}, &cloud, &ours).await.unwrap().unwrap();
    assert!(run(&ZoneDisable {}, &cloud, &ours).await.unwrap().is_none());
    assert_eq!(cloud.toggles(), ["0=1 at 0", "0=1 at 0"]);

    let cloud = Cloud::default();
    cloud.set_state(0, 1);
    cloud.down(101);
    let ours = host(&cloud, "m").file(NOTE_FILE, "{\"zone\":0}");
    let found = run(&ZoneDisable {}, &cloud, &ours).await.unwrap();
    assert!(found.is_none(), "one that does not answer cannot be told");
}

#[tokio::test]
async fn a_zone_that_never_hears_of_the_last_toggle_is_named() {
    for (name, states, deaf, part) in [
        (
            "m",
            [0, 1, 1],
            101,
            "zone 0 is not off in every zone: zone 101 has it on",
        ),
        (
            "s2",
            [0, 0, 1],
            100,
            "zone 101 is not on in every zone: zone 100 has it off",
        ),
    ] {
        let cloud = Cloud::default();
        for (zone, state) in [0, 100, 101].into_iter().zip(states) {
            cloud.set_state(zone, state);
        }
        cloud.deaf(deaf);
        let note = format!("{{\"zone\":{}}}", if name == "m" { 0 } else { 101 });
        let host = host(&cloud, name).file(NOTE_FILE, note);
        let failure = match name {
            "m" => run(&ZoneDisable {}, &cloud, &host).await,
            _ => run(&enable(), &cloud, &host).await,
        };
        let failure = failure.unwrap_err();
        assert_eq!(failure.kind, FailureKind::NotVerified);
        assert!(failure.message.contains(part), "{}", failure.message);
    }
}

#[tokio::test]
async fn an_inventory_that_is_wrong_is_refused() {
    let cloud = Cloud::default();
    let mut world = cloud.world();
    world.federation.zones[1].id = 7;
    let host = host(&cloud, "s1");
    let failure = ZoneDisable {}.inspect(&world.cx(&host)).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Unsafe);
    let change = Change::default();
    assert!(ZoneDisable {}.apply(&world.cx(&host), &change).await.is_err());
    assert!(cloud.toggles().is_empty());
}
