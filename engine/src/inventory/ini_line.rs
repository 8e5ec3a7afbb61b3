//! Words and values of an INI inventory.
//!
//! A value is text unless it is a number, `True`, `False`, `None`, a list or a mapping, as in Ansible; in quotes it stays
//! text, and so does a decimal number that would not be written back the same (`6.10`): Ansible makes 6.1 of both.

use std::sync::Arc;

use crate::diagnostics::{Finding, Source, Span};
use crate::yaml::{self, Entry, Node, Style, Value, decimal_is_exact};

/// A word of a line, without its quotes.
pub(super) struct Word {
    pub(super) span: Span,
    pub(super) text: String,
    /// Where the first `=` is in `text`, if it is outside of quotes.
    equals: Option<usize>,
    quoted: bool,
}

impl Word {
    /// `key=value`: both, with their places.
    pub(super) fn assignment(&self) -> Option<(&str, Span, Node)> {
        let (key, key_span, text, span) = self.split()?;
        Some((key, key_span, meaning(span, text, self.quoted)))
    }

    fn split(&self) -> Option<(&str, Span, &str, Span)> {
        let at = self.equals?;
        let (key, text) = (&self.text[..at], &self.text[at + 1..]);
        let mut key_span = self.span.clone();
        key_span.end = key_span.start + at;
        let mut span = self.span.clone();
        span.start = key_span.end + 1;
        Some((key, key_span, text, span))
    }
}

/// `k=v k2='v w'`, where every value is text: names with their places, and values.
pub fn assignments(line: &Span) -> Result<Vec<(String, Span, Node)>, Finding> {
    let one = |word: &Word| match word.split() {
        Some((key, key_span, text, span)) => Ok((key.to_owned(), key_span, Node::text(span, text))),
        None => Err(Finding::at(&word.span, "-e takes `name=value`", "no `=`")),
    };
    words(line)?.iter().map(one).collect()
}

/// The words of a line, as a shell would split it: quotes group, a backslash takes the next character as it is, and a `#`
/// at the beginning of a word begins a comment.
pub(super) fn words(line: &Span) -> Result<Vec<Word>, Finding> {
    let mut words: Vec<Word> = Vec::new();
    let mut open: Option<Word> = None;
    let mut quote: Option<(char, usize)> = None;
    let mut characters = line.text().char_indices();
    while let Some((at, c)) = characters.next() {
        let at = line.start + at;
        if quote.is_none() && c.is_whitespace() {
            words.extend(open.take());
            continue;
        }
        if c == '#' && open.is_none() {
            break;
        }
        let word = open.get_or_insert_with(|| Word {
            span: Span {
                start: at,
                end: at,
                ..line.clone()
            },
            text: String::new(),
            equals: None,
            quoted: false,
        });
        match (quote, c) {
            (Some((mark, _)), c) if c == mark => quote = None,
            (None, '\'' | '"') => {
                quote = Some((c, at));
                word.quoted = true;
            }
            (None | Some(('"', _)), '\\') => word.text.extend(characters.next().map(|(_, next)| next)),
            (None, '=') if word.equals.is_none() => {
                word.equals = Some(word.text.len());
                word.text.push(c);
            }
            _ => word.text.push(c),
        }
        word.span.end = characters.as_str().as_ptr() as usize - line.text().as_ptr() as usize + line.start;
    }
    if let Some((_, at)) = quote {
        let place = Span {
            start: at,
            end: at + 1,
            ..line.clone()
        };
        return Err(
            Finding::at(&place, "a quote is opened and never closed", "opened here")
                .help("close it on the same line, with the same kind of quote"),
        );
    }
    words.extend(open);
    Ok(words)
}

/// The value of `key = value` in a section of variables: the rest of the line.
pub(super) fn rest_of_line(span: &Span) -> Result<Node, Finding> {
    let text = span.text();
    if let Some(mark) = text.chars().next().filter(|c| matches!(c, '\'' | '"')) {
        let Some(close) = text[1..].find(mark).map(|close| close + 1) else {
            let place = Span {
                end: span.start + 1,
                ..span.clone()
            };
            return Err(
                Finding::at(&place, "a quote is opened and never closed", "opened here")
                    .help("close it on the same line, with the same kind of quote"),
            );
        };
        let behind = text[close + 1..].trim_start();
        if behind.is_empty() || behind.starts_with('#') {
            let place = Span {
                end: span.start + close + 1,
                ..span.clone()
            };
            return Ok(meaning(place, &text[1..close], true));
        }
    }
    if let Some(at) = text.find(" #").or(text.find("\t#")) {
        let place = Span {
            start: span.start + at + 1,
            ..span.clone()
        };
        return Err(Finding::at(
            &place,
            "is this a comment, or does it belong to the value?",
            "here",
        )
        .help(
            "put a comment on a line of its own, or the value in quotes (Ansible takes it into the value)",
        ));
    }
    Ok(meaning(span.clone(), text, false))
}

/// What a value means.
fn meaning(span: Span, text: &str, quoted: bool) -> Node {
    let is_structure = text.starts_with('[')
        || (text.starts_with('{') && !text.starts_with("{{") && !text.starts_with("{%"));
    if is_structure && let Ok(Some(mut node)) = yaml::parse(&Source::new("value", text)) {
        // Its nodes stand in a text of their own; what can be shown of them is the value as a whole.
        put_at(&mut node, &span);
        return node;
    }
    let style = if !quoted && is_literal(text) {
        Style::Plain
    } else {
        Style::Text
    };
    let text = if text == "None" && style == Style::Plain {
        "null"
    } else {
        text
    };
    Node::scalar(span, text, style)
}

fn is_literal(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let is_integer = !digits.is_empty()
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && (digits == "0" || !digits.starts_with('0'));
    let is_decimal = digits.starts_with(|c: char| c.is_ascii_digit()) && decimal_is_exact(text);
    is_integer || is_decimal || matches!(text, "True" | "False" | "None")
}

fn put_at(node: &mut Node, span: &Span) {
    node.span = Span {
        source: Arc::clone(&span.source),
        ..span.clone()
    };
    match &mut node.value {
        Value::Scalar { .. } => {}
        Value::Sequence(items) => items.iter_mut().for_each(|item| put_at(item, span)),
        Value::Mapping(entries) => {
            for Entry { key, value } in entries {
                put_at(key, span);
                put_at(value, span);
            }
        }
    }
}
