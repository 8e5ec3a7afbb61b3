//! Nights that are disturbed: a run in which steps meet faults, gone on with until it is done, and what it leaves.
//!
//! A *night* is one upgrade of a lab of its own, or one way back. `make chaos` runs many of them, `tests/e2e` one short one.

#![expect(
    clippy::panic,
    clippy::print_stderr,
    reason = "a night tells what went wrong by a panic, and where its traces are kept"
)]

mod course;
mod end;
mod fault;
mod feed;
mod kept;
mod links;
mod night;

pub use course::Course;
pub use end::End;
pub use fault::Fault;
pub use night::{Case, Met, Night, Survived, Told};
