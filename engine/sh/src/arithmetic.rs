//! `$(( … ))`: integers, as in C.

/// The value of an expression; `value` gives that of a variable. The error is a word for the shell's message.
pub(crate) fn evaluate(text: &str, value: &dyn Fn(&str) -> String) -> Result<i64, String> {
    let mut reader = Reader {
        chars: text.chars().collect(),
        at: 0,
        depth: 0,
        value,
    };
    let result = reader.ternary()?;
    reader.blanks();
    if reader.at < reader.chars.len() {
        return Err(format!("arithmetic expression: \"{text}\""));
    }
    Ok(result)
}

struct Reader<'a> {
    chars: Vec<char>,
    at: usize,
    depth: usize,
    value: &'a dyn Fn(&str) -> String,
}

/// Parentheses and signs in each other.
const DEEPEST: usize = 100;

/// Binary operators by how tightly they bind, the loosest first. Longer ones come before those they begin with.
const OPERATORS: [&[&str]; 10] = [
    &["||"],
    &["&&"],
    &["|"],
    &["^"],
    &["&"],
    &["==", "!="],
    &["<=", ">=", "<", ">"],
    &["<<", ">>"],
    &["+", "-"],
    &["*", "/", "%"],
];

impl Reader<'_> {
    fn blanks(&mut self) {
        while self.chars.get(self.at).is_some_and(|c| c.is_whitespace()) {
            self.at += 1;
        }
    }

    fn looking_at(&self, text: &str) -> bool {
        text.chars()
            .enumerate()
            .all(|(offset, c)| self.chars.get(self.at + offset) == Some(&c))
    }

    fn ternary(&mut self) -> Result<i64, String> {
        let condition = self.binary(0)?;
        self.blanks();
        if !self.looking_at("?") {
            return Ok(condition);
        }
        self.at += 1;
        // Each of many in a row is inside of the one before.
        self.depth += 1;
        let yes = self.ternary()?;
        self.blanks();
        if !self.looking_at(":") {
            return Err("arithmetic expression: `:` is missing".to_owned());
        }
        self.at += 1;
        let no = self.ternary()?;
        self.depth -= 1;
        Ok(if condition == 0 { no } else { yes })
    }

    fn operator(&mut self, level: usize) -> Option<&'static str> {
        self.blanks();
        let found = OPERATORS[level]
            .iter()
            .find(|operator| self.looking_at(operator))?;
        // `<` of `<<`, `|` of `||`, `&` of `&&` are none.
        let doubled = ["<<", ">>", "||", "&&"];
        let is_part = found.len() == 1
            && doubled
                .iter()
                .any(|longer| longer.starts_with(found) && self.looking_at(longer));
        if is_part {
            return None;
        }
        self.at += found.len();
        Some(found)
    }

    fn binary(&mut self, level: usize) -> Result<i64, String> {
        if level == OPERATORS.len() {
            return self.unary();
        }
        let mut left = self.binary(level + 1)?;
        while let Some(operator) = self.operator(level) {
            let right = self.binary(level + 1)?;
            left = match operator {
                "||" => i64::from(left != 0 || right != 0),
                "&&" => i64::from(left != 0 && right != 0),
                "|" => left | right,
                "^" => left ^ right,
                "&" => left & right,
                "==" => i64::from(left == right),
                "!=" => i64::from(left != right),
                "<=" => i64::from(left <= right),
                ">=" => i64::from(left >= right),
                "<" => i64::from(left < right),
                ">" => i64::from(left > right),
                "<<" => left.wrapping_shl(u32::try_from(right).unwrap_or(0)),
                ">>" => left.wrapping_shr(u32::try_from(right).unwrap_or(0)),
                "+" => left.wrapping_add(right),
                "-" => left.wrapping_sub(right),
                "*" => left.wrapping_mul(right),
                _ if right == 0 => return Err("arithmetic expression: division by zero".to_owned()),
                "/" => left.wrapping_div(right),
                _ => left.wrapping_rem(right),
            };
        }
        Ok(left)
    }

    fn unary(&mut self) -> Result<i64, String> {
        if self.depth >= DEEPEST {
            return Err("arithmetic expression: nested too deeply".to_owned());
        }
        self.depth += 1;
        let value = self.signed();
        self.depth -= 1;
        value
    }

    fn signed(&mut self) -> Result<i64, String> {
        self.blanks();
        let c = self.chars.get(self.at).copied();
        match c {
            Some('-') => {
                self.at += 1;
                Ok(self.unary()?.wrapping_neg())
            }
            Some('+') => {
                self.at += 1;
                self.unary()
            }
            Some('!') => {
                self.at += 1;
                Ok(i64::from(self.unary()? == 0))
            }
            Some('~') => {
                self.at += 1;
                Ok(!self.unary()?)
            }
            Some('(') => {
                self.at += 1;
                let inner = self.ternary()?;
                self.blanks();
                if !self.looking_at(")") {
                    return Err("arithmetic expression: `)` is missing".to_owned());
                }
                self.at += 1;
                Ok(inner)
            }
            _ => self.operand(),
        }
    }

    fn operand(&mut self) -> Result<i64, String> {
        let start = self.at;
        while self
            .chars
            .get(self.at)
            .is_some_and(|c| c.is_ascii_alphanumeric() || *c == '_')
        {
            self.at += 1;
        }
        let word: String = self.chars[start..self.at].iter().collect();
        if word.starts_with(|c: char| c.is_ascii_digit()) {
            return number(&word);
        }
        if word.is_empty() {
            return Err("arithmetic expression: expecting primary".to_owned());
        }
        let value = (self.value)(&word);
        if value.is_empty() { Ok(0) } else { number(&value) }
    }
}

fn number(word: &str) -> Result<i64, String> {
    let (negative, digits) = match word.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, word),
    };
    let parsed = if let Some(hex) = digits.strip_prefix("0x") {
        i64::from_str_radix(hex, 16)
    } else if digits.len() > 1 && digits.starts_with('0') {
        i64::from_str_radix(digits, 8)
    } else {
        digits.parse()
    };
    let value = parsed.map_err(|_| format!("Illegal number: {word}"))?;
    Ok(if negative { -value } else { value })
}
