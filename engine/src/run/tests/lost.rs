//! Connections that break in the middle of a step.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use nebplay_modules::host::HostError;
use nebplay_modules::module::FailureKind;
use nebplay_modules::testing::FakeHost;

use super::story::{Story, Told, honest, unreachable};
use crate::events::{RunResult, What};
use crate::run::Stop;

/// The connection broke when the host had the request.
fn cut_off(name: &str) -> HostError {
    HostError::Unreachable {
        host: name.to_owned(),
        why: "connection reset".to_owned(),
        sent: true,
    }
}

async fn mended(module: &str, host: FakeHost) -> Told {
    let playbook = format!("[{{hosts: m, tasks: [{{{module}: {{x: pump}}}}]}}]");
    Story::new(&playbook).host(host).told().await
}

/// What was told of connections, in order.
fn connections(told: &Told) -> Vec<String> {
    let of = |what: &What| match what {
        What::ConnectionLost { host, why, .. } => Some(format!("{host} lost: {why}")),
        What::ConnectionRestored { host, after_ms } => Some(format!("{host} back after {after_ms}")),
        _ => None,
    };
    told.events.iter().filter_map(|event| of(&event.what)).collect()
}

#[tokio::test]
async fn what_was_never_sent_is_sent_when_the_host_is_back() {
    let gone = || unreachable("m");
    let host = honest("m").on("^look pump", 1, "").on_error("^do pump", gone());
    let told = mended(
        "mend_and_ask",
        host.on_error("^do pump", gone()).on("^do pump", 0, ""),
    )
    .await;
    assert_eq!(told.steps(), ["mend_and_ask@m changed"]);
    assert_eq!(told.did("m"), ["pump"; 3]);
    assert_eq!(
        connections(&told),
        ["m lost: connection refused", "m back after 600"]
    );
}

#[tokio::test]
async fn a_look_and_a_proof_are_repeated_whatever_was_sent() {
    let host = honest("m")
        .on_error("^look pump", cut_off("m"))
        .on("^look pump", 1, "");
    let host = host
        .on_error("^check pump", cut_off("m"))
        .on("^check pump", 0, "");
    let told = mended("mend_and_ask", host).await;
    assert_eq!(told.steps(), ["mend_and_ask@m changed"]);
    assert_eq!(told.did("m"), ["pump"]);
    assert_eq!(connections(&told).len(), 4, "{:?}", connections(&told));
}

#[tokio::test]
async fn an_act_that_was_cut_off_is_looked_at_before_anything_is_done_again() {
    for module in ["mend", "mend_by_job"] {
        // It took effect.
        let broken = || {
            honest("m")
                .on("^look pump", 1, "")
                .on_error("^do pump", cut_off("m"))
        };
        let told = mended(module, broken().on("^look pump", 0, "")).await;
        assert_eq!(told.steps(), [format!("{module}@m changed")]);
        assert_eq!(told.did("m"), ["pump"]);
        let message = told.end(module, "m").message.as_deref();
        assert_eq!(
            message,
            Some("found done after the connection was back: it is whole")
        );
        assert_eq!(connections(&told).len(), 2, "{:?}", connections(&told));

        // It did not.
        let told = mended(module, broken().on("^do pump", 0, "")).await;
        assert_eq!(told.steps(), [format!("{module}@m changed")]);
        assert_eq!(told.did("m"), ["pump", "pump"]);
        let asked = told.hosts["m"].asked();
        let asked: Vec<&str> = asked
            .iter()
            .map(String::as_str)
            .filter(|line| line.ends_with("pump"))
            .collect();
        assert_eq!(
            asked,
            ["look pump", "do pump", "look pump", "do pump", "check pump"]
        );
    }
}

#[tokio::test]
async fn what_nobody_can_tell_is_left_to_the_operator() {
    let host = honest("m")
        .on("^look pump", 1, "")
        .on_error("^do pump", cut_off("m"))
        .on("^systemctl is-system-running", 0, "");
    let told = mended("mend_and_ask", host).await;
    assert_eq!(told.did("m"), ["pump"]);
    let failure = &told.summary.failures[0].failure;
    assert_eq!(failure.kind, FailureKind::Unreachable);
    let state = failure.state.as_deref().unwrap_or_default();
    assert!(state.contains("whether that took effect is not known"), "{state}");
    assert!(failure.next[0].contains("look at the host"), "{:?}", failure.next);
    assert_eq!(
        connections(&told).len(),
        2,
        "it is had again, so that one can look"
    );
}

#[tokio::test]
async fn a_connection_that_breaks_at_every_act_ends_the_step() {
    let host = honest("m")
        .on("^look pump", 1, "")
        .on_error("^do pump", cut_off("m"));
    let told = mended("mend", host).await;
    assert_eq!(told.did("m"), ["pump"; 4]);
    let failure = &told.summary.failures[0].failure;
    assert!(
        failure.message.contains("connection reset"),
        "{}",
        failure.message
    );
    assert!(
        failure
            .state
            .as_deref()
            .is_some_and(|state| state.contains("not known"))
    );
}

#[tokio::test]
async fn a_host_that_stays_away_is_given_up_when_its_time_is_over() {
    for (lost_at, did) in [("^look pump", 0), ("^do pump", 1)] {
        let host = honest("m").on("^look pump", 1, "");
        let host = if did == 0 { honest("m") } else { host };
        let told = mended("mend", host.on_error(lost_at, unreachable("m"))).await;
        assert_eq!(told.summary.result, RunResult::Unreachable);
        let message = &told.summary.failures[0].failure.message;
        assert!(message.contains("tried again for 600s"), "{message}");
        assert_eq!(told.hosts["m"].slept(), Duration::from_mins(10));
        assert_eq!(connections(&told), ["m lost: connection refused"]);
        assert_eq!(told.did("m").is_empty(), did == 0);
    }
}

#[tokio::test]
async fn a_host_that_was_never_connected_is_not_waited_for() {
    let told = mended("mend", honest("m").on_error("connect", unreachable("m"))).await;
    assert_eq!(told.summary.result, RunResult::Unreachable);
    assert_eq!(told.hosts["m"].slept(), Duration::ZERO);
    assert!(connections(&told).is_empty());
}

#[tokio::test]
async fn of_those_that_act_together_only_who_was_cut_off_acts_again() {
    let told = Story::new("[{hosts: slaves, tasks: [{share: {x: a}}]}]")
        .host(honest("s1").on_error("^do a", cut_off("s1")).on("^do a", 0, ""))
        .told()
        .await;
    assert_eq!(told.steps(), ["share@s1 changed", "share@s2 changed"]);
    assert_eq!(told.did("s1"), ["a", "a"]);
    assert_eq!(told.did("s2"), ["a"]);
}

#[tokio::test]
async fn an_operator_who_leaves_does_not_wait_for_a_host() {
    for lost_at in ["^look pump", "^do pump"] {
        let host = honest("m").on_error(lost_at, unreachable("m"));
        let host = host.on("^look pump", 1, "");
        let told = Story::new("[{hosts: m, tasks: [{mend: {x: pump}}]}]")
            .host(host)
            .stop_at("lost m", Stop::Leave)
            .told()
            .await;
        assert!(told.steps().is_empty(), "{lost_at}");
        assert_eq!(told.summary.result, RunResult::Interrupted, "{lost_at}");
        assert!(told.hosts["m"].slept() < Duration::from_mins(10), "{lost_at}");
    }
}

#[tokio::test]
async fn a_step_under_way_waits_for_its_host_when_no_new_one_is_to_begin() {
    let host = honest("m").on_error("^do a", unreachable("m")).on("^do a", 0, "");
    let told = Story::new("[{hosts: m, tasks: [{act: {x: a}}, {act: {x: b}}]}]")
        .host(host)
        .stop_at("lost m", Stop::Drain)
        .told()
        .await;
    assert_eq!(told.steps(), ["act@m changed"]);
    assert_eq!(told.summary.result, RunResult::Interrupted);
}

#[tokio::test]
async fn a_talk_that_broke_off_with_its_host_is_held_again() {
    // Whoever talks through a host sees only silence; that the host is gone is seen when it is asked itself.
    for host_is_lost in [true, false] {
        let talks = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&talks);
        let host = honest("m").listener(Arc::new(move |_, _| {
            let talk = counted.fetch_add(1, Ordering::Relaxed);
            let silence = || HostError::TimedOut {
                host: "m".to_owned(),
                what: "connecting".to_owned(),
                limit: Duration::from_secs(5),
            };
            (talk > 0).then(|| tokio::io::duplex(1).0).ok_or_else(silence)
        }));
        let host = if host_is_lost {
            host.on_error("^true", cut_off("m"))
        } else {
            host
        };
        let told = Story::new("[{hosts: m, tasks: [{talk: {}}]}]")
            .host(host.on("^true", 0, ""))
            .told()
            .await;
        let (steps, held) = if host_is_lost {
            (["talk@m ok"], 2)
        } else {
            (["talk@m failed"], 1)
        };
        assert_eq!(told.steps(), steps);
        assert_eq!(talks.load(Ordering::Relaxed), held);
    }
}

#[tokio::test]
async fn no_patience_means_none() {
    let told = Story::new("[{hosts: m, tasks: [{act: {x: a}}]}]")
        .host(honest("m").on_error("^do a", unreachable("m")))
        .impatient()
        .told()
        .await;
    assert_eq!(told.did("m"), ["a"]);
    assert_eq!(told.failures(), ["act@m: m is unreachable: connection refused"]);
    assert!(connections(&told).is_empty());
}
