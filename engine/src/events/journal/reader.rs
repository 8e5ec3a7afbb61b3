//! Reading a journal: what is read is a prefix of what was written, or an error that says where.

use std::path::Path;

use super::entry::{Entry, FORMAT, Header};
use super::line;
use crate::events::{Event, What};

/// Why a journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Damage {
    /// The file cannot be read.
    #[error("cannot read {path}: {error}")]
    Unreadable {
        /// The file.
        path: String,
        /// The system's words.
        error: std::io::Error,
    },
    /// A record in the middle is not what was written.
    #[error("{path}, line {line}: {why}")]
    Broken {
        /// The file.
        path: String,
        /// The line, from 1.
        line: u64,
        /// What is wrong with it, a fragment.
        why: String,
    },
    /// It says nothing: the run was cut off before it began.
    #[error("{path} is empty: the run was cut off before it began")]
    Empty {
        /// The file.
        path: String,
    },
    /// A later nebplay wrote it.
    #[error(
        "{path} is of format {format}, and this nebplay reads up to {FORMAT}: use the nebplay that wrote it, or a later one"
    )]
    Newer {
        /// The file.
        path: String,
        /// Its format.
        format: u32,
    },
}

/// A journal as it was read.
#[derive(Debug, Clone)]
pub struct History {
    /// The run as it began.
    pub began: Header,
    /// Each time it was resumed.
    pub resumed: Vec<Header>,
    /// Its events, in order.
    pub events: Vec<Event>,
    /// Bytes of the file that are whole records; what follows is a record that was being written when it was cut off.
    pub length: u64,
    /// The number of the last record.
    pub(super) last: u64,
    /// The sum of the last record.
    pub(super) sum: String,
}

impl History {
    /// The header that holds now.
    pub fn header(&self) -> &Header {
        self.resumed.last().unwrap_or(&self.began)
    }

    /// What a task was called when it was run; its identity where that is not known.
    pub fn task_name<'a>(&'a self, task: &'a str) -> &'a str {
        let name = |event: &'a Event| match &event.what {
            What::TaskStarted { task: id, name, .. } if id == task => Some(name.as_str()),
            _ => None,
        };
        self.events.iter().rev().find_map(name).unwrap_or(task)
    }

    /// How it ended the last time, if it came to an end then.
    pub fn ended(&self) -> Option<&Event> {
        let last_start = self
            .events
            .iter()
            .rposition(|event| matches!(event.what, What::RunStarted { .. } | What::RunResumed { .. }));
        let this_time = &self.events[last_start.unwrap_or(0)..];
        this_time
            .iter()
            .find(|event| matches!(event.what, What::RunEnded { .. }))
    }
}

/// Reads a journal.
pub fn read(path: &Path) -> Result<History, Damage> {
    let name = path.display().to_string();
    let bytes = std::fs::read(path).map_err(|error| Damage::Unreadable {
        path: name.clone(),
        error,
    })?;
    read_bytes(&bytes, &name)
}

/// Reads a journal from memory; `path` is for messages.
pub fn read_bytes(bytes: &[u8], path: &str) -> Result<History, Damage> {
    let (mut began, mut resumed, mut events) = (None, Vec::new(), Vec::new());
    let (mut sum, mut number, mut length) = (line::first(), 0, 0);
    for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
        // Without its end it is the record that was being written.
        let Some(text) = piece.strip_suffix(b"\n") else {
            break;
        };
        let broken = |why: &str| Damage::Broken {
            path: path.to_owned(),
            line: number + 1,
            why: why.to_owned(),
        };
        if number == 0
            && let Some(format) = format_of(text).filter(|format| *format > FORMAT)
        {
            return Err(Damage::Newer {
                path: path.to_owned(),
                format,
            });
        }
        let (entry, this) = line::read(&sum, number + 1, text).map_err(broken)?;
        match (entry, &began) {
            (Entry::Began(header), None) => began = Some(header),
            (Entry::Began(_), Some(_)) => return Err(broken("a run begins in the middle of another")),
            (_, None) => return Err(broken("it is not the beginning of a run")),
            (Entry::Resumed(header), Some(_)) => resumed.push(header),
            (Entry::Event(event), Some(_)) => events.push(*event),
        }
        (sum, number) = (this, number + 1);
        length += piece.len() as u64;
    }
    let began = began.ok_or_else(|| Damage::Empty {
        path: path.to_owned(),
    })?;
    Ok(History {
        began,
        resumed,
        events,
        length,
        last: number,
        sum,
    })
}

/// The format that a first line claims, whatever else it says.
fn format_of(line: &[u8]) -> Option<u32> {
    let value: serde_json::Value = serde_json::from_slice(line).ok()?;
    u32::try_from(value.get("format")?.as_u64()?).ok()
}
