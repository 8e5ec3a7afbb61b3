//! A story: what is done to the federation, and what the commands in it must print.
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
//! ```

use std::fmt::Write as _;
use std::time::Duration;

use regex::Regex;

use crate::federation::Federation;

/// Plays a story to its end, or to the first command that does not print what it must.
pub(crate) fn play(text: &str, mut federation: Federation) -> Result<(), String> {
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let line = line.trim_end();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some((zone, command)) = shell_line(line) {
            let expected: Vec<&str> = lines
                .by_ref()
                .map(|(_, line)| line)
                .take_while(|line| line.trim_end() != "---")
                .collect();
            let expected = unvarying(&trimmed(expected.into_iter()));
            let output = federation.shell(zone, command);
            let mut seen = format!("exit: {}\n--- stdout ---\n", output.status.code().unwrap_or(-1));
            let _ = write!(seen, "{}", text_of(&output.stdout));
            let _ = write!(seen, "--- stderr ---\n{}", text_of(&output.stderr));
            let seen = trimmed(seen.lines());
            let seen = unvarying(&federation.as_recorded(zone, &seen));
            if seen != expected {
                return Err(format!(
                    "line {}: {line}\n--- expected:\n{expected}\n--- seen:\n{seen}",
                    number + 1
                ));
            }
            continue;
        }
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        let zones = || rest.split(' ').filter_map(|word| word.parse::<i64>().ok());
        match verb {
            "seed" => federation.seed(rest),
            "start" => zones().for_each(|zone| federation.start(zone)),
            "stop" => zones().for_each(|zone| federation.stop(zone)),
            "settle" => federation.settle(),
            "pause" => {
                zones().for_each(|time| std::thread::sleep(Duration::from_millis(time.unsigned_abs())));
            }
            "install" => {
                let version = rest.split(' ').next().unwrap_or_default();
                zones().for_each(|zone| federation.install(zone, version));
            }
            "migrators" => zones().for_each(|zone| federation.install_migrators(zone)),
            _ => return Err(format!("line {}: not understood: {line}", number + 1)),
        }
    }
    Ok(())
}

fn shell_line(line: &str) -> Option<(i64, &str)> {
    let (zone, command) = line.split_once("$ ")?;
    Some((zone.parse().ok()?, command))
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
fn unvarying(text: &str) -> String {
    let replacements = [
        (r"\d{4}-\d{1,2}-\d{1,2}_\d{1,2}:\d{1,2}:\d{1,2}", "<when>"),
        (r"\d{2}/\d{2} \d{2}:\d{2}:\d{2}", "<when>"),
        (r"\w{3} \w{3} [ \d]\d \d{2}:\d{2}:\d{2} \d{4}", "<when>"),
        (r"\d+\.\d{2}s\b", "<time>"),
        (r"after \d+ ms", "after <time>"),
    ];
    replacements
        .into_iter()
        .fold(text.to_owned(), |text, (pattern, with)| {
            Regex::new(pattern).unwrap().replace_all(&text, with).into_owned()
        })
}
