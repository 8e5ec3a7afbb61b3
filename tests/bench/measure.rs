//! Running a contender: wall time, CPU time and peak memory of the whole process.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

pub(crate) type Fallible<T> = Result<T, Box<dyn std::error::Error>>;

/// One run of a contender.
#[derive(Clone, Copy)]
pub(crate) struct Run {
    pub(crate) wall: Duration,
    /// Peak resident memory in KiB, as the kernel counts it.
    pub(crate) peak: u64,
}

/// Runs a command to its end; its output is shown only if it fails.
pub(crate) fn run(command: &mut Command) -> Fallible<Run> {
    let log = tempfile::NamedTempFile::new()?;
    command
        .stdin(Stdio::null())
        .stdout(log.reopen()?)
        .stderr(log.reopen()?);
    let begin = Instant::now();
    let mut child = command
        .spawn()
        .map_err(|error| format!("{}: {error}", command.get_program().display()))?;
    let mut peak = 0;
    let status = loop {
        // The kernel's own high-water mark, looked at often enough that the last look is near the end.
        peak = peak.max(high_water(child.id()));
        if let Some(status) = child.try_wait()? {
            break status;
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    let wall = begin.elapsed();
    if !status.success() {
        let said = std::fs::read_to_string(log.path())?;
        return Err(format!("{command:?} ended with {status}:\n{said}").into());
    }
    Ok(Run { wall, peak })
}

fn high_water(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok())
        .unwrap_or(0)
}

/// A contender and its runs.
pub(crate) struct Contender<'a> {
    pub(crate) name: &'a str,
    pub(crate) command: Box<dyn FnMut() -> Command + 'a>,
    pub(crate) runs: Vec<Run>,
}

impl<'a> Contender<'a> {
    pub(crate) fn new(name: &'a str, command: impl FnMut() -> Command + 'a) -> Self {
        Self {
            name,
            command: Box::new(command),
            runs: Vec::new(),
        }
    }

    pub(crate) fn wall(&self) -> f64 {
        median(self.runs.iter().map(|run| run.wall.as_secs_f64()).collect())
    }

    fn peak(&self) -> u64 {
        self.runs.iter().map(|run| run.peak).max().unwrap_or(0)
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Runs all contenders in turn, `rounds` times, and prints them against the first.
pub(crate) fn race(title: &str, rounds: usize, contenders: &mut [Contender<'_>]) -> Fallible<()> {
    for _ in 0..rounds {
        for contender in contenders.iter_mut() {
            let run = run(&mut (contender.command)())?;
            contender.runs.push(run);
        }
    }
    println!("\n{title} ({rounds} rounds in turn; median, and the ratio to the first)");
    println!(
        "{:<44} {:>9} {:>7} {:>9} {:>9} {:>9}",
        "", "wall s", "ratio", "min", "max", "peak MB"
    );
    let floor = contenders.first().map_or(f64::NAN, Contender::wall);
    for contender in contenders.iter() {
        let walls = contender.runs.iter().map(|run| run.wall.as_secs_f64());
        let (min, max) = (
            walls.clone().fold(f64::INFINITY, f64::min),
            walls.fold(0.0, f64::max),
        );
        let wall = contender.wall();
        println!(
            "{:<44} {wall:>9.3} {:>7.2} {min:>9.3} {max:>9.3} {:>9}",
            contender.name,
            wall / floor,
            contender.peak() / 1024
        );
    }
    Ok(())
}

/// Whether a program is on the PATH.
pub(crate) fn on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|dir: std::path::PathBuf| is_file(&dir.join(program)))
}

fn is_file(path: &Path) -> bool {
    path.is_file()
}
