//! Arguments written as one text: `command: uptime`, `copy: src=a dest=b`, with the rules Ansible has for them.

use std::ops::Range;

use indexmap::IndexMap;
use nebplay_modules::arguments::Shape;

use crate::diagnostics::{Finding, Span, suggest};
use crate::yaml::Node;

/// Reads the text behind a module's name.
pub(super) fn read(node: &Node, shape: Shape<'_>) -> Result<IndexMap<String, Node>, Finding> {
    let text = node.as_str().unwrap_or_default();
    // A command line is split by the rules of shells, which have no escapes in single quotes.
    let is_line = shape.free_form() == Some("cmd");
    let words = words(text, is_line).map_err(|quote| {
        Finding::at(&node.span, format!("a {quote} is not closed"), "")
            .help("to have a line taken as it is, write it under `cmd:`")
    })?;
    match shape.free_form() {
        // A command line: only what the module knows is an argument, everything else is the command.
        Some("cmd") => Ok(command_line(node, text, &words, shape)),
        Some(only) if !words.iter().any(|word| assignment(&text[word.clone()]).is_some()) => {
            Ok(IndexMap::from([(only.to_owned(), node.clone())]))
        }
        _ => assignments(node, text, &words, shape),
    }
}

fn command_line(node: &Node, text: &str, words: &[Range<usize>], shape: Shape<'_>) -> IndexMap<String, Node> {
    let mut args = IndexMap::new();
    let mut rest = String::new();
    let mut from = 0;
    for word in words {
        let Some((name, value)) = assignment(&text[word.clone()]) else {
            continue;
        };
        if shape.property(name).is_none() {
            continue;
        }
        args.insert(name.to_owned(), part(node, value));
        rest.push_str(&text[from..word.start]);
        from = word.end;
    }
    rest.push_str(&text[from..]);
    let rest = rest.trim();
    if !rest.is_empty() && !args.contains_key("cmd") {
        args.insert_before(0, "cmd".to_owned(), Node::text(node.span.clone(), rest));
    }
    args
}

fn assignments(
    node: &Node,
    text: &str,
    words: &[Range<usize>],
    shape: Shape<'_>,
) -> Result<IndexMap<String, Node>, Finding> {
    let mut args = IndexMap::new();
    for word in words {
        let word = &text[word.clone()];
        let Some((name, value)) = assignment(word) else {
            let place = part(node, word).span;
            let finding = Finding::at(&place, format!("`{word}` is no argument"), "expected name=value");
            let names: Vec<_> = shape.names().collect();
            let help = suggest(word, names.iter().copied()).unwrap_or_else(|| {
                format!(
                    "arguments are {}; a value with spaces needs quotes",
                    names.join(", ")
                )
            });
            return Err(finding.help(help));
        };
        args.insert(name.to_owned(), part(node, value));
    }
    Ok(args)
}

/// A value out of the text, its escapes read and without its quotes, standing where it stands.
fn part(node: &Node, value: &str) -> Node {
    let plain = unescaped(value);
    let unquoted = ['"', '\''].iter().find_map(|quote| {
        let inside = plain.strip_prefix(*quote)?.strip_suffix(*quote)?;
        (!inside.ends_with('\\')).then_some(inside)
    });
    let covered = node.span.text();
    let found = covered.find(value).map(|start| node.span.start + start);
    let span = match found {
        Some(start) => Span {
            source: node.span.source.clone(),
            start,
            end: start + value.len(),
        },
        None => node.span.clone(),
    };
    Node::text(span, unquoted.unwrap_or(&plain))
}

/// `\n`, `\t`, `\"`, `\x41`, `\u00e4` and the like as what they stand for; any other backslash is one.
fn unescaped(value: &str) -> String {
    let mut plain = String::with_capacity(value.len());
    let mut rest = value;
    while let Some((before, after)) = rest.split_once('\\') {
        plain.push_str(before);
        let mut chars = after.chars();
        let letter = chars.next();
        let digits = match letter {
            Some('x') => 2,
            Some('u') => 4,
            Some('U') => 8,
            _ => 0,
        };
        let coded = after.get(1..=digits).filter(|_| digits > 0);
        let coded = coded.and_then(|digits| char::from_u32(u32::from_str_radix(digits, 16).ok()?));
        let simple = match letter {
            Some(c @ ('\\' | '\'' | '"')) => Some(c),
            Some('a') => Some('\u{7}'),
            Some('b') => Some('\u{8}'),
            Some('f') => Some('\u{c}'),
            Some('n') => Some('\n'),
            Some('r') => Some('\r'),
            Some('t') => Some('\t'),
            Some('v') => Some('\u{b}'),
            _ => None,
        };
        rest = match (coded, simple) {
            (Some(c), _) => {
                plain.push(c);
                &after[1 + digits..]
            }
            (None, Some(c)) => {
                plain.push(c);
                chars.as_str()
            }
            (None, None) => {
                plain.push('\\');
                after
            }
        };
    }
    plain.push_str(rest);
    plain
}

/// `name=value`; a comparison in a template is none.
fn assignment(word: &str) -> Option<(&str, &str)> {
    let (name, value) = word.split_once('=')?;
    super::values::is_identifier(name).then_some((name, value))
}

/// Words, as spaces separate them outside of quotes and templates; or the quote that is not closed.
fn words(text: &str, is_line: bool) -> Result<Vec<Range<usize>>, char> {
    let mut words = Vec::new();
    let mut start = None;
    let mut quote = None;
    let mut depth = 0_usize;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let next = chars.peek().map(|&(_, next)| next);
        match (quote, c) {
            (Some(open), '\\') if open == '"' || !is_line => {
                chars.next();
            }
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '\\') => {
                start.get_or_insert(at);
                chars.next();
            }
            (None, '"' | '\'') => {
                start.get_or_insert(at);
                quote = Some(c);
            }
            (None, '{') if matches!(next, Some('{' | '%')) => {
                start.get_or_insert(at);
                depth += 1;
            }
            (None, '}' | '%') if next == Some('}') => {
                depth = depth.saturating_sub(1);
                chars.next();
            }
            (None, c) if c.is_whitespace() && depth == 0 => {
                if let Some(start) = start.take() {
                    words.push(start..at);
                }
            }
            (None, _) => {
                start.get_or_insert(at);
            }
        }
    }
    if let (Some(quote), 0) = (quote, depth) {
        return Err(quote);
    }
    if let Some(start) = start {
        words.push(start..text.len());
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn words_keep_quotes_and_templates_together() {
        for (text, expected) in [
            ("src=a dest=b", vec!["src=a", "dest=b"]),
            ("msg=\"a b\" x='c d'", vec!["msg=\"a b\"", "x='c d'"]),
            (
                "src={{ a | default('x y') }} b",
                vec!["src={{ a | default('x y') }}", "b"],
            ),
            ("echo a\\ b", vec!["echo", "a\\ b"]),
            ("  ", vec![]),
            ("a\n b", vec!["a", "b"]),
        ] {
            let words = words(text, true).unwrap();
            let words: Vec<_> = words.into_iter().map(|range| &text[range]).collect();
            assert_eq!(words, expected, "{text}");
        }
        assert_eq!(words("echo 'a", true), Err('\''));
        assert_eq!(words(r"a='it is \'so\'' b", false), Ok(vec![0..16, 17..18]));
        assert_eq!(words(r"echo 'a\' b", true), Ok(vec![0..4, 5..9, 10..11]));
    }
}
