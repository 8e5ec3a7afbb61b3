//! What the journal costs: whole upgrades of a lab with and without it, in turn.

use std::time::Instant;

use nebplay_tests::harness::Lab;

use crate::Bench;
use crate::measure::{Fallible, median, promise};

/// A night takes a minute: fewer rounds than elsewhere tell enough.
const MOST_ROUNDS: usize = 3;

pub(crate) fn bench(bench: &Bench) -> Fallible<()> {
    let rounds = bench.rounds.min(MOST_ROUNDS);
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        // Whoever comes second finds warmer caches: they take turns.
        for journal in [round % 2 == 0, round % 2 != 0] {
            let Some(lab) = Lab::sqlite("journal").boot() else {
                println!("\nthe journal: skipped, since there is no lab on this machine");
                return Ok(());
            };
            let upgrade = lab.upgrade();
            let upgrade = if journal {
                upgrade
            } else {
                upgrade.args(["--no-journal"])
            };
            let began = Instant::now();
            let run = upgrade.run();
            let took = began.elapsed().as_secs_f64();
            if run.code != 0 {
                return Err(format!(
                    "the upgrade ended with {}:\n{}{}",
                    run.code, run.stdout, run.stderr
                )
                .into());
            }
            if journal { &mut with } else { &mut without }.push(took);
        }
    }
    println!("\nAn upgrade of three zones, with and without the journal ({rounds} rounds in turn; seconds)");
    println!("  with:    {with:.1?}\n  without: {without:.1?}");
    let ratio = median(with) / median(without);
    promise("at most 3% longer with the journal", ratio, ratio <= 1.03);
    Ok(())
}
