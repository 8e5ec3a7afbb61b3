//! What can go wrong, in one night; `make chaos` runs many.

use nebplay_tests::chaos::{Case, Course, Fault, Night, Survived};
use nebplay_tests::federation::Backend;
use std::time::Duration;

/// One night with a bit of everything.
#[test]
fn a_night_with_a_bit_of_everything_ends_well() {
    let cases = [
        ("zone_disable", Fault::ZonesApart),
        ("service_stop", Fault::KilledDuring),
        ("onedb_backup", Fault::LongCut),
        ("package_upgrade", Fault::Reboot),
        ("onedb_upgrade", Fault::KilledDuring),
        ("distribute", Fault::KilledDuring),
        ("onedb_restore", Fault::KilledAfter),
        ("service_start", Fault::OthersReboot),
        ("zone_enable", Fault::KilledBefore),
        ("tidy_up", Fault::Reboot),
    ];
    let night = Night {
        name: "chaos".to_owned(),
        course: Course::Upgrade(Backend::Sqlite),
        arguments: Vec::new(),
        keepalive: 1,
        cases: cases
            .map(|(module, fault)| Case {
                module: module.to_owned(),
                fault,
                acts: true,
                after: 0,
                takes: Duration::ZERO,
            })
            .to_vec(),
    };
    let Some(told) = night.run() else {
        return;
    };
    for (case, survived) in told.cases {
        assert_ne!(survived, Survived::NotMet, "{case:?}");
    }
}
