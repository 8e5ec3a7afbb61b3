//! YAML as a tree of nodes that know where they stand.

mod node;

pub use node::{Entry, Node, Style, Value};
