//! Syntax errors in the words of someone who wants to repair the file.

use std::sync::Arc;

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
    if let Some(finding) = unquoted_template(source, at) {
        return finding;
    }
    Finding::at(
        &span(source, at, at + 1),
        "a key must be text",
        "a collection stands here as a key",
    )
}

/// What the parser stumbled over.
pub(super) fn syntax_error(source: &Arc<Source>, at: usize, info: &str) -> Finding {
    if let Some(finding) = unquoted_template(source, at) {
        return finding;
    }
    let here = at.min(source.text.len());
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
    let (message, label, help) = words(info);
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

/// The parser's message as message, label and help.
fn words(info: &str) -> (String, &'static str, Option<&'static str>) {
    let known: &[(&str, &str, &str, &str)] = &[
        (
            "mapping values are not allowed",
            "a `:` stands where no key can be",
            "this `:` begins a value",
            "a text that contains `: ` must be in quotes; or is the line indented too far?",
        ),
        (
            "simple key expect",
            "this line is no `key: value`",
            "a `:` is missing after this key",
            "is a `:` missing, or is the line not indented as far as the text it continues?",
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
            "put the whole value in quotes",
        ),
        (
            "tab",
            "a tab stands where YAML wants spaces",
            "",
            "YAML is indented with spaces only: replace the tab by spaces",
        ),
    ];
    known.iter().find(|(part, ..)| info.contains(part)).map_or_else(
        || (format!("this is no valid YAML: {info}"), "", None),
        |&(_, message, label, help)| (message.to_owned(), label, (!help.is_empty()).then_some(help)),
    )
}

/// `key: {{ x }}` or `- {{ x }}`, on the line of an error or the one before it.
fn unquoted_template(source: &Arc<Source>, at: usize) -> Option<Finding> {
    let text = &source.text;
    let here = line_start(text, at.min(text.len()));
    let before = here.checked_sub(1).map(|end| line_start(text, end));
    [Some(here), before].into_iter().flatten().find_map(|start| {
        let line = text[start..].lines().next().unwrap_or_default();
        let open = line.find("{{").filter(|&open| {
            let lead = line[..open].trim_end();
            lead.is_empty() || lead.ends_with(':') || lead.ends_with('-')
        })?;
        let end = line[open..]
            .rfind("}}")
            .map_or(line.trim_end().len(), |close| open + close + 2);
        let place = span(source, start + open, start + end);
        Some(
            Finding::at(&place, "a template stands without quotes", "in quotes, please").help(QUOTE_TEMPLATE),
        )
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
