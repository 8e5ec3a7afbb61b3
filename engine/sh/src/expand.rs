//! Words become fields: parameters, commands' output, splitting, file names.

use crate::arithmetic;
use crate::ast::{Change, Part, Word};
use crate::glob::{self, Sign};
use crate::shell::{Shell, Stop};

/// A field in the making.
type Field = Vec<Sign>;

/// Fields, the last of which may still grow.
#[derive(Default)]
struct Fields {
    done: Vec<Field>,
    open: Option<Field>,
}

impl Fields {
    fn add(&mut self, text: &str, literal: bool) {
        self.open
            .get_or_insert_default()
            .extend(text.chars().map(|c| (c, literal)));
    }

    fn close(&mut self) {
        self.done.extend(self.open.take());
    }

    /// Adds what an expansion gave, split.
    fn split(&mut self, text: &str, ifs: &str) {
        for c in text.chars() {
            if !ifs.contains(c) {
                self.open.get_or_insert_default().push((c, false));
            } else if c.is_ascii_whitespace() {
                self.close();
            } else {
                self.open.get_or_insert_default();
                self.close();
            }
        }
    }

    fn all(mut self) -> Vec<Field> {
        self.close();
        self.done
    }
}

fn text_of(field: &[Sign]) -> String {
    field.iter().map(|(c, _)| *c).collect()
}

/// Whether a word is one text without any further ado, as most are: nothing in it is split or a pattern. `splits`: whether what is not
/// quoted would be.
fn is_one_text(word: &Word, splits: bool) -> bool {
    let is_simple = |part: &Part| match part {
        Part::Plain(text) => !splits || !text.contains(['*', '?', '[']),
        Part::Quoted(_) => true,
        Part::Output(_, quoted) => *quoted || !splits,
        Part::Parameter { name, change, quoted } => {
            matches!(change, Change::Value) && !matches!(&**name, "@" | "*") && (*quoted || !splits)
        }
        Part::Tilde | Part::Number(..) => false,
    };
    !word.0.is_empty() && word.0.iter().all(is_simple)
}

impl Shell<'_> {
    /// The fields of words.
    pub(crate) fn fields(&mut self, words: &[Word]) -> Result<Vec<String>, Stop> {
        let mut all = Vec::new();
        for word in words {
            if is_one_text(word, true) {
                all.push(self.one_text(word)?);
                continue;
            }
            let mut fields = Fields::default();
            self.expand(word, &mut fields, true)?;
            for field in fields.all() {
                if !self.options.no_glob && glob::is_pattern(&field) {
                    let paths = glob::paths(&field, &self.cwd, self.system);
                    if !paths.is_empty() {
                        all.extend(paths);
                        continue;
                    }
                }
                all.push(text_of(&field));
            }
        }
        Ok(all)
    }

    /// A word as one text, as in an assignment.
    pub(crate) fn text(&mut self, word: &Word) -> Result<String, Stop> {
        if is_one_text(word, false) {
            return self.one_text(word);
        }
        Ok(text_of(&self.pattern(word)?))
    }

    /// A word as a pattern.
    pub(crate) fn pattern(&mut self, word: &Word) -> Result<Vec<Sign>, Stop> {
        let mut fields = Fields::default();
        self.expand(word, &mut fields, false)?;
        Ok(fields.all().join(&(' ', true)))
    }

    /// The text of a word that [`is_one_text`].
    fn one_text(&mut self, word: &Word) -> Result<String, Stop> {
        let mut parts = word.0.iter();
        let mut whole = match parts.next() {
            Some(first) => self.part_of_text(first)?,
            None => String::new(),
        };
        for part in parts {
            whole.push_str(&self.part_of_text(part)?);
        }
        Ok(whole)
    }

    fn part_of_text(&mut self, part: &Part) -> Result<String, Stop> {
        match part {
            Part::Plain(text) | Part::Quoted(text) => Ok(text.clone()),
            Part::Output(list, _) => self.output_of(list),
            Part::Parameter { name, .. } => self.known_value(name),
            Part::Tilde | Part::Number(..) => Ok(String::new()),
        }
    }

    /// A parameter's value; one that is not set may be an error.
    fn known_value(&mut self, name: &str) -> Result<String, Stop> {
        let value = self.value(name);
        if value.is_none() && self.options.unset_is_error && !matches!(name, "@" | "*") {
            return Err(self.abort(&format!("{name}: parameter not set")));
        }
        Ok(value.unwrap_or_default())
    }

    fn expand(&mut self, word: &Word, fields: &mut Fields, split: bool) -> Result<(), Stop> {
        for part in &word.0 {
            match part {
                Part::Plain(text) => fields.add(text, false),
                Part::Quoted(text) => fields.add(text, true),
                Part::Tilde => {
                    let home = self.value("HOME").unwrap_or_else(|| "~".to_owned());
                    fields.add(&home, true);
                }
                Part::Output(list, quoted) => {
                    let output = self.output_of(list)?;
                    self.give(fields, &output, *quoted, split);
                }
                Part::Number(word, quoted) => {
                    let text = self.text(word)?;
                    let value = arithmetic::evaluate(&text, &|name| self.value(name).unwrap_or_default());
                    let value = value.map_err(|why| self.abort(&why))?;
                    self.give(fields, &value.to_string(), *quoted, split);
                }
                Part::Parameter { name, change, quoted } => {
                    self.parameter(name, change, *quoted, fields, split)?;
                }
            }
        }
        Ok(())
    }

    fn give(&self, fields: &mut Fields, text: &str, quoted: bool, split: bool) {
        if quoted {
            fields.add(text, true);
        } else if split {
            let ifs = self.value("IFS").unwrap_or_else(|| " \t\n".to_owned());
            fields.split(text, &ifs);
        } else {
            fields.add(text, false);
        }
    }

    fn parameter(
        &mut self,
        name: &str,
        change: &Change,
        quoted: bool,
        fields: &mut Fields,
        split: bool,
    ) -> Result<(), Stop> {
        if matches!(name, "@" | "*") && matches!(change, Change::Value) {
            self.all_arguments(name == "@", quoted, fields, split);
            return Ok(());
        }
        if matches!(change, Change::Value) {
            let value = self.known_value(name)?;
            self.give(fields, &value, quoted, split);
            return Ok(());
        }
        let value = self.value(name);
        let has = |colon: bool| value.as_ref().is_some_and(|value| !colon || !value.is_empty());
        match change {
            Change::Value => {}
            Change::Length => {
                let length = match name {
                    "@" | "*" => self.arguments.len(),
                    _ => value.unwrap_or_default().chars().count(),
                };
                self.give(fields, &length.to_string(), quoted, split);
            }
            Change::Default(word, colon) => {
                if has(*colon) {
                    self.give(fields, &value.unwrap_or_default(), quoted, split);
                } else {
                    self.expand(word, fields, split)?;
                }
            }
            Change::Instead(word, colon) => {
                if has(*colon) {
                    self.expand(word, fields, split)?;
                } else if quoted {
                    fields.add("", true);
                }
            }
            Change::Assign(word, colon) => {
                let value = if has(*colon) {
                    value.unwrap_or_default()
                } else {
                    let text = self.text(word)?;
                    self.assign(name, text.clone());
                    text
                };
                self.give(fields, &value, quoted, split);
            }
            Change::Demand(word, colon) => {
                if !has(*colon) {
                    let why = self.text(word)?;
                    let why = if why.is_empty() { "parameter not set" } else { &why };
                    return Err(self.abort(&format!("{name}: {why}")));
                }
                self.give(fields, &value.unwrap_or_default(), quoted, split);
            }
            Change::NoPrefix(word, longest) | Change::NoSuffix(word, longest) => {
                let pattern = self.pattern(word)?;
                let chars: Vec<char> = value.unwrap_or_default().chars().collect();
                let front = matches!(change, Change::NoPrefix(..));
                let left = without(&chars, &pattern, front, *longest);
                self.give(fields, &left, quoted, split);
            }
        }
        Ok(())
    }

    fn all_arguments(&self, apart: bool, quoted: bool, fields: &mut Fields, split: bool) {
        if !quoted {
            for (at, argument) in self.arguments.iter().enumerate() {
                if at > 0 {
                    if split {
                        fields.close();
                    } else {
                        fields.add(" ", false);
                    }
                }
                self.give(fields, argument, false, split);
            }
        } else if apart && split {
            for (at, argument) in self.arguments.iter().enumerate() {
                if at > 0 {
                    fields.close();
                }
                fields.add(argument, true);
            }
            // `"$@"` of nothing is nothing, though the quotes alone would make a field.
            if self.arguments.is_empty() && fields.open.as_ref().is_some_and(Vec::is_empty) {
                fields.open = None;
            }
        } else {
            let ifs = self.value("IFS").unwrap_or_else(|| " ".to_owned());
            let between: String = ifs.chars().take(1).collect();
            fields.add(&self.arguments.join(&between), true);
        }
    }
}

/// A text without what its front, or its end, has of a pattern.
fn without(text: &[char], pattern: &[Sign], front: bool, longest: bool) -> String {
    let whole = text.len();
    let mut lengths: Vec<usize> = (0..=whole).collect();
    if longest {
        lengths.reverse();
    }
    for length in lengths {
        let (part, left) = if front {
            (&text[..length], &text[length..])
        } else {
            (&text[whole - length..], &text[..whole - length])
        };
        if glob::matches(pattern, part) {
            return left.iter().collect();
        }
    }
    text.iter().collect()
}
