use super::*;
use crate::module::FailureKind;
use crate::opennebula::onedb::fake::{self, DB};
use crate::testing::FakeWorld;
use crate::testing_local::LocalHost;
use serde_json::Value;

const DEST: &str = "/var/lib/one/nebplay/full.bck";

fn module(arguments: Value) -> OnedbBackup {
    serde_json::from_value(arguments).unwrap()
}

async fn run(world: &FakeWorld, host: &LocalHost, module: &OnedbBackup) -> Result<Outcome, Failure> {
    let cx = world.cx_of(host);
    match module.inspect(&cx).await? {
        Finding::NoChange(outcome) => Ok(outcome),
        Finding::Change(change) | Finding::CannotTell(change) => {
            let mut outcome = module.apply(&cx, &change).await?;
            module.verify(&cx, &change, &mut outcome).await?;
            Ok(outcome)
        }
    }
}

#[tokio::test]
async fn a_backup_is_written_proven_and_not_written_again() {
    let world = FakeWorld::default();
    for federated in [false, true] {
        let host = fake::front_end("m", "MASTER");
        let module = module(json!({"dest": DEST, "federated": federated}));
        let outcome = run(&world, &host, &module).await.unwrap();
        assert!(outcome.changed);
        let prints: Fingerprints = serde_json::from_value(outcome.result["fingerprints"].clone()).unwrap();
        assert_eq!(prints.tables.contains_key("host_pool"), !federated);
        let stat = crate::host::Host::stat(&host, DEST, &RunAs::root())
            .await
            .unwrap()
            .unwrap();
        assert_eq!(stat.mode, 0o600);
        let again = run(&world, &host, &module).await.unwrap();
        assert!(!again.changed);
        assert_eq!(again.result["sha256"], outcome.result["sha256"]);
    }
}

#[tokio::test]
async fn a_cut_dump_is_not_believed_and_replaced_by_the_next_run() {
    let world = FakeWorld::default();
    for federated in [false, true] {
        let host = fake::front_end("m", "MASTER");
        let module = module(json!({"dest": DEST, "federated": federated}));
        host.variable("FAIL", "full_disk");
        let failure = run(&world, &host, &module).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::NotVerified, "{failure:?}");
        host.variable("FAIL", "");
        assert!(run(&world, &host, &module).await.unwrap().changed);
    }
}

#[tokio::test]
async fn files_that_are_not_ours_or_not_what_they_were_are_refused() {
    let world = FakeWorld::default();
    let host = fake::front_end("m", "MASTER");
    let module = module(json!({"dest": DEST}));
    host.write(DEST, "somebody's");
    let foreign = run(&world, &host, &module).await.unwrap_err();
    assert!(
        foreign.message.contains("did not write it"),
        "{}",
        foreign.message
    );
    assert_eq!(host.read(DEST).unwrap(), b"somebody's");

    std::fs::remove_file(host.mapped(DEST)).unwrap();
    run(&world, &host, &module).await.unwrap();
    let mut bytes = host.read(DEST).unwrap();
    bytes.push(b'\n');
    host.write(DEST, bytes);
    let changed = run(&world, &host, &module).await.unwrap_err();
    assert!(changed.message.contains("not any more"), "{}", changed.message);
}

#[tokio::test]
async fn the_backup_to_go_back_to_is_never_overwritten() {
    let world = FakeWorld::default();
    let host = fake::front_end("m", "MASTER");
    run(&world, &host, &module(json!({"dest": DEST}))).await.unwrap();
    let bytes = host.read(DEST).unwrap();
    host.sql(DB, "delete from user_quotas");
    let refused = run(&world, &host, &module(json!({"dest": DEST})))
        .await
        .unwrap_err();
    assert_eq!(refused.kind, FailureKind::Unsafe);
    let kept = run(&world, &host, &module(json!({"dest": DEST, "keep": true})))
        .await
        .unwrap();
    assert!(
        !kept.changed && kept.warnings[0].contains("user_quotas"),
        "{kept:?}"
    );
    assert_eq!(host.read(DEST).unwrap(), bytes);
    // The zone has run since: that one is of another day, and kept all the same.
    host.sql(DB, "insert into logdb values (8, 0, 'x', 8, 8, 1)");
    let outcome = run(&world, &host, &module(json!({"dest": DEST, "keep": true})))
        .await
        .unwrap();
    assert_eq!(
        host.read(outcome.result["older"].as_str().unwrap()).unwrap(),
        bytes
    );
    assert_ne!(host.read(DEST).unwrap(), bytes);
    // A federated dump is for slaves alone, and follows the master.
    let federated = module(json!({"dest": "/var/lib/one/f.bck", "federated": true}));
    run(&world, &host, &federated).await.unwrap();
    host.sql(DB, "insert into user_pool values (9, 'new', '')");
    assert!(run(&world, &host, &federated).await.unwrap().changed);
}

#[tokio::test]
async fn a_scratch_table_of_an_interrupted_backup_is_dropped_first() {
    let world = FakeWorld::default();
    let host = fake::front_end("m", "MASTER");
    host.sql(DB, "create table logdb_tmp (a)");
    let module = module(json!({"dest": DEST, "federated": true}));
    run(&world, &host, &module).await.unwrap();
    assert_eq!(
        host.sql(DB, "select count(*) from sqlite_master where name = 'logdb_tmp'"),
        "0"
    );
}

#[tokio::test]
async fn a_zone_that_runs_and_a_full_disk_are_refused_before_anything_is_done() {
    let world = FakeWorld::default();
    let host = fake::front_end("m", "MASTER");
    host.write("/var/lock/one/one", "");
    let refused = module(json!({"dest": DEST}))
        .inspect(&world.cx_of(&host))
        .await
        .unwrap_err();
    assert_eq!(refused.kind, FailureKind::Unsafe);
    std::fs::remove_file(host.mapped("/var/lock/one/one")).unwrap();
    host.program("df", "echo head; echo fs 10 10 3 1% /");
    let refused = module(json!({"dest": DEST}))
        .inspect(&world.cx_of(&host))
        .await
        .unwrap_err();
    assert!(refused.message.contains("not enough room"), "{}", refused.message);
    assert!(host.read(DEST).is_none());
}

#[tokio::test]
async fn the_federated_dump_of_a_master_that_was_started_since_still_counts() {
    let world = FakeWorld::default();
    let host = fake::front_end("m", "MASTER");
    let module = module(json!({"dest": DEST, "federated": true}));
    let made = run(&world, &host, &module).await.unwrap();
    host.write("/var/lock/one/one", "");
    host.sql(DB, "update marketplace_pool set body = 'monitored' where oid = 1");
    let again = run(&world, &host, &module).await.unwrap();
    assert!(!again.changed && again.warnings.len() == 1);
    assert_eq!(again.result["fingerprints"], made.result["fingerprints"]);
    // One of another version does not.
    host.sql(DB, "insert into db_versioning values (1, '7.2.0', 1)");
    assert!(run(&world, &host, &module).await.is_err());
}

#[tokio::test]
async fn a_dump_that_was_only_counted_is_not_called_compared() {
    use crate::opennebula::fingerprint::FEDERATED;
    use crate::testing::FakeHost;
    let tables: Vec<&str> = FEDERATED.into_iter().chain(["logdb"]).collect();
    let answer = |digest: &str| {
        let table = |(n, name): (usize, &&str)| format!("table {n} {name} 2\nsha {n} {digest}\n");
        let log = format!("table 0 logdb 1\nsha 0 {digest}\n");
        let numbered = (1..).zip(&tables);
        log + &numbered.map(table).collect::<String>() + "end\n"
    };
    let made: String = tables
        .iter()
        .map(|name| format!("line CREATE TABLE `{name}` (\n"))
        .collect();
    let look = format!(
        "stat 100 600 oneadmin oneadmin .\nsha256 {}  -\nlast -- Dump completed\nline -- MariaDB dump 10.19\n{made}\
         line -- Dump completed\nline -- Dump completed\nend\n",
        "a".repeat(64)
    );
    let conf = "DB = [ BACKEND = \"mysql\", SERVER = \"localhost\", USER = \"one\", PASSWD = \"secret\", DB_NAME = \"one\" ]\n";
    let digest = "b".repeat(64);
    for (scratch, word) in [("counted", "counted"), (digest.as_str(), "loaded and compared")] {
        let host = FakeHost::new("m")
            .file("/etc/one/oned.conf", conf)
            .on("look at a dump", 0, &look)
            .on("load a dump into a scratch schema", 0, &answer(scratch))
            .on("fingerprint of a MySQL database", 0, &answer(&digest))
            .on("install -d", 0, "");
        let world = FakeWorld::default();
        let mut outcome = Outcome::default();
        module(json!({"dest": DEST, "federated": true}))
            .verify(&world.cx(&host), &Change::default(), &mut outcome)
            .await
            .unwrap();
        let message = outcome.message.unwrap();
        assert!(message.contains(word), "{message}");
        let warned = outcome
            .warnings
            .iter()
            .any(|warning| warning.contains("never loaded"));
        assert_eq!(warned, scratch == "counted", "{:?}", outcome.warnings);
    }
}

#[tokio::test]
async fn in_a_directory_of_oneadmins_nothing_is_done_by_root() {
    use crate::testing::FakeHost;
    for (ground, who) in [
        (
            ". root root 755 directory\n. oneadmin oneadmin 777 symbolic link\nend\n",
            "oneadmin",
        ),
        (". root root 755 directory\nend\n", "root"),
    ] {
        let host = FakeHost::new("m")
            .file("/etc/one/oned.conf", "")
            .on("whose ground", 0, ground)
            .on("a directory for dumps", 1, "");
        let world = FakeWorld::default();
        let failure = module(json!({"dest": DEST}))
            .apply(&world.cx(&host), &Change::default())
            .await
            .unwrap_err();
        assert!(failure.message.contains("failed to make"), "{}", failure.message);
        let made = host
            .commands()
            .into_iter()
            .find(|command| command.argv[2].contains("for dumps"));
        assert_eq!(made.unwrap().run_as, RunAs::User(who.to_owned()));
    }
}
