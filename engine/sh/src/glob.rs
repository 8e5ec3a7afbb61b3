//! Patterns: `*`, `?` and `[…]`, for `case`, for `${x#…}` and for file names.

use crate::system::System;

/// A character of a pattern, and whether it only stands for itself.
pub(crate) type Sign = (char, bool);

/// Whether something in it stands for more than itself.
pub(crate) fn is_pattern(pattern: &[Sign]) -> bool {
    pattern.iter().any(|(c, literal)| !literal && "*?[".contains(*c))
}

/// Whether the whole text is of this pattern.
pub(crate) fn matches(pattern: &[Sign], text: &[char]) -> bool {
    let Some(((sign, literal), rest)) = pattern.split_first() else {
        return text.is_empty();
    };
    match (sign, literal) {
        ('*', false) => (0..=text.len()).any(|taken| matches(rest, &text[taken..])),
        ('?', false) => !text.is_empty() && matches(rest, &text[1..]),
        ('[', false) => match (class(rest), text.split_first()) {
            (Some((class, after)), Some((first, others))) => class.has(*first) && matches(after, others),
            (Some(_), None) => false,
            (None, _) => text.first() == Some(&'[') && matches(rest, &text[1..]),
        },
        (c, _) => text.first() == Some(c) && matches(rest, &text[1..]),
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
