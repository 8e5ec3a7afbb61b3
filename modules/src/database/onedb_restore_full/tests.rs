use super::*;
use crate::host::Host;
use crate::module::FailureKind;
use crate::opennebula::onedb::fake::{self, DB};
use crate::testing::FakeWorld;
use crate::testing_local::LocalHost;

const DUMP: &str = "/var/lib/one/full.bck";

async fn run(world: &FakeWorld, host: &LocalHost) -> Result<Outcome, Failure> {
    let module: OnedbRestoreFull = serde_json::from_value(json!({"src": DUMP})).unwrap();
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

async fn backed_up() -> LocalHost {
    let host = fake::front_end("m", "MASTER");
    let command = crate::host::Command::new(["onedb", "backup", DUMP]);
    assert!(host.run(&command).await.unwrap().exit.success());
    host
}

#[tokio::test]
async fn nothing_of_the_database_that_was_there_survives() {
    let world = FakeWorld::default();
    let host = backed_up().await;
    assert!(!run(&world, &host).await.unwrap().changed);
    host.sql(DB, "create table of_the_new_version (a); create index extra_idx on user_pool (name); delete from user_quotas");
    host.write(&format!("{DB}-journal"), "of the database that is moved");
    let outcome = run(&world, &host).await.unwrap();
    assert!(outcome.changed);
    assert_eq!(
        host.sql(
            DB,
            "select count(*) from sqlite_master where name like '%new%' or name = 'extra_idx'"
        ),
        "0"
    );
    assert_eq!(host.sql(DB, "select count(*) from user_quotas"), "3");
    assert!(host.read(&format!("{DB}-journal")).is_none());
    assert!(
        std::path::Path::new(outcome.result["aside"].as_str().unwrap())
            .file_name()
            .is_some()
    );
}

#[tokio::test]
async fn a_database_that_cannot_be_read_or_is_gone_is_put_back() {
    let world = FakeWorld::default();
    let host = backed_up().await;
    host.write(
        DB,
        "garbage that is no database at all, but long enough to be looked at as one",
    );
    assert!(run(&world, &host).await.unwrap().changed);
    std::fs::remove_file(host.mapped(DB)).unwrap();
    assert!(run(&world, &host).await.unwrap().changed);
    assert_eq!(host.sql(DB, "select count(*) from user_quotas"), "3");
}

#[tokio::test]
async fn a_restore_that_broke_off_is_not_believed() {
    let world = FakeWorld::default();
    let host = backed_up().await;
    host.sql(DB, "delete from user_quotas");
    host.variable("FAIL", "killed_restore");
    let failure = run(&world, &host).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::NotVerified);
    assert!(failure.state.unwrap().contains("aside"));
}

#[tokio::test]
async fn a_backup_of_another_version_than_the_programs_is_refused() {
    let world = FakeWorld::default();
    let host = backed_up().await;
    fake::install(&host, "7.2.0");
    let failure = run(&world, &host).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Unsafe);
    assert!(
        failure
            .message
            .contains("is of a database of 7.0.0, and the programs that are installed need one of 7.2.0"),
        "{}",
        failure.message
    );
}

#[tokio::test]
async fn what_was_closed_when_the_backup_was_made_is_known_to_be_closed_again() {
    const NOTE: &str = "/var/lib/nebplay/memory/zone-disabled.json";
    const MARK: &str = "/var/lib/nebplay/memory/migration.json";
    let mark = json!({"target": "7.2.0", "stage": "migrating", "before": {"tables": {}}, "own_backup": ""});
    let world = FakeWorld::default();
    let host = fake::front_end("m", "MASTER");
    host.write(NOTE, r#"{"zone": 0}"#);
    host.write(MARK, mark.to_string());
    world
        .run(&host, "onedb_backup", json!({"dest": DUMP}))
        .await
        .unwrap();
    host.sql(DB, "delete from user_quotas");
    std::fs::remove_file(host.mapped(NOTE)).unwrap();
    assert!(run(&world, &host).await.unwrap().changed);
    assert!(host.read(NOTE).is_some());
    assert!(host.read(MARK).is_none());
    // A migration that was begun and has left nothing is forgotten as well.
    assert!(!run(&world, &host).await.unwrap().changed);
    host.write(MARK, mark.to_string());
    assert!(run(&world, &host).await.unwrap().changed);
    assert!(host.read(MARK).is_none());
}
