use super::*;
use crate::host::Host;
use crate::module::FailureKind;
use crate::opennebula::onedb::fake::{self, DB};
use crate::testing::FakeWorld;
use crate::testing_local::LocalHost;
use serde_json::Value;

const DUMP: &str = "/var/lib/one/fed.bck";

fn module(arguments: Value) -> OnedbRestore {
    serde_json::from_value(arguments).unwrap()
}

async fn run(world: &FakeWorld, host: &LocalHost, module: &OnedbRestore) -> Result<Outcome, Failure> {
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

/// A slave that lags behind the master whose dump lies beside its database.
async fn slave() -> LocalHost {
    let master = fake::front_end("m", "MASTER");
    master.sql(
        DB,
        "insert into user_pool values (50, 'new', ''); insert into logdb values (4, 0, 'd', 4, 4, 1)",
    );
    let command = crate::host::Command::new(["onedb", "backup", "--federated", DUMP]);
    assert!(master.run(&command).await.unwrap().exit.success());
    let slave = fake::front_end("s1", "SLAVE");
    slave.write(DUMP, master.read(DUMP).unwrap());
    slave
}

#[tokio::test]
async fn the_federated_tables_become_the_dumps_and_the_zones_own_stay() {
    let world = FakeWorld::default();
    let host = slave().await;
    let outcome = run(&world, &host, &module(json!({"src": DUMP}))).await.unwrap();
    assert!(outcome.changed);
    assert_eq!(host.sql(DB, "select count(*) from user_pool"), "5");
    assert_eq!(host.sql(DB, "select name from host_pool"), "s1");
    let again = run(
        &world,
        &host,
        &module(json!({"src": DUMP, "expect": outcome.result["fingerprints"]})),
    )
    .await;
    assert!(!again.unwrap().changed);
}

#[tokio::test]
async fn what_onedb_calls_restored_is_not_believed() {
    let world = FakeWorld::default();
    for lie in ["lazy_restore", "killed_restore"] {
        let host = slave().await;
        host.variable("FAIL", lie);
        let failure = run(&world, &host, &module(json!({"src": DUMP})))
            .await
            .unwrap_err();
        assert_eq!(failure.kind, FailureKind::NotVerified, "{lie}");
        assert!(failure.state.unwrap().contains("must not be started"));
        // Run again whole, it is healed.
        host.variable("FAIL", "");
        assert!(
            run(&world, &host, &module(json!({"src": DUMP})))
                .await
                .unwrap()
                .changed,
            "{lie}"
        );
    }
}

#[tokio::test]
async fn a_dump_that_is_cut_or_another_one_is_refused_before_anything_is_touched() {
    let world = FakeWorld::default();
    let host = slave().await;
    let before = host.read(DB).unwrap();
    let whole = host.read(DUMP).unwrap();
    let other = json!({"src": DUMP, "sha256": "0".repeat(64)});
    let expecting = json!({"src": DUMP, "expect": {"tables": {"user_pool": {"rows": 7, "sha256": "x"}}}});
    for arguments in [other, expecting] {
        let failure = run(&world, &host, &module(arguments)).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Unsafe);
    }
    host.write(DUMP, &whole[..whole.len() / 2]);
    assert!(run(&world, &host, &module(json!({"src": DUMP}))).await.is_err());
    assert_eq!(host.read(DB).unwrap(), before);
}

#[tokio::test]
async fn the_master_and_a_running_zone_are_refused_and_a_missing_dump_is_unknown() {
    let world = FakeWorld::default();
    let host = slave().await;
    let missing = module(json!({"src": "/var/lib/one/none.bck"}));
    let cx = world.cx_of(&host);
    let finding = missing.inspect(&cx).await.unwrap();
    let Finding::CannotTell(change) = finding else {
        panic!("nobody can know what is in a dump that is not there");
    };
    assert!(missing.apply(&cx, &change).await.is_err());

    host.write("/var/lock/one/one", "");
    let failure = module(json!({"src": DUMP})).inspect(&cx).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Unsafe);
    let master = fake::front_end("m", "MASTER");
    let failure = module(json!({"src": DUMP}))
        .inspect(&world.cx_of(&master))
        .await
        .unwrap_err();
    assert!(
        failure.message.contains("MASTER, not SLAVE"),
        "{}",
        failure.message
    );
    assert!(
        module(json!({"src": DUMP, "federated": false}))
            .inspect(&cx)
            .await
            .is_err()
    );
}
