//! The tree of an awk program.

use std::collections::HashMap;

use super::lexer::{Token, tokens};

/// A program.
#[derive(Debug, Default)]
pub(super) struct Program {
    pub(super) begin: Vec<Vec<Statement>>,
    /// Patterns (none: every record), and what is done.
    pub(super) rules: Vec<(Option<Expr>, Vec<Statement>)>,
    pub(super) end: Vec<Vec<Statement>>,
    pub(super) functions: HashMap<String, Function>,
}

/// A function of the program's own. Parameters that a call leaves out are its local variables.
#[derive(Debug)]
pub(super) struct Function {
    pub(super) parameters: Vec<String>,
    pub(super) body: Vec<Statement>,
}

#[derive(Debug)]
pub(super) enum Statement {
    Do(Expr),
    /// What is printed, and the command it is piped to.
    Print(Vec<Expr>, Option<Expr>),
    Printf(Vec<Expr>, Option<Expr>),
    If(Expr, Vec<Statement>, Vec<Statement>),
    While(Expr, Vec<Statement>),
    For(Option<Expr>, Option<Expr>, Option<Expr>, Vec<Statement>),
    ForIn(String, String, Vec<Statement>),
    Next,
    Exit(Option<Expr>),
    Return(Option<Expr>),
    Break,
    Continue,
    Delete(String, Vec<Expr>),
}

#[derive(Debug, Clone)]
pub(super) enum Expr {
    Number(f64),
    Text(String),
    /// A pattern on its own: whether the record matches.
    Pattern(String),
    Variable(String),
    Field(Box<Expr>),
    Element(String, Vec<Expr>),
    In(Box<Expr>, String),
    Assign(Box<Expr>, Option<&'static str>, Box<Expr>),
    Step(Box<Expr>, f64, bool),
    Unary(&'static str, Box<Expr>),
    Binary(&'static str, Box<Expr>, Box<Expr>),
    Join(Box<Expr>, Box<Expr>),
    Match(Box<Expr>, Box<Expr>, bool),
    Ternary(Box<Expr>, Box<Expr>, Box<Expr>),
    Call(String, Vec<Expr>),
}

/// Blocks and expressions in each other.
const DEEPEST: usize = 100;

/// Operators one after the other make a tree as deep as they are many.
const LONGEST: usize = 4_000;

/// Reads a program; `None`: something in it is not understood.
pub(super) fn program(text: &str) -> Option<Program> {
    let tokens = tokens(text)?;
    if tokens.len() > LONGEST {
        return None;
    }
    let mut reader = Reader {
        tokens,
        at: 0,
        depth: 0,
    };
    let mut program = Program::default();
    loop {
        reader.ends();
        if reader.peek().is_none() {
            return Some(program);
        }
        if reader.is_name("BEGIN") {
            reader.at += 1;
            program.begin.push(reader.block()?);
        } else if reader.is_name("END") {
            reader.at += 1;
            program.end.push(reader.block()?);
        } else if reader.take_name("function") {
            let (name, function) = reader.function()?;
            program.functions.insert(name, function);
        } else if reader.is("{") {
            program.rules.push((None, reader.block()?));
        } else {
            let pattern = reader.expression()?;
            let block = if reader.is("{") {
                reader.block()?
            } else {
                vec![Statement::Print(Vec::new(), None)]
            };
            program.rules.push((Some(pattern), block));
        }
    }
}

struct Reader {
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
}

impl Reader {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn is(&self, sign: &str) -> bool {
        matches!(self.peek(), Some(Token::Sign(found)) if *found == sign)
    }

    fn is_name(&self, name: &str) -> bool {
        matches!(self.peek(), Some(Token::Name(found, _)) if found == name)
    }

    fn take(&mut self, sign: &str) -> bool {
        let is = self.is(sign);
        self.at += usize::from(is);
        is
    }

    fn take_name(&mut self, name: &str) -> bool {
        let is = self.is_name(name);
        self.at += usize::from(is);
        is
    }

    fn expect(&mut self, sign: &str) -> Option<()> {
        self.take(sign).then_some(())
    }

    /// Over ends of lines and semicolons.
    fn ends(&mut self) {
        while self.peek() == Some(&Token::LineEnd) || self.is(";") {
            self.at += 1;
        }
    }

    fn lines(&mut self) {
        while self.peek() == Some(&Token::LineEnd) {
            self.at += 1;
        }
    }

    fn block(&mut self) -> Option<Vec<Statement>> {
        self.expect("{")?;
        let mut statements = Vec::new();
        loop {
            self.ends();
            if self.take("}") {
                return Some(statements);
            }
            statements.push(self.statement()?);
        }
    }

    /// One statement, or a block of them.
    fn body(&mut self) -> Option<Vec<Statement>> {
        self.lines();
        if self.is("{") {
            return self.block();
        }
        if self.take(";") {
            return Some(Vec::new());
        }
        Some(vec![self.statement()?])
    }

    /// Reads what is inside of what is being read.
    fn inside<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        if self.depth >= DEEPEST {
            return None;
        }
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        result
    }

    fn statement(&mut self) -> Option<Statement> {
        self.inside(Self::any_statement)
    }

    fn any_statement(&mut self) -> Option<Statement> {
        let Some(Token::Name(name, _)) = self.peek().cloned() else {
            return Some(Statement::Do(self.expression()?));
        };
        let statement = match name.as_str() {
            "print" | "printf" => {
                self.at += 1;
                let list = self.print_list()?;
                let pipe = if self.take("|") {
                    Some(self.joined()?)
                } else {
                    None
                };
                if name == "print" {
                    Statement::Print(list, pipe)
                } else {
                    Statement::Printf(list, pipe)
                }
            }
            "if" => {
                self.at += 1;
                self.expect("(")?;
                let condition = self.expression()?;
                self.expect(")")?;
                let yes = self.body()?;
                let place = self.at;
                self.ends();
                if self.take_name("else") {
                    Statement::If(condition, yes, self.body()?)
                } else {
                    self.at = place;
                    Statement::If(condition, yes, Vec::new())
                }
            }
            "while" => {
                self.at += 1;
                self.expect("(")?;
                let condition = self.expression()?;
                self.expect(")")?;
                Statement::While(condition, self.body()?)
            }
            "for" => {
                self.at += 1;
                self.iteration()?
            }
            "next" => {
                self.at += 1;
                Statement::Next
            }
            "break" => {
                self.at += 1;
                Statement::Break
            }
            "continue" => {
                self.at += 1;
                Statement::Continue
            }
            "exit" | "return" => {
                self.at += 1;
                let value = if self.is_end() {
                    None
                } else {
                    Some(self.expression()?)
                };
                if name == "exit" {
                    Statement::Exit(value)
                } else {
                    Statement::Return(value)
                }
            }
            "delete" => {
                self.at += 1;
                match self.primary()? {
                    Expr::Element(array, index) => Statement::Delete(array, index),
                    Expr::Variable(array) => Statement::Delete(array, Vec::new()),
                    _ => return None,
                }
            }
            "getline" => return None,
            _ => Statement::Do(self.expression()?),
        };
        Some(statement)
    }

    /// After `function`: its name, its parameters, its body.
    fn function(&mut self) -> Option<(String, Function)> {
        let Some(Token::Name(name, _)) = self.peek().cloned() else {
            return None;
        };
        self.at += 1;
        self.expect("(")?;
        let parameters = self.list(")")?.into_iter().map(|parameter| match parameter {
            Expr::Variable(name) => Some(name),
            _ => None,
        });
        let parameters = parameters.collect::<Option<_>>()?;
        self.lines();
        let body = self.block()?;
        Some((name, Function { parameters, body }))
    }

    fn is_end(&self) -> bool {
        matches!(self.peek(), None | Some(Token::LineEnd | Token::Sign(";" | "}")))
    }

    fn print_list(&mut self) -> Option<Vec<Expr>> {
        let mut list = Vec::new();
        if self.is_end() || self.is("|") {
            return Some(list);
        }
        loop {
            list.push(self.expression()?);
            if self.is(">") {
                return None;
            }
            if !self.take(",") {
                return Some(list);
            }
            self.lines();
        }
    }

    fn iteration(&mut self) -> Option<Statement> {
        self.expect("(")?;
        if let (Some(Token::Name(name, false)), Some(Token::Name(word, _)), Some(Token::Name(array, false))) = (
            self.tokens.get(self.at).cloned(),
            self.tokens.get(self.at + 1).cloned(),
            self.tokens.get(self.at + 2).cloned(),
        ) && word == "in"
        {
            self.at += 3;
            self.expect(")")?;
            return Some(Statement::ForIn(name, array, self.body()?));
        }
        let start = if self.is(";") {
            None
        } else {
            Some(self.expression()?)
        };
        self.expect(";")?;
        let condition = if self.is(";") {
            None
        } else {
            Some(self.expression()?)
        };
        self.expect(";")?;
        let step = if self.is(")") {
            None
        } else {
            Some(self.expression()?)
        };
        self.expect(")")?;
        Some(Statement::For(start, condition, step, self.body()?))
    }

    fn expression(&mut self) -> Option<Expr> {
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

    fn joined(&mut self) -> Option<Expr> {
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

    fn primary(&mut self) -> Option<Expr> {
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

    fn list(&mut self, end: &str) -> Option<Vec<Expr>> {
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
