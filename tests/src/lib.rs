//! The lab: real hosts for nebplay on one machine.
//!
//! Three containers that each run a systemd, an sshd and an apt of their own, on a network that touches no interface of
//! this machine, hold a federation of three zones. OpenNebula itself is a stand-in, packaged under the real names.
//!
//! - [`lab`]: a lab that runs: namespaces, containers, overlays, keys; started, reached, cut, killed, removed.
//! - [`image`]: what it starts from: a minimal Debian, the packages in two versions, zones made ready; all cached.
//! - [`harness`]: what stories about it are told with.
//! - [`chaos`]: stories in which whatever can go wrong does.
//! - [`machine`]: what this machine must offer, and the sentence that says what is missing.
//! - [`story`]: golden stories, which the stand-in and the twin are both held to.

pub mod chaos;
pub mod error;
pub mod federation;
pub mod harness;
pub mod image;
pub mod lab;
pub mod machine;
pub mod program;
pub mod serve;
pub mod story;

pub use error::LabError;
pub use lab::Lab;
