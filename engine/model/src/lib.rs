//! A pure model of an OpenNebula federation: state and request in, output and new state out.
//!
//! There is no I/O and no clock here: whoever uses the model hands in the time and carries out what it
//! returns. The lab's stand-in turns the row operations into SQL; an in-memory twin can apply them to a
//! [`store::Store`]. Where the real OpenNebula lies, the model lies: its texts, codes and silences were
//! all observed on real zones, and golden tests hold the model to those observations.
//!
//! * [`oned`]: the daemon as a state machine over XML-RPC calls.
//! * [`log`] and [`replication`]: the federated log, and who sends what to whom.
//! * [`onedb`]: what the database tool decides and prints.
//! * [`cli`]: what the command line tools print.

pub mod cli;
pub mod config;
pub mod errors;
pub mod log;
pub mod objects;
pub mod oned;
pub mod onedb;
pub mod replication;
pub mod rows;
pub mod rpc;
pub mod schema;
pub mod seed;
pub mod store;
pub mod version;
pub mod xml;
