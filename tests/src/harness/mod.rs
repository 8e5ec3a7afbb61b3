//! Tests that read as the story: a federation, what happens to it, what nebplay did.
//!
//! ```ignore
//! let Some(lab) = Lab::sqlite("killed-slave").users(50).boot() else { return };
//! let run = lab.nebplay(["playbooks/upgrade.yml"]).start();
//! run.wait_for("distribute");
//! lab.host("fe-us-ca").power_off();
//! assert_eq!(run.wait().code, 4);
//! ```
//!
//! What the harness itself cannot do is a panic that says so: a test has nothing else to do about it.

#![expect(
    clippy::panic,
    clippy::print_stderr,
    reason = "a test tells what went wrong by a panic, and that it was skipped by a line"
)]

mod host;
mod run;
mod secrets;
mod slots;
pub mod traces;

pub use host::Host;
pub use run::{Invocation, Run, Running};
pub use secrets::SECRETS;

use crate::federation::Backend;
use crate::image::{Cache, Start, zones};
use crate::lab::{Guard, Owner, Plan, clean_stale, default_directory, wait_until_in_sync};
use crate::{LabError, machine};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// A lab to be booted.
#[derive(Debug)]
pub struct Builder {
    name: String,
    start: Start,
}

/// Three zones at 7.0.0 in sync; gone when this value goes, also by a panic.
#[derive(Debug)]
pub struct Lab {
    // The order counts: the lab is removed before its slot is free again.
    guard: Guard,
    _slot: slots::Slot,
    runs: AtomicU32,
}

/// A line of `onezone list`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZoneLine {
    /// The zone's number.
    pub id: u32,
    /// The federated index; `None` where the list shows `-`.
    pub fed_index: Option<u64>,
    /// `on` or `off`.
    pub state: String,
}

impl Builder {
    /// Users beside those a new cloud has; each number is a checkpoint of its own.
    pub fn users(mut self, users: u32) -> Self {
        self.start.users = users;
        self
    }

    /// Boots it. `None`, and a line that says why, where this machine cannot; with `CI=true` that is a failure.
    pub fn boot(self) -> Option<Lab> {
        if let Err(error) = machine::check(&default_directory("")) {
            assert!(
                std::env::var("CI").as_deref() != Ok("true"),
                "with CI=true the lab must run: failed to {error}"
            );
            eprintln!("skipped: failed to {error}");
            return None;
        }
        Some(self.start().unwrap_or_else(|error| panic!("failed to {error}")))
    }

    fn start(self) -> Result<Lab, LabError> {
        clean_stale()?;
        let slot = slots::take()?;
        let zones = zones(&Cache::from_environment()?, self.start)?;
        // Two runs of the tests at once, from two clones, do not meet.
        let name = format!("{}-{}", self.name, std::process::id());
        let guard = crate::Lab::start(&Plan {
            directory: default_directory(&name),
            name,
            hosts: zones.hosts,
            owner: Owner::this_process(),
            repository: Some(zones.repository),
        })?;
        wait_until_in_sync(&guard)?;
        Ok(Lab {
            guard,
            _slot: slot,
            runs: AtomicU32::new(0),
        })
    }
}

impl Lab {
    /// A federation on SQLite. `name`: short, small letters, digits and dashes.
    pub fn sqlite(name: &str) -> Builder {
        Self::on(Backend::Sqlite, name)
    }

    /// A federation on MariaDB.
    pub fn mysql(name: &str) -> Builder {
        Self::on(Backend::Mysql, name)
    }

    /// A federation on either.
    pub fn on(backend: Backend, name: &str) -> Builder {
        Builder {
            name: name.to_owned(),
            start: Start { backend, users: 20 },
        }
    }

    /// A host by its inventory name.
    pub fn host(&self, name: &str) -> Host<'_> {
        let container = self
            .guard
            .host(name)
            .unwrap_or_else(|error| panic!("failed to {error}"));
        Host::new(container, self.guard.network())
    }

    /// The front-ends, master first.
    pub fn hosts(&self) -> impl Iterator<Item = Host<'_>> {
        self.guard
            .hosts()
            .iter()
            .map(|container| Host::new(container, self.guard.network()))
    }

    /// A run of nebplay from the control namespace, in the workspace's directory, with the lab's inventory.
    pub fn nebplay<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Invocation {
        let number = self.runs.fetch_add(1, Ordering::Relaxed);
        let output = self.guard.directory().join(format!("run-{number}"));
        Invocation::nebplay(&self.guard.controller(), &self.guard.access(), output).args(arguments)
    }

    /// The upgrade of this federation to the second version, from the lab's repository.
    pub fn upgrade(&self) -> Invocation {
        self.nebplay(["playbooks/upgrade.yml"])
    }

    /// The way back from it.
    pub fn way_back(&self) -> Invocation {
        self.nebplay(["playbooks/go-back.yml"])
    }

    /// Upgrades until `onedb upgrade` of this host is within the local migrator, and kills it there.
    pub fn stop_in_the_migration_of(&self, name: &str) {
        let host = self.host(name);
        host.hang("before-local-migrator");
        let run = self.upgrade().start();
        host.wait_for("before-local-migrator hangs");
        host.must("pkill -KILL -f 'onedb upgrade -v'");
        host.release("before-local-migrator");
        run.wait()
            .expect_code(2)
            .expect_shown("nebplay playbooks/go-back.yml (-i as before); nothing is lost");
    }

    /// A rehearsal of the upgrade from where the zones stand.
    pub fn rehearsal(&self) -> Invocation {
        self.nebplay(["rehearse", "playbooks/upgrade.yml", "--from-live"])
    }

    /// Any program, run where nebplay runs.
    pub fn controller(&self, argv: &[&str]) -> crate::program::Output {
        let words = self.guard.controller();
        crate::program::Program::new(&words[0])
            .args(&words[1..])
            .args(argv)
            .output()
            .unwrap_or_else(|error| panic!("failed to {error}"))
    }

    /// The inventory nebplay gets unless a run names another.
    pub fn inventory(&self) -> PathBuf {
        self.guard.access().inventory()
    }

    /// Keys and known_hosts.
    pub fn access(&self) -> crate::lab::Access {
        self.guard.access()
    }

    /// A directory that goes with the lab, for playbooks and inventories of a test's own.
    pub fn directory(&self) -> &Path {
        self.guard.directory()
    }

    /// Writes a file into [`Lab::directory`] and returns its path.
    pub fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.directory().join(name);
        std::fs::write(&path, text)
            .unwrap_or_else(|error| panic!("failed to write {}: {error}", path.display()));
        path
    }

    /// `onezone list` as the master shows it.
    pub fn zones(&self) -> Vec<ZoneLine> {
        let list = self.host("fe-eu-fr").oneadmin("onezone list --csv");
        list.stdout.lines().skip(1).filter_map(zone_line).collect()
    }

    /// Waits until every zone has what the master has; a minute at most.
    pub fn wait_until_in_sync(&self) {
        wait_until_in_sync(&self.guard).unwrap_or_else(|error| panic!("failed to {error}"));
    }

    /// Keeps the hosts from reaching each other, or no more; the controller reaches them all the same.
    pub fn part_zones(&self, apart: bool) {
        self.hosts().for_each(|host| host.part(apart));
    }

    /// The machine-wide name; namespaces and control groups carry it.
    pub fn name(&self) -> &str {
        self.guard.name()
    }
}

fn zone_line(line: &str) -> Option<ZoneLine> {
    let fields: Vec<&str> = line.split(',').collect();
    Some(ZoneLine {
        id: fields.get(1)?.parse().ok()?,
        fed_index: fields.get(4)?.parse().ok(),
        state: (*fields.get(5)?).to_owned(),
    })
}
