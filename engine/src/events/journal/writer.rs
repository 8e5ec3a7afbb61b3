//! Writing the journal.
//!
//! A record is handed to the system when its event happens, and is safe when the disk has it. Steps wait for the latter before they
//! act ([`Journal::settled`]); a thread syncs for all that wait at the time, so that ten hosts cost one sync and not ten.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use tokio::sync::watch;

use super::entry::{Entry, Header};
use super::line;
use super::reader::History;
use crate::events::{Event, What};

/// How long a step waits for a copy.
const PATIENCE: Duration = Duration::from_secs(3);

/// How far the disk is.
#[derive(Debug, Clone, Default)]
struct Safe {
    /// Records that the disk has.
    records: u64,
    /// Why nothing can be written any more.
    fault: Option<String>,
}

struct State {
    /// The number of the last record.
    last: u64,
    /// The sum of the last record.
    sum: String,
    /// Records that somebody wants on the disk.
    wanted: u64,
    /// A step has announced that it acts.
    acted: bool,
    closed: bool,
}

struct Shared {
    path: PathBuf,
    file: File,
    state: Mutex<State>,
    work: Condvar,
    safe: watch::Sender<Safe>,
    /// Bytes written, for whoever copies the file as it grows.
    grown: watch::Sender<u64>,
    /// Bytes that a copy elsewhere has; `None`: there is none, or it cannot be reached.
    copied: watch::Sender<Option<u64>>,
}

/// A journal that is being written. One process at a time: the file is locked as long as it is open.
pub struct Journal {
    shared: Arc<Shared>,
    syncing: Option<std::thread::JoinHandle<()>>,
}

impl Journal {
    /// Begins the journal of a new run.
    pub fn create(path: &Path, header: Header) -> io::Result<Self> {
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        lock(&file)?;
        let journal = Self::start(path, file, 0, 0, line::first());
        journal.append(&Entry::Began(header));
        journal.must_be_sound()?;
        Ok(journal)
    }

    /// Goes on with the journal of a run that was cut off or failed; a torn last record is dropped.
    pub fn resume(path: &Path, history: &History, header: Header) -> io::Result<Self> {
        let mut file = OpenOptions::new().write(true).open(path)?;
        lock(&file)?;
        file.set_len(history.length)?;
        file.seek(SeekFrom::End(0))?;
        let journal = Self::start(path, file, history.length, history.last, history.sum.clone());
        journal.shared.state().acted = history.events.iter().any(acts);
        journal.append(&Entry::Resumed(header));
        journal.must_be_sound()?;
        Ok(journal)
    }

    /// A journal on any file, sound or not.
    #[cfg(test)]
    pub(crate) fn create_anywhere(path: &Path, header: Header) -> Self {
        let file = OpenOptions::new().write(true).open(path).unwrap();
        let journal = Self::start(path, file, 0, 0, line::first());
        journal.append(&Entry::Began(header));
        journal
    }

    fn start(path: &Path, file: File, length: u64, last: u64, sum: String) -> Self {
        let shared = Arc::new(Shared {
            path: path.to_owned(),
            file,
            state: Mutex::new(State {
                last,
                sum,
                wanted: 0,
                acted: false,
                closed: false,
            }),
            work: Condvar::new(),
            safe: watch::Sender::new(Safe::default()),
            grown: watch::Sender::new(length),
            copied: watch::Sender::new(None),
        });
        let syncer = Arc::clone(&shared);
        Self {
            shared,
            syncing: Some(std::thread::spawn(move || syncer.sync_when_asked())),
        }
    }

    /// Whether a step of the run has acted, in this process or an earlier one.
    pub fn has_acted(&self) -> bool {
        self.shared.state().acted
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.shared.path
    }

    /// Its length in bytes, as it grows.
    pub fn grown(&self) -> watch::Receiver<u64> {
        self.shared.grown.subscribe()
    }

    /// A copy has so many bytes of it; `None`: it cannot be reached.
    pub fn copied(&self, bytes: Option<u64>) {
        self.shared.copied.send_replace(bytes);
    }

    /// Waits a little until a copy that can be reached has everything so far. Where there is none, there is nothing to wait for.
    pub async fn settled_elsewhere(&self) {
        let target = *self.shared.grown.borrow();
        let mut copied = self.shared.copied.subscribe();
        let there = copied.wait_for(|bytes| bytes.is_none_or(|bytes| bytes >= target));
        // The copy is for the day this controller is lost; a slow one must not hold up the night.
        let _ = tokio::time::timeout(PATIENCE, there).await;
    }

    fn must_be_sound(&self) -> io::Result<()> {
        self.fault().map_or(Ok(()), |why| Err(io::Error::other(why)))
    }

    /// Writes down an event; what only shows that something goes on is left out.
    pub fn event(&self, event: &Event) {
        if acts(event) {
            self.shared.state().acted = true;
        }
        if !event.what.is_transient() {
            self.append(&Entry::Event(Box::new(event.clone())));
            if event.what.ends_an_act() {
                self.shared.want_all();
            }
        }
    }

    fn append(&self, entry: &Entry) {
        let shared = &self.shared;
        let mut state = shared.state();
        // After a record that is not whole nothing may follow.
        if shared.safe.borrow().fault.is_some() {
            return;
        }
        let written = line::write(&state.sum, state.last + 1, entry)
            .map_err(io::Error::from)
            .and_then(|(line, sum)| {
                (&shared.file).write_all(line.as_bytes())?;
                Ok((line.len() as u64, sum))
            });
        match written {
            Ok((length, sum)) => {
                state.last += 1;
                state.sum = sum;
                drop(state);
                shared.grown.send_modify(|bytes| *bytes += length);
            }
            Err(error) => shared.fail(&error),
        }
    }

    /// Waits until everything so far is on the disk. The error says why it never will be.
    pub async fn settled(&self) -> Result<(), String> {
        let target = self.shared.want_all();
        let mut safe = self.shared.safe.subscribe();
        let reached = safe
            .wait_for(|safe| safe.records >= target || safe.fault.is_some())
            .await;
        match reached {
            Ok(safe) => safe.fault.clone().map_or(Ok(()), Err),
            Err(_) => Err("it is closed".to_owned()),
        }
    }

    /// Why nothing can be written any more, if that is so.
    pub fn fault(&self) -> Option<String> {
        self.shared.safe.borrow().fault.clone()
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.shared.state().closed = true;
        self.shared.work.notify_one();
        if let Some(thread) = self.syncing.take() {
            // Its panic would have been shown; there is nothing to add here.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fail(&self, error: &io::Error) {
        let why = format!("cannot write {}: {error}", self.path.display());
        self.safe.send_modify(|safe| {
            safe.fault.get_or_insert(why);
        });
    }

    /// Everything so far shall be on the disk; how many records that is.
    fn want_all(&self) -> u64 {
        let mut state = self.state();
        state.wanted = state.last;
        self.work.notify_one();
        state.last
    }

    fn sync_when_asked(&self) {
        loop {
            let mut state = self.state();
            while !state.closed && state.wanted <= self.safe.borrow().records {
                state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            let (written, closed) = (state.last, state.closed);
            drop(state);
            match self.file.sync_data() {
                Ok(()) => self.safe.send_modify(|safe| safe.records = written),
                Err(error) => self.fail(&error),
            }
            if closed || self.safe.borrow().fault.is_some() {
                return;
            }
        }
    }
}

fn acts(event: &Event) -> bool {
    matches!(event.what, What::StepApplying { .. })
}

/// Whether a process has a journal open: its run is under way, on this machine.
pub fn is_being_written(path: &Path) -> bool {
    let Ok(file) = File::open(path) else {
        return false;
    };
    flock(&file, FlockOperation::NonBlockingLockShared) == Err(rustix::io::Errno::WOULDBLOCK)
}

fn lock(file: &File) -> io::Result<()> {
    flock(file, FlockOperation::NonBlockingLockExclusive).map_err(|error| {
        if error == rustix::io::Errno::WOULDBLOCK {
            io::Error::new(
                io::ErrorKind::WouldBlock,
                "another nebplay writes it: the run is under way",
            )
        } else {
            error.into()
        }
    })
}
