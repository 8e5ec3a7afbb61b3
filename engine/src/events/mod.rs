//! What happened in a run, written once and never changed, and the views over it.

mod bus;
mod event;
mod json;
mod secrets;
mod terminal;

pub use bus::{Events, View};
pub use event::{
    Counts, Event, FailedStep, FailureRecord, LastStep, RunResult, Running, Seen, Status, StepEnd, StepRef,
    What, ZoneEnd,
};
pub use json::Json;
pub use secrets::{Scrub, Secrets, Stream};
pub use terminal::{Look, Terminal};
