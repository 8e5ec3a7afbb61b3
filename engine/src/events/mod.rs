//! What happened in a run, written once and never changed, and the views over it.
