//! Executes a plan and emits events.
//!
//! The order is linear: a task is done on all of its hosts before the next begins, and within a task the module's contract
//! decides how many hosts at once ([`crate::plan::pace`]). Nothing here formats text for people or touches a host but through
//! [`nebplay_modules::host::Host`].
//!
//! From the outside in: `runner` goes over plays, batches and sections; `items` over lists, blocks and includes; `task` over the
//! hosts of one task; `unit` over the loop items and tries on a host; `step` is one look, one act, one proof.

mod books;
mod choice;
mod controller;
mod cut_off;
mod facts;
mod halt;
mod handlers;
mod include;
mod items;
mod keywords;
mod loops;
mod nowhere;
mod outcome;
mod play;
mod progress;
mod reach;
mod recall;
mod replay;
mod runner;
mod scoped;
mod step;
mod stop;
mod task;
mod undone;
mod unit;
mod variables;
mod verdict;
mod witnesses;
mod world;

#[cfg(test)]
mod tests;

pub use halt::Halt;
pub use replay::{Compared, Replay, Settle};
pub use runner::run;
pub use stop::Stop;
pub use world::{IncludedRole, Inventory, Loader, Operator, Options, Summary, World};
