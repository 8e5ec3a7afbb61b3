//! Executes a plan and emits events.
