//! Side by side in one run: nebplay, the floor (bare ssh2 making the same round trips), and the peers that are installed.
//!
//! Machines are noisy, so every contender runs in turn, several times, and ratios of medians are what counts.
//! A promise that is not kept makes the whole bench fail.
//! How many times is the environment variable `ROUNDS`. `make bench`, or `cargo run --release -p nebplay-tests --bin bench -- [commands] [start] [distribute] [parse] [journal] [rehearsal] [window]`.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "figures on the terminal are what a bench is for"
)]

mod commands;
mod distribute;
mod floor;
mod journal;
mod measure;
mod parse;
mod rehearsal;
mod sshd;
mod start;
mod window;

use std::path::PathBuf;
use std::process::ExitCode;

use measure::Fallible;

/// Where things are.
struct Bench {
    nebplay: PathBuf,
    this: PathBuf,
    rounds: usize,
}

fn run(words: &[String]) -> Fallible<()> {
    if words.first().is_some_and(|word| word == "floor") {
        return floor::main(&words[1..]);
    }
    let this = std::env::current_exe()?;
    let nebplay = std::env::var_os("NEBPLAY").map_or_else(|| this.with_file_name("nebplay"), PathBuf::from);
    if !nebplay.exists() {
        return Err(format!("{} is not there: cargo build --release first", nebplay.display()).into());
    }
    let rounds = std::env::var("ROUNDS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(15);
    let bench = Bench {
        nebplay,
        this,
        rounds,
    };
    let wanted = |name: &str| words.is_empty() || words.iter().any(|word| word == name);
    if wanted("parse") {
        parse::bench(&bench)?;
    }
    if wanted("rehearsal") {
        rehearsal::bench(&bench)?;
    }
    if wanted("window") {
        window::bench()?;
    }
    if wanted("start") {
        start::bench(&bench)?;
    }
    if wanted("commands") {
        commands::bench(&bench)?;
    }
    if wanted("distribute") {
        distribute::bench(&bench)?;
    }
    if wanted("journal") {
        journal::bench(&bench)?;
    }
    Ok(())
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match run(&words) {
        Ok(()) if measure::missed() > 0 => {
            eprintln!("bench: promises missed: {}", measure::missed());
            ExitCode::FAILURE
        }
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}
