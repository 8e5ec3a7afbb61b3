//! Expressions, the loosest operator first.

use super::Reader;
use crate::tools::awk::lexer::Token;
use crate::tools::awk::tree::Expr;

impl Reader {
    pub(super) fn expression(&mut self) -> Option<Expr> {
        self.inside(Self::assignment)
    }

    fn assignment(&mut self) -> Option<Expr> {
        let left = self.ternary()?;
        for (sign, operator) in [
            ("=", None),
            ("+=", Some("+")),
            ("-=", Some("-")),
            ("*=", Some("*")),
            ("/=", Some("/")),
            ("%=", Some("%")),
        ] {
            if self.take(sign) {
                let right = self.expression()?;
                return Some(Expr::Assign(Box::new(left), operator, Box::new(right)));
            }
        }
        Some(left)
    }

    fn ternary(&mut self) -> Option<Expr> {
        self.inside(Self::choice)
    }

    fn choice(&mut self) -> Option<Expr> {
        let condition = self.either()?;
        if !self.take("?") {
            return Some(condition);
        }
        let yes = self.ternary()?;
        self.expect(":")?;
        let no = self.ternary()?;
        Some(Expr::Ternary(Box::new(condition), Box::new(yes), Box::new(no)))
    }

    fn either(&mut self) -> Option<Expr> {
        let mut left = self.both()?;
        while self.take("||") {
            self.lines();
            left = Expr::Binary("||", Box::new(left), Box::new(self.both()?));
        }
        Some(left)
    }

    fn both(&mut self) -> Option<Expr> {
        let mut left = self.membership()?;
        while self.take("&&") {
            self.lines();
            left = Expr::Binary("&&", Box::new(left), Box::new(self.membership()?));
        }
        Some(left)
    }

    fn membership(&mut self) -> Option<Expr> {
        let mut left = self.matching()?;
        while self.take_name("in") {
            let Some(Token::Name(array, _)) = self.peek().cloned() else {
                return None;
            };
            self.at += 1;
            left = Expr::In(Box::new(left), array);
        }
        Some(left)
    }

    fn matching(&mut self) -> Option<Expr> {
        let mut left = self.comparison()?;
        loop {
            let negated = if self.take("~") {
                false
            } else if self.take("!~") {
                true
            } else {
                return Some(left);
            };
            left = Expr::Match(Box::new(left), Box::new(self.comparison()?), negated);
        }
    }

    fn comparison(&mut self) -> Option<Expr> {
        let left = self.joined()?;
        for sign in ["==", "!=", "<=", ">=", "<", ">"] {
            if self.take(sign) {
                return Some(Expr::Binary(sign, Box::new(left), Box::new(self.joined()?)));
            }
        }
        Some(left)
    }

    pub(super) fn joined(&mut self) -> Option<Expr> {
        let mut left = self.sum()?;
        loop {
            let begins = match self.peek() {
                Some(Token::Number(_) | Token::Text(_)) => true,
                Some(Token::Name(name, _)) => name != "in",
                Some(Token::Sign(sign)) => matches!(*sign, "$" | "("),
                _ => false,
            };
            if !begins {
                return Some(left);
            }
            left = Expr::Join(Box::new(left), Box::new(self.sum()?));
        }
    }

    fn sum(&mut self) -> Option<Expr> {
        let mut left = self.product()?;
        loop {
            let sign = ["+", "-"].into_iter().find(|sign| self.is(sign));
            let Some(sign) = sign else { return Some(left) };
            self.at += 1;
            left = Expr::Binary(sign, Box::new(left), Box::new(self.product()?));
        }
    }

    fn product(&mut self) -> Option<Expr> {
        let mut left = self.unary()?;
        loop {
            let sign = ["*", "/", "%"].into_iter().find(|sign| self.is(sign));
            let Some(sign) = sign else { return Some(left) };
            self.at += 1;
            left = Expr::Binary(sign, Box::new(left), Box::new(self.unary()?));
        }
    }

    fn unary(&mut self) -> Option<Expr> {
        self.inside(Self::signed)
    }

    fn signed(&mut self) -> Option<Expr> {
        for sign in ["!", "-", "+"] {
            if self.take(sign) {
                return Some(Expr::Unary(sign, Box::new(self.unary()?)));
            }
        }
        for (sign, by) in [("++", 1.0), ("--", -1.0)] {
            if self.take(sign) {
                return Some(Expr::Step(Box::new(self.primary()?), by, true));
            }
        }
        let value = self.primary()?;
        for (sign, by) in [("++", 1.0), ("--", -1.0)] {
            if self.take(sign) {
                return Some(Expr::Step(Box::new(value), by, false));
            }
        }
        Some(value)
    }

    pub(super) fn primary(&mut self) -> Option<Expr> {
        let token = self.peek()?.clone();
        self.at += 1;
        Some(match token {
            Token::Number(number) => Expr::Number(number),
            Token::Text(text) => Expr::Text(text),
            Token::Pattern(pattern) => Expr::Pattern(pattern),
            Token::Sign("$") => Expr::Field(Box::new(self.inside(Self::primary)?)),
            Token::Sign("(") => {
                let inner = self.expression()?;
                self.expect(")")?;
                inner
            }
            Token::Name(name, true) => {
                self.expect("(")?;
                Expr::Call(name, self.list(")")?)
            }
            Token::Name(name, false) if self.take("[") => Expr::Element(name, self.list("]")?),
            // `length` needs no parentheses.
            Token::Name(name, false) if name == "length" => Expr::Call(name, Vec::new()),
            Token::Name(name, false) => Expr::Variable(name),
            _ => return None,
        })
    }

    pub(super) fn list(&mut self, end: &str) -> Option<Vec<Expr>> {
        let mut list = Vec::new();
        while !self.take(end) {
            if !list.is_empty() {
                self.expect(",")?;
            }
            list.push(self.expression()?);
        }
        Some(list)
    }
}
