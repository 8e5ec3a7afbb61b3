//! End to end: the real `nebplay`, over real SSH, against real hosts that run the stand-in for OpenNebula.
//!
//! Every test has a lab of its own, started from a cached checkpoint in about two seconds and removed afterwards, whatever
//! happens. Without root or namespaces they say that they are skipped, and why; with `CI=true` that is a failure.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test tells what went wrong by a panic, and that it was skipped by a line"
)]

mod again;
mod by_hand;
mod faults;
#[allow(
    dead_code,
    unused_imports,
    reason = "it offers what the next story needs, not only what this one does"
)]
mod harness;
mod kept_out;
mod lab;
mod language;
mod locks;
mod login;
mod reach;
mod resume;
mod traces;
mod upgrade;
