//! Every module of playbooks/upgrade.yml and of playbooks/go-back.yml once per fault: whatever befalls a run, it comes to the end that
//! it would have come to.
//!
//! In a night (see [`nebplay_tests::chaos`]) a step of every module meets the same fault. After each the run goes on by itself or is
//! resumed, and in the end the hosts are what they are after a night that nothing disturbed.
//! `make chaos`, or `cargo run -p nebplay-tests --bin chaos -- [NIGHT…]`.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the table is printed")]

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
