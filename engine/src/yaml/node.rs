//! The tree itself.

use crate::diagnostics::Span;

/// How a scalar was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Without quotes: its meaning depends on what it looks like.
    Plain,
    /// In quotes, or as a block: always text.
    Text,
}

/// A node and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Where it stands; for a collection, from its first entry to its last.
    pub span: Span,
    /// Its tag, `!vault` for instance, without the exclamation mark.
    pub tag: Option<String>,
    /// What it is.
    pub value: Value,
}

/// An entry of a mapping.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The key; always a scalar, and unique in its mapping.
    pub key: Node,
    /// The value.
    pub value: Node,
}

/// What a node is.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A scalar as it was written, escapes and folding resolved.
    Scalar {
        /// The text.
        text: String,
        /// How it was written.
        style: Style,
    },
    /// A sequence.
    Sequence(Vec<Node>),
    /// A mapping, in the order of the file.
    Mapping(Vec<Entry>),
}
