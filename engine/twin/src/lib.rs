//! A federation in memory: machines with their files, packages, units and programs, OpenNebula on them, and a network between them.
//!
//! A rehearsal runs the real engine and the real modules against it. It answers what the modules ask of a [`Host`], with the output of
//! the real programs, and nothing it does reaches the machine it runs on. The scripts that modules send are run as they are, by
//! `nebplay-sh`. What OpenNebula does is the model's (`nebplay-model`), lies included.
//!
//! * [`federation`]: all machines, the network and the time; cheap to clone, so that a night can be forked at any moment.
//! * [`machine`]: one machine.
//! * [`twin`]: the federation as the engine sees it, as hosts and a clock.
//! * [`kin`]: whether two federations are alike.
//! * [`look`]: what stands where, for those who judge a night.
//! * [`out_of_sync`]: zones whose federated logs are not equally far.
//! * [`deeds`]: what was done, as the federation itself saw it; what the invariants of a rehearsal are checked against.
//!
//! [`Host`]: nebplay_modules::host::Host

pub mod apart;
pub mod deeds;
pub mod federation;
pub mod files;
pub mod image;
pub mod kin;
pub mod look;
pub mod machine;
pub mod opennebula;
pub mod out_of_sync;
mod process;
mod programs;
pub mod rates;
mod session;
pub mod twin;

pub use nebplay_sh::Ended;
pub use process::Limit;
pub use programs::systemd::State;

#[cfg(test)]
mod tests;
