//! Regular expressions and replacements as playbooks write them, which is as Python does.

use regex::{Captures, Regex, RegexBuilder};

/// A pattern compiled; `multiline`: `^` and `$` are those of lines. An error is a sentence without an end.
pub fn compile(pattern: &str, ignorecase: bool, multiline: bool) -> Result<Regex, String> {
    RegexBuilder::new(pattern)
        .case_insensitive(ignorecase)
        .multi_line(multiline)
        .build()
        .map_err(|error| {
            let last = error.to_string();
            let last = last.lines().last().unwrap_or_default().trim();
            let what = last.strip_prefix("error: ").unwrap_or(last);
            format!("`{pattern}` is no regular expression: {what}")
        })
}

/// A replacement with its groups filled in: `\1` and `\g<name>`.
pub fn expand(replacement: &str, found: &Captures<'_>) -> String {
    let mut out = String::new();
    let mut rest = replacement;
    while let Some((before, after)) = rest.split_once('\\') {
        out.push_str(before);
        let digits = after
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(after.len())
            .min(2);
        if digits > 0 {
            let group = after[..digits].parse().ok().and_then(|index| found.get(index));
            out.push_str(group.map_or("", |group| group.as_str()));
            rest = &after[digits..];
        } else if let Some((name, after)) = after.strip_prefix("g<").and_then(|named| named.split_once('>')) {
            out.push_str(group(found, name).unwrap_or_default());
            rest = after;
        } else {
            let mut chars = after.chars();
            match chars.next() {
                Some('n') => out.push('\n'),
                Some('t') => out.push('\t'),
                Some(other) => out.push(other),
                None => out.push('\\'),
            }
            rest = chars.as_str();
        }
    }
    out.push_str(rest);
    out
}

/// A group by number or name.
pub fn group<'t>(found: &Captures<'t>, name: &str) -> Option<&'t str> {
    let group = match name.parse::<usize>() {
        Ok(index) => found.get(index),
        Err(_) => found.name(name),
    };
    group.map(|group| group.as_str())
}
