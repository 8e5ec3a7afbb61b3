//! YAML as a tree of nodes that know where they stand.
//!
//! One pass over the parser's events makes the tree; scalars keep the text they were written with, and what a plain one
//! *means* is decided by [`Node::to_value`] alone.

mod build;
mod explain;
mod node;
mod offsets;
mod scalar;
#[cfg(test)]
mod tests;

pub use build::parse;
pub use node::{Entry, Node, Style, Tag, Value};
pub use scalar::decimal_is_exact;
