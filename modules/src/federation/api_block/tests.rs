use super::ruleset::tests::{LISTED, a_ruleset};
use super::*;
use crate::federation::api_unblock::ApiUnblock;
use crate::federation::cloud::Cloud;
use crate::module::FailureKind;
use crate::testing::{FakeHost, FakeWorld};

const NO_TABLE: &str = "Error: No such file or directory\nlist table inet nope\n";

fn module() -> ApiBlock {
    ApiBlock { ports: Vec::new() }
}

/// The world where s1's peers connect from 10.0.0.1 and 10.0.0.3.
fn world(cloud: &Cloud) -> FakeWorld {
    let mut world = cloud.world();
    let peer = |name: &str, source: &str| {
        let line = format!("10.0.0.2 dev eth0 src {source} uid 0\n    cache\n");
        cloud.host(name).on("ip route get 10.0.0.2", 0, &line)
    };
    world.hosts.insert("m".into(), peer("m", "10.0.0.1"));
    world.hosts.insert("s2".into(), peer("s2", "fd00::3"));
    world
}

fn host(cloud: &Cloud) -> FakeHost {
    cloud
        .host("s1")
        .on("^id -u --$", 0, "1000\n")
        .on("^id -u -- oneadmin", 0, "9869\n")
        .on("^(install|systemctl (daemon|enable|restart)|nft --check)", 0, "")
        .on("is-enabled", 0, "enabled\n")
}

/// What nft would list of the file that was written.
fn listing(addresses: [&str; 4]) -> String {
    let [a, b, c, d] = addresses;
    LISTED
        .replace(
            "\"10.0.0.9\", \"10.0.0.10\"",
            &format!("\"{a}\", \"{b}\", \"{c}\""),
        )
        .replace("\"fd00::1\"", &format!("\"{d}\""))
}

const WANTED: [&str; 4] = ["10.0.0.1", "10.0.0.2", "10.0.0.3", "fd00::3"];

async fn run(cloud: &Cloud, host: &FakeHost) -> Result<Outcome, Failure> {
    let world = world(cloud);
    let cx = world.cx(host);
    let Finding::Change(change) = module().inspect(&cx).await? else {
        panic!("expected a change");
    };
    let mut outcome = module().apply(&cx, &change).await?;
    module().verify(&cx, &change, &mut outcome).await?;
    Ok(outcome)
}

#[tokio::test]
async fn endpoints_and_the_peers_own_addresses_pass_and_nobody_else() {
    let cloud = Cloud::default();
    let host = host(&cloud)
        .on_full("nft -j list", 1, "", NO_TABLE)
        .on("nft -j list", 0, &listing(WANTED))
        .on("/dev/tcp", 1, "");
    let outcome = run(&cloud, &host).await.unwrap();
    assert_eq!(outcome.result["except"], json!(WANTED));
    let text = String::from_utf8(host.content(FILE).unwrap()).unwrap();
    assert!(
        text.contains("set local_users { type uid; elements = { 0, 1000 }; }"),
        "{text}"
    );
    assert!(
        text.contains("set remote_users { type uid; elements = { 0, 1000, 9869 }; }"),
        "{text}"
    );
    assert!(!UNIT_TEXT.contains("opennebula"));
    let found = module().inspect(&world(&cloud).cx(&host)).await.unwrap();
    assert!(matches!(found, Finding::NoChange(_)), "{found:?}");
}

#[tokio::test]
async fn hosts_that_lie_are_caught() {
    let whole = listing(WANTED);
    let other = listing(["10.0.0.1", "10.0.0.2", "10.0.0.99", "fd00::3"]);
    let cases = [
        (Some(other.as_str()), 1, "enabled", "not the one that was meant"),
        (None, 1, "enabled", "no table inet nebplay"),
        (Some(&whole), 1, "disabled", "not survive a reboot"),
        (Some(&whole), 0, "enabled", "still reaches port 2633"),
    ];
    for (listed, connects, enabled, part) in cases {
        let cloud = Cloud::default();
        let host = FakeHost::clone(&cloud.host("s1"))
            .on("is-enabled", 0, enabled)
            .on_full("nft -j list", 1, "", NO_TABLE)
            .on("/dev/tcp", connects, "")
            .on("^id -u --$", 0, "1000\n")
            .on("^id -u -- oneadmin", 0, "9869\n")
            .on("^(install|systemctl (daemon|enable|restart)|nft --check)", 0, "");
        let host = match listed {
            Some(listed) => host.on("nft -j list", 0, listed),
            None => host,
        };
        let failure = run(&cloud, &host).await.unwrap_err();
        assert_eq!(
            failure.kind,
            FailureKind::NotVerified,
            "{part}: {}",
            failure.message
        );
        assert!(failure.message.contains(part), "{part}: {}", failure.message);
    }
}

#[tokio::test]
async fn rules_that_nft_refuses_do_not_boot() {
    let cloud = Cloud::default();
    let host = cloud
        .host("s1")
        .on_full("nft --check", 1, "", "Error: syntax error")
        .on_full("nft -j list", 1, "", NO_TABLE)
        .on("^id -u --$", 0, "0\n")
        .on("^id -u -- oneadmin", 0, "9869\n")
        .on("^install", 0, "");
    let failure = run(&cloud, &host).await.unwrap_err();
    assert!(failure.message.contains("syntax error"), "{}", failure.message);
    assert!(host.content(UNIT_FILE).is_none());
}

#[tokio::test]
async fn logging_in_as_oneadmin_is_refused() {
    let cloud = Cloud::default();
    let host = cloud.host("s1").on("^id -u", 0, "9869\n");
    let failure = module().inspect(&world(&cloud).cx(&host)).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Unsafe);
}

#[tokio::test]
async fn without_nft_it_says_what_to_install() {
    let cloud = Cloud::default();
    let host = host(&cloud).on_full("nft -j list", 127, "", "sh: 1: nft: not found");
    let failure = module().inspect(&world(&cloud).cx(&host)).await.unwrap_err();
    assert!(failure.next[0].contains("install nftables"));
    // And there is nothing to unblock there, nor where nft may not be used, unless our files say so.
    let forbidden = || {
        cloud
            .host("s1")
            .on_full("nft -j list", 1, "", "Operation not permitted")
    };
    for host in [host, forbidden()] {
        let found = ApiUnblock {}.inspect(&world(&cloud).cx(&host)).await.unwrap();
        assert!(matches!(found, Finding::NoChange(_)), "{found:?}");
    }
    let blocked = forbidden().file(FILE, "");
    assert!(ApiUnblock {}.inspect(&world(&cloud).cx(&blocked)).await.is_err());
}

#[tokio::test]
async fn unblocking_removes_what_is_there_and_tells_what_stays() {
    let cloud = Cloud::default();
    let host = cloud
        .host("s1")
        .file(FILE, a_ruleset().text())
        .file(UNIT_FILE, UNIT_TEXT)
        .on("^(systemctl|rm|nft delete)", 0, "")
        .on("nft -j list", 0, LISTED);
    let world = world(&cloud);
    let cx = world.cx(&host);
    let Finding::Change(change) = ApiUnblock {}.inspect(&cx).await.unwrap() else {
        panic!("expected a change");
    };
    assert_eq!(change.what.len(), 3);
    let mut outcome = ApiUnblock {}.apply(&cx, &change).await.unwrap();
    assert!(host.asked().contains(&"nft delete table inet nebplay".to_owned()));
    // The scripted host claims success and removes nothing.
    let failure = ApiUnblock {}
        .verify(&cx, &change, &mut outcome)
        .await
        .unwrap_err();
    assert_eq!(failure.kind, FailureKind::NotVerified);
    assert!(
        failure.message.contains("table inet nebplay"),
        "{}",
        failure.message
    );
}
