//! What is done to texts: records and fields, patterns, formats.

use super::value::{Value, shown};
use crate::tools::WIDEST;
use crate::tools::grep::extended;

pub(super) fn unescaped(text: &str) -> String {
    text.replace("\\n", "\n").replace("\\t", "\t")
}

pub(super) fn records<'a>(input: &'a str, separator: &str) -> Vec<&'a str> {
    if separator.is_empty() {
        // Paragraphs.
        return input
            .split("\n\n")
            .map(|part| part.trim_matches('\n'))
            .filter(|part| !part.is_empty())
            .collect();
    }
    let input = input.strip_suffix(separator).unwrap_or(input);
    if input.is_empty() {
        Vec::new()
    } else {
        input.split(separator).collect()
    }
}

pub(super) fn found(pattern: &str, text: &str) -> Option<(usize, usize)> {
    let pattern = extended(pattern)?;
    let found = pattern.find(text.as_bytes())?;
    Some((found.start(), found.end()))
}

pub(super) fn substituted(text: &str, pattern: &str, with: &str, all: bool) -> (String, usize) {
    let Some(pattern) = extended(pattern) else {
        return (text.to_owned(), 0);
    };
    let mut out = String::new();
    let (mut from, mut count) = (0, 0);
    for place in pattern.find_iter(text.as_bytes()) {
        if count > 0 && !all {
            break;
        }
        count += 1;
        out.push_str(text.get(from..place.start()).unwrap_or_default());
        let whole = text.get(place.range()).unwrap_or_default();
        out.push_str(
            &with
                .replace("\\&", "\x00")
                .replace('&', whole)
                .replace('\x00', "&"),
        );
        from = place.end();
    }
    out.push_str(text.get(from..).unwrap_or_default());
    (out, count)
}

/// The parts of a text between separators; `lines_too`: lines end parts as well, as in records that are paragraphs, unless the separator
/// is an expression.
pub(super) fn split(text: &str, separator: &str, lines_too: bool) -> Vec<String> {
    if separator == " " {
        return text.split_whitespace().map(str::to_owned).collect();
    }
    if text.is_empty() {
        return Vec::new();
    }
    let mut single = separator.chars();
    if let (Some(only), None) = (single.next(), single.next())
        && only != '\\'
    {
        let ends = |c: char| c == only || (lines_too && c == '\n');
        return text.split(ends).map(str::to_owned).collect();
    }
    match extended(separator) {
        None => vec![text.to_owned()],
        Some(pattern) => pattern
            .split(text.as_bytes())
            .map(|part| String::from_utf8_lossy(part).into_owned())
            .collect(),
    }
}

pub(super) fn formatted(values: &[Value]) -> String {
    let mut values = values.iter();
    let format = values.next().map(Value::text).unwrap_or_default();
    let mut out = String::new();
    let mut chars = format.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let mut spec = String::new();
        while let Some(c) = chars
            .peek()
            .filter(|c| "-0+ .".contains(**c) || c.is_ascii_digit())
        {
            spec.push(*c);
            chars.next();
        }
        let Some(verb) = chars.next() else { break };
        if verb == '%' {
            out.push('%');
            continue;
        }
        let empty = Value::Text(String::new());
        let value = values.next().unwrap_or(&empty);
        let (flags, precision) = spec.split_once('.').unwrap_or((&spec, ""));
        let precision = precision.parse::<usize>().ok();
        let text = match verb {
            'd' | 'i' => shown(value.number().trunc()),
            'f' => format!("{:.*}", precision.unwrap_or(6).min(WIDEST), value.number()),
            'c' => value.text().chars().take(1).collect(),
            _ => value
                .text()
                .chars()
                .take(precision.unwrap_or(usize::MAX))
                .collect(),
        };
        let width: usize = flags
            .trim_start_matches(['-', '+', '0', ' '])
            .parse()
            .unwrap_or(0);
        let fill = width.min(WIDEST).saturating_sub(text.chars().count());
        if flags.starts_with('-') {
            out.push_str(&text);
            out.extend(std::iter::repeat_n(' ', fill));
        } else {
            let with = if flags.starts_with('0') && verb != 's' {
                '0'
            } else {
                ' '
            };
            out.extend(std::iter::repeat_n(with, fill));
            out.push_str(&text);
        }
    }
    out
}
