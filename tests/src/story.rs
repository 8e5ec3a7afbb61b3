//! A story: what is done to a federation of three zones, and what the commands in it must print. The stand-in and the twin are held to the
//! same ones, most of whose commands and outputs were recorded on a real federation, word for word.
//!
//! ```text
//! # a comment
//! seed --users 10            all three zones, made anew
//! start 0 100 101            and: stop ZONES, settle, pause MILLISECONDS
//! install 7.2.0 0 100        and: migrators ZONES
//! 100$ onezone disable 100   a line of shell in a zone; what follows is expected of it:
//! exit: 0
//! --- stdout ---
//! --- stderr ---
//! ---
//! 0 KILL$ onedb upgrade      the same, of a line that gets this signal in the middle of the local migrator
//! ```

use std::fmt::Write as _;

use regex::Regex;

/// What a line of shell came to.
#[derive(Debug, Clone, Default)]
pub struct Said {
    /// Its exit status.
    pub exit: i32,
    /// What it printed.
    pub stdout: Vec<u8>,
    /// What it printed as errors.
    pub stderr: Vec<u8>,
}

/// A federation that stories are played on. Zones are called by OpenNebula's numbers: 0 is the master, 100 and 101 are slaves.
pub trait Stage {
    /// Makes the databases of all zones anew, with options of the stand-in's seed.
    fn seed(&mut self, options: &str);
    /// Starts a zone's oned and waits until it answers.
    fn start(&mut self, zone: i64);
    /// Stops a zone's oned in order.
    fn stop(&mut self, zone: i64);
    /// Waits until all zones that run show the same index.
    fn settle(&mut self);
    /// Waits long enough for what the stand-in does by itself in that many milliseconds.
    fn pause(&mut self, milliseconds: u64);
    /// Has a version of OpenNebula in a zone from now on.
    fn install(&mut self, zone: i64, version: &str);
    /// Has the migrators from 7.0.0 to 7.2.0 in a zone from now on.
    fn install_migrators(&mut self, zone: i64);
    /// Runs a line of shell in the home of oneadmin of a zone. `$ROOT` is the zone's root directory, and the other zones' are beside it.
    fn shell(&mut self, zone: i64, line: &str) -> Said;
    /// As [`Stage::shell`], of a line that gets a signal (`KILL`) in the middle of the local migrator.
    fn interrupted(&mut self, zone: i64, signal: &str, line: &str) -> Said;
    /// What was printed, with the names and numbers that differ from run to run as in the recordings.
    fn as_recorded(&self, zone: i64, text: &str) -> String;
}

/// Plays a story to its end, or to the first command that does not print what it must.
pub fn play(text: &str, stage: &mut dyn Stage) -> Result<(), String> {
    let unvarying = Unvarying::new()?;
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let line = line.trim_end();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let Some((zone, signal, command)) = shell_line(line) else {
            act(stage, line).ok_or_else(|| format!("line {}: not understood: {line}", number + 1))?;
            continue;
        };
        let expected = lines
            .by_ref()
            .map(|(_, line)| line)
            .take_while(|line| line.trim_end() != "---");
        let expected = unvarying.of(&trimmed(expected));
        let said = match signal {
            None => stage.shell(zone, command),
            Some(signal) => stage.interrupted(zone, signal, command),
        };
        let mut seen = format!("exit: {}\n--- stdout ---\n", said.exit);
        let _ = write!(seen, "{}", text_of(&said.stdout));
        let _ = write!(seen, "--- stderr ---\n{}", text_of(&said.stderr));
        let seen = unvarying.of(&stage.as_recorded(zone, &trimmed(seen.lines())));
        if seen != expected {
            return Err(format!(
                "line {}: {line}\n--- expected:\n{expected}\n--- seen:\n{seen}",
                number + 1
            ));
        }
    }
    Ok(())
}

/// Does what a line without expectations says; `None`: it is not understood.
fn act(stage: &mut dyn Stage, line: &str) -> Option<()> {
    let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
    let zones = || rest.split(' ').filter_map(|word| word.parse::<i64>().ok());
    match verb {
        "seed" => stage.seed(rest),
        "start" => zones().for_each(|zone| stage.start(zone)),
        "stop" => zones().for_each(|zone| stage.stop(zone)),
        "settle" => stage.settle(),
        "pause" => stage.pause(rest.parse().ok()?),
        "install" => {
            let version = rest.split(' ').next()?;
            zones().for_each(|zone| stage.install(zone, version));
        }
        "migrators" => zones().for_each(|zone| stage.install_migrators(zone)),
        _ => return None,
    }
    Some(())
}

/// Zone, signal and command of `100$ command` and `100 KILL$ command`.
fn shell_line(line: &str) -> Option<(i64, Option<&str>, &str)> {
    let (head, command) = line.split_once("$ ")?;
    let (zone, signal) = match head.split_once(' ') {
        Some((zone, signal)) => (zone, Some(signal)),
        None => (head, None),
    };
    Some((zone.parse().ok()?, signal, command))
}

/// The lines without white space at their ends.
fn trimmed<'a>(lines: impl Iterator<Item = &'a str>) -> String {
    lines.flat_map(|line| [line.trim_end(), "\n"]).collect()
}

/// Every output ends a line, so that the recordings can be read.
fn text_of(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes).into_owned();
    if text.is_empty() || text.ends_with('\n') {
        text
    } else {
        format!("{text}\n")
    }
}

/// Times and durations differ each time.
struct Unvarying(Vec<(Regex, &'static str)>);

impl Unvarying {
    fn new() -> Result<Self, String> {
        [
            (r"\d{4}-\d{1,2}-\d{1,2}_\d{1,2}:\d{1,2}:\d{1,2}", "<when>"),
            (r"\d{2}/\d{2} \d{2}:\d{2}:\d{2}", "<when>"),
            (r"\w{3} \w{3} [ \d]\d \d{2}:\d{2}:\d{2} \d{4}", "<when>"),
            (r"\d+\.\d{2}s\b", "<time>"),
            (r"after \d+ ms", "after <time>"),
        ]
        .into_iter()
        .map(|(pattern, with)| {
            Regex::new(pattern)
                .map(|pattern| (pattern, with))
                .map_err(|error| error.to_string())
        })
        .collect::<Result<_, _>>()
        .map(Self)
    }

    fn of(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (pattern, with)| {
            pattern.replace_all(&text, *with).into_owned()
        })
    }
}
