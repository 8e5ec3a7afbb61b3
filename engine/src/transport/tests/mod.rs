//! The transport against a real sshd of our own, on the loopback interface, and against this machine.

mod ending;
mod files;
mod jobs;
mod keys;
mod running;
mod sessions;
mod shells;
mod sshd;
mod streams;
mod sudo;
