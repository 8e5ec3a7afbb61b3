//! What happened in a run, written once and never changed, and the views over it.

mod bus;
mod event;
pub mod journal;
mod json;
mod parts;
mod passwords;
mod scrub;
mod secrets;
mod terminal;

pub use bus::{Events, View};
pub use event::{Event, What};
pub use json::Json;
pub use parts::{
    Counts, FailedStep, FailureRecord, IncludedFile, LastStep, RunResult, Running, Seen, Status, StepEnd,
    StepRef, ZoneEnd,
};
pub use passwords::is_password;
pub use scrub::{Scrub, is_redacted};
pub use secrets::{Secrets, Stream};
pub use terminal::{Look, Terminal};
