//! One machine.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use nebplay_modules::host::Command;
use nebplay_modules::job::JobEnd;

use crate::files::{Files, Meta};
use crate::opennebula::daemon::Running;
use crate::process::Limit;
use crate::programs::network::Filter;
use crate::programs::packages::Packages;
use crate::programs::systemd::Unit;
use crate::rates::Sizes;

/// A machine: everything that is on it and runs on it.
#[derive(Debug, Clone)]
pub struct Machine {
    /// The name it has in the inventory.
    pub name: Arc<str>,
    /// The name it calls itself.
    pub hostname: String,
    /// The addresses under which others reach it; loopback is not among them.
    pub addresses: Vec<String>,
    /// What it keeps.
    pub files: Files,
    /// What systemd knows, by full name (`opennebula.service`).
    pub units: BTreeMap<String, Unit>,
    /// What dpkg and apt know.
    pub packages: Packages,
    /// What was started detached, by name.
    pub jobs: BTreeMap<String, Job>,
    /// What its packet filter keeps out.
    pub filter: Option<Filter>,
    /// The daemon, while it runs.
    pub oned: Option<Running>,
    /// How often it was booted; the boot id is made of it.
    pub boots: u32,
    /// It answers nobody before this moment: it is going down and coming up.
    pub away_until: Duration,
    /// How large in reality is what the twin has a sample of.
    pub sizes: Sizes,
    /// The last process id given out.
    pub last_pid: u32,
}

/// A command that was started detached.
#[derive(Debug, Clone)]
pub struct Job {
    /// See [`nebplay_modules::job::JobSpec::digest`].
    pub digest: String,
    /// What it runs.
    pub command: Command,
    /// When it was started.
    pub started: Duration,
    /// What it came to; `None`: it runs.
    pub end: Option<JobEnd>,
    /// Its deadline did not end it.
    pub in_time: bool,
    /// It hangs after this much of its work.
    pub hangs: Option<Duration>,
}

impl Job {
    /// What ends it from outside.
    pub fn limit(&self) -> Limit {
        let deadline = self.command.deadline;
        match self.hangs {
            Some(from) => Limit::Hangs { from, deadline },
            None => Limit::Deadline(deadline),
        }
    }
}

impl Machine {
    /// Whether other machines of the federation know of it.
    pub fn is_front_end(&self) -> bool {
        !self.addresses.is_empty()
    }

    /// The id of this boot, as the kernel shows it.
    pub fn boot_id(&self) -> String {
        let seed = self.name.bytes().fold(0u32, |sum, byte| {
            sum.wrapping_mul(31).wrapping_add(u32::from(byte))
        });
        format!("{seed:08x}-0000-4000-8000-{:012x}", self.boots)
    }

    /// A process id nothing else has.
    pub fn new_pid(&mut self) -> u32 {
        self.last_pid += 1;
        self.last_pid
    }

    /// What a new file of a user gets.
    pub fn meta(&self, user: &str, mode: u32, now: Duration) -> Meta {
        Meta {
            mode,
            owner: user.into(),
            group: user.into(),
            mtime: i64::try_from(now.as_secs()).unwrap_or(i64::MAX),
            inode: 0,
        }
    }
}
