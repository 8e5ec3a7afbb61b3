//! What a run needs from this machine: files beside the playbook, the environment, the keyboard, the signals.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use sha2::{Digest, Sha256};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::diagnostics::{Findings, Span};
use crate::playbook::{self, Disk, Item, Vars};
use crate::run::{Loader, Operator, Stop};
use crate::template::Lookups;

/// Files that are known by name only when they are reached.
pub(super) struct Files;

impl Loader for Files {
    fn tasks(&self, file: &str, from: &Span) -> Result<(Vec<Item>, String), Findings> {
        let (items, source) = playbook::load_tasks(file, from, &Disk)?;
        let digest = Sha256::digest(source.text.as_bytes());
        Ok((items, digest.iter().map(|byte| format!("{byte:02x}")).collect()))
    }

    fn vars(&self, file: &str, from: &Span) -> Result<Vars, Findings> {
        playbook::load_vars(file, from, &Disk)
    }
}

/// What templates look up: the environment of this process, and files relative to the playbook.
pub(super) struct ThisMachine {
    pub(super) directory: PathBuf,
}

impl Lookups for ThisMachine {
    fn env(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn file(&self, path: &str) -> Result<String, String> {
        let beside = self.directory.join(path);
        std::fs::read_to_string(&beside).map_err(|error| format!("{}: {error}", beside.display()))
    }
}

/// Whoever sits at this terminal.
pub(super) struct Keyboard;

#[async_trait]
impl Operator for Keyboard {
    async fn ask(&self, question: &str, echo: bool) -> Option<String> {
        if !std::io::stdin().is_terminal() {
            return None;
        }
        let question = format!("{question} ");
        let answer = tokio::task::spawn_blocking(move || {
            if !echo {
                return rpassword::prompt_password(question).ok();
            }
            super::terminal::print(&question).ok()?;
            let mut line = String::new();
            std::io::stdin().read_line(&mut line).ok()?;
            Some(line.trim_end_matches(['\r', '\n']).to_owned())
        });
        answer.await.ok().flatten()
    }
}

/// Turns signals into what they mean for a run: the first INT or TERM lets it come to rest, the second leaves at once; a
/// terminal that goes away (HUP) is no reason to stop. `said` hears each of them.
pub(super) fn heed_signals(said: impl Fn(Stop) + Send + 'static) -> std::io::Result<watch::Receiver<Stop>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let (tell, stop) = watch::channel(Stop::Run);
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                _ = hang_up.recv() => continue,
            }
            let next = if *tell.borrow() == Stop::Run { Stop::Drain } else { Stop::Leave };
            said(next);
            if tell.send(next).is_err() || next == Stop::Leave {
                return;
            }
        }
    });
    Ok(stop)
}

/// The directory a playbook stands in.
pub(super) fn directory_of(playbook: Option<&PathBuf>) -> PathBuf {
    let parent = playbook.and_then(|path| path.parent()).filter(|parent| !parent.as_os_str().is_empty());
    parent.unwrap_or(Path::new(".")).to_owned()
}
