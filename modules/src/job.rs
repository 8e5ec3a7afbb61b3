//! Jobs: commands that outlive the connection and the controller.
//!
//! A job is a transient systemd service with a fixed name, or a process of its own session where there is no systemd.
//! Its directory on the host (`/var/lib/nebplay/jobs/NAME`, root, 0700) says everything about it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::digest::hex;
use crate::host::{Command, Exit, RunAs};

/// What is to be started. Jobs always start as root; `command.run_as` tells whom to become.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobSpec {
    /// Its name, `[a-z0-9-]+`, fixed by the step: starting the same name twice attaches to the first.
    /// It never contains `opennebula`, which the documented stop check greps for.
    pub name: String,
    /// What it runs; `deadline` is enforced on the host, `stdin` must be `None` (a job reads `/dev/null`).
    pub command: Command,
}

impl JobSpec {
    /// What the job is, as SHA-256 (hex) over argv, names of variables, user and directory: see [`JobRecord::digest`].
    /// Values of variables stay out of it: they may be secrets, and a changed password is not another job.
    pub fn digest(&self) -> String {
        use sha2::{Digest, Sha256};
        let mut hasher = Sha256::new();
        let mut add = |kind: &str, word: &str| {
            hasher.update(format!("{kind}:{}:", word.len()));
            hasher.update(word.as_bytes());
        };
        for word in &self.command.argv {
            add("argv", word);
        }
        for name in self.command.env.keys() {
            add("env", name);
        }
        match &self.command.run_as {
            RunAs::Login => add("login", ""),
            RunAs::User(user) => add("user", user),
        }
        add("dir", self.command.chdir.as_deref().unwrap_or_default());
        hex(&hasher.finalize())
    }
}

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// Its process runs.
    Running,
    /// It ended with this status: 128 + n for a signal where a shell stands between, as on every host; -n where the system says so.
    Ended(i32),
    /// Its host was rebooted (the boot id differs) or its process is gone without having left a status.
    Lost,
}

/// What a host knows of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobRecord {
    /// Its name.
    pub name: String,
    /// SHA-256 (hex) over argv, environment names, user and directory: tells a job of the same name and another intent apart.
    pub digest: String,
    /// Where it stands.
    pub state: JobState,
    /// When it was started, seconds since the epoch by the host's clock.
    pub started: i64,
    /// Whether this call started it (`false`: it was there before).
    pub fresh: bool,
}

/// How a followed job ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobEnd {
    /// `None`: lost (see [`JobState::Lost`]).
    pub exit: Option<Exit>,
    /// It is lost because its host was rebooted while it ran.
    pub rebooted: bool,
    /// Its standard output; of more than 64 MB the end.
    pub stdout: Vec<u8>,
    /// Its standard error, the same.
    pub stderr: Vec<u8>,
    /// How long it ran.
    pub elapsed: Duration,
}

impl JobEnd {
    /// Both streams as text, standard output first, for messages.
    pub fn text(&self) -> String {
        let mut text = String::from_utf8_lossy(&self.stdout).into_owned();
        text.push_str(&String::from_utf8_lossy(&self.stderr));
        text
    }

    /// What became of a job that left no exit status.
    pub fn loss(&self) -> &'static str {
        if self.rebooted {
            "its host was rebooted while it ran"
        } else {
            "its process was killed, and left no exit status"
        }
    }
}

/// A job's name from a step's id: lower-case letters, digits and dashes, never longer than 80, never the word that the stop
/// check greps for, and different for different steps.
pub fn name(step: &str, verb: &str) -> String {
    let id = &crate::digest::sha256(step)[..12];
    let verb: String = verb
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_lowercase()
            } else {
                '-'
            }
        })
        .collect();
    format!("{verb}-{id}")
}

/// The name of a step's job in one run: another in each, for a step that has nothing but its job's record to tell whether it ran.
pub fn name_in_run(step: &str, verb: &str, run: &str) -> String {
    format!("{}{}", of_any_run(step, verb), &crate::digest::sha256(run)[..8])
}

/// What the names of a step's jobs begin with, whichever run they are of: see [`name_in_run`].
pub(crate) fn of_any_run(step: &str, verb: &str) -> String {
    format!("{}-", name(step, verb))
}
