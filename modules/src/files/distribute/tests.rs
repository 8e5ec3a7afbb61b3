use super::*;
use crate::host::HostError;
use crate::module::Peers;
use crate::testing::FakeWorld;
use crate::testing_local::LocalHost;

const SRC: &str = "/var/lib/one/nebplay/a 'hostile' $(name);.bck";
const DEST: &str = "/var/lib/one/new dir/arrived.bck";

/// The host the file comes from, and nothing else.
struct From(Arc<LocalHost>);

#[async_trait]
impl Peers for From {
    async fn peer(&self, name: &str) -> Result<Arc<dyn Host>, HostError> {
        if name == "m" {
            return Ok(Arc::clone(&self.0) as Arc<dyn Host>);
        }
        Err(HostError::Unreachable {
            host: name.to_owned(),
            why: "no such host".to_owned(),
            sent: false,
        })
    }
}

fn module(more: Value) -> Distribute {
    let mut arguments = json!({"from": "m", "src": SRC, "dest": DEST});
    if let (Value::Object(all), Value::Object(more)) = (&mut arguments, more) {
        all.extend(more);
    }
    serde_json::from_value(arguments).unwrap()
}

fn source() -> (From, Vec<u8>) {
    let host = LocalHost::new("m");
    // Larger than all queues together, and not to be compressed to nothing.
    let content: Vec<u8> = (0..9_000_000_u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    host.write(SRC, &content);
    (From(Arc::new(host)), content)
}

async fn run(
    world: &FakeWorld,
    from: &From,
    hosts: &[&LocalHost],
    module: &Distribute,
) -> Vec<Result<Outcome, Failure>> {
    let contexts: Vec<Cx<'_>> = hosts
        .iter()
        .map(|host| Cx {
            peers: from,
            ..world.cx_of(*host)
        })
        .collect();
    let change = Change::default();
    let targets: Vec<_> = contexts.iter().map(|cx| (cx, &change)).collect();
    let mut results = module.apply_all(&targets).await;
    for (cx, result) in contexts.iter().zip(&mut results) {
        if let Ok(outcome) = result
            && let Err(failure) = module.verify(cx, &change, outcome).await
        {
            *result = Err(failure);
        }
    }
    results
}

#[tokio::test]
async fn the_file_arrives_everywhere_and_is_not_brought_twice() {
    let world = FakeWorld::default();
    let (from, content) = source();
    let (one, two) = (LocalHost::new("s1"), LocalHost::new("s2"));
    let results = run(&world, &from, &[&one, &two], &module(json!({}))).await;
    for (result, host) in results.iter().zip([&one, &two]) {
        assert!(result.as_ref().unwrap().changed);
        assert_eq!(host.read(DEST).unwrap(), content);
    }
    let cx = Cx {
        peers: &from,
        ..world.cx_of(&one)
    };
    let finding = module(json!({})).inspect(&cx).await.unwrap();
    assert!(matches!(finding, Finding::NoChange(_)), "{finding:?}");
    one.write(DEST, "something else");
    assert!(matches!(
        module(json!({})).inspect(&cx).await.unwrap(),
        Finding::Change(_)
    ));
}

#[tokio::test]
async fn a_host_that_fails_or_stalls_does_not_stop_the_others() {
    let world = FakeWorld::default();
    let (from, content) = source();
    let (good, full, stuck) = (LocalHost::new("s1"), LocalHost::new("s2"), LocalHost::new("s3"));
    full.program(
        "zstd",
        "head -c 1000 > /dev/null; echo 'No space left on device' >&2; exit 1",
    );
    stuck.program("zstd", "exec sleep 600");
    let results = run(&world, &from, &[&stuck, &full, &good], &module(json!({}))).await;
    assert_eq!(results[0].as_ref().unwrap_err().kind, FailureKind::TimedOut);
    assert!(
        results[1].as_ref().unwrap_err().message.contains("No space left"),
        "{:?}",
        results[1]
    );
    assert!(results[2].as_ref().unwrap().changed);
    assert_eq!(good.read(DEST).unwrap(), content);
    assert!(full.read(DEST).is_none() && stuck.read(DEST).is_none());
    assert!(full.read(&relay::part(DEST)).is_none(), "no half file is left");
}

#[tokio::test]
async fn what_arrives_changed_never_takes_its_place() {
    let world = FakeWorld::default();
    let (from, _) = source();
    let bad = LocalHost::new("s1");
    bad.write(DEST, "as it was");
    bad.program("zstd", "/usr/bin/zstd \"$@\" | head -c 8999999");
    let results = run(&world, &from, &[&bad], &module(json!({}))).await;
    assert_eq!(results[0].as_ref().unwrap_err().kind, FailureKind::NotVerified);
    assert_eq!(bad.read(DEST).unwrap(), b"as it was");
    assert!(bad.read(&relay::part(DEST)).is_none());
}

/// What `apply` left for `verify`, after somebody did something to the file in its place.
async fn verified_after(deed: impl FnOnce(&LocalHost)) -> Result<Outcome, Failure> {
    let world = FakeWorld::default();
    let (from, _) = source();
    let host = LocalHost::new("s1");
    let cx = Cx {
        peers: &from,
        ..world.cx_of(&host)
    };
    let (module, change) = (module(json!({})), Change::default());
    let mut outcome = module.apply_all(&[(&cx, &change)]).await.pop().unwrap()?;
    deed(&host);
    module.verify(&cx, &change, &mut outcome).await?;
    Ok(outcome)
}

#[tokio::test]
async fn in_its_place_it_is_the_file_that_was_read_back_or_it_is_read_again() {
    let outcome = verified_after(|host| host.program("openssl", "exit 1"))
        .await
        .unwrap();
    assert!(outcome.result.get(WHICH_KEY).is_none(), "{:?}", outcome.result);
    let another = |change: fn(&mut Vec<u8>)| {
        move |host: &LocalHost| {
            let mut content = host.read(DEST).unwrap();
            change(&mut content);
            let aside = "/var/lib/one/new dir/aside";
            host.write(aside, &content);
            std::fs::rename(host.mapped(aside), host.mapped(DEST)).unwrap();
        }
    };
    let failure = verified_after(another(|content| content[7] ^= 1))
        .await
        .unwrap_err();
    assert_eq!(failure.kind, FailureKind::NotVerified);
    assert!(failure.message.contains("reads back"), "{failure:?}");
    // The same content under another name tells nothing by itself, so it was read; only its mode is another now.
    let failure = verified_after(another(|_| ())).await.unwrap_err();
    assert!(failure.message.contains("with mode"), "{failure:?}");
}

#[tokio::test]
async fn a_source_that_breaks_off_or_is_another_file_fails_everywhere() {
    let world = FakeWorld::default();
    let (from, _) = source();
    let host = LocalHost::new("s1");
    let other = module(json!({"sha256": "0".repeat(64)}));
    let results = run(&world, &from, &[&host], &other).await;
    assert_eq!(results[0].as_ref().unwrap_err().kind, FailureKind::Unsafe);
    from.0
        .program("zstd", "/usr/bin/zstd \"$@\" | head -c 1000000; exit 1");
    let results = run(&world, &from, &[&host], &module(json!({}))).await;
    assert!(results[0].is_err());
    assert!(host.read(DEST).is_none());
}

#[tokio::test]
async fn a_part_is_never_written_through_a_link() {
    let world = FakeWorld::default();
    let (from, _) = source();
    let host = LocalHost::new("s1");
    host.write("/var/lib/one/new dir/precious", "kept");
    let precious = host.mapped("/var/lib/one/new dir/precious");
    std::os::unix::fs::symlink(&precious, host.mapped(&relay::part(DEST))).unwrap();
    let results = run(&world, &from, &[&host], &module(json!({}))).await;
    assert!(results[0].is_ok(), "{results:?}");
    assert_eq!(std::fs::read(precious).unwrap(), b"kept");
}

#[tokio::test]
async fn wrong_arguments_and_a_missing_source_are_told_before_anything_is_sent() {
    let world = FakeWorld::default();
    let (from, _) = source();
    let host = LocalHost::new("s1");
    let cx = Cx {
        peers: &from,
        ..world.cx_of(&host)
    };
    for wrong in [
        json!({"dest": "relative"}),
        json!({"mode": "rw"}),
        json!({"from": "nobody"}),
    ] {
        assert!(module(wrong).inspect(&cx).await.is_err());
    }
    let missing = module(json!({"src": "/var/lib/one/none"}))
        .inspect(&cx)
        .await
        .unwrap();
    assert!(matches!(missing, Finding::CannotTell(_)));
}

#[tokio::test]
async fn packed_as_the_least_of_all_hosts_can() {
    use crate::testing::FakeHost;
    let world = FakeWorld::default();
    let can = |name: &str, what: &str| FakeHost::new(name).on("can be packed", 0, what);
    let (source, one, two) = (can("m", "zstd\n"), can("s1", "zstd\n"), can("s2", "gzip\n"));
    let (first, second) = (world.cx_of(&one), world.cx_of(&two));
    assert_eq!(Packing::common(&source, &[&first]).await, Packing::Zstd);
    assert_eq!(Packing::common(&source, &[&first, &second]).await, Packing::Gzip);
    // One that cannot be reached decides nothing.
    let gone = FakeHost::new("s3");
    assert_eq!(
        Packing::common(&source, &[&first, &world.cx_of(&gone)]).await,
        Packing::Zstd
    );
}

/// What a host was asked that touches the file, as who.
fn users(host: &crate::testing::FakeHost) -> Vec<(String, RunAs)> {
    let touches = |command: &Command| {
        let text = command.argv.join(" ");
        let what = [
            "receive a file",
            "digest of a file",
            "put a received",
            "send a file",
            "rm -f",
        ];
        let what = what.into_iter().find(|what| text.contains(what))?;
        Some((what.to_owned(), command.run_as.clone()))
    };
    host.commands().iter().filter_map(touches).collect()
}

#[tokio::test]
async fn a_recorded_digest_proves_the_source_unless_a_copy_differs() {
    use crate::testing::FakeHost;
    let (recorded, other) = ("a".repeat(64), "b".repeat(64));
    for (source_has, arrives, wanted, looks) in [
        (&recorded, &recorded, Ok(()), 0),
        (&other, &recorded, Ok(()), 0),
        (&recorded, &other, Err(FailureKind::NotVerified), 1),
        (&other, &other, Err(FailureKind::Unsafe), 1),
    ] {
        let to = FakeHost::new("s1")
            .on("whose ground", 0, ". root root 755 directory\nend\n")
            .on("can be packed", 0, "plain")
            .on("receive a file", 0, &format!("{arrives} *stdin\n1:2:4:5.0\n"))
            .on("put a received", 0, "");
        let from = FakeHost::new("m")
            .file(SRC, "dump")
            .on("whose ground", 0, ". root root 755 directory\nend\n")
            .on("can be packed", 0, "plain")
            .on("digest of a file", 0, &format!("{source_has} *stdin\n4\n"))
            .on("send a file", 0, "dump");
        let world = FakeWorld {
            hosts: [("m".to_owned(), from.clone())].into(),
            ..FakeWorld::default()
        };
        let cx = world.cx(&to);
        let results = module(json!({"sha256": recorded}))
            .apply_all(&[(&cx, &Change::default())])
            .await;
        let result = results[0].as_ref().map(|_| ()).map_err(|failure| failure.kind);
        assert_eq!(result, wanted, "{results:?}");
        let looked = users(&from)
            .iter()
            .filter(|(what, _)| what == "digest of a file")
            .count();
        assert_eq!(looked, looks);
    }
}

#[tokio::test]
async fn where_a_link_could_be_planted_root_reads_and_writes_nothing() {
    use crate::testing::FakeHost;
    let world = FakeWorld::default();
    let digest = "a".repeat(64);
    let planted =
        ". root root 755 directory\n. oneadmin oneadmin 777 symbolic link\n. root root 755 directory\nend\n";
    let host = |name: &str| {
        FakeHost::new(name)
            .on("whose ground", 0, planted)
            .on("can be packed", 0, "plain")
            .on("digest of a file", 0, &format!("{digest} *stdin\n4\n"))
            .on("send a file", 0, "dump")
            .on("receive a file", 0, &format!("{digest} *stdin\n1:2:4:5.0\n"))
            .on("put a received", 0, "")
    };
    let (from, to) = (host("m"), host("s1"));
    let world = FakeWorld {
        hosts: [("m".to_owned(), from.clone())].into(),
        ..world
    };
    let cx = world.cx(&to);
    let change = Change::default();
    let results = module(json!({})).apply_all(&[(&cx, &change)]).await;
    assert!(results[0].is_ok(), "{results:?}");
    let oneadmin = RunAs::User("oneadmin".to_owned());
    for (asked, least) in [(users(&from), 2), (users(&to), 2)] {
        assert!(asked.len() >= least, "{asked:?}");
        assert!(asked.iter().all(|(_, who)| *who == oneadmin), "{asked:?}");
    }
    // A file for root is not put there at all.
    let results = module(json!({"owner": "root", "group": "root"}))
        .apply_all(&[(&cx, &change)])
        .await;
    assert_eq!(results[0].as_ref().unwrap_err().kind, FailureKind::Unsafe);
}
