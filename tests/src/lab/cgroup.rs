//! One control group per container, entered before `systemd-nspawn` starts: without it two containers collide.
//!
//! A machine may have cgroup v2 alone, or v1 with v2 beside it ("hybrid": `systemd` and `unified`). Where a systemd runs
//! the machine it owns the tree, and the container gets a delegated scope from it instead.

use crate::LabError;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const TREE: &str = "/sys/fs/cgroup";

/// The control group of one container, as directories that may or may not exist.
#[derive(Debug, Clone)]
pub(super) struct Cgroup {
    name: String,
}

impl Cgroup {
    /// The group of a container; `name` is unique on the machine.
    pub(super) fn of(name: &str) -> Self {
        Self {
            name: name.to_owned(),
        }
    }

    /// What to put before `systemd-nspawn` on the command line so that it starts inside the group.
    pub(super) fn enter(&self) -> Result<Vec<String>, LabError> {
        if has_systemd() {
            let scope = format!("--unit={}.scope", self.name);
            return Ok([
                "systemd-run",
                "--quiet",
                "--scope",
                "--collect",
                "--property=Delegate=yes",
                &scope,
            ]
            .map(str::to_owned)
            .to_vec());
        }
        // The shell moves itself and becomes the container's supervisor: no other process is ever in between.
        let mut argv = [
            "sh",
            "-c",
            "until [ \"$1\" = -- ]; do echo $$ >\"$1\"/cgroup.procs || exit; shift; done; shift; exec \"$@\"",
            "enter",
        ]
        .map(str::to_owned)
        .to_vec();
        for directory in self.directories() {
            fs::create_dir_all(&directory).map_err(LabError::file("create", &directory))?;
            argv.push(directory.display().to_string());
        }
        argv.push("--".to_owned());
        Ok(argv)
    }

    /// Ends everything in the group at once, as a power cut does, and waits until nothing is left.
    pub(super) fn kill(&self) -> Result<(), LabError> {
        let deadline = Instant::now() + Duration::from_secs(10);
        for directory in self.directories().iter().filter(|directory| directory.exists()) {
            if fs::write(directory.join("cgroup.kill"), "1").is_err() {
                kill_one_by_one(directory);
            }
            while !members(directory).is_empty() {
                if Instant::now() > deadline {
                    return Err(LabError::Late {
                        what: format!("the end of every process in {}", directory.display()),
                        seconds: 10,
                        last_seen: format!("still there: {:?}", members(directory)),
                    });
                }
                std::thread::sleep(Duration::from_millis(10));
            }
        }
        Ok(())
    }

    /// Whether a process lives in it.
    pub(super) fn is_populated(&self) -> bool {
        self.directories()
            .iter()
            .any(|directory| !members(directory).is_empty())
    }

    /// The container's first process: the one that has number 1 in a process namespace below ours.
    pub(super) fn init(&self) -> Option<i32> {
        self.directories()
            .iter()
            .flat_map(|directory| members(directory))
            .find(|pid| {
                let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
                let numbers = status
                    .lines()
                    .find_map(|line| line.strip_prefix("NSpid:"))
                    .unwrap_or_default();
                let numbers: Vec<&str> = numbers.split_whitespace().collect();
                numbers.len() > 1 && numbers.last() == Some(&"1")
            })
    }

    /// Removes the empty group; one that is not there is none.
    pub(super) fn remove(&self) {
        for directory in self.directories() {
            // What cannot be removed is busy, and `kill` has already said so.
            drop(remove_tree(&directory));
        }
    }

    fn directories(&self) -> Vec<PathBuf> {
        if has_systemd() {
            let scope = format!("{}.scope", self.name);
            return [TREE, "/sys/fs/cgroup/unified", "/sys/fs/cgroup/systemd"]
                .map(|tree| Path::new(tree).join("system.slice").join(&scope))
                .to_vec();
        }
        let hybrid: Vec<PathBuf> = ["unified", "systemd"]
            .map(|tree| Path::new(TREE).join(tree))
            .into_iter()
            .filter(|tree| tree.join("cgroup.procs").exists())
            .collect();
        let trees = if hybrid.is_empty() {
            vec![PathBuf::from(TREE)]
        } else {
            hybrid
        };
        trees.into_iter().map(|tree| tree.join(&self.name)).collect()
    }
}

fn has_systemd() -> bool {
    Path::new("/run/systemd/system").exists()
}

/// Every process in the group and the groups below it.
fn members(directory: &Path) -> Vec<i32> {
    let mut found: Vec<i32> = fs::read_to_string(directory.join("cgroup.procs"))
        .unwrap_or_default()
        .lines()
        .filter_map(|line| line.parse().ok())
        .collect();
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            found.extend(members(&entry.path()));
        }
    }
    found
}

/// For cgroup v1, which has no `cgroup.kill`. The container's init takes all others with it.
fn kill_one_by_one(directory: &Path) {
    for pid in members(directory)
        .into_iter()
        .filter_map(rustix::process::Pid::from_raw)
    {
        // A process that has ended meanwhile is what was wanted.
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).ok();
    }
}

fn remove_tree(directory: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove_tree(&entry.path())?;
        }
    }
    fs::remove_dir(directory)
}
