//! The language of oned.conf: `NAME = VALUE` and `NAME = [ A = "x", B = 2 ]`.
//!
//! Quoted values may span lines and know one escape, `\"`; a comment runs to the end of its line, inside vectors too but not inside
//! quotes; names repeat. Messages never quote a value: it may be a password.

use std::fmt;

/// Where and why a file is not an oned.conf.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct SyntaxError {
    /// Line, from 1.
    pub line: usize,
    /// What is wrong, a lower-case fragment.
    pub message: String,
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.message)
    }
}

/// One attribute.
#[derive(Clone, PartialEq, Eq)]
pub struct Attribute {
    /// Its name in capitals; the file may have it in any case.
    pub name: String,
    /// Its value.
    pub value: AttributeValue,
    /// The line of its name, from 1.
    pub line: usize,
}

/// A value.
#[derive(Clone, PartialEq, Eq)]
pub enum AttributeValue {
    /// One text.
    Single(String),
    /// Pairs; names in capitals.
    Vector(Vec<(String, String)>),
}

impl Attribute {
    /// A member of a vector; `None` for a single value. The last of several of one name counts, as in oned.
    pub fn member(&self, name: &str) -> Option<&str> {
        let AttributeValue::Vector(pairs) = &self.value else {
            return None;
        };
        let found = pairs.iter().rev().find(|(key, _)| key == name)?;
        Some(&found.1)
    }
}

struct Reader<'a> {
    rest: std::iter::Peekable<std::str::Chars<'a>>,
    line: usize,
}

/// Reads a whole file.
pub fn parse(text: &str) -> Result<Vec<Attribute>, SyntaxError> {
    let mut reader = Reader {
        rest: text.chars().peekable(),
        line: 1,
    };
    let mut attributes = Vec::new();
    loop {
        reader.skip_space_and_comments();
        if reader.rest.peek().is_none() {
            return Ok(attributes);
        }
        attributes.push(reader.attribute()?);
    }
}

impl Reader<'_> {
    fn next(&mut self) -> Option<char> {
        let c = self.rest.next()?;
        if c == '\n' {
            self.line += 1;
        }
        Some(c)
    }

    fn error<T>(&self, message: impl Into<String>) -> Result<T, SyntaxError> {
        self.error_at(self.line, message)
    }

    #[expect(clippy::unused_self, reason = "reads as a method beside error")]
    fn error_at<T>(&self, line: usize, message: impl Into<String>) -> Result<T, SyntaxError> {
        Err(SyntaxError {
            line,
            message: message.into(),
        })
    }

    fn skip_space_and_comments(&mut self) {
        while let Some(&c) = self.rest.peek() {
            if c == '#' {
                self.skip_line();
            } else if c.is_whitespace() {
                self.next();
            } else {
                return;
            }
        }
    }

    fn skip_line(&mut self) {
        while self.rest.peek().is_some_and(|&c| c != '\n') {
            self.next();
        }
    }

    fn skip_blanks(&mut self) {
        while self.rest.peek().is_some_and(|&c| c != '\n' && c.is_whitespace()) {
            self.next();
        }
    }

    fn attribute(&mut self) -> Result<Attribute, SyntaxError> {
        let line = self.line;
        let name = self.name()?;
        self.equals(&name)?;
        let value = match self.rest.peek() {
            Some('[') => {
                self.next();
                AttributeValue::Vector(self.vector(&name, line)?)
            }
            None | Some('\n' | '#') => AttributeValue::Single(String::new()),
            Some(_) => AttributeValue::Single(self.value(&name)?),
        };
        self.end_of_line(&name)?;
        Ok(Attribute { name, value, line })
    }

    fn name(&mut self) -> Result<String, SyntaxError> {
        let mut name = String::new();
        while let Some(&c) = self.rest.peek() {
            if !(c.is_ascii_alphanumeric() || c == '_') {
                break;
            }
            name.push(c.to_ascii_uppercase());
            self.next();
        }
        match (name.is_empty(), self.rest.peek().copied()) {
            (false, _) => Ok(name),
            (true, Some(c)) => self.error(format!("expected the name of an attribute and found {c:?}")),
            (true, None) => self.error("expected the name of an attribute and the file ended"),
        }
    }

    fn equals(&mut self, name: &str) -> Result<(), SyntaxError> {
        self.skip_blanks();
        if self.rest.peek() != Some(&'=') {
            return self.error(format!("expected = after {name}"));
        }
        self.next();
        self.skip_blanks();
        Ok(())
    }

    fn value(&mut self, name: &str) -> Result<String, SyntaxError> {
        if self.rest.peek() == Some(&'"') {
            return self.quoted(name);
        }
        let mut value = String::new();
        while let Some(&c) = self.rest.peek() {
            if c.is_whitespace() || "=#,[]".contains(c) {
                break;
            }
            value.push(c);
            self.next();
        }
        if value.is_empty() {
            return self.error(format!("expected a value for {name}"));
        }
        Ok(value)
    }

    fn quoted(&mut self, name: &str) -> Result<String, SyntaxError> {
        let start = self.line;
        self.next();
        let mut value = String::new();
        loop {
            match self.next() {
                None => {
                    return self.error_at(start, format!("the quotes of {name}'s value are never closed"));
                }
                Some('"') => return Ok(value),
                Some('\\') if self.rest.peek() == Some(&'"') => {
                    self.next();
                    value.push('"');
                }
                Some(c) => value.push(c),
            }
        }
    }

    fn vector(&mut self, of: &str, start: usize) -> Result<Vec<(String, String)>, SyntaxError> {
        let mut pairs = Vec::new();
        loop {
            self.skip_space_and_comments();
            match self.rest.peek() {
                None => return self.error_at(start, format!("the [ of {of} is never closed")),
                // An empty vector, and a comma before the bracket, hurt nobody.
                Some(']') => {
                    self.next();
                    return Ok(pairs);
                }
                Some(_) => {}
            }
            let name = self.name()?;
            self.equals(&name)?;
            let value = self.value(&format!("{of}/{name}"))?;
            pairs.push((name, value));
            self.skip_space_and_comments();
            match self.rest.peek() {
                Some(',') => {
                    self.next();
                }
                Some(']') => {}
                None => return self.error_at(start, format!("the [ of {of} is never closed")),
                Some(_) => return self.error(format!("expected , or ] in {of}")),
            }
        }
    }

    fn end_of_line(&mut self, name: &str) -> Result<(), SyntaxError> {
        self.skip_blanks();
        match self.rest.peek() {
            None | Some('\n' | '#') => Ok(()),
            Some(_) => self.error(format!(
                "unexpected text after the value of {name}; a value with blanks needs quotes"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn single(text: &str) -> Attribute {
        let mut all = parse(text).unwrap();
        assert_eq!(all.len(), 1, "{text:?}");
        all.remove(0)
    }

    #[test]
    fn values_read_as_oned_reads_them() {
        let cases = [
            ("PORT = 2633", "2633"),
            ("port=2633 # the default", "2633"),
            ("PORT = \"2633\"#x", "2633"),
            ("A = \"with # inside\"", "with # inside"),
            ("A = \"two\nlines\"", "two\nlines"),
            (r#"A = "say \"hi\" \n""#, r#"say "hi" \n"#),
            ("A =\n", ""),
            ("A = # nothing", ""),
            ("\n\n# B = 1\nA = /var/lib/one:x\r\n", "/var/lib/one:x"),
        ];
        for (text, value) in cases {
            assert!(
                single(text).value == AttributeValue::Single(value.to_owned()),
                "{text:?}"
            );
        }
    }

    #[test]
    fn vectors_close_anywhere_and_carry_comments() {
        let texts = [
            "DB = [ backend = \"mysql\", port = 0 ]",
            "DB = [\n backend = \"mysql\", # port = 3\n port = 0\n]",
            "DB = [ # ] \n BACKEND = mysql,\n PORT = 0 ] # end",
            "db=[backend=\"mysql\",port=0,]",
        ];
        for text in texts {
            let attribute = single(text);
            assert_eq!(attribute.name, "DB");
            assert_eq!(attribute.member("BACKEND"), Some("mysql"), "{text}");
            assert_eq!(attribute.member("PORT"), Some("0"), "{text}");
            assert_eq!(attribute.member("PASSWD"), None);
        }
    }

    #[test]
    fn names_repeat_and_keep_their_lines() {
        let all = parse("VM_MAD = [ A = 1 ]\n\nVM_MAD = [ A = 2 ]\nX = 1").unwrap();
        let lines: Vec<_> = all.iter().map(|a| (a.name.as_str(), a.line)).collect();
        assert_eq!(lines, [("VM_MAD", 1), ("VM_MAD", 3), ("X", 4)]);
    }

    #[test]
    fn broken_files_name_the_line_and_never_a_value() {
        let cases = [
            ("A = 1\nB = \"secret\n\n", 2, "quotes of B's value"),
            ("\nDB = [ PASSWD = \"secret\",\n", 2, "[ of DB is never closed"),
            ("DB = [ A = 1\nB = secret ]", 2, "expected , or ] in DB"),
            ("A 1", 1, "expected = after A"),
            ("A = secret more", 1, "needs quotes"),
            ("= 1", 1, "expected the name"),
            ("DB = [ A = ]", 1, "expected a value for DB/A"),
            ("DB = [ A = [ B = 1 ] ]", 1, "expected a value for DB/A"),
            ("]", 1, "expected the name"),
        ];
        for (text, line, part) in cases {
            let error = parse(text).err().unwrap();
            assert_eq!(error.line, line, "{text:?}: {error}");
            assert!(error.message.contains(part), "{text:?}: {error}");
            assert!(!error.message.contains("secret"), "{error}");
        }
    }

    #[test]
    fn no_prefix_of_a_file_panics() {
        let text = "A = \"x\\\"y\"\nDB = [ é = 1, B = \"ü\n\" ] # c\n";
        for end in (0..=text.len()).filter(|&end| text.is_char_boundary(end)) {
            let _ = parse(&text[..end]);
        }
    }
}
