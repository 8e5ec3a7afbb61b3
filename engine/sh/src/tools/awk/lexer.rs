//! The tokens of an awk program.

/// A token.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    Number(f64),
    Text(String),
    Pattern(String),
    /// A name, and whether a parenthesis follows at once: a call.
    Name(String, bool),
    Sign(&'static str),
    LineEnd,
}

const SIGNS: [&str; 36] = [
    "&&", "||", "==", "!=", "<=", ">=", "+=", "-=", "*=", "/=", "%=", "++", "--", "!~", "{", "}", "(", ")",
    "[", "]", ";", ",", "+", "-", "*", "/", "%", "!", "~", "<", ">", "=", "?", ":", "$", "|",
];

/// All tokens; `None`: something in it is not understood.
pub(super) fn tokens(text: &str) -> Option<Vec<Token>> {
    let chars: Vec<char> = text.chars().collect();
    let mut tokens: Vec<Token> = Vec::new();
    let mut at = 0;
    while let Some(&c) = chars.get(at) {
        match c {
            ' ' | '\t' | '\r' => at += 1,
            '\\' if chars.get(at + 1) == Some(&'\n') => at += 2,
            '#' => {
                while chars.get(at).is_some_and(|c| *c != '\n') {
                    at += 1;
                }
            }
            '\n' => {
                tokens.push(Token::LineEnd);
                at += 1;
            }
            '"' => {
                let (text, end) = quoted(&chars, at + 1)?;
                tokens.push(Token::Text(text));
                at = end;
            }
            '/' if begins_pattern(tokens.last()) => {
                let (pattern, end) = pattern(&chars, at + 1)?;
                tokens.push(Token::Pattern(pattern));
                at = end;
            }
            c if c.is_ascii_digit() || (c == '.' && chars.get(at + 1).is_some_and(char::is_ascii_digit)) => {
                let start = at;
                while chars.get(at).is_some_and(|c| c.is_ascii_digit() || *c == '.') {
                    at += 1;
                }
                let digits: String = chars[start..at].iter().collect();
                tokens.push(Token::Number(digits.parse().ok()?));
            }
            c if c.is_ascii_alphabetic() || c == '_' => {
                let start = at;
                while chars
                    .get(at)
                    .is_some_and(|c| c.is_ascii_alphanumeric() || *c == '_')
                {
                    at += 1;
                }
                let name: String = chars[start..at].iter().collect();
                tokens.push(Token::Name(name, chars.get(at) == Some(&'(')));
            }
            _ => {
                let sign = SIGNS.into_iter().find(|sign| {
                    sign.chars()
                        .enumerate()
                        .all(|(offset, c)| chars.get(at + offset) == Some(&c))
                })?;
                tokens.push(Token::Sign(sign));
                at += sign.len();
            }
        }
    }
    Some(tokens)
}

/// Whether a slash begins a pattern here, and does not divide.
fn begins_pattern(before: Option<&Token>) -> bool {
    match before {
        None | Some(Token::LineEnd) => true,
        Some(Token::Sign(sign)) => !matches!(*sign, ")" | "]" | "$" | "++" | "--"),
        Some(Token::Number(_) | Token::Text(_) | Token::Pattern(_) | Token::Name(..)) => false,
    }
}

fn quoted(chars: &[char], mut at: usize) -> Option<(String, usize)> {
    let mut text = String::new();
    loop {
        match chars.get(at)? {
            '"' => return Some((text, at + 1)),
            '\\' => {
                at += 1;
                match chars.get(at)? {
                    'n' => text.push('\n'),
                    't' => text.push('\t'),
                    'r' => text.push('\r'),
                    '"' => text.push('"'),
                    '\\' => text.push('\\'),
                    '/' => text.push('/'),
                    c => text.extend(['\\', *c]),
                }
            }
            c => text.push(*c),
        }
        at += 1;
    }
}

fn pattern(chars: &[char], mut at: usize) -> Option<(String, usize)> {
    let mut text = String::new();
    let mut in_class = false;
    loop {
        match chars.get(at)? {
            '/' if !in_class => return Some((text, at + 1)),
            '\\' => {
                at += 1;
                match chars.get(at)? {
                    '/' => text.push('/'),
                    c => text.extend(['\\', *c]),
                }
            }
            c => {
                match c {
                    '[' => in_class = true,
                    ']' => in_class = false,
                    _ => {}
                }
                text.push(*c);
            }
        }
        at += 1;
    }
}
