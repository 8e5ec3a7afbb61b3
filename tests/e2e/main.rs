//! End to end: the real `nebplay`, over real SSH, against real hosts that run the stand-in for OpenNebula.
//!
//! Every test has a lab of its own, started from a cached checkpoint in about two seconds and removed afterwards, whatever
//! happens. Without root or namespaces they say that they are skipped, and why; with `CI=true` that is a failure.

#[allow(
    dead_code,
    unused_imports,
    reason = "it offers what the next story needs, not only what this one does"
)]
mod harness;
mod lab;
