use super::*;
use crate::opennebula::onedb::fake::{self, DB};
use crate::testing::FakeWorld;
use crate::testing_local::LocalHost;
use serde_json::json;

const FULL: &str = "/var/lib/one/full.bck";
const FEDERATED: &str = "/var/lib/one/fed.bck";

async fn run(world: &FakeWorld, host: &LocalHost) -> Result<Outcome, Failure> {
    let module: OnedbUpgrade =
        serde_json::from_value(json!({"backup": FULL, "federated_backup": FEDERATED})).unwrap();
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

/// A stopped zone of 7.0.0, backed up by nebplay, with the programs of 7.2.0.
async fn before_migration(mode: &str) -> LocalHost {
    let world = FakeWorld::default();
    let host = fake::front_end("m", mode);
    let module: crate::database::onedb_backup::OnedbBackup =
        serde_json::from_value(json!({"dest": FULL})).unwrap();
    let cx = world.cx_of(&host);
    let Ok(Finding::Change(change)) = module.inspect(&cx).await else {
        panic!("there is no backup yet");
    };
    let mut outcome = module.apply(&cx, &change).await.unwrap();
    module.verify(&cx, &change, &mut outcome).await.unwrap();
    fake::install(&host, "7.2.0");
    host
}

/// A slave in which the upgraded master's federated backup was restored.
async fn restored_slave() -> LocalHost {
    let host = before_migration("SLAVE").await;
    let master = fake::front_end("m", "MASTER");
    master.sql(DB, "insert into db_versioning values (1, '7.2.0', 1)");
    for (on, words) in [
        (&master, ["backup", "--federated", FEDERATED]),
        (&host, ["restore", "--federated", FEDERATED]),
    ] {
        if let Some(dump) = master.read(FEDERATED) {
            host.write(FEDERATED, dump);
        }
        let command = crate::host::Command::new(std::iter::once("onedb").chain(words));
        let output = crate::host::Host::run(on, &command).await.unwrap();
        assert!(output.exit.success(), "{output:?}");
    }
    host
}

fn quotas(host: &LocalHost) -> String {
    host.sql(DB, "select count(*) from user_quotas")
}

#[tokio::test]
async fn a_migration_loses_nothing_and_is_not_done_twice() {
    let world = FakeWorld::default();
    let host = before_migration("MASTER").await;
    let outcome = run(&world, &host).await.unwrap();
    assert!(outcome.changed && outcome.message.unwrap().contains("none lost"));
    assert_eq!(quotas(&host), "3");
    let again = run(&world, &host).await.unwrap();
    assert!(!again.changed);
    let jobs = host
        .asked()
        .into_iter()
        .filter(|line| line.starts_with("job onedb-upgrade"));
    assert_eq!(jobs.count(), 1);
    assert_eq!(again.result["rows_proven"], json!(true));
}

#[tokio::test]
async fn one_that_was_cut_off_is_begun_again_from_the_backup() {
    let world = FakeWorld::default();
    let host = before_migration("MASTER").await;
    host.variable("FAIL", "killed_upgrade");
    let failure = run(&world, &host).await.unwrap_err();
    assert!(
        failure.state.unwrap().contains("is not as it was"),
        "{}",
        failure.message
    );
    assert_eq!(quotas(&host), "0");
    host.variable("FAIL", "");
    let outcome = run(&world, &host).await.unwrap();
    assert!(outcome.changed);
    assert_eq!(quotas(&host), "3");
    assert_eq!(
        host.sql(DB, "select body from user_quotas where user_oid = 1"),
        "<QUOTAS/>+"
    );
}

#[tokio::test]
async fn one_that_left_no_database_at_all_is_begun_again_from_the_backup() {
    let world = FakeWorld::default();
    let host = before_migration("MASTER").await;
    host.variable("FAIL", "killed_upgrade");
    run(&world, &host).await.unwrap_err();
    host.variable("FAIL", "");
    // It was killed again, while it put its own backup back.
    std::fs::remove_file(host.mapped(DB)).unwrap();
    let outcome = run(&world, &host).await.unwrap();
    assert!(outcome.changed && outcome.message.unwrap().contains("none lost"));
    assert_eq!(quotas(&host), "3");
}

#[tokio::test]
async fn one_that_was_run_again_by_hand_is_recognized_by_its_rows() {
    let world = FakeWorld::default();
    let host = before_migration("MASTER").await;
    for fail in ["killed_upgrade", ""] {
        host.variable("FAIL", fail);
        let _ = crate::host::Host::run(&host, &crate::host::Command::new(["onedb", "upgrade"]))
            .await
            .unwrap();
    }
    // onedb version is content, and so is fsck; the rows are gone.
    assert_eq!(quotas(&host), "0");
    let failure = run(&world, &host).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::NotVerified);
    assert!(
        failure.message.contains("user_quotas has 0 of 3 rows"),
        "{}",
        failure.message
    );
}

#[tokio::test]
async fn one_that_was_cut_off_by_hand_is_put_back_only_where_nothing_was_written_since() {
    let world = FakeWorld::default();
    for written in [false, true] {
        let host = before_migration("MASTER").await;
        if written {
            host.sql(DB, "insert into logdb values (9, 0, 'x', 9, 9, 1)");
        }
        host.variable("FAIL", "killed_upgrade");
        let _ = crate::host::Host::run(&host, &crate::host::Command::new(["onedb", "upgrade"]))
            .await
            .unwrap();
        host.variable("FAIL", "");
        let result = run(&world, &host).await;
        if written {
            assert!(result.unwrap_err().message.contains("has written since"));
        } else {
            assert!(result.unwrap().changed);
            assert_eq!(quotas(&host), "3");
        }
    }
}

#[tokio::test]
async fn a_reported_failure_says_whether_the_old_data_is_back() {
    let world = FakeWorld::default();
    let host = before_migration("MASTER").await;
    host.variable("FAIL", "no_migrators");
    let failure = run(&world, &host).await.unwrap_err();
    assert!(failure.state.unwrap().contains("and it did"));
    // Proven untouched: with migrators it is simply done, nothing has to be put back.
    host.variable("FAIL", "bad_put_back");
    let failure = run(&world, &host).await.unwrap_err();
    assert!(failure.state.unwrap().contains("user_quotas has 0 rows, not 3"));
    host.variable("FAIL", "");
    assert!(run(&world, &host).await.unwrap().changed);
    assert_eq!(quotas(&host), "3");
}

#[tokio::test]
async fn without_its_backup_nothing_is_migrated() {
    let world = FakeWorld::default();
    let host = before_migration("MASTER").await;
    host.sql(DB, "insert into user_quotas values (77, '')");
    let failure = run(&world, &host).await.unwrap_err();
    assert!(
        failure.message.contains("is not the one that was backed up"),
        "{}",
        failure.message
    );
    std::fs::remove_file(host.mapped(FULL)).unwrap();
    let failure = run(&world, &host).await.unwrap_err();
    assert!(
        failure.message.contains("there is no backup"),
        "{}",
        failure.message
    );
}

#[tokio::test]
async fn a_slave_is_migrated_after_its_restore_and_keeps_the_masters_tables() {
    let world = FakeWorld::default();
    let unrestored = before_migration("SLAVE").await;
    let failure = run(&world, &unrestored).await.unwrap_err();
    assert!(failure.next[0].contains("onedb_restore"), "{failure:?}");

    let host = restored_slave().await;
    assert!(run(&world, &host).await.unwrap().changed);
    assert_eq!(host.sql(DB, "select count(*) from db_versioning"), "2");

    let host = restored_slave().await;
    host.variable("FAIL", "killed_upgrade");
    assert!(run(&world, &host).await.is_err());
    host.variable("FAIL", "");
    assert!(run(&world, &host).await.unwrap().changed);
    assert_eq!(quotas(&host), "3");
    assert_eq!(
        host.sql(DB, "select timestamp from db_versioning where oid = 1"),
        "1",
        "the master's row"
    );
}

#[tokio::test]
async fn an_empty_database_and_a_newer_one_are_refused() {
    let world = FakeWorld::default();
    let host = before_migration("MASTER").await;
    fake::install(&host, "6.10.0");
    assert!(run(&world, &host).await.unwrap_err().message.contains("newer"));
    std::fs::remove_file(host.mapped(DB)).unwrap();
    let failure = run(&world, &host).await.unwrap_err();
    assert!(failure.state.unwrap().contains("new cloud"));
}

#[tokio::test]
async fn rows_that_a_running_zone_deleted_since_are_not_blamed_on_the_migration() {
    let world = FakeWorld::default();
    let host = before_migration("MASTER").await;
    run(&world, &host).await.unwrap();
    host.sql(
        DB,
        "delete from user_pool where oid = 3; insert into logdb values (9, 0, 'x', 9, 9, 1)",
    );
    let again = run(&world, &host).await.unwrap();
    assert_eq!(
        (again.changed, &again.result["rows_proven"]),
        (false, &json!(false))
    );
}

#[tokio::test]
async fn a_backup_made_in_the_middle_of_a_migration_is_nothing_to_begin_from() {
    let world = FakeWorld::default();
    let host = before_migration("MASTER").await;
    host.sql(
        DB,
        "create table old_user_quotas as select * from user_quotas; delete from user_quotas",
    );
    std::fs::remove_file(host.mapped(FULL)).unwrap();
    let module: crate::database::onedb_backup::OnedbBackup =
        serde_json::from_value(json!({"dest": FULL})).unwrap();
    let cx = world.cx_of(&host);
    let Ok(Finding::Change(change)) = module.inspect(&cx).await else {
        panic!("there is no backup yet");
    };
    let mut outcome = module.apply(&cx, &change).await.unwrap();
    module.verify(&cx, &change, &mut outcome).await.unwrap();
    let failure = run(&world, &host).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Unsafe);
    assert!(failure.message.contains("old_user_quotas"), "{}", failure.message);
}

#[tokio::test]
async fn a_slave_with_other_tables_than_the_masters_dump_is_neither_migrated_nor_believed() {
    let world = FakeWorld::default();
    let host = restored_slave().await;
    let access = Access::of(&world.cx_of(&host), None).await.unwrap();
    let expect = all_tables(&host, &access).await.unwrap().federated();
    let run = async |expect: &Fingerprints| {
        let args = json!({"backup": FULL, "federated_backup": FEDERATED, "expect": expect.to_value()});
        let module: OnedbUpgrade = serde_json::from_value(args).unwrap();
        let cx = world.cx_of(&host);
        let Finding::Change(change) = module.inspect(&cx).await? else {
            return Ok(false);
        };
        let mut outcome = module.apply(&cx, &change).await?;
        module.verify(&cx, &change, &mut outcome).await.map(|()| true)
    };
    host.sql(DB, "update user_pool set body = 'own' where oid = 3");
    let failure = run(&expect).await.unwrap_err();
    assert!(failure.message.contains("user_pool"), "{}", failure.message);
    host.sql(DB, "update user_pool set body = 'x' where oid = 3");
    assert!(run(&expect).await.unwrap());
    // At the target, and still not believed.
    host.sql(DB, "update user_pool set body = 'own' where oid = 3");
    let failure = run(&expect).await.unwrap_err();
    assert!(failure.next[0].contains("onedb_restore"), "{failure:?}");
}
