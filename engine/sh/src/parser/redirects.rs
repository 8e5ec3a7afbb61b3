//! Redirections, and the texts of here-documents.

use std::sync::{Arc, OnceLock};

use super::Parser;
use crate::SyntaxError;
use crate::ast::{Part, Redirect, Target, Word};

/// A here-document whose text is still to come.
pub(super) struct Here {
    end: String,
    literal: bool,
    strip: bool,
    text: Arc<OnceLock<Word>>,
}

impl Parser {
    pub(super) fn redirect(&mut self) -> Result<Option<Redirect>, SyntaxError> {
        self.blanks();
        let place = self.place();
        let mut digits = String::new();
        while let Some(c) = self.peek().filter(char::is_ascii_digit) {
            digits.push(c);
            self.skip(1);
        }
        if !matches!(self.peek(), Some('<' | '>')) {
            self.back_to(place);
            return Ok(None);
        }
        let reads = self.next() == Some('<');
        let fd = digits.parse().unwrap_or(u32::from(!reads));
        if reads && self.peek() == Some('<') {
            self.skip(1);
            return Ok(Some(Redirect {
                fd,
                target: self.here()?,
            }));
        }
        let (same, append, clobber) = match self.peek() {
            Some('&') => (true, false, false),
            Some('>') => (false, true, false),
            Some('|') => (false, false, true),
            _ => (false, false, false),
        };
        if same || append || clobber {
            self.skip(1);
        }
        self.blanks();
        let word = self
            .word()?
            .ok_or_else(|| self.error("a redirection leads nowhere"))?;
        let target = match (reads, same, append) {
            (_, true, _) => Target::Same(word),
            (true, ..) => Target::Read(word),
            (false, _, true) => Target::Append(word),
            (false, ..) => Target::Write(word, clobber),
        };
        Ok(Some(Redirect { fd, target }))
    }

    fn here(&mut self) -> Result<Target, SyntaxError> {
        let strip = self.peek() == Some('-');
        if strip {
            self.skip(1);
        }
        self.blanks();
        let word = self
            .word()?
            .ok_or_else(|| self.error("a here-document has no end"))?;
        let literal = word.0.iter().any(|part| matches!(part, Part::Quoted(_)));
        let end = word
            .0
            .iter()
            .map(|part| match part {
                Part::Plain(text) | Part::Quoted(text) => text.as_str(),
                _ => "",
            })
            .collect();
        let text = Arc::new(OnceLock::new());
        self.pending.push(Here {
            end,
            literal,
            strip,
            text: Arc::clone(&text),
        });
        Ok(Target::Here(text))
    }

    pub(super) fn here_document(&mut self, here: &Here) -> Result<(), SyntaxError> {
        let mut text = String::new();
        loop {
            if self.peek().is_none() {
                return Err(self.error(format!("the here-document's `{}` is missing", here.end)));
            }
            let mut line = String::new();
            while let Some(c) = self.next().filter(|c| *c != '\n') {
                line.push(c);
            }
            let line = if here.strip {
                line.trim_start_matches('\t')
            } else {
                &line
            };
            if line == here.end {
                break;
            }
            text.push_str(line);
            text.push('\n');
        }
        let word = if here.literal {
            Word(vec![Part::Quoted(text)])
        } else {
            Self::text(&text)?
        };
        // Its text is read once.
        let _ = here.text.set(word);
        Ok(())
    }
}
