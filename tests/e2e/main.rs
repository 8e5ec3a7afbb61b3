//! End to end: the real `nebplay`, over real SSH, against real hosts that run the stand-in for OpenNebula.
//!
//! Every test has a lab of its own, started from a cached checkpoint in about two seconds and removed afterwards, whatever
//! happens. Without root or namespaces they say that they are skipped, and why; with `CI=true` that is a failure.

#![expect(clippy::unwrap_used, reason = "a test tells what went wrong by a panic")]

mod again;
mod back;
mod by_hand;
mod chaos;
mod faults;
mod kept_out;
mod lab;
mod language;
mod locks;
mod login;
mod reach;
mod resume;
mod twin;
mod upgrade;

use nebplay_tests::harness;
use nebplay_tests::harness::traces;
