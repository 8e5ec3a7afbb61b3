//! Programs that look at files, or change them.

pub(crate) mod archive;
mod find;
mod make;
mod misc;
mod owners;
mod stat;

use crate::process::{Process, Program};

/// The programs of this family.
pub(crate) fn find(name: &str) -> Option<Program> {
    Some(match name {
        "stat" => stat::stat,
        "ls" => stat::ls,
        "readlink" => stat::readlink,
        "realpath" => stat::realpath,
        "df" => stat::df,
        "du" => stat::du,
        "find" => find::find,
        "mkdir" => make::mkdir,
        "install" => make::install,
        "mktemp" => make::mktemp,
        "touch" => make::touch,
        "ln" => make::ln,
        "cp" => make::cp,
        "mv" => make::mv,
        "rm" => make::rm,
        "rmdir" => make::rmdir,
        "chmod" => owners::chmod,
        "chown" => owners::chown,
        "chgrp" => owners::chgrp,
        "tar" => archive::tar,
        "gzip" | "zstd" | "zcat" => archive::compress,
        "sync" | "flock" | "chcon" | "logger" | "mountpoint" | "sysctl" | "crontab" => |_| 0,
        "date" => misc::date,
        "sleep" => misc::sleep,
        "id" => misc::id,
        "whoami" => misc::whoami,
        "uname" => misc::uname,
        "getconf" | "nproc" => misc::processors,
        "which" => misc::which,
        _ => return None,
    })
}

/// Options without a value by letter or name, options with one, and words.
pub(super) struct Words {
    flags: Vec<String>,
    values: Vec<(String, String)>,
    pub(super) names: Vec<String>,
}

impl Words {
    /// `valued`: letters of options that have a value.
    pub(super) fn of(process: &Process<'_>, valued: &str) -> Self {
        let mut found = Self {
            flags: Vec::new(),
            values: Vec::new(),
            names: Vec::new(),
        };
        let mut rest = process.args.iter();
        while let Some(word) = rest.next() {
            if word == "--" {
                found.names.extend(rest.by_ref().cloned());
            } else if let Some(long) = word.strip_prefix("--") {
                match long.split_once('=') {
                    Some((name, value)) => found.values.push((name.to_owned(), value.to_owned())),
                    None => found.flags.push(long.to_owned()),
                }
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
                        found.values.push((letter.to_string(), value.unwrap_or_default()));
                        break;
                    }
                    found.flags.push(letter.to_string());
                }
            } else {
                found.names.push(word.clone());
            }
        }
        found
    }

    pub(super) fn has(&self, flag: &str) -> bool {
        self.flags.iter().any(|given| given == flag)
    }

    pub(super) fn value(&self, name: &str) -> Option<&str> {
        let found = self.values.iter().rev().find(|(given, _)| given == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// Does something for each word, and says what did not work.
pub(super) fn each(
    process: &mut Process<'_>,
    words: &[String],
    mut act: impl FnMut(&mut Process<'_>, &str) -> Result<(), String>,
) -> i32 {
    let mut status = 0;
    for word in words {
        if let Err(why) = act(process, word) {
            process.complain(format!("{why}\n"));
            status = 1;
        }
    }
    status
}
