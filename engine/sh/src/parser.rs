//! Commands, read from the characters of a script.

mod compound;
mod redirects;
mod simple;

use std::collections::HashSet;
use std::sync::Arc;

use crate::SyntaxError;
use crate::ast::{Item, List, Pipeline};
use redirects::Here;

/// Reads a script.
pub(crate) fn parse(text: &str) -> Result<List, SyntaxError> {
    let mut parser = Parser::new(text);
    let list = parser.list(&[])?;
    match parser.peek() {
        None => Ok(list),
        Some(c) => Err(parser.error(format!("\"{c}\" unexpected"))),
    }
}

/// Commands and expansions in each other.
const DEEPEST: usize = 100;

/// A place in a script.
pub(crate) struct Parser {
    chars: Arc<[char]>,
    at: usize,
    depth: usize,
    /// Places at which no arithmetic is, though it looks so. To find that out once more for each of several in each other would take for ever.
    pub(crate) no_arithmetic: HashSet<usize>,
    /// Here-documents whose text follows after this line.
    pending: Vec<Here>,
}

const RESERVED: [&str; 12] = [
    "then", "elif", "else", "fi", "do", "done", "esac", "}", "in", "case", "if", "while",
];

impl Parser {
    pub(crate) fn new(text: &str) -> Self {
        Self {
            chars: text.chars().collect(),
            at: 0,
            depth: 0,
            no_arithmetic: HashSet::new(),
            pending: Vec::new(),
        }
    }

    pub(crate) fn error(&self, message: impl Into<String>) -> SyntaxError {
        let before = self.chars.iter().take(self.at);
        SyntaxError {
            line: 1 + before.filter(|c| **c == '\n').count(),
            message: message.into(),
        }
    }

    pub(crate) fn peek(&self) -> Option<char> {
        self.after(0)
    }

    pub(crate) fn after(&self, count: usize) -> Option<char> {
        self.chars.get(self.at + count).copied()
    }

    pub(crate) fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += 1;
        Some(c)
    }

    pub(crate) fn skip(&mut self, count: usize) {
        self.at += count;
    }

    pub(crate) fn place(&self) -> usize {
        self.at
    }

    pub(crate) fn back_to(&mut self, place: usize) {
        self.at = place;
    }

    fn looking_at(&self, text: &str) -> bool {
        text.chars()
            .enumerate()
            .all(|(offset, c)| self.after(offset) == Some(c))
    }

    fn take(&mut self, text: &str) -> bool {
        let here = self.looking_at(text);
        if here {
            self.skip(text.chars().count());
        }
        here
    }

    /// Over blanks, comments and escaped line ends.
    fn blanks(&mut self) {
        loop {
            match self.peek() {
                Some(' ' | '\t') => self.skip(1),
                Some('\\') if self.after(1) == Some('\n') => self.skip(2),
                Some('#') => {
                    while self.peek().is_some_and(|c| c != '\n') {
                        self.skip(1);
                    }
                }
                _ => return,
            }
        }
    }

    /// Over blanks and line ends.
    fn lines(&mut self) -> Result<(), SyntaxError> {
        loop {
            self.blanks();
            if self.peek() != Some('\n') {
                return Ok(());
            }
            self.line_end()?;
        }
    }

    fn line_end(&mut self) -> Result<(), SyntaxError> {
        self.skip(1);
        for here in std::mem::take(&mut self.pending) {
            self.here_document(&here)?;
        }
        Ok(())
    }

    /// The reserved word here, if it stands alone.
    fn reserved(&self) -> Option<&'static str> {
        RESERVED.into_iter().find(|word| {
            self.looking_at(word)
                && self
                    .after(word.len())
                    .is_none_or(|c| c.is_whitespace() || ";&|<>()".contains(c))
        })
    }

    fn is_at(&self, word: &str) -> bool {
        self.looking_at(word)
            && self
                .after(word.len())
                .is_none_or(|c| c.is_whitespace() || ";&|<>()".contains(c))
    }

    fn expect(&mut self, word: &str) -> Result<(), SyntaxError> {
        self.lines()?;
        if self.is_at(word) {
            self.skip(word.len());
            Ok(())
        } else {
            Err(self.error(format!("`{word}` is missing")))
        }
    }

    /// Commands up to one of these words, a closing parenthesis, `;;` or the end.
    pub(crate) fn list(&mut self, ends: &[&str]) -> Result<List, SyntaxError> {
        self.inside(|parser| parser.items(ends))
    }

    /// Reads what is inside of what is being read.
    pub(crate) fn inside<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, SyntaxError>,
    ) -> Result<T, SyntaxError> {
        if self.depth >= DEEPEST {
            return Err(self.error("nested too deeply"));
        }
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        result
    }

    fn items(&mut self, ends: &[&str]) -> Result<List, SyntaxError> {
        let mut items = Vec::new();
        loop {
            self.lines()?;
            let here = self.peek();
            if here.is_none_or(|c| c == ')')
                || self.looking_at(";;")
                || ends.iter().any(|end| self.is_at(end))
            {
                return Ok(List(items));
            }
            if let Some(word) = self
                .reserved()
                .filter(|word| !matches!(*word, "if" | "case" | "while" | "in"))
            {
                return Err(self.error(format!("\"{word}\" unexpected")));
            }
            let mut item = self.item()?;
            self.blanks();
            match self.peek() {
                Some('&') => {
                    self.skip(1);
                    item.background = true;
                }
                Some(';') if self.after(1) != Some(';') => self.skip(1),
                _ => {}
            }
            items.push(item);
        }
    }

    fn item(&mut self) -> Result<Item, SyntaxError> {
        let first = self.pipeline()?;
        let mut rest = Vec::new();
        loop {
            self.blanks();
            let and = if self.take("&&") {
                true
            } else if self.take("||") {
                false
            } else {
                return Ok(Item {
                    first,
                    rest,
                    background: false,
                });
            };
            self.lines()?;
            rest.push((and, self.pipeline()?));
        }
    }

    fn pipeline(&mut self) -> Result<Pipeline, SyntaxError> {
        let mut negated = false;
        while self.is_at("!") {
            self.skip(1);
            self.blanks();
            negated = !negated;
        }
        let mut commands = vec![self.command()?];
        loop {
            self.blanks();
            if self.peek() != Some('|') || self.after(1) == Some('|') {
                return Ok(Pipeline { negated, commands });
            }
            self.skip(1);
            self.lines()?;
            commands.push(self.command()?);
        }
    }
}
