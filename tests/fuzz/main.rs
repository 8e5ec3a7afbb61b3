//! What others write, mutated: whatever it is, it is read or refused, and nothing ends or hangs.
//!
//! Each test takes the texts of one kind that the project has, changes a few bytes, words or lines of one, and has it read. In a
//! test run that is a few thousand inputs, always the same; `make fuzz` goes on for minutes, from another seed each time. An input
//! that ends the process is in `target/fuzz`.

#![expect(
    clippy::unwrap_used,
    reason = "a fuzzer that cannot read its corpus is a broken test"
)]

mod corpus;
mod mutation;
mod targets;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use mutation::Mutation;

/// Inputs of each kind in a test run.
const INPUTS: usize = 2_000;

/// Has mutations of these texts read.
fn fuzz(name: &str, texts: &[String], read: impl Fn(&str)) {
    let asked = |variable: &str| std::env::var(variable).ok()?.parse::<u64>().ok();
    let seconds = asked("FUZZ_SECONDS").map(Duration::from_secs);
    let seed = asked("FUZZ_SEED").unwrap_or(1);
    let mut mutation = Mutation::new(seed);
    let start = Instant::now();
    let mut count = 0;
    while seconds.map_or(count < INPUTS, |limit| start.elapsed() < limit) {
        count += 1;
        let text = mutation.of(texts);
        if seconds.is_some() {
            // If it takes the process along, or never ends, nobody can write it down any more.
            keep(name, &text);
        }
        let result = catch_unwind(AssertUnwindSafe(|| read(&text)));
        assert!(
            result.is_ok(),
            "{name}: input {count} of seed {seed} is {}",
            keep(name, &text).display()
        );
    }
    assert!(count > 100, "{name}: only {count} inputs");
}

/// Keeps an input where it can be looked at; says where.
fn keep(name: &str, text: &str) -> PathBuf {
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let directory = project.join("target/fuzz");
    std::fs::create_dir_all(&directory).unwrap();
    let file = directory.join(name);
    std::fs::write(&file, text).unwrap();
    file
}
