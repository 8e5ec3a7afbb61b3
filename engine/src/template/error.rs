//! What can be wrong with a template, and where.

use std::fmt;

use crate::diagnostics::{Finding, Span};

use super::literals::as_written;

/// What kind of error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TemplateErrorKind {
    /// It is no template.
    Syntax,
    /// It uses something that nobody defined.
    Undefined {
        /// The name, as it is written: `zone.id`.
        name: String,
    },
    /// It uses a fact of a host whose facts were not gathered: gather them and render again.
    NeedFacts {
        /// The host.
        host: String,
    },
    /// In check mode: it uses what only a real run can tell.
    Unknown {
        /// Why it is not known.
        why: String,
    },
    /// A condition that is neither true nor false.
    NotBoolean,
    /// Anything else: a filter that does not take this value, for instance.
    Other,
}

/// What is wrong with a template.
#[derive(Debug, Clone)]
pub struct TemplateError {
    /// What kind.
    pub kind: TemplateErrorKind,
    /// What is wrong, a lower-case fragment. Never more of a value than a short excerpt, and nothing of a secret one.
    pub message: String,
    /// Where, and what to write below the underlined text; `None` for a template that stands in no file.
    pub place: Option<(Span, String)>,
    /// What to do about it.
    pub help: Option<String>,
    /// The variables on the way from the task to the place, and where each was used.
    pub via: Vec<(Span, String)>,
}

impl TemplateError {
    pub(super) fn new(kind: TemplateErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            place: None,
            help: None,
            via: Vec::new(),
        }
    }

    pub(super) fn other(message: impl Into<String>) -> Self {
        Self::new(TemplateErrorKind::Other, message)
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub(super) fn at(mut self, span: Option<Span>, label: impl Into<String>) -> Self {
        self.place = span.map(|span| (span, label.into()));
        self
    }

    /// The error as a finding, with the text underlined.
    pub fn into_finding(self) -> Finding {
        Finding {
            message: self.message,
            labels: self.place.into_iter().chain(self.via).collect(),
            help: self.help,
        }
    }
}

impl From<TemplateError> for Finding {
    fn from(error: TemplateError) -> Self {
        error.into_finding()
    }
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for TemplateError {}

/// Where in a YAML scalar a piece of the template stands; the whole scalar where it cannot be found (escapes, folding).
pub(super) fn locate(scalar: &Span, needle: &str) -> Span {
    let text = scalar.text();
    let found = find_word(text, needle).or_else(|| find_word(text, &as_written(needle)));
    let found = found.or_else(|| {
        // `zone.nmae` written as `zone['nmae']`, or across lines: its last part is the one to blame.
        let last = needle.rsplit('.').next().unwrap_or(needle);
        find_word(text, last).map(|(start, _)| (start, start + last.len()))
    });
    let (start, end) = found.unwrap_or((0, text.len()));
    Span {
        source: scalar.source.clone(),
        start: scalar.start + start,
        end: scalar.start + end,
    }
}

/// The first occurrence that is no part of a longer name.
fn find_word(text: &str, needle: &str) -> Option<(usize, usize)> {
    if needle.is_empty() {
        return None;
    }
    let name = |c: char| c.is_alphanumeric() || c == '_';
    let cut = |inside: Option<char>, outside: Option<char>| {
        !(inside.is_some_and(name) && outside.is_some_and(name))
    };
    text.match_indices(needle)
        .map(|(start, _)| (start, start + needle.len()))
        .find(|&(start, end)| {
            cut(needle.chars().next(), text[..start].chars().next_back())
                && cut(needle.chars().next_back(), text[end..].chars().next())
        })
}

/// Whether a name sounds like something that must not be shown.
pub(super) fn sounds_secret(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    ["passw", "secret", "token", "auth", "private_key", "vault"]
        .iter()
        .any(|word| text.contains(word))
}

/// A value for a message: short, and hidden where the expression sounds secret.
pub(super) fn excerpt(expression: &str, value: &serde_json::Value) -> String {
    const LONGEST: usize = 40;
    if sounds_secret(expression) {
        return "a value that is not shown".to_owned();
    }
    let text = value.to_string();
    match text.char_indices().nth(LONGEST) {
        Some((cut, _)) => format!("`{}…`", &text[..cut]),
        None => format!("`{text}`"),
    }
}
