//! `grep`.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use bytes::Bytes;
use regex::bytes::{Regex, RegexBuilder};

use super::{Words, bytes_of, failed, lines_of, path, unknown};
use crate::system::{Call, Ended, FileTest, System};

pub(super) fn grep(call: &Call<'_>, system: &mut dyn System) -> Ended {
    let words = match Words::of(call, "EFqsvcioaxnRrhHlw", "em") {
        Ok(words) => words,
        Err(option) => return unknown(call, &option),
    };
    let (patterns, files) = words.given_or_first("e");
    let extended = words.has("E") || call.argv.first().is_some_and(|name| name == "egrep");
    let one = |pattern: &String| {
        let pattern = if words.has("F") {
            regex::escape(pattern)
        } else if extended {
            extended_pattern(pattern)
        } else {
            basic_pattern(pattern)
        };
        match (words.has("x"), words.has("w")) {
            (true, _) => format!("^(?:{pattern})$"),
            (false, true) => format!(r"\b(?:{pattern})\b"),
            (false, false) => pattern,
        }
    };
    let pattern = patterns
        .iter()
        .flat_map(|text| text.split('\n').map(str::to_owned).collect::<Vec<_>>())
        .map(|text| one(&text));
    let pattern = pattern.collect::<Vec<_>>().join("|");
    let Some(pattern) = compiled(&pattern, words.has("i")) else {
        return failed(2, &format!("grep: {pattern}: not modelled"));
    };
    let recursive = words.has("R") || words.has("r");
    let mut sources: Vec<(String, Bytes)> = Vec::new();
    let mut wrong = Vec::new();
    if files.is_empty() {
        sources.push(("(standard input)".to_owned(), call.stdin.clone()));
    }
    for file in &files {
        if recursive {
            below(call, system, file, &mut sources, &mut wrong);
        } else {
            match bytes_of(call, system, file) {
                Ok(bytes) => sources.push((file.clone(), bytes)),
                Err(why) => wrong.push(why),
            }
        }
    }
    let named = (files.len() > 1 || recursive || words.has("H")) && !words.has("h");
    let mut out = Vec::new();
    let mut any = false;
    for (name, bytes) in &sources {
        let mut count = 0;
        for (number, line) in lines_of(bytes, b'\n').into_iter().enumerate() {
            if pattern.is_match(line) == words.has("v") {
                continue;
            }
            any = true;
            count += 1;
            if words.has("q") || words.has("c") || words.has("l") {
                continue;
            }
            let mut prefix = if named { format!("{name}:") } else { String::new() };
            if words.has("n") {
                prefix.push_str(&format!("{}:", number + 1));
            }
            let shown: Vec<&[u8]> = if words.has("o") {
                pattern.find_iter(line).map(|found| found.as_bytes()).collect()
            } else {
                vec![line]
            };
            for part in shown {
                out.extend(prefix.bytes());
                out.extend_from_slice(part);
                out.push(b'\n');
            }
            if words
                .value("m")
                .and_then(|most| most.parse().ok())
                .is_some_and(|most: usize| count >= most)
            {
                break;
            }
        }
        if words.has("c") && !words.has("q") {
            let prefix = if named { format!("{name}:") } else { String::new() };
            out.extend(format!("{prefix}{count}\n").bytes());
        } else if words.has("l") && count > 0 {
            out.extend(format!("{name}\n").bytes());
        }
    }
    let status = match (any, wrong.is_empty()) {
        (true, true) => 0,
        (true, false) if words.has("q") => 0,
        (_, false) => 2,
        (false, true) => 1,
    };
    let stderr = if words.has("s") {
        Vec::new()
    } else {
        wrong
            .iter()
            .flat_map(|why| format!("{why}\n").into_bytes())
            .collect()
    };
    Ended {
        status,
        stdout: out,
        stderr,
    }
}

fn below(
    call: &Call<'_>,
    system: &mut dyn System,
    file: &str,
    sources: &mut Vec<(String, Bytes)>,
    wrong: &mut Vec<String>,
) {
    let at = path(call, file);
    if system.test(FileTest::Directory, &at) {
        for name in system.list(&at) {
            below(
                call,
                system,
                &format!("{}/{name}", file.trim_end_matches('/')),
                sources,
                wrong,
            );
        }
        return;
    }
    match bytes_of(call, system, file) {
        Ok(bytes) => sources.push((file.to_owned(), bytes)),
        Err(why) => wrong.push(why),
    }
}

/// A pattern, if it can be compiled. It is shared, because a clone would make its own room to search in.
pub(super) type Compiled = Option<Rc<Regex>>;

/// A compiled pattern; few of them are used again and again.
pub(super) fn compiled(pattern: &str, ignore_case: bool) -> Compiled {
    thread_local! {
        static COMPILED: RefCell<HashMap<(String, bool), Compiled>> = RefCell::default();
    }
    COMPILED.with_borrow_mut(|compiled| {
        compiled
            .entry((pattern.to_owned(), ignore_case))
            .or_insert_with(|| {
                RegexBuilder::new(pattern)
                    .case_insensitive(ignore_case)
                    .unicode(false)
                    // Patterns are many and texts are short.
                    .dfa_size_limit(1 << 17)
                    .build()
                    .ok()
                    .map(Rc::new)
            })
            .clone()
    })
}

/// As [`compiled`], of an extended regular expression of POSIX.
pub(super) fn extended(pattern: &str) -> Compiled {
    compiled(&extended_pattern(pattern), false)
}

/// An extended regular expression of POSIX in the words of this language.
pub(super) fn extended_pattern(pattern: &str) -> String {
    let mut out = String::new();
    let mut chars = pattern.chars().peekable();
    let mut in_class = false;
    while let Some(c) = chars.next() {
        match c {
            '[' if !in_class => {
                in_class = true;
                out.push('[');
                if chars.peek() == Some(&'^') {
                    chars.next();
                    out.push('^');
                }
                if chars.peek() == Some(&']') {
                    chars.next();
                    out.push_str("\\]");
                }
            }
            '[' if chars.peek() == Some(&':') => {
                // A class's name, up to its end.
                out.push('[');
                for c in chars.by_ref() {
                    out.push(c);
                    if c == ']' {
                        break;
                    }
                }
            }
            '[' => out.push_str("\\["),
            ']' if in_class => {
                in_class = false;
                out.push(']');
            }
            '\\' if in_class => out.push_str("\\\\"),
            '&' | '~' if in_class => out.extend(['\\', c]),
            '{' if !chars.peek().is_some_and(char::is_ascii_digit) => out.push_str("\\{"),
            c => out.push(c),
        }
        if c == '\\' && !in_class {
            out.extend(chars.next());
        }
    }
    out
}

/// A basic regular expression of POSIX in the words of this language.
pub(super) fn basic_pattern(pattern: &str) -> String {
    let mut swapped = String::new();
    let mut chars = pattern.chars().peekable();
    let mut in_class = false;
    while let Some(c) = chars.next() {
        match c {
            '\\' if !in_class => match chars.next() {
                Some(c) if "(){}+?|".contains(c) => swapped.push(c),
                Some(c) => swapped.extend(['\\', c]),
                None => swapped.push_str("\\\\"),
            },
            '(' | ')' | '{' | '}' | '+' | '?' | '|' if !in_class => swapped.extend(['\\', c]),
            '*' if !in_class && (swapped.is_empty() || swapped.ends_with('^')) => swapped.push_str("\\*"),
            c => {
                match c {
                    '[' => in_class = true,
                    ']' => in_class = false,
                    _ => {}
                }
                swapped.push(c);
            }
        }
    }
    extended_pattern(&swapped)
}
