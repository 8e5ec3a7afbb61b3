use super::*;
use crate::module::FailureKind;
use crate::opennebula::onedb::fake;
use crate::testing::FakeWorld;
use serde_json::{Value, json};

fn module(arguments: Value) -> OnedbFsck {
    serde_json::from_value(arguments).unwrap()
}

const SLAVES_OWN: &str = "[UNREPAIRED] pool_control for table zone_pool has last_oid 99, but it is 101\n\
    ^ Needs to be fixed in the master OpenNebula\n\nTotal errors found: 1\nTotal repairable errors: 0\nTotal unrepairable errors: 1\n";
const SERIOUS: &str = "User 20 has primary group 9999, but it does not exist\n\n\
    Total errors found: 1\nTotal repairable errors: 1\nTotal unrepairable errors: 0\n";

#[tokio::test]
async fn a_slaves_own_errors_are_no_failure_and_others_are_shown() {
    let world = FakeWorld::default();
    // 7.2.0 exits 1, 7.0.0 exits 0, for the same errors.
    for (status, text, warnings) in [
        ("1", SLAVES_OWN, 0),
        ("0", SLAVES_OWN, 0),
        ("1", SERIOUS, 1),
        ("0", SERIOUS, 1),
    ] {
        let host = fake::front_end("s1", "SLAVE");
        host.write("/etc/one/fsck", text);
        host.variable("FSCK", status);
        let Finding::NoChange(outcome) = module(json!({})).inspect(&world.cx_of(&host)).await.unwrap() else {
            panic!("a dry run changes nothing");
        };
        assert_eq!(outcome.warnings.len(), warnings, "{text}");
        assert_eq!(outcome.result["found"], json!(1));
        let strict = module(json!({"strict": true})).inspect(&world.cx_of(&host)).await;
        assert_eq!(strict.is_err(), warnings > 0);
    }
}

#[tokio::test]
async fn one_that_could_not_run_is_a_failure_and_repairs_in_slaves_are_refused() {
    let world = FakeWorld::default();
    let host = fake::front_end("s1", "SLAVE");
    host.write("/etc/one/fsck", "Version mismatch: fsck file is for version\n");
    host.variable("FSCK", "255");
    assert!(module(json!({})).inspect(&world.cx_of(&host)).await.is_err());
    host.write("/etc/one/fsck", SERIOUS);
    host.variable("FSCK", "1");
    let repair = module(json!({"dry": false, "backup": "/var/lib/one/b"}));
    let failure = repair.inspect(&world.cx_of(&host)).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Unsafe);
    assert!(
        module(json!({"dry": false}))
            .inspect(&world.cx_of(&host))
            .await
            .is_err()
    );
    // The errors are still there after the "repair".
    let forced = module(json!({"dry": false, "force": true, "backup": "/var/lib/one/b"}));
    let Finding::Change(change) = forced.inspect(&world.cx_of(&host)).await.unwrap() else {
        panic!("there is something to repair");
    };
    let mut outcome = forced.apply(&world.cx_of(&host), &change).await.unwrap();
    let failure = forced
        .verify(&world.cx_of(&host), &change, &mut outcome)
        .await
        .unwrap_err();
    assert_eq!(failure.kind, FailureKind::NotVerified);
}
