//! Simple commands: assignments and words; and functions, which begin like one.

use std::sync::Arc;

use super::Parser;
use crate::SyntaxError;
use crate::ast::{Command, Kind, Part, Word};

impl Parser {
    pub(super) fn simple(&mut self) -> Result<Command, SyntaxError> {
        let mut assignments = Vec::new();
        let mut words: Vec<Word> = Vec::new();
        let mut redirects = Vec::new();
        loop {
            self.blanks();
            if let Some(redirect) = self.redirect()? {
                redirects.push(redirect);
                continue;
            }
            if words.is_empty()
                && let Some(assignment) = self.assignment()?
            {
                assignments.push(assignment);
                continue;
            }
            let before = self.place();
            let Some(word) = self.word()? else { break };
            if words.is_empty()
                && assignments.is_empty()
                && let [Part::Plain(name)] = word.0.as_slice()
                && self.defines_function()
            {
                let name = name.clone();
                self.lines()?;
                let body = self.command()?;
                return Ok(Command {
                    kind: Kind::Function(name, Arc::new(body)),
                    redirects,
                });
            }
            if self.place() == before {
                break;
            }
            words.push(word);
        }
        if words.is_empty() && assignments.is_empty() && redirects.is_empty() {
            let what = self
                .peek()
                .map_or("end of file".to_owned(), |c| format!("\"{c}\""));
            return Err(self.error(format!("{what} unexpected")));
        }
        Ok(Command {
            kind: Kind::Simple { assignments, words },
            redirects,
        })
    }

    pub(super) fn defines_function(&mut self) -> bool {
        let place = self.place();
        self.blanks();
        if self.peek() == Some('(') {
            self.skip(1);
            self.blanks();
            if self.peek() == Some(')') {
                self.skip(1);
                return true;
            }
        }
        self.back_to(place);
        false
    }

    fn assignment(&mut self) -> Result<Option<(String, Word)>, SyntaxError> {
        let place = self.place();
        let name = self.name();
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) || self.peek() != Some('=') {
            self.back_to(place);
            return Ok(None);
        }
        self.skip(1);
        Ok(Some((name, self.word()?.unwrap_or_default())))
    }
}
