//! Running a contender: wall time, CPU time and peak memory on the controller's side.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

pub(crate) type Fallible<T> = Result<T, Box<dyn std::error::Error>>;

/// One run of a contender.
#[derive(Clone, Copy)]
pub(crate) struct Run {
    pub(crate) wall: Duration,
    /// CPU seconds of the process and of the children it waited for; what servers spend is not in it.
    pub(crate) cpu: f64,
    /// Peak resident memory in KiB, as the kernel counts it.
    pub(crate) peak: u64,
}

/// How often the kernel's high-water mark is read.
const SAMPLE: Duration = Duration::from_millis(5);

/// Ticks of `/proc/PID/stat`: 100 in a second on every Linux that user space ever sees.
const TICKS: f64 = 100.0;

/// Runs a command to its end; its output is shown only if it fails.
pub(crate) fn run(command: &mut Command) -> Fallible<Run> {
    let log = tempfile::NamedTempFile::new()?;
    command
        .stdin(Stdio::null())
        .stdout(log.reopen()?)
        .stderr(log.reopen()?);
    let before = children_cpu();
    let begin = Instant::now();
    let mut child = command
        .spawn()
        .map_err(|error| format!("{}: {error}", command.get_program().display()))?;
    let pid = child.id();
    // Reading the high-water mark must not put off noticing the end.
    let (ended, at_end) = mpsc::channel::<()>();
    let sampler = thread::spawn(move || {
        let mut peak = 0;
        loop {
            peak = peak.max(high_water(pid));
            if !matches!(at_end.recv_timeout(SAMPLE), Err(RecvTimeoutError::Timeout)) {
                return peak;
            }
        }
    });
    let status = child.wait()?;
    let wall = begin.elapsed();
    drop(ended);
    let peak = sampler.join().unwrap_or(0);
    let cpu = children_cpu() - before;
    if !status.success() {
        let said = std::fs::read_to_string(log.path())?;
        return Err(format!("{command:?} ended with {status}:\n{said}").into());
    }
    Ok(Run { wall, cpu, peak })
}

fn high_water(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok())
        .unwrap_or(0)
}

/// CPU seconds of all children that ended so far.
fn children_cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name in parentheses may hold anything; cutime and cstime are the 14th and 15th word after it.
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = after_name.split_whitespace().skip(13).take(2);
    ticks.filter_map(|word| word.parse::<f64>().ok()).sum::<f64>() / TICKS
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

    fn cpu(&self) -> f64 {
        median(self.runs.iter().map(|run| run.cpu).collect())
    }

    /// The highest peak of all runs, in KiB.
    pub(crate) fn peak(&self) -> u64 {
        self.runs.iter().map(|run| run.peak).max().unwrap_or(0)
    }
}

pub(crate) fn median(mut values: Vec<f64>) -> f64 {
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
        "{:<44} {:>9} {:>7} {:>9} {:>9} {:>7} {:>9}",
        "", "wall s", "ratio", "min", "max", "cpu s", "peak MB"
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
            "{:<44} {wall:>9.3} {:>7.2} {min:>9.3} {max:>9.3} {:>7.2} {:>9}",
            contender.name,
            wall / floor,
            contender.cpu(),
            contender.peak() / 1024
        );
    }
    Ok(())
}

/// How many promises were not kept so far.
static MISSED: AtomicUsize = AtomicUsize::new(0);

/// How many promises were not kept.
pub(crate) fn missed() -> usize {
    MISSED.load(Ordering::Relaxed)
}

/// Says whether a promise was kept in this run.
pub(crate) fn promise(text: &str, figure: f64, kept: bool) {
    if !kept {
        MISSED.fetch_add(1, Ordering::Relaxed);
    }
    println!(
        "  {}: {text} (here {figure:.2})",
        if kept { "kept" } else { "MISSED" }
    );
}

/// Whether a program is on the PATH.
pub(crate) fn on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|dir: std::path::PathBuf| is_file(&dir.join(program)))
}

fn is_file(path: &Path) -> bool {
    path.is_file()
}
