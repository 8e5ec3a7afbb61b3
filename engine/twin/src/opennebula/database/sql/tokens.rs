//! The words of an SQL statement.

use super::super::Cell;

/// A word.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    /// A keyword, or a name that is not quoted.
    Word(String),
    /// A quoted name.
    Name(String),
    /// A literal.
    Literal(Cell),
    /// Punctuation, or an operator.
    Sign(&'static str),
}

/// Longer ones first.
const SIGNS: [&str; 16] = [
    "||", "<>", "<=", ">=", "==", "!=", "(", ")", ",", "*", "=", "<", ">", "-", ".", ";",
];

/// A statement being read. Errors are sqlite3's.
pub(super) struct Reader {
    tokens: Vec<Token>,
    at: usize,
}

impl Reader {
    pub(super) fn new(statement: &str) -> Result<Self, String> {
        let mut tokens = Vec::new();
        let mut rest = statement.trim_start();
        while let Some(first) = rest.chars().next() {
            let (token, after) = match first {
                '\'' | '"' | '`' => {
                    let (text, after) =
                        quoted(rest, first).ok_or_else(|| format!("unrecognized token: \"{rest}\""))?;
                    let token = if first == '\'' {
                        Token::Literal(Cell::Text(text.into()))
                    } else {
                        Token::Name(text)
                    };
                    (token, after)
                }
                c if c.is_ascii_digit() => {
                    let end = end_of(rest, |c| c.is_ascii_alphanumeric() || c == '.');
                    let cell = Cell::number(&rest[..end])
                        .ok_or_else(|| format!("unrecognized token: \"{}\"", &rest[..end]))?;
                    (Token::Literal(cell), &rest[end..])
                }
                c if c.is_alphabetic() || c == '_' => {
                    let end = end_of(rest, |c| c.is_alphanumeric() || c == '_');
                    (Token::Word(rest[..end].to_owned()), &rest[end..])
                }
                other => {
                    let sign = SIGNS.into_iter().find(|sign| rest.starts_with(sign));
                    let sign = sign.ok_or_else(|| format!("unrecognized token: \"{other}\""))?;
                    (Token::Sign(sign), &rest[sign.len()..])
                }
            };
            tokens.push(token);
            rest = after.trim_start();
        }
        Ok(Self { tokens, at: 0 })
    }

    fn next_token(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    /// Goes past this keyword, if it comes next.
    pub(super) fn keyword(&mut self, word: &str) -> bool {
        let found = matches!(self.next_token(), Some(Token::Word(next)) if next.eq_ignore_ascii_case(word));
        self.at += usize::from(found);
        found
    }

    /// Goes past these keywords, if all of them come next.
    pub(super) fn keywords(&mut self, words: &[&str]) -> bool {
        let from = self.at;
        let found = words.iter().all(|word| self.keyword(word));
        if !found {
            self.at = from;
        }
        found
    }

    /// Goes past this sign, if it comes next.
    pub(super) fn sign(&mut self, sign: &str) -> bool {
        let found = matches!(self.next_token(), Some(Token::Sign(next)) if *next == sign);
        self.at += usize::from(found);
        found
    }

    /// Goes past one of these signs.
    pub(super) fn one_of(&mut self, signs: &[&'static str]) -> Option<&'static str> {
        signs.iter().copied().find(|sign| self.sign(sign))
    }

    /// Goes past this sign, which must come next.
    pub(super) fn must(&mut self, sign: &str) -> Result<(), String> {
        if self.sign(sign) {
            Ok(())
        } else {
            Err(self.error())
        }
    }

    /// A name.
    pub(super) fn name(&mut self) -> Result<String, String> {
        let name = match self.next_token() {
            Some(Token::Word(name) | Token::Name(name)) => name.clone(),
            Some(Token::Literal(Cell::Text(name))) => name.to_string(),
            _ => return Err(self.error()),
        };
        self.at += 1;
        Ok(name)
    }

    /// A literal.
    pub(super) fn literal(&mut self) -> Option<Cell> {
        let cell = match self.next_token() {
            Some(Token::Literal(cell)) => cell.clone(),
            _ => return None,
        };
        self.at += 1;
        Some(cell)
    }

    /// Whether nothing is left.
    pub(super) fn is_at_end(&self) -> bool {
        self.at >= self.tokens.len()
    }

    /// Nothing may be left.
    pub(super) fn end(&self) -> Result<(), String> {
        if self.is_at_end() {
            Ok(())
        } else {
            Err(self.error())
        }
    }

    /// What is said of a statement that does not go on as it must.
    pub(super) fn error(&self) -> String {
        let near = match self.next_token() {
            None => return "incomplete input".to_owned(),
            Some(Token::Word(word) | Token::Name(word)) => word.clone(),
            Some(Token::Literal(cell)) => cell.literal(),
            Some(Token::Sign(sign)) => (*sign).to_owned(),
        };
        format!("near \"{near}\": syntax error")
    }
}

/// The text between two of these marks, doubled ones being one of it, and what follows.
fn quoted(text: &str, mark: char) -> Option<(String, &str)> {
    let mut found = String::new();
    let mut rest = text.get(1..)?;
    loop {
        let end = rest.find(mark)?;
        found.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix(mark) {
            Some(after) => {
                found.push(mark);
                rest = after;
            }
            None => return Some((found, rest)),
        }
    }
}

fn end_of(text: &str, belongs: impl Fn(char) -> bool) -> usize {
    text.find(|c| !belongs(c)).unwrap_or(text.len())
}
