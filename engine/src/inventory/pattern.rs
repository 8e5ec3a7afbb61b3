//! Patterns of hosts: `slaves`, `all:!fe3`, `web*:&prod`, `~fe\d+`, `slaves[0]`, `slaves[1:]`.

use std::ops::Range;

use indexmap::IndexSet;
use regex::Regex;

use super::{ALL, Inventory, LOCALHOST};
use crate::diagnostics::{Finding, Span, suggest};

/// What is wrong with a pattern, and in which part of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct BadPattern {
    /// What is wrong.
    pub message: String,
    /// The bytes of the pattern that are to blame.
    pub part: Range<usize>,
    /// What was probably meant.
    pub help: Option<String>,
    /// The pattern.
    pattern: String,
}

impl BadPattern {
    /// The finding, for a pattern that stands at `span`.
    pub fn at(&self, span: &Span) -> Finding {
        // In quotes, with escapes or folded, the pattern does not stand there as it is: then the whole is underlined.
        let place = match span.text().find(&self.pattern) {
            Some(offset) => Span {
                start: span.start + offset + self.part.start,
                end: span.start + offset + self.part.end,
                ..span.clone()
            },
            None => span.clone(),
        };
        let finding = Finding::at(&place, &self.message, "");
        match &self.help {
            Some(help) => finding.help(help),
            None => finding,
        }
    }
}

/// How a part counts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sign {
    Add,
    Intersect,
    Exclude,
}

impl Inventory {
    /// The hosts a pattern stands for, in the order of the pattern and then of the inventory. Whatever in it names no host and
    /// no group is an error, also in an exclusion: a misspelt one would run on the very host it should spare.
    pub fn select(&self, pattern: &str) -> Result<Vec<&str>, BadPattern> {
        let bad = |part: &Range<usize>, (message, help): (String, Option<String>)| BadPattern {
            message,
            part: part.clone(),
            help,
            pattern: pattern.to_owned(),
        };
        let parts = parts(pattern);
        if parts.is_empty() {
            return Err(bad(
                &(0..pattern.len()),
                ("an empty pattern stands for no host".to_owned(), None),
            ));
        }
        let mut selected: IndexSet<&str> = IndexSet::new();
        if parts.iter().all(|(sign, _)| *sign != Sign::Add) {
            selected.extend(self.hosts.keys().map(String::as_str));
        }
        // As in Ansible: what is added first, then intersections, then exclusions, wherever they stand.
        for step in [Sign::Add, Sign::Intersect, Sign::Exclude] {
            for (_, part) in parts.iter().filter(|(sign, _)| *sign == step) {
                let hosts = self.term(&pattern[part.clone()]).map_err(|why| bad(part, why))?;
                match step {
                    Sign::Add => selected.extend(hosts),
                    Sign::Intersect => selected.retain(|host| hosts.contains(host)),
                    Sign::Exclude => selected.retain(|host| !hosts.contains(host)),
                }
            }
        }
        Ok(selected.into_iter().collect())
    }

    fn term(&self, term: &str) -> Result<IndexSet<&str>, (String, Option<String>)> {
        if let Some(expression) = term.strip_prefix('~') {
            let expression = Regex::new(&format!("^(?:{expression})")).map_err(|error| {
                (
                    format!("`{expression}` is no regular expression"),
                    Some(error.to_string()),
                )
            })?;
            return self.matching(term, &expression);
        }
        if let Some((group, from, to)) = dashed(term)
            && self.groups.contains_key(group)
        {
            let why = format!("`{term}` may mean hosts by name, or by their position in the group `{group}`");
            let help = format!(
                "write `{group}[{from}:{to}]` for positions, which Ansible takes it for, or list the names"
            );
            return Err((why, Some(help)));
        }
        match subscript(term) {
            Some((name, subscript)) => {
                let hosts: Vec<&str> = self.named(name)?.into_iter().collect();
                match subscript.of(&hosts) {
                    Some(chosen) => Ok(chosen.iter().copied().collect()),
                    None => Err((
                        format!("`{name}` has {} and not that many hosts", hosts.len()),
                        None,
                    )),
                }
            }
            None => self.named(term),
        }
    }

    fn named(&self, name: &str) -> Result<IndexSet<&str>, (String, Option<String>)> {
        if name == "*" {
            return self.named(ALL);
        }
        if let Some(group) = self.groups.get(name) {
            return Ok(group.hosts.iter().map(String::as_str).collect());
        }
        if let Some(host) = self.host(name) {
            return Ok(IndexSet::from([host.name.as_str()]));
        }
        if let Some(expression) = glob(name) {
            return self.matching(name, &expression);
        }
        let names = self.groups.keys().chain(self.hosts.keys()).map(String::as_str);
        let help = suggest(name, names.chain([LOCALHOST]))
            .unwrap_or_else(|| "`nebplay inventory --graph` shows all hosts and groups".to_owned());
        Err((format!("there is no host and no group `{name}`"), Some(help)))
    }

    fn matching(&self, term: &str, expression: &Regex) -> Result<IndexSet<&str>, (String, Option<String>)> {
        let groups = self
            .groups
            .values()
            .filter(|group| expression.is_match(&group.name));
        let mut matched = false;
        let mut hosts: IndexSet<&str> = groups
            .inspect(|_| matched = true)
            .flat_map(|group| group.hosts.iter().map(String::as_str))
            .collect();
        hosts.extend(
            self.hosts
                .keys()
                .map(String::as_str)
                .filter(|host| expression.is_match(host)),
        );
        if hosts.is_empty() && !matched {
            return Err((format!("`{term}` matches no host and no group"), None));
        }
        Ok(hosts)
    }
}

/// The parts of a pattern, without space and sign: separated by commas, or, where there is none, by colons outside of brackets.
fn parts(pattern: &str) -> Vec<(Sign, Range<usize>)> {
    let by_comma = pattern.contains(',');
    let is_address = |text: &str| text.trim().parse::<std::net::Ipv6Addr>().is_ok();
    let mut pieces = Vec::new();
    let mut depth = 0_usize;
    let mut start = 0;
    for (at, c) in pattern.char_indices() {
        match c {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        let separates = if by_comma {
            c == ','
        } else {
            c == ':' && !is_address(pattern)
        };
        if separates && depth == 0 {
            pieces.push(start..at);
            start = at + 1;
        }
    }
    pieces.push(start..pattern.len());
    let signed = pieces.into_iter().filter_map(|piece| {
        let text = &pattern[piece.clone()];
        let end = piece.start + text.trim_end().len();
        let start = piece.end - text.trim_start().len();
        let text = pattern.get(start..end)?;
        let sign = match text.as_bytes().first()? {
            b'!' => Sign::Exclude,
            b'&' => Sign::Intersect,
            _ => return Some((Sign::Add, start..end)),
        };
        Some((sign, start + 1..end))
    });
    signed.collect()
}

/// Which of the hosts of a group.
enum Subscript {
    One(i64),
    Range(usize, Option<usize>),
}

impl Subscript {
    fn of<'a, 'b>(&self, hosts: &'a [&'b str]) -> Option<&'a [&'b str]> {
        match *self {
            Self::One(index) => {
                let length = i64::try_from(hosts.len()).ok()?;
                let index = usize::try_from(if index < 0 { length + index } else { index }).ok()?;
                hosts.get(index..=index)
            }
            Self::Range(from, to) => {
                let to = to.unwrap_or(hosts.len().saturating_sub(1));
                hosts.get(from..=to.min(hosts.len().saturating_sub(1)))
            }
        }
    }
}

/// `name[inside]`.
fn bracketed(term: &str) -> Option<(&str, &str)> {
    term.strip_suffix(']')?.rsplit_once('[')
}

/// `name[0-2]`: the name and the two numbers.
fn dashed(term: &str) -> Option<(&str, &str, &str)> {
    let (name, inside) = bracketed(term)?;
    let (from, to) = inside.split_once('-')?;
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    (is_number(from) && is_number(to)).then_some((name, from, to))
}

/// `name[0]`, `name[-1]`, `name[0:2]` (the last included) and `name[1:]`.
fn subscript(term: &str) -> Option<(&str, Subscript)> {
    let (name, inside) = bracketed(term)?;
    if name.is_empty() {
        return None;
    }
    if let Ok(index) = inside.parse() {
        return Some((name, Subscript::One(index)));
    }
    let (from, to) = inside.split_once(':')?;
    let from = if from.is_empty() { 0 } else { from.parse().ok()? };
    let to = if to.is_empty() {
        None
    } else {
        Some(to.parse().ok()?)
    };
    Some((name, Subscript::Range(from, to)))
}

/// A shell pattern as a regular expression; nothing for a plain name.
fn glob(pattern: &str) -> Option<Regex> {
    if !pattern.contains(['*', '?', '[']) {
        return None;
    }
    let mut expression = String::from("^(?:");
    let mut rest = pattern.chars();
    while let Some(c) = rest.next() {
        match c {
            '*' => expression.push_str(".*"),
            '?' => expression.push('.'),
            '[' if rest.as_str().contains(']') => {
                let class: String = rest.by_ref().take_while(|c| *c != ']').collect();
                let (not, class) = match class.strip_prefix('!') {
                    Some(class) => ("^", class.to_owned()),
                    None => ("", class),
                };
                expression.extend(["[", not, &class.replace(['\\', '[', '^', '&'], ""), "]"]);
            }
            c => expression.push_str(&regex::escape(c.encode_utf8(&mut [0; 4]))),
        }
    }
    expression.push_str(")$");
    Regex::new(&expression).ok()
}
