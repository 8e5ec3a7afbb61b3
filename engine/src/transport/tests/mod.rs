//! The transport against a real sshd of our own, on the loopback interface, and against this machine.

mod jobs;
mod keys;
mod running;
mod shells;
mod sshd;
mod sudo;
