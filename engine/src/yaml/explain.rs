//! Syntax errors in the words of someone who wants to repair the file.

use std::sync::Arc;

use saphyr_parser::Parser;

use crate::diagnostics::{Finding, Source, Span};

const QUOTE_TEMPLATE: &str =
    "a value that begins with `{{` must be in quotes, or YAML takes it for a mapping: \"{{ … }}\"";

/// Refuses what no text file has.
pub(super) fn unreadable_text(source: &Arc<Source>) -> Result<(), Finding> {
    match source.text.find('\0') {
        None => Ok(()),
        Some(at) => Err(Finding::at(
            &span(source, at, at + 1),
            "there is a NUL byte in this file",
            "here",
        )
        .help("it is damaged, or no text at all (UTF-16, perhaps): restore it, or save it as UTF-8")),
    }
}

/// A key that is a list or a mapping: nearly always a template without quotes.
pub(super) fn key_is_a_collection(source: &Arc<Source>, at: usize) -> Finding {
    if let Some(outer) = at.checked_sub(1)
        && source.text[outer..].starts_with("{{")
    {
        return unquoted_template(source, outer);
    }
    Finding::at(
        &span(source, at, at + 1),
        "a key must be text",
        "a collection stands here as a key",
    )
}

/// What the parser stumbled over.
pub(super) fn syntax_error(source: &Arc<Source>, at: usize, info: &str) -> Finding {
    let here = at.min(source.text.len());
    if let Some(template) = template_to_blame(source, here) {
        return unquoted_template(source, template);
    }
    let rest = &source.text[here..];
    let width = rest
        .chars()
        .next()
        .filter(|c| *c != '\n')
        .map_or(0, char::len_utf8);
    let place = span(source, here, here + width);
    if let Some(tab) = tab_in_indentation(source, here, info) {
        return Finding::at(&span(source, tab, tab + 1), "a tab indents this line", "a tab")
            .help("YAML is indented with spaces only: replace the tab by spaces");
    }
    let (message, label, help) = if goes_on_from_above(&source.text, here, info) {
        (
            "a `:` stands where no key can be".to_owned(),
            "the text of the line above goes on here",
            Some("is a `:` missing on the line above, or is this line indented too far?"),
        )
    } else {
        words(info)
    };
    // A construct that is never closed is reported where it begins, or at the end: say which.
    let label = if rest.trim().is_empty() && label.is_empty() {
        "the file ends here"
    } else {
        label
    };
    let finding = Finding::at(&place, message, label);
    match help {
        Some(help) => finding.help(help),
        None => finding,
    }
}

/// Part of the parser's message; then message, label and help in ours.
const KNOWN: &[(&str, &str, &str, &str)] = &[
    (
        "mapping values are not allowed",
        "a `:` stands where no key can be",
        "this `:` begins a value",
        "a text that contains `: ` must be in quotes",
    ),
    (
        "simple key expect",
        "`key: value` is expected",
        "here, or on the line above",
        "is a `:` missing, or is a line not indented as far as the text it goes on from?",
    ),
    (
        "quoted scalar, found unexpected",
        "a quote is opened and never closed",
        "opened here",
        "close it, with the same kind of quote",
    ),
    (
        "indentation in quoted scalar",
        "a quote is opened and never closed",
        "opened here",
        "close it, with the same kind of quote; a quoted text that goes on over lines is indented",
    ),
    (
        "expected ',' or ']'",
        "a `[` is never closed, or a `,` is missing",
        "",
        "close the list with `]`, or put `,` between its items",
    ),
    (
        "expected ',' or '}'",
        "a `{` is never closed, or a `,` is missing",
        "",
        "close the mapping with `}`, or put `,` between its entries",
    ),
    (
        "illegal placement of ':'",
        "a `[` or `{` is never closed",
        "this `:` stands inside of it",
        "close it with `]` or `}`",
    ),
    (
        "comment intercepting",
        "a comment stands in the middle of a text",
        "the text goes on below",
        "put the comment above, or is the next line indented too far?",
    ),
    (
        "did not find expected key",
        "a key is expected here",
        "not indented as the keys above it",
        "keys of one mapping stand in one column; a list item begins with `- `",
    ),
    (
        "did not find expected '-'",
        "a list item is expected here",
        "not indented as the items above it",
        "items of one list begin with `- ` in one column",
    ),
    (
        "sequence entries are not allowed",
        "a list cannot begin here",
        "this `-` begins a list item",
        "put the list on the lines below its key, or quote the text",
    ),
    (
        "unknown anchor",
        "this alias refers to nothing",
        "no `&` of this name stands above",
        "a text that begins with `*` must be in quotes",
    ),
    (
        "unknown escape",
        "this escape is unknown",
        "",
        "in double quotes a backslash begins an escape: use single quotes, or write it twice",
    ),
    (
        "unexpected character",
        "no value can begin with this character",
        "",
        "put the value in quotes",
    ),
    (
        "recursion limit",
        "values stand in each other more than 100 levels deep",
        "too deep",
        "",
    ),
    (
        "trailing content after double-quoted",
        "text follows a closing quote",
        "this is outside of the quotes",
        "put the whole value in quotes; in single quotes, '' is one quote",
    ),
    (
        "tab",
        "a tab stands where YAML wants spaces",
        "",
        "YAML is indented with spaces only: replace the tab by spaces",
    ),
];

/// The parser's message as message, label and help.
fn words(info: &str) -> (String, &'static str, Option<&'static str>) {
    KNOWN.iter().find(|(part, ..)| info.contains(part)).map_or_else(
        || (format!("this is no valid YAML: {info}"), "", None),
        |&(_, message, label, help)| (message.to_owned(), label, (!help.is_empty()).then_some(help)),
    )
}

fn unquoted_template(source: &Arc<Source>, start: usize) -> Finding {
    let line = source.text[start..].lines().next().unwrap_or_default();
    let length = line.rfind("}}").map_or(line.trim_end().len(), |close| close + 2);
    Finding::at(
        &span(source, start, start + length),
        "a template stands without quotes",
        "in quotes, please",
    )
    .help(QUOTE_TEMPLATE)
}

/// `key: {{ x }}` or `- {{ x }}` on the line of an error or the one before it, if the error is gone without it.
fn template_to_blame(source: &Arc<Source>, at: usize) -> Option<usize> {
    let text = &source.text;
    let here = line_start(text, at);
    let before = here.checked_sub(1).map(|end| line_start(text, end));
    [Some(here), before].into_iter().flatten().find_map(|start| {
        let line = text[start..].lines().next().unwrap_or_default();
        let open = line.find("{{").filter(|&open| {
            let lead = line[..open].trim_end();
            lead.is_empty() || lead.ends_with(':') || lead.ends_with('-')
        })?;
        let (open, end) = (start + open, start + line.trim_end().len());
        let without = format!("{}x{}", &text[..open], &text[end..]);
        let next = Parser::new_from_str(&without).find_map(Result::err);
        let goes_on = next.is_none_or(|error| error.marker().line() > text[..end].lines().count());
        goes_on.then_some(open)
    })
}

/// A tab in the indentation of the line of an error, or of the next one that has any where the parser complains of tabs.
fn tab_in_indentation(source: &Source, at: usize, info: &str) -> Option<usize> {
    let mut start = line_start(&source.text, at);
    for line in source.text[start..].split_inclusive('\n') {
        let indentation = line.len() - line.trim_start().len();
        if let Some(tab) = line[..indentation].find('\t') {
            return Some(start + tab);
        }
        if !info.contains("tab") {
            break;
        }
        start += line.len();
    }
    None
}

/// Whether the `:` that the parser did not expect is the first of its line: then the line is taken for text.
fn goes_on_from_above(text: &str, at: usize, info: &str) -> bool {
    let start = line_start(text, at);
    let is_first = !text[start..at].contains(": ");
    info.contains("mapping values are not allowed") && is_first && !text[..start].trim().is_empty()
}

fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |newline| newline + 1)
}

fn span(source: &Arc<Source>, start: usize, end: usize) -> Span {
    Span {
        source: Arc::clone(source),
        start,
        end,
    }
}
