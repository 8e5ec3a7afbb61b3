//! Every module of playbooks/upgrade.yml and of playbooks/go-back.yml once per fault: whatever befalls a run, it comes to the end that
//! it would have come to.
//!
//! A *night* is one upgrade of a lab of its own, or one way back, in which a step of every module meets the same fault. After each the run
//! goes on by itself or is resumed, and in the end the hosts are what they are after a night that nothing disturbed.
//! `make chaos`, or `cargo run -p nebplay-tests --bin chaos -- [NIGHT…]`.

#![expect(
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a night tells what went wrong by a panic, and the table is printed"
)]

mod course;
mod end;
mod fault;
mod feed;
mod kept;
mod links;
mod night;
mod nights;
mod table;

use std::process::ExitCode;

fn main() -> ExitCode {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    match nights::all(&wanted) {
        Some(report) => {
            for (course, table) in &report.tables {
                print!("\n{}\n{}", course.title(), table.print());
            }
            if report.well {
                return ExitCode::SUCCESS;
            }
            eprintln!("chaos: not every night ended as it should");
            ExitCode::FAILURE
        }
        None => ExitCode::FAILURE,
    }
}

#[cfg(test)]
mod tests {
    use crate::course::Course;
    use crate::fault::Fault;
    use crate::night::{Case, Night, Survived};
    use nebplay_tests::federation::Backend;
    use std::time::Duration;

    /// One night with a bit of everything.
    #[test]
    fn a_night_with_a_bit_of_everything_ends_well() {
        let cases = [
            ("service_stop", Fault::KilledDuring),
            ("onedb_backup", Fault::LongCut),
            ("package_upgrade", Fault::Reboot),
            ("onedb_upgrade", Fault::KilledDuring),
            ("distribute", Fault::KilledDuring),
            ("onedb_restore", Fault::KilledAfter),
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
}
