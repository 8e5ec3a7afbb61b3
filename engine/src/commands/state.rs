//! Where runs are kept on this machine: a directory of journals, named by run.

use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use clap::Args;

use super::error::CommandError;
use crate::diagnostics::suggest;
use crate::events::journal::{self, Damage, History};

/// Where the journals are.
#[derive(Debug, Clone, Default, Args)]
pub struct StateArgs {
    /// Where journals of runs are kept; `nebplay` in XDG_STATE_HOME (~/.local/state) unless said.
    #[arg(long, value_name = "DIR", env = "NEBPLAY_STATE", help_heading = "Journal")]
    state_dir: Option<PathBuf>,
}

/// The directory of journals.
#[derive(Debug)]
pub struct State {
    runs: PathBuf,
}

/// A run of which there is a journal.
#[derive(Debug)]
pub(super) struct KeptRun {
    pub(super) id: String,
    pub(super) path: PathBuf,
}

impl KeptRun {
    pub(super) fn read(&self) -> Result<History, Damage> {
        journal::read(&self.path)
    }
}

impl StateArgs {
    /// Works out the place; makes nothing.
    pub(super) fn state(&self) -> Result<State, CommandError> {
        let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let place = match &self.state_dir {
            Some(place) => place.clone(),
            None => variable("XDG_STATE_HOME")
                .map(PathBuf::from)
                .or_else(|| variable("HOME").map(|home| PathBuf::from(home).join(".local/state")))
                .ok_or_else(|| {
                    CommandError::usage("HOME is not set: where is the journal to be? (--state-dir)")
                })?
                .join("nebplay"),
        };
        Ok(State {
            runs: place.join("runs"),
        })
    }
}

impl State {
    /// Where the journal of a run is, or will be; its directory is made, for nobody but its owner.
    pub(super) fn path_for(&self, run: &str) -> io::Result<PathBuf> {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.runs)?;
        Ok(self.path_of(run))
    }

    fn path_of(&self, run: &str) -> PathBuf {
        self.runs.join(format!("{run}.jsonl"))
    }

    /// The directory, for messages.
    pub(super) fn place(&self) -> &Path {
        &self.runs
    }

    /// Every run, the latest first.
    pub(super) fn all(&self) -> Result<Vec<KeptRun>, CommandError> {
        let entries = match std::fs::read_dir(&self.runs) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(self.unreadable(error)),
        };
        let mut runs = Vec::new();
        for entry in entries {
            let path = entry.map_err(|error| self.unreadable(error))?.path();
            let name = path.file_name().and_then(|name| name.to_str());
            if let Some(id) = name.and_then(|name| name.strip_suffix(".jsonl")) {
                runs.push(KeptRun {
                    id: id.to_owned(),
                    path,
                });
            }
        }
        runs.sort_by(|one, other| other.id.cmp(&one.id));
        Ok(runs)
    }

    fn unreadable(&self, error: io::Error) -> CommandError {
        CommandError::Io {
            doing: format!("read {}", self.runs.display()),
            error,
        }
    }

    /// The run of this name, or the only one whose name begins like this.
    pub(super) fn find(&self, name: &str) -> Result<KeptRun, CommandError> {
        let mut all = self.all()?;
        if let Some(at) = all.iter().position(|run| run.id == name) {
            return Ok(all.swap_remove(at));
        }
        let known: Vec<String> = all.iter().map(|run| run.id.clone()).collect();
        all.retain(|run| run.id.starts_with(name));
        match (all.pop(), all.len()) {
            (Some(run), 0) => Ok(run),
            (Some(_), _) => Err(CommandError::usage(format!(
                "more than one run begins with {name}"
            ))),
            (None, _) => Err(CommandError::Usage {
                message: format!("there is no run {name} in {}", self.runs.display()),
                help: suggest(name, known.iter().map(String::as_str))
                    .or_else(|| Some("`nebplay runs` lists them".to_owned())),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_found_by_the_beginning_of_their_names() {
        let directory = tempfile::TempDir::new().unwrap();
        let args = StateArgs {
            state_dir: Some(directory.path().to_owned()),
        };
        let state = args.state().unwrap();
        assert!(state.all().unwrap().is_empty());
        for run in ["20261125T2300Z-1", "20261125T2310Z-2"] {
            std::fs::write(state.path_for(run).unwrap(), "").unwrap();
        }
        std::fs::write(state.place().join("notes.txt"), "").unwrap();
        let ids: Vec<String> = state.all().unwrap().into_iter().map(|run| run.id).collect();
        assert_eq!(ids, ["20261125T2310Z-2", "20261125T2300Z-1"]);
        assert_eq!(state.find("20261125T2300").unwrap().id, "20261125T2300Z-1");
        for wrong in ["20261125", "2025"] {
            assert_eq!(state.find(wrong).unwrap_err().exit_code(), 64, "{wrong}");
        }
    }
}
