//! The journal: every event of a run in one file, so that the run survives the controller.
//!
//! JSON Lines, for a person with `jq` as for nebplay. A [`line`] carries a checksum over itself and everything before it; what a
//! line says is an [`Entry`]. [`Journal`] writes, [`read`] reads.

mod entry;
mod line;
mod reader;
mod writer;

pub use entry::{Entry, FORMAT, Header};
pub use reader::{Damage, History, read, read_bytes};
pub use writer::{Journal, is_being_written};

#[cfg(test)]
mod tests;
