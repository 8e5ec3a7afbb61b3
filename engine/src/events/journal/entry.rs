//! What a line of the journal says.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::events::Event;

/// The format that is written. Every earlier one stays readable.
pub const FORMAT: u32 = 1;

/// A record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "snake_case")]
pub enum Entry {
    /// The first record: a run begins.
    Began(Header),
    /// The run goes on after it was cut off or had failed.
    Resumed(Header),
    /// Something happened.
    Event(Box<Event>),
}

/// Who runs what, and from what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// See [`FORMAT`].
    pub format: u32,
    /// The run's id.
    pub run: String,
    /// nebplay's version.
    pub nebplay: String,
    /// `login@controller`.
    pub who: String,
    /// When, seconds since the epoch by the controller's clock.
    pub at: i64,
    /// The directory that relative paths are relative to.
    pub directory: String,
    /// The command line as it was read, secrets taken out: what resuming needs to ask for the same again.
    pub arguments: Value,
    /// Every file that the run was made from, with the SHA-256 (hex) of its content.
    pub inputs: IndexMap<String, String>,
    /// The variables of every host of the run, and of `-e` under that name: by name, the beginning of the SHA-256 (hex) of how
    /// the value is written. A secret's is left empty.
    pub variables: IndexMap<String, IndexMap<String, String>>,
}
