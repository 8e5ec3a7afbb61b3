//! Words, quotes and expansions, read from the characters of a script.

use crate::ast::{Change, Part, Word};
use crate::parser::Parser;
use crate::{SyntaxError, parser};

/// What ends a word that stands on its own.
pub(crate) fn ends_word(c: char) -> bool {
    c.is_whitespace() || ";&|<>()".contains(c)
}

fn names(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// Collects parts, plain text by the character.
#[derive(Default)]
struct Parts {
    parts: Vec<Part>,
    plain: String,
}

impl Parts {
    fn push(&mut self, part: Part) {
        self.flush();
        self.parts.push(part);
    }

    fn flush(&mut self) {
        if !self.plain.is_empty() {
            self.parts.push(Part::Plain(std::mem::take(&mut self.plain)));
        }
    }

    fn done(mut self) -> Word {
        self.flush();
        Word(self.parts)
    }
}

impl Parser {
    /// A word, up to what ends it. Nothing: there is none.
    pub(crate) fn word(&mut self) -> Result<Option<Word>, SyntaxError> {
        if self.peek().is_none_or(ends_word) {
            return Ok(None);
        }
        let mut parts = Parts::default();
        if self.peek() == Some('~') && self.after(1).is_none_or(|c| ends_word(c) || c == '/') {
            self.next();
            parts.push(Part::Tilde);
        }
        self.parts(&mut parts, ends_word)?;
        Ok(Some(parts.done()))
    }

    /// Parts outside of quotes, up to a character.
    fn parts(&mut self, parts: &mut Parts, ends: fn(char) -> bool) -> Result<(), SyntaxError> {
        while let Some(c) = self.peek() {
            match c {
                c if ends(c) => break,
                '\\' => {
                    self.next();
                    match self.next() {
                        None | Some('\n') => {}
                        Some(c) => parts.push(Part::Quoted(c.to_string())),
                    }
                }
                '\'' => {
                    self.next();
                    let text = self.until('\'')?;
                    parts.push(Part::Quoted(text));
                }
                '"' => {
                    self.next();
                    self.double_quoted(parts)?;
                }
                '$' => self.dollar(parts, false)?,
                '`' => self.backquoted(parts, false)?,
                c => {
                    self.next();
                    parts.plain.push(c);
                }
            }
        }
        Ok(())
    }

    fn until(&mut self, end: char) -> Result<String, SyntaxError> {
        let mut text = String::new();
        loop {
            match self.next() {
                None => return Err(self.error(format!("Unterminated quoted string, {end} is missing"))),
                Some(c) if c == end => return Ok(text),
                Some(c) => text.push(c),
            }
        }
    }

    fn double_quoted(&mut self, parts: &mut Parts) -> Result<(), SyntaxError> {
        // Even an empty one makes a word.
        parts.push(Part::Quoted(String::new()));
        self.quoted(parts, |c| c == '"')?;
        match self.next() {
            Some('"') => Ok(()),
            _ => Err(self.error("Unterminated quoted string")),
        }
    }

    /// Parts as inside of double quotes, up to a character.
    fn quoted(&mut self, parts: &mut Parts, ends: fn(char) -> bool) -> Result<(), SyntaxError> {
        let mut text = String::new();
        while let Some(c) = self.peek() {
            match c {
                c if ends(c) => break,
                '\\' => {
                    self.next();
                    match self.next() {
                        Some('\n') | None => {}
                        Some(c) if "$`\"\\".contains(c) || ends(c) => text.push(c),
                        Some(c) => text.extend(['\\', c]),
                    }
                }
                '$' | '`' => {
                    parts.push(Part::Quoted(std::mem::take(&mut text)));
                    if c == '$' {
                        self.dollar(parts, true)?;
                    } else {
                        self.backquoted(parts, true)?;
                    }
                }
                c => {
                    self.next();
                    text.push(c);
                }
            }
        }
        if !text.is_empty() {
            parts.push(Part::Quoted(text));
        }
        Ok(())
    }

    /// A text in which only expansions count, as in a here-document.
    pub(crate) fn text(text: &str) -> Result<Word, SyntaxError> {
        let mut parser = Self::new(text);
        let mut parts = Parts::default();
        parser.quoted(&mut parts, |_| false)?;
        Ok(parts.done())
    }

    fn dollar(&mut self, parts: &mut Parts, quoted: bool) -> Result<(), SyntaxError> {
        self.next();
        self.inside(|parser| parser.expansion(parts, quoted))
    }

    /// What follows a `$`.
    fn expansion(&mut self, parts: &mut Parts, quoted: bool) -> Result<(), SyntaxError> {
        let plain = |name: String| Part::Parameter {
            name,
            change: Change::Value,
            quoted,
        };
        match self.peek() {
            Some('{') => {
                self.next();
                let part = self.braces(quoted)?;
                parts.push(part);
            }
            Some('(') if self.after(1) == Some('(') => {
                let start = self.place();
                self.skip(2);
                let arithmetic = if self.no_arithmetic.contains(&start) {
                    None
                } else {
                    self.arithmetic().ok()
                };
                if let Some(word) = arithmetic {
                    parts.push(Part::Number(word, quoted));
                } else {
                    // `$((` may be a subshell in a command's output.
                    self.no_arithmetic.insert(start);
                    self.back_to(start);
                    self.next();
                    parts.push(Part::Output(self.enclosed()?, quoted));
                }
            }
            Some('(') => {
                self.next();
                parts.push(Part::Output(self.enclosed()?, quoted));
            }
            Some(c) if "@*#?$!-0123456789".contains(c) => {
                self.next();
                parts.push(plain(c.to_string()));
            }
            Some(c) if names(c) => {
                let name = self.name();
                parts.push(plain(name));
            }
            _ if quoted => parts.push(Part::Quoted("$".to_owned())),
            _ => parts.plain.push('$'),
        }
        Ok(())
    }

    /// A list up to its closing parenthesis.
    fn enclosed(&mut self) -> Result<crate::ast::List, SyntaxError> {
        let list = self.list(&[])?;
        match self.next() {
            Some(')') => Ok(list),
            _ => Err(self.error("`)` is missing")),
        }
    }

    fn arithmetic(&mut self) -> Result<Word, SyntaxError> {
        let mut parts = Parts::default();
        let mut depth = 0;
        let mut text = String::new();
        loop {
            match self.peek() {
                None => return Err(self.error("`))` is missing")),
                Some(')') if depth == 0 => {
                    self.next();
                    if self.next() != Some(')') {
                        return Err(self.error("`))` is missing"));
                    }
                    break;
                }
                Some('$') => {
                    parts.push(Part::Quoted(std::mem::take(&mut text)));
                    self.dollar(&mut parts, true)?;
                }
                Some(c) => {
                    match c {
                        '(' => depth += 1,
                        ')' => depth -= 1,
                        _ => {}
                    }
                    self.next();
                    text.push(c);
                }
            }
        }
        parts.push(Part::Quoted(text));
        Ok(parts.done())
    }

    fn backquoted(&mut self, parts: &mut Parts, quoted: bool) -> Result<(), SyntaxError> {
        self.next();
        let mut text = String::new();
        loop {
            match self.next() {
                None => return Err(self.error("a backquote is missing")),
                Some('`') => break,
                Some('\\') => match self.next() {
                    Some(c) if "$`\\".contains(c) || (quoted && c == '"') => text.push(c),
                    Some(c) => text.extend(['\\', c]),
                    None => {}
                },
                Some(c) => text.push(c),
            }
        }
        parts.push(Part::Output(parser::parse(&text)?, quoted));
        Ok(())
    }

    pub(crate) fn name(&mut self) -> String {
        let mut name = String::new();
        while let Some(c) = self.peek().filter(|c| names(*c)) {
            name.push(c);
            self.next();
        }
        name
    }

    /// What is between `${` and `}`.
    fn braces(&mut self, quoted: bool) -> Result<Part, SyntaxError> {
        let has_length = self.peek() == Some('#') && self.after(1) != Some('}');
        if has_length {
            self.next();
        }
        let name = match self.peek() {
            Some(c) if names(c) => self.name(),
            Some(c) if "@*#?$!-".contains(c) => {
                self.next();
                c.to_string()
            }
            _ => return Err(self.error("Bad substitution")),
        };
        let mut change = if has_length { Change::Length } else { Change::Value };
        if self.peek() != Some('}') && !has_length {
            let colon = self.peek() == Some(':');
            if colon {
                self.next();
            }
            let operator = self.next();
            let doubled = matches!(operator, Some('#' | '%')) && self.peek() == operator;
            if doubled {
                self.next();
            }
            let pattern = matches!(operator, Some('#' | '%'));
            let word = self.in_braces(quoted && !pattern)?;
            change = match operator {
                Some('-') => Change::Default(word, colon),
                Some('=') => Change::Assign(word, colon),
                Some('+') => Change::Instead(word, colon),
                Some('?') => Change::Demand(word, colon),
                Some('#') => Change::NoPrefix(word, doubled),
                Some('%') => Change::NoSuffix(word, doubled),
                _ => return Err(self.error("Bad substitution")),
            };
        }
        match self.next() {
            Some('}') => Ok(Part::Parameter { name, change, quoted }),
            _ => Err(self.error("`}` is missing")),
        }
    }

    fn in_braces(&mut self, quoted: bool) -> Result<Word, SyntaxError> {
        let mut parts = Parts::default();
        if quoted {
            while self.peek().is_some_and(|c| c != '}') {
                if self.peek() == Some('"') {
                    self.next();
                    self.double_quoted(&mut parts)?;
                } else {
                    self.quoted(&mut parts, |c| c == '}' || c == '"')?;
                }
            }
        } else {
            self.parts(&mut parts, |c| c == '}')?;
        }
        Ok(parts.done())
    }
}
