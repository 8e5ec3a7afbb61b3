//! Commands made of commands, and functions.

use super::Parser;
use crate::SyntaxError;
use crate::ast::{Command, Kind, List};

impl Parser {
    pub(super) fn command(&mut self) -> Result<Command, SyntaxError> {
        self.blanks();
        let kind = if self.peek() == Some('(') {
            self.skip(1);
            let list = self.list(&[])?;
            if self.next() != Some(')') {
                return Err(self.error("`)` is missing"));
            }
            Kind::Subshell(list)
        } else if self.is_at("{") {
            self.skip(1);
            let list = self.list(&["}"])?;
            self.expect("}")?;
            Kind::Group(list)
        } else if self.is_at("if") {
            self.skip(2);
            self.conditional()?
        } else if self.is_at("while") || self.is_at("until") {
            let until = self.is_at("until");
            self.skip(5);
            let condition = self.list(&["do"])?;
            Kind::Loop {
                until,
                condition,
                body: self.body()?,
            }
        } else if self.is_at("for") {
            self.skip(3);
            self.iteration()?
        } else if self.is_at("case") {
            self.skip(4);
            self.case()?
        } else {
            return self.simple();
        };
        let mut redirects = Vec::new();
        while let Some(redirect) = self.redirect()? {
            redirects.push(redirect);
        }
        Ok(Command { kind, redirects })
    }

    fn conditional(&mut self) -> Result<Kind, SyntaxError> {
        let mut arms = Vec::new();
        loop {
            let condition = self.list(&["then"])?;
            self.expect("then")?;
            arms.push((condition, self.list(&["elif", "else", "fi"])?));
            if self.is_at("elif") {
                self.skip(4);
                continue;
            }
            let mut otherwise = List::default();
            if self.is_at("else") {
                self.skip(4);
                otherwise = self.list(&["fi"])?;
            }
            self.expect("fi")?;
            return Ok(Kind::If(arms, otherwise));
        }
    }

    fn body(&mut self) -> Result<List, SyntaxError> {
        self.expect("do")?;
        let body = self.list(&["done"])?;
        self.expect("done")?;
        Ok(body)
    }

    fn iteration(&mut self) -> Result<Kind, SyntaxError> {
        self.blanks();
        let name = self.name();
        self.lines()?;
        let mut words = None;
        if self.is_at("in") {
            self.skip(2);
            let mut listed = Vec::new();
            loop {
                self.blanks();
                match self.word()? {
                    Some(word) => listed.push(word),
                    None => break,
                }
            }
            words = Some(listed);
        }
        self.blanks();
        if self.peek() == Some(';') {
            self.skip(1);
        }
        Ok(Kind::For {
            name,
            words,
            body: self.body()?,
        })
    }

    fn case(&mut self) -> Result<Kind, SyntaxError> {
        self.blanks();
        let word = self.word()?.ok_or_else(|| self.error("`case` has no word"))?;
        self.expect("in")?;
        let mut arms = Vec::new();
        loop {
            self.lines()?;
            if self.is_at("esac") {
                self.skip(4);
                return Ok(Kind::Case(word, arms));
            }
            if self.peek() == Some('(') {
                self.skip(1);
            }
            let mut patterns = Vec::new();
            loop {
                self.blanks();
                patterns.push(self.word()?.ok_or_else(|| self.error("a pattern is missing"))?);
                self.blanks();
                match self.next() {
                    Some('|') => {}
                    Some(')') => break,
                    _ => return Err(self.error("`)` is missing")),
                }
            }
            let list = self.list(&["esac"])?;
            arms.push((patterns, list));
            if !self.take(";;") && !self.is_at("esac") {
                return Err(self.error("`;;` is missing"));
            }
        }
    }
}
