//! What labs this machine has: one small file each, so that a lab whose process has died is found and removed.

use super::running::Lab;
use crate::LabError;
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::{Path, PathBuf};

const RECORDS: &str = "/run/nebplay-lab";

/// Who takes a lab down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Owner {
    /// A person, by `lab down`.
    Person,
    /// The process that started it; when it is gone, the lab is a leftover.
    Process {
        /// Its number.
        pid: u32,
        /// When it started, in clock ticks since boot: numbers are used again.
        started: u64,
    },
}

impl Owner {
    /// This process.
    pub fn this_process() -> Self {
        let pid = std::process::id();
        Self::Process {
            pid,
            started: start_of(pid).unwrap_or_default(),
        }
    }

    fn is_gone(&self) -> bool {
        match self {
            Self::Person => false,
            Self::Process { pid, started } => start_of(*pid) != Some(*started),
        }
    }
}

/// Field 22 of `/proc/PID/stat`; the second field, the program's name, may hold blanks and brackets.
fn start_of(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
}

/// All that is needed to reach a lab, or to remove it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The lab's name.
    pub name: String,
    /// Its files.
    pub directory: PathBuf,
    /// Its hosts: name and address.
    pub hosts: Vec<(String, String)>,
    /// Who takes it down.
    pub owner: Owner,
}

impl Record {
    /// Claims the name; one that is taken is refused.
    pub(super) fn claim(&self) -> Result<(), LabError> {
        use std::io::Write;
        fs::create_dir_all(RECORDS).map_err(LabError::file("create", RECORDS))?;
        let path = path_of(&self.name);
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&path)
            .map_err(|error| match error.kind() {
                std::io::ErrorKind::AlreadyExists => LabError::Usage(format!(
                    "start lab `{0}`: it is there already; `lab down {0}` removes it",
                    self.name
                )),
                _ => LabError::file("create", &path)(error),
            })?;
        let text = serde_json::to_vec_pretty(self).map_err(|error| LabError::Usage(error.to_string()))?;
        file.write_all(&text).map_err(LabError::file("write", &path))
    }

    /// The record of a lab.
    pub fn read(name: &str) -> Result<Self, LabError> {
        let path = path_of(name);
        let text = fs::read(&path).map_err(|_| {
            LabError::Usage(format!(
                "find lab `{name}`: `lab up {name}` starts it, `lab status` lists what is there"
            ))
        })?;
        serde_json::from_slice(&text)
            .map_err(|error| LabError::Usage(format!("read {}: {error}", path.display())))
    }

    /// Forgets it; the last step of removing a lab.
    pub(super) fn forget(&self) {
        drop(fs::remove_file(path_of(&self.name)));
    }
}

fn path_of(name: &str) -> PathBuf {
    Path::new(RECORDS).join(format!("{name}.json"))
}

/// Every lab on this machine, by name.
pub fn labs() -> Vec<Record> {
    let mut found: Vec<Record> = fs::read_dir(RECORDS)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| Record::read(entry.path().file_stem()?.to_str()?).ok())
        .collect();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

/// Removes the labs whose processes have died without doing so; returns their names.
pub fn clean_stale() -> Result<Vec<String>, LabError> {
    let mut removed = Vec::new();
    for record in labs().into_iter().filter(|record| record.owner.is_gone()) {
        removed.push(record.name.clone());
        Lab::from_record(record).remove()?;
    }
    Ok(removed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_no_leftover_and_a_reused_number_is_one() {
        let owner = Owner::this_process();
        assert!(!owner.is_gone());
        assert!(
            Owner::Process {
                pid: std::process::id(),
                started: 1
            }
            .is_gone()
        );
        assert!(!Owner::Person.is_gone());
    }
}
