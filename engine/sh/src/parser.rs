//! Commands, read from the characters of a script.

use std::collections::HashSet;
use std::sync::{Arc, OnceLock};

use crate::SyntaxError;
use crate::ast::{Command, Item, Kind, List, Part, Pipeline, Redirect, Target, Word};

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

struct Here {
    end: String,
    literal: bool,
    strip: bool,
    text: Arc<OnceLock<Word>>,
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

    fn here_document(&mut self, here: &Here) -> Result<(), SyntaxError> {
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

    fn command(&mut self) -> Result<Command, SyntaxError> {
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

    fn simple(&mut self) -> Result<Command, SyntaxError> {
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

    fn defines_function(&mut self) -> bool {
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

    fn redirect(&mut self) -> Result<Option<Redirect>, SyntaxError> {
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
}
