//! Patterns: `*`, `?` and `[…]`, for `case`, for `${x#…}` and for file names.

use crate::system::System;

/// A character of a pattern, and whether it only stands for itself.
pub(crate) type Sign = (char, bool);

/// Whether something in it stands for more than itself.
pub(crate) fn is_pattern(pattern: &[Sign]) -> bool {
    pattern.iter().any(|(c, literal)| !literal && "*?[".contains(*c))
}

/// Whether the whole text is of this pattern. Only the last `*` ever needs to take more: what stands between two of them is found at
/// its first place, and no later one would leave more.
pub(crate) fn matches(mut pattern: &[Sign], mut text: &[char]) -> bool {
    let mut last_star = None;
    loop {
        if let Some((('*', false), rest)) = pattern.split_first() {
            last_star = Some((rest, text));
            pattern = rest;
        } else if pattern.is_empty() && text.is_empty() {
            return true;
        } else if let Some(rests) = without_first(pattern, text) {
            (pattern, text) = rests;
        } else if let Some((after, [_, others @ ..])) = last_star {
            last_star = Some((after, others));
            (pattern, text) = (after, others);
        } else {
            return false;
        }
    }
}

/// What is left of both when the first character of the text is of the first sign of the pattern.
fn without_first<'p, 't>(pattern: &'p [Sign], text: &'t [char]) -> Option<(&'p [Sign], &'t [char])> {
    let ((sign, literal), rest) = pattern.split_first()?;
    let (first, others) = text.split_first()?;
    let class = (*sign == '[' && !literal).then(|| class(rest)).flatten();
    match (class, sign, literal) {
        (Some((class, after)), ..) => class.has(*first).then_some((after, others)),
        (None, '?', false) => Some((rest, others)),
        (None, ..) => (sign == first).then_some((rest, others)),
    }
}

/// What stands between brackets.
#[derive(Default)]
struct Class {
    negated: bool,
    ranges: Vec<(char, char)>,
    named: Vec<fn(char) -> bool>,
}

impl Class {
    fn has(&self, c: char) -> bool {
        let inside = self.ranges.iter().any(|(from, to)| (*from..=*to).contains(&c))
            || self.named.iter().any(|holds| holds(c));
        inside != self.negated
    }
}

/// The characters of a named class, `[:space:]`.
pub(crate) fn named_class(name: &str) -> Option<fn(char) -> bool> {
    Some(match name {
        "space" => |c| c.is_ascii_whitespace() || c == '\x0b',
        "blank" => |c| c == ' ' || c == '\t',
        "digit" => |c| c.is_ascii_digit(),
        "alpha" => |c| c.is_ascii_alphabetic(),
        "alnum" => |c| c.is_ascii_alphanumeric(),
        "upper" => |c| c.is_ascii_uppercase(),
        "lower" => |c| c.is_ascii_lowercase(),
        "punct" => |c| c.is_ascii_punctuation(),
        "xdigit" => |c| c.is_ascii_hexdigit(),
        "print" => |c| (' '..='~').contains(&c),
        "cntrl" => |c| c.is_ascii_control(),
        _ => return None,
    })
}

fn class(rest: &[Sign]) -> Option<(Class, &[Sign])> {
    let mut class = Class::default();
    let mut at = 0;
    if matches!(rest.first(), Some(('!' | '^', false))) {
        class.negated = true;
        at = 1;
    }
    let first = at;
    loop {
        let (c, _) = *rest.get(at)?;
        if c == ']' && at > first {
            return Some((class, &rest[at + 1..]));
        }
        if c == '[' && matches!(rest.get(at + 1), Some((':', _))) {
            let name: String = rest[at + 2..]
                .iter()
                .map(|(c, _)| *c)
                .take_while(|c| *c != ':')
                .collect();
            if let Some(named) = named_class(&name) {
                class.named.push(named);
                at += name.chars().count() + 4;
                continue;
            }
        }
        match (rest.get(at + 1), rest.get(at + 2)) {
            (Some(('-', false)), Some((to, _))) if *to != ']' => {
                class.ranges.push((c, *to));
                at += 3;
            }
            _ => {
                class.ranges.push((c, c));
                at += 1;
            }
        }
    }
}

/// The paths of a pattern, in order; nothing: there are none.
pub(crate) fn paths(pattern: &[Sign], cwd: &str, system: &mut dyn System) -> Vec<String> {
    let absolute = pattern.first().is_some_and(|(c, _)| *c == '/');
    let mut found = vec![if absolute { "/".to_owned() } else { String::new() }];
    let parts: Vec<&[Sign]> = pattern
        .split(|(c, _)| *c == '/')
        .filter(|part| !part.is_empty())
        .collect();
    let directories_only = pattern.last().is_some_and(|(c, _)| *c == '/');
    for part in &parts {
        let mut next = Vec::new();
        for base in &found {
            let place = |base: &str| {
                if base.starts_with('/') {
                    base.to_owned()
                } else {
                    format!("{cwd}/{base}")
                }
            };
            if !is_pattern(part) {
                let path = format!("{base}{}", part.iter().map(|(c, _)| *c).collect::<String>());
                let at = place(&path);
                if system.test(crate::FileTest::Exists, &at) || system.test(crate::FileTest::Link, &at) {
                    next.push(format!("{path}/"));
                }
                continue;
            }
            let hidden_too = part.first().is_some_and(|(c, _)| *c == '.');
            for name in system.list(place(base).trim_end_matches('/')) {
                let chars: Vec<char> = name.chars().collect();
                if (hidden_too || !name.starts_with('.')) && matches(part, &chars) {
                    next.push(format!("{base}{name}/"));
                }
            }
        }
        found = next;
    }
    if directories_only {
        found.retain(|path| {
            let path = path.trim_end_matches('/');
            let path = if path.starts_with('/') {
                path.to_owned()
            } else {
                format!("{cwd}/{path}")
            };
            system.test(crate::FileTest::Directory, &path)
        });
    } else {
        for path in &mut found {
            path.truncate(path.len() - 1);
        }
    }
    found.sort();
    found
}
