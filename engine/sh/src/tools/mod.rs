//! Programs that need nothing but what they read: text tools.
//!
//! Each knows the options that scripts use; of any other it says so on standard error, with status 2.

mod awk;
mod compare;
mod cut;
mod digest;
mod grep;
mod lines;
mod paths;
mod print;
mod runners;
mod sed;
mod sort;
mod translate;

use bytes::Bytes;

use crate::system::{Call, Ended, System};

/// A tool.
pub type Tool = fn(&Call<'_>, &mut dyn System) -> Ended;

/// The tool of this name.
pub fn find(name: &str) -> Option<Tool> {
    Some(match name {
        "true" | ":" => |_, _| Ended::default(),
        "false" => |_, _| failed(1, ""),
        "cat" => lines::cat,
        "head" => lines::head,
        "tail" => lines::tail,
        "wc" => lines::wc,
        "tee" => lines::tee,
        "cut" => cut::cut,
        "tr" => translate::tr,
        "sort" => sort::sort,
        "uniq" => sort::uniq,
        "grep" | "egrep" | "fgrep" => grep::grep,
        "sed" => sed::sed,
        "awk" | "mawk" | "gawk" => awk::awk,
        "basename" => paths::basename,
        "dirname" => paths::dirname,
        "seq" => paths::seq,
        "echo" => print::echo,
        "printf" => print::printf,
        "test" | "[" => paths::test,
        "xargs" => runners::xargs,
        "env" => runners::env,
        "sha256sum" => digest::sha256sum,
        "openssl" => digest::openssl,
        "diff" | "cmp" => compare::diff,
        _ => return None,
    })
}

/// Nothing is printed wider than this, whatever `printf` is told.
const WIDEST: usize = 10_000;

/// A tool that says why it failed.
fn failed(status: i32, why: &str) -> Ended {
    let stderr = if why.is_empty() {
        Vec::new()
    } else {
        format!("{why}\n").into_bytes()
    };
    Ended {
        status,
        stdout: Vec::new(),
        stderr,
    }
}

fn printed(stdout: impl Into<Vec<u8>>) -> Ended {
    Ended {
        stdout: stdout.into(),
        ..Ended::default()
    }
}

/// An option that is not known here.
fn unknown(call: &Call<'_>, option: &str) -> Ended {
    let name = call.argv.first().map_or("", String::as_str);
    failed(2, &format!("{name}: {option}: not modelled"))
}

/// A path as seen from where the tool runs.
fn path(call: &Call<'_>, path: &str) -> String {
    if path.starts_with('/') {
        path.to_owned()
    } else {
        format!("{}/{path}", call.cwd.trim_end_matches('/'))
    }
}

/// The bytes of a file, or of standard input for `-`. The error is the tool's whole line.
fn bytes_of(call: &Call<'_>, system: &mut dyn System, file: &str) -> Result<Bytes, String> {
    if file == "-" || file == "/dev/stdin" {
        return Ok(call.stdin.clone());
    }
    if file == "/dev/null" {
        return Ok(Bytes::new());
    }
    let name = call.argv.first().map_or("", String::as_str);
    system.read(&path(call, file)).map_err(|why| match name {
        "head" | "tail" => format!("{name}: cannot open '{file}' for reading: {why}"),
        _ => format!("{name}: {file}: {why}"),
    })
}

/// The bytes of all files one after the other, standard input if there are none; and what could not be read.
fn all_bytes(call: &Call<'_>, system: &mut dyn System, files: &[String]) -> (Bytes, Vec<String>) {
    if files.is_empty() {
        return (call.stdin.clone(), Vec::new());
    }
    let (mut all, mut wrong) = (Vec::new(), Vec::new());
    for file in files {
        match bytes_of(call, system, file) {
            Ok(bytes) => all.push(bytes),
            Err(why) => wrong.push(why),
        }
    }
    match <[Bytes; 1]>::try_from(all) {
        Ok([bytes]) => (bytes, wrong),
        Err(several) => (several.concat().into(), wrong),
    }
}

/// What a tool printed, and failed with status 1 if something could not be read.
fn with_complaints(stdout: impl Into<Vec<u8>>, wrong: &[String]) -> Ended {
    Ended {
        status: i32::from(!wrong.is_empty()),
        stdout: stdout.into(),
        stderr: wrong
            .iter()
            .flat_map(|why| format!("{why}\n").into_bytes())
            .collect(),
    }
}

/// The lines of a text, without their ends.
fn lines_of(bytes: &[u8], end: u8) -> Vec<&[u8]> {
    let mut start = 0;
    let mut lines = Vec::new();
    for at in memchr::memchr_iter(end, bytes) {
        lines.push(&bytes[start..at]);
        start = at + 1;
    }
    if start < bytes.len() {
        lines.push(&bytes[start..]);
    }
    lines
}

/// Options and words of a command line.
struct Words {
    /// Options by letter, with the value of those that have one.
    options: Vec<(String, Option<String>)>,
    words: Vec<String>,
}

impl Words {
    /// `valued`: letters of options with a value. The error is an option that is in neither.
    fn of(call: &Call<'_>, flags: &str, valued: &str) -> Result<Self, String> {
        let mut found = Self {
            options: Vec::new(),
            words: Vec::new(),
        };
        let mut rest = call.argv.iter().skip(1);
        while let Some(word) = rest.next() {
            if word == "--" {
                found.words.extend(rest.by_ref().cloned());
            } else if let Some(long) = word.strip_prefix("--") {
                let (name, value) = match long.split_once('=') {
                    Some((name, value)) => (name, Some(value.to_owned())),
                    None => (long, None),
                };
                found.options.push((name.to_owned(), value));
            } else if word.len() > 1 && word.starts_with('-') {
                let mut letters = word[1..].chars();
                while let Some(letter) = letters.next() {
                    if valued.contains(letter) {
                        let glued = letters.as_str();
                        let value = if glued.is_empty() {
                            rest.next().cloned()
                        } else {
                            Some(glued.to_owned())
                        };
                        found.options.push((letter.to_string(), value));
                        break;
                    }
                    if !flags.contains(letter) {
                        return Err(word.clone());
                    }
                    found.options.push((letter.to_string(), None));
                }
            } else {
                found.words.push(word.clone());
            }
        }
        Ok(found)
    }

    /// All values of an option, and the words; where the option is not given, the first word is its value.
    fn given_or_first(&self, option: &str) -> (Vec<String>, Vec<String>) {
        let given = self.options.iter().filter(|(name, _)| name == option);
        let mut values: Vec<String> = given.filter_map(|(_, value)| value.clone()).collect();
        let mut words = self.words.clone();
        if values.is_empty() && !words.is_empty() {
            values.push(words.remove(0));
        }
        (values, words)
    }

    fn has(&self, option: &str) -> bool {
        self.options.iter().any(|(name, _)| name == option)
    }

    fn value(&self, option: &str) -> Option<&str> {
        let found = self.options.iter().rev().find(|(name, _)| name == option)?;
        found.1.as_deref()
    }
}
