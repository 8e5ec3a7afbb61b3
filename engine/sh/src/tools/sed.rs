//! `sed`: substitutions, deletions and printing, by addresses.

use std::rc::Rc;

use regex::bytes::Regex;

use super::grep::{Compiled, basic_pattern, compiled, extended_pattern};
use super::{Words, all_bytes, failed, lines_of, unknown, with_complaints};
use crate::system::{Call, Ended, System};

enum Address {
    Line(usize),
    Last,
    Match(Rc<Regex>),
}

enum Verb {
    Substitute {
        pattern: Rc<Regex>,
        with: String,
        all: bool,
        print: bool,
    },
    Delete,
    Print,
    Quit,
}

struct Command {
    from: Option<Address>,
    to: Option<Address>,
    negated: bool,
    verb: Verb,
}

pub(super) fn sed(call: &Call<'_>, system: &mut dyn System) -> Ended {
    let words = match Words::of(call, "nErsui", "e") {
        Ok(words) => words,
        Err(option) => return unknown(call, &option),
    };
    let (scripts, files) = words.given_or_first("e");
    let extended = words.has("E") || words.has("r");
    let Some(commands) = commands(&scripts.join("\n"), extended) else {
        return failed(2, &format!("sed: {}: not modelled", scripts.join(" ")));
    };
    let quiet = words.has("n");
    if words.has("i") {
        let mut wrong = Vec::new();
        for file in &files {
            let at = super::path(call, file);
            let written = system.read(&at).and_then(|bytes| {
                let edited = edit(&commands, &bytes, quiet);
                system.create(&at, false, call.umask)?;
                system.append(&at, &edited, call.umask)
            });
            wrong.extend(written.err().map(|why| format!("sed: can't read {file}: {why}")));
        }
        return with_complaints(Vec::new(), &wrong);
    }
    let (bytes, wrong) = all_bytes(call, system, &files);
    with_complaints(edit(&commands, &bytes, quiet), &wrong)
}

fn edit(commands: &[Command], bytes: &[u8], quiet: bool) -> Vec<u8> {
    let mut out = Vec::new();
    let lines = lines_of(bytes, b'\n');
    let mut inside = vec![false; commands.len()];
    let count = lines.len();
    for (at, line) in lines.iter().enumerate() {
        let mut line = line.to_vec();
        let (mut deleted, mut quit) = (false, false);
        for (command, inside) in commands.iter().zip(&mut inside) {
            if command.applies(at + 1, count, &line, inside) == command.negated {
                continue;
            }
            match &command.verb {
                Verb::Substitute {
                    pattern,
                    with,
                    all,
                    print,
                } => {
                    let most = usize::from(!all);
                    let new = pattern.replacen(&line, most, with.as_bytes()).into_owned();
                    let changed = pattern.is_match(&line);
                    line = new;
                    if changed && *print {
                        out.extend(line.iter().chain(b"\n"));
                    }
                }
                Verb::Delete => {
                    deleted = true;
                    break;
                }
                Verb::Print => out.extend(line.iter().chain(b"\n")),
                Verb::Quit => {
                    quit = true;
                    break;
                }
            }
        }
        if !deleted && !quiet {
            out.extend_from_slice(&line);
            if at + 1 < count || bytes.ends_with(b"\n") {
                out.push(b'\n');
            }
        }
        if quit {
            break;
        }
    }
    out
}

impl Command {
    fn applies(&self, number: usize, count: usize, line: &[u8], inside: &mut bool) -> bool {
        let is = |address: &Address| match address {
            Address::Line(at) => *at == number,
            Address::Last => number == count,
            Address::Match(pattern) => pattern.is_match(line),
        };
        match (&self.from, &self.to) {
            (None, _) => true,
            (Some(from), None) => is(from),
            (Some(from), Some(to)) => {
                if *inside {
                    *inside = !is(to);
                    return true;
                }
                let begins = is(from);
                *inside = begins && !matches!(to, Address::Line(last) if *last <= number);
                begins
            }
        }
    }
}

fn commands(script: &str, extended: bool) -> Option<Vec<Command>> {
    let mut chars = script.chars().peekable();
    let mut commands = Vec::new();
    loop {
        while chars.peek().is_some_and(|c| c.is_whitespace() || *c == ';') {
            chars.next();
        }
        if chars.peek().is_none() {
            return Some(commands);
        }
        let from = address(&mut chars, extended)?;
        let mut to = None;
        if from.is_some() && chars.peek() == Some(&',') {
            chars.next();
            to = Some(address(&mut chars, extended)??);
        }
        let mut negated = false;
        while matches!(chars.peek(), Some('!' | ' ')) {
            negated |= chars.next() == Some('!');
        }
        let verb = match chars.next()? {
            's' => substitute(&mut chars, extended)?,
            'd' => Verb::Delete,
            'p' => Verb::Print,
            'q' => Verb::Quit,
            _ => return None,
        };
        commands.push(Command {
            from,
            to,
            negated,
            verb,
        });
    }
}

type Chars<'a> = std::iter::Peekable<std::str::Chars<'a>>;

/// None: not understood; none inside: there is none.
#[expect(
    clippy::option_option,
    reason = "whether there is one, and whether it is understood"
)]
fn address(chars: &mut Chars<'_>, extended: bool) -> Option<Option<Address>> {
    match chars.peek()? {
        '$' => {
            chars.next();
            Some(Some(Address::Last))
        }
        c if c.is_ascii_digit() => {
            let mut digits = String::new();
            while let Some(digit) = chars.peek().filter(|c| c.is_ascii_digit()) {
                digits.push(*digit);
                chars.next();
            }
            Some(Some(Address::Line(digits.parse().ok()?)))
        }
        '/' => {
            chars.next();
            let text = delimited(chars, '/')?;
            Some(Some(Address::Match(pattern_of(&text, extended, false)?)))
        }
        _ => Some(None),
    }
}

fn delimited(chars: &mut Chars<'_>, end: char) -> Option<String> {
    let mut text = String::new();
    let mut in_class = false;
    loop {
        match chars.next()? {
            '\\' => match chars.next()? {
                c if c == end => text.push(c),
                c => text.extend(['\\', c]),
            },
            c if c == end && !in_class => return Some(text),
            c => {
                match c {
                    '[' => in_class = true,
                    ']' => in_class = false,
                    _ => {}
                }
                text.push(c);
            }
        }
    }
}

fn pattern_of(text: &str, extended: bool, ignore_case: bool) -> Compiled {
    let pattern = if extended {
        extended_pattern(text)
    } else {
        basic_pattern(text)
    };
    compiled(&pattern, ignore_case)
}

fn substitute(chars: &mut Chars<'_>, extended: bool) -> Option<Verb> {
    let end = chars.next()?;
    let text = delimited(chars, end)?;
    let mut raw = String::new();
    loop {
        match chars.next()? {
            '\\' => raw.extend(['\\', chars.next()?]),
            c if c == end => break,
            c => raw.push(c),
        }
    }
    let (mut all, mut print, mut ignore_case) = (false, false, false);
    while let Some(flag) = chars.peek().filter(|c| "gpIi".contains(**c)) {
        match flag {
            'g' => all = true,
            'p' => print = true,
            _ => ignore_case = true,
        }
        chars.next();
    }
    Some(Verb::Substitute {
        pattern: pattern_of(&text, extended, ignore_case)?,
        with: replacement(&raw, end),
        all,
        print,
    })
}

/// A replacement in the words of this language.
fn replacement(raw: &str, end: char) -> String {
    let mut out = String::new();
    let mut chars = raw.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some(digit) if digit.is_ascii_digit() => out.push_str(&format!("${{{digit}}}")),
                Some('n') => out.push('\n'),
                Some('t') => out.push('\t'),
                Some(c) if c == end || c == '&' || c == '\\' => out.push(c),
                Some(c) => out.push(c),
                None => out.push('\\'),
            },
            '&' => out.push_str("${0}"),
            '$' => out.push_str("$$"),
            c => out.push(c),
        }
    }
    out
}
