//! `test` and `[`.

use crate::system::{FileTest, System};

/// More words than any test has; each may be inside of the one before.
const MOST: usize = 1_000;

/// Whether an expression holds. The error is what `test` says of one that makes no sense.
pub(crate) fn evaluate(words: &[String], cwd: &str, system: &mut dyn System) -> Result<bool, String> {
    let mut reader = Reader {
        words,
        at: 0,
        cwd,
        system,
    };
    if words.is_empty() {
        return Ok(false);
    }
    if words.len() > MOST {
        return Err("too many arguments".to_owned());
    }
    let holds = reader.either()?;
    match words.get(reader.at) {
        None => Ok(holds),
        Some(word) => Err(format!("{word}: unexpected operator")),
    }
}

struct Reader<'a> {
    words: &'a [String],
    at: usize,
    cwd: &'a str,
    system: &'a mut dyn System,
}

impl Reader<'_> {
    fn word(&self, offset: usize) -> Option<&str> {
        self.words.get(self.at + offset).map(String::as_str)
    }

    fn either(&mut self) -> Result<bool, String> {
        let mut holds = self.both()?;
        while self.word(0) == Some("-o") {
            self.at += 1;
            holds |= self.both()?;
        }
        Ok(holds)
    }

    fn both(&mut self) -> Result<bool, String> {
        let mut holds = self.one()?;
        while self.word(0) == Some("-a") {
            self.at += 1;
            holds &= self.one()?;
        }
        Ok(holds)
    }

    fn one(&mut self) -> Result<bool, String> {
        let left = self.words.len() - self.at;
        if let Some(operator) = self.word(1).filter(|operator| left >= 3 && is_binary(operator)) {
            let (one, operator, other) = (
                self.words[self.at].clone(),
                operator.to_owned(),
                self.words[self.at + 2].clone(),
            );
            self.at += 3;
            return self.binary(&one, &operator, &other);
        }
        match self.word(0) {
            None => Err("argument expected".to_owned()),
            Some("!") if left > 1 => {
                self.at += 1;
                Ok(!self.one()?)
            }
            Some("(") if left > 1 => {
                self.at += 1;
                let holds = self.either()?;
                if self.word(0) != Some(")") {
                    return Err("closing paren expected".to_owned());
                }
                self.at += 1;
                Ok(holds)
            }
            Some(operator) if left > 1 && operator.len() == 2 && operator.starts_with('-') => {
                let (operator, operand) = (operator.to_owned(), self.words[self.at + 1].clone());
                self.at += 2;
                self.unary(&operator, &operand)
            }
            Some(word) => {
                let holds = !word.is_empty();
                self.at += 1;
                Ok(holds)
            }
        }
    }

    fn path(&self, path: &str) -> String {
        if path.starts_with('/') {
            path.to_owned()
        } else {
            format!("{}/{path}", self.cwd)
        }
    }

    fn unary(&mut self, operator: &str, operand: &str) -> Result<bool, String> {
        let question = match operator {
            "-n" => return Ok(!operand.is_empty()),
            "-z" => return Ok(operand.is_empty()),
            "-t" => return Ok(false),
            "-e" => FileTest::Exists,
            "-f" => FileTest::File,
            "-d" => FileTest::Directory,
            "-L" | "-h" => FileTest::Link,
            "-r" => FileTest::Readable,
            "-w" => FileTest::Writable,
            "-x" => FileTest::Executable,
            "-s" => FileTest::NotEmpty,
            _ => return Err(format!("{operator}: unexpected operator")),
        };
        if operand.is_empty() {
            return Ok(false);
        }
        let path = self.path(operand);
        Ok(self.system.test(question, &path))
    }

    fn binary(&mut self, one: &str, operator: &str, other: &str) -> Result<bool, String> {
        let number = |word: &str| -> Result<i64, String> {
            word.trim().parse().map_err(|_| format!("Illegal number: {word}"))
        };
        Ok(match operator {
            "=" | "==" => one == other,
            "!=" => one != other,
            "<" => one < other,
            ">" => one > other,
            "-ef" => {
                let (one, other) = (self.path(one), self.path(other));
                self.system.same_file(&one, &other)
            }
            "-eq" => number(one)? == number(other)?,
            "-ne" => number(one)? != number(other)?,
            "-lt" => number(one)? < number(other)?,
            "-le" => number(one)? <= number(other)?,
            "-gt" => number(one)? > number(other)?,
            _ => number(one)? >= number(other)?,
        })
    }
}

fn is_binary(operator: &str) -> bool {
    matches!(
        operator,
        "=" | "==" | "!=" | "<" | ">" | "-ef" | "-eq" | "-ne" | "-lt" | "-le" | "-gt" | "-ge"
    )
}
