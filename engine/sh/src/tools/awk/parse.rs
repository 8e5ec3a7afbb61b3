//! From the text of an awk program to its tree.

mod expressions;

use super::lexer::{Token, tokens};
use super::tree::{Expr, Function, Program, Statement};

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
}
