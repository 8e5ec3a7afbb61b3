//! The tree of an awk program.

use std::collections::HashMap;

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
