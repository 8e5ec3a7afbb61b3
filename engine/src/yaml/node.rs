//! The tree itself.

use serde_json::Map;

use super::scalar;
use crate::diagnostics::Span;

/// How a scalar was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Without quotes: its meaning depends on what it looks like.
    Plain,
    /// In quotes, or as a block: always text.
    Text,
}

/// What a node's author, or whoever opened it, says of its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tag {
    /// `!vault`: encrypted by ansible-vault.
    Vault,
    /// It was: a secret, and as in Ansible text whatever it contains.
    Opened,
    /// It stands in a file that was encrypted.
    Secret,
    /// `!unsafe`: text, whatever it contains.
    Unsafe,
    /// Another, without the exclamation mark.
    Other(String),
}

/// A node and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Where it stands; for a collection, from its first entry to its last.
    pub span: Span,
    /// Its tag.
    pub tag: Option<Tag>,
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

impl Tag {
    /// Whether it says that nobody is to see the text.
    pub fn is_secret(&self) -> bool {
        matches!(self, Self::Opened | Self::Secret)
    }

    /// Whether it says that the text is no template, whatever it looks like.
    pub fn is_literal(&self) -> bool {
        matches!(self, Self::Opened | Self::Unsafe)
    }
}

impl Node {
    /// A scalar.
    pub fn scalar(span: Span, text: impl Into<String>, style: Style) -> Self {
        let text = text.into();
        Self {
            span,
            tag: None,
            value: Value::Scalar { text, style },
        }
    }

    /// Text, whatever it looks like.
    pub fn text(span: Span, text: impl Into<String>) -> Self {
        Self::scalar(span, text, Style::Text)
    }

    /// The text of a scalar exactly as it was written: `6.10`, `0644`, `yes`. Nothing for a collection.
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, .. } => Some(text),
            Value::Sequence(_) | Value::Mapping(_) => None,
        }
    }

    /// The entries of a mapping.
    pub fn as_mapping(&self) -> Option<&[Entry]> {
        match &self.value {
            Value::Mapping(entries) => Some(entries),
            Value::Scalar { .. } | Value::Sequence(_) => None,
        }
    }

    /// The items of a sequence.
    pub fn as_sequence(&self) -> Option<&[Node]> {
        match &self.value {
            Value::Sequence(items) => Some(items),
            Value::Scalar { .. } | Value::Mapping(_) => None,
        }
    }

    /// The boolean it means, if it means one.
    pub fn as_bool(&self) -> Option<bool> {
        self.as_str()?;
        self.to_value().as_bool()
    }

    /// Whether there is nothing: an empty value, `~` or `null`.
    pub fn is_null(&self) -> bool {
        match &self.value {
            Value::Scalar { text, style } => *style == Style::Plain && scalar::plain(text).is_null(),
            Value::Sequence(_) | Value::Mapping(_) => false,
        }
    }

    /// The entry of that key in a mapping.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.as_mapping()?.iter().find(|entry| entry.name() == key)
    }

    /// The value of that key in a mapping.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// What it means. Plain scalars have the meaning they have in Ansible, but for a decimal number that would not be
    /// written back the same (`6.10`): that stays text, as does everything in quotes. Tags are not looked at.
    pub fn to_value(&self) -> serde_json::Value {
        match &self.value {
            Value::Scalar {
                text,
                style: Style::Plain,
            } => scalar::plain(text),
            Value::Scalar {
                text,
                style: Style::Text,
            } => serde_json::Value::String(text.clone()),
            Value::Sequence(items) => items.iter().map(Self::to_value).collect(),
            Value::Mapping(entries) => {
                let pairs = entries
                    .iter()
                    .map(|entry| (entry.name().to_owned(), entry.value.to_value()));
                serde_json::Value::Object(pairs.collect::<Map<_, _>>())
            }
        }
    }

    /// What it is, for a message: "a mapping", "text", "nothing".
    pub fn kind(&self) -> &'static str {
        match &self.value {
            Value::Sequence(_) => "a list",
            Value::Mapping(_) => "a mapping",
            Value::Scalar {
                style: Style::Text, ..
            } => "text",
            Value::Scalar { text, .. } => match scalar::plain(text) {
                serde_json::Value::Null => "nothing",
                serde_json::Value::Bool(_) => "a boolean",
                serde_json::Value::Number(_) => "a number",
                _ => "text",
            },
        }
    }
}

impl Entry {
    /// The key as text.
    pub fn name(&self) -> &str {
        self.key.as_str().unwrap_or_default()
    }
}
