//! What authors write: syntax, loading, includes, and where every node stands in its file.

mod syntax;

pub use syntax::*;
