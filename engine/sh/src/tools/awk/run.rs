//! An awk program at work.

mod functions;

use std::collections::{BTreeMap, HashMap};

use super::text::{formatted, found, records, split, unescaped};
use super::tree::{Expr, Program, Statement};
use super::value::{Value, flag};

/// Why the statements that follow are not run.
enum Stop {
    Next,
    Exit,
    Return(Value),
    Break,
    Continue,
}

/// Runs a command line with what it reads; gives what it printed.
pub(super) type Command<'a> = dyn FnMut(&str, &str) -> String + 'a;

struct Machine<'a> {
    program: &'a Program,
    command: &'a mut Command<'a>,
    /// Commands that are printed to, in the order in which they began, with what they read.
    pipes: Vec<(String, String)>,
    out: String,
    variables: HashMap<String, Value>,
    arrays: HashMap<String, BTreeMap<String, Value>>,
    record: String,
    fields: Vec<String>,
    status: i32,
    /// How much it has done, and how deep it is in calls of its functions.
    steps: usize,
    depth: usize,
}

/// A program that does more never ends.
const MOST: usize = 1_000_000;

/// Nor does one whose functions call each other deeper than this.
const DEEPEST: usize = 100;

/// A record with more fields than this was made by mistake.
const WIDEST: usize = 10_000;

/// So many bytes take as long as a statement.
const BYTES_A_STEP: usize = 64;

/// What came of a program.
pub(super) struct Ran {
    /// What it printed.
    pub(super) out: String,
    /// Its status.
    pub(super) status: i32,
    /// How much it did; all there is, if it would never have ended.
    pub(super) steps: usize,
}

/// Runs a program over its input.
pub(super) fn run<'a>(
    program: &'a Program,
    variables: &[(String, String)],
    input: &str,
    command: &'a mut Command<'a>,
) -> Ran {
    let mut machine = Machine {
        program,
        command,
        pipes: Vec::new(),
        out: String::new(),
        variables: HashMap::new(),
        arrays: HashMap::new(),
        record: String::new(),
        fields: Vec::new(),
        status: 0,
        steps: 0,
        depth: 0,
    };
    for (name, value) in [("FS", " "), ("OFS", " "), ("RS", "\n"), ("ORS", "\n")] {
        machine.set(name, Value::Text(value.to_owned()));
    }
    for (name, value) in variables {
        machine.set(name, Value::Read(unescaped(value)));
    }
    let went_through = program.begin.iter().all(|block| machine.block(block).is_ok());
    if went_through && !(program.rules.is_empty() && program.end.is_empty()) {
        let separator = machine.get("RS").text();
        'records: for (number, record) in records(input, &separator).into_iter().enumerate() {
            #[expect(clippy::cast_precision_loss, reason = "fewer records than that")]
            machine.set("NR", Value::Number((number + 1) as f64));
            machine.read(record.to_owned(), separator.is_empty());
            for (pattern, block) in &program.rules {
                if pattern
                    .as_ref()
                    .is_none_or(|pattern| machine.value(pattern).holds())
                {
                    match machine.block(block) {
                        Err(Stop::Exit) => break 'records,
                        Err(Stop::Next) => continue 'records,
                        _ => {}
                    }
                }
            }
        }
    }
    for block in &program.end {
        if machine.block(block).is_err() {
            break;
        }
    }
    while let Some((command, _)) = machine.pipes.first().cloned() {
        machine.close(&command);
    }
    Ran {
        out: machine.out,
        status: machine.status,
        steps: machine.steps,
    }
}

impl Machine<'_> {
    fn get(&self, name: &str) -> Value {
        match name {
            #[expect(clippy::cast_precision_loss, reason = "fewer fields than that")]
            "NF" => Value::Number(self.fields.len() as f64),
            _ => self
                .variables
                .get(name)
                .cloned()
                .unwrap_or(Value::Read(String::new())),
        }
    }

    fn set(&mut self, name: &str, value: Value) {
        match self.variables.get_mut(name) {
            Some(variable) => *variable = value,
            None => {
                self.variables.insert(name.to_owned(), value);
            }
        }
    }

    fn read(&mut self, record: String, lines_too: bool) {
        let separator = self.get("FS").text();
        self.fields = split(&record, &separator, lines_too);
        self.record = record;
    }

    fn block(&mut self, statements: &[Statement]) -> Result<(), Stop> {
        statements
            .iter()
            .try_for_each(|statement| self.statement(statement))
    }

    /// One turn of a loop; whether it goes on.
    fn turn(&mut self, body: &[Statement]) -> Result<bool, Stop> {
        self.works(1)?;
        match self.block(body) {
            Ok(()) | Err(Stop::Continue) => Ok(true),
            Err(Stop::Break) => Ok(false),
            Err(stop) => Err(stop),
        }
    }

    /// Counts what is done, and ends what never would.
    fn works(&mut self, steps: usize) -> Result<(), Stop> {
        self.steps = self.steps.saturating_add(steps);
        if self.steps <= MOST {
            return Ok(());
        }
        self.steps = usize::MAX;
        Err(Stop::Exit)
    }

    fn statement(&mut self, statement: &Statement) -> Result<(), Stop> {
        self.works(1)?;
        match statement {
            Statement::Do(expr) => {
                self.value(expr);
            }
            Statement::Print(list, pipe) => {
                let mut text = if list.is_empty() {
                    self.record.clone()
                } else {
                    let parts: Vec<String> = list.iter().map(|expr| self.value(expr).text()).collect();
                    parts.join(&self.get("OFS").text())
                };
                text.push_str(&self.get("ORS").text());
                self.print(&text, pipe.as_ref());
            }
            Statement::Printf(list, pipe) => {
                let values: Vec<Value> = list.iter().map(|expr| self.value(expr)).collect();
                self.print(&formatted(&values), pipe.as_ref());
            }
            Statement::If(condition, yes, no) => {
                let chosen = if self.value(condition).holds() { yes } else { no };
                self.block(chosen)?;
            }
            Statement::While(condition, body) => {
                while self.value(condition).holds() {
                    if !self.turn(body)? {
                        break;
                    }
                }
            }
            Statement::For(start, condition, step, body) => {
                if let Some(start) = start {
                    self.value(start);
                }
                while condition
                    .as_ref()
                    .is_none_or(|condition| self.value(condition).holds())
                {
                    if !self.turn(body)? {
                        break;
                    }
                    if let Some(step) = step {
                        self.value(step);
                    }
                }
            }
            Statement::ForIn(name, array, body) => {
                let keys: Vec<String> = self
                    .arrays
                    .get(array)
                    .map(|array| array.keys().cloned().collect())
                    .unwrap_or_default();
                for key in keys {
                    self.set(name, Value::Read(key));
                    if !self.turn(body)? {
                        break;
                    }
                }
            }
            Statement::Next => return Err(Stop::Next),
            Statement::Break => return Err(Stop::Break),
            Statement::Continue => return Err(Stop::Continue),
            Statement::Return(value) => {
                let value = value.as_ref().map(|value| self.value(value));
                return Err(Stop::Return(value.unwrap_or(Value::Read(String::new()))));
            }
            Statement::Exit(status) => {
                if let Some(status) = status {
                    let number = self.value(status).number();
                    #[expect(clippy::cast_possible_truncation, reason = "an exit status")]
                    {
                        self.status = number as i32;
                    }
                }
                return Err(Stop::Exit);
            }
            Statement::Delete(array, index) => {
                let key = self.key(index);
                let array = self.arrays.entry(array.clone()).or_default();
                if index.is_empty() {
                    array.clear();
                } else {
                    array.remove(&key);
                }
            }
        }
        Ok(())
    }

    fn print(&mut self, text: &str, pipe: Option<&Expr>) {
        let Some(pipe) = pipe else {
            self.out.push_str(text);
            return;
        };
        let command = self.value(pipe).text();
        match self.pipes.iter_mut().find(|(open, _)| *open == command) {
            Some((_, reads)) => reads.push_str(text),
            None => self.pipes.push((command, text.to_owned())),
        }
    }

    /// Ends what a command reads, and runs it; whether there was one.
    fn close(&mut self, command: &str) -> bool {
        let Some(at) = self.pipes.iter().position(|(open, _)| open == command) else {
            return false;
        };
        let (command, reads) = self.pipes.remove(at);
        let printed = (self.command)(&command, &reads);
        self.out.push_str(&printed);
        true
    }

    fn key(&mut self, index: &[Expr]) -> String {
        let parts: Vec<String> = index.iter().map(|expr| self.value(expr).text()).collect();
        parts.join("\x1c")
    }

    fn value(&mut self, expr: &Expr) -> Value {
        match expr {
            Expr::Number(number) => Value::Number(*number),
            Expr::Text(text) => Value::Text(text.clone()),
            Expr::Pattern(pattern) => flag(found(pattern, &self.record).is_some()),
            Expr::Variable(name) => self.get(name),
            Expr::Field(number) => self.field(number),
            Expr::Element(array, index) => {
                let key = self.key(index);
                let array = self.arrays.entry(array.clone()).or_default();
                array.entry(key).or_insert(Value::Read(String::new())).clone()
            }
            Expr::In(key, array) => {
                let key = self.value(key).text();
                flag(
                    self.arrays
                        .get(array)
                        .is_some_and(|array| array.contains_key(&key)),
                )
            }
            Expr::Assign(target, operator, value) => {
                let mut value = self.value(value);
                if let Some(operator) = operator {
                    let before = self.value(target).number();
                    value = Value::Number(calculated(operator, before, value.number()));
                }
                self.assign(target, value.clone());
                value
            }
            Expr::Step(target, by, first) => {
                let before = self.value(target).number();
                self.assign(target, Value::Number(before + by));
                Value::Number(if *first { before + by } else { before })
            }
            Expr::Unary("!", inner) => flag(!self.value(inner).holds()),
            Expr::Unary("-", inner) => Value::Number(-self.value(inner).number()),
            Expr::Unary(_, inner) => Value::Number(self.value(inner).number()),
            Expr::Binary("&&", one, other) => flag(self.value(one).holds() && self.value(other).holds()),
            Expr::Binary("||", one, other) => flag(self.value(one).holds() || self.value(other).holds()),
            Expr::Binary(operator @ ("==" | "!=" | "<" | ">" | "<=" | ">="), one, other) => {
                let (one, other) = (self.value(one), self.value(other));
                let order = match (one.as_number(), other.as_number()) {
                    (Some(one), Some(other)) => one.total_cmp(&other),
                    _ => one.text().cmp(&other.text()),
                };
                flag(match *operator {
                    "==" => order.is_eq(),
                    "!=" => order.is_ne(),
                    "<" => order.is_lt(),
                    ">" => order.is_gt(),
                    "<=" => order.is_le(),
                    _ => order.is_ge(),
                })
            }
            Expr::Binary(operator, one, other) => {
                let (one, other) = (self.value(one).number(), self.value(other).number());
                Value::Number(calculated(operator, one, other))
            }
            Expr::Join(one, other) => {
                let mut text = self.value(one).text();
                text.push_str(&self.value(other).text());
                self.steps = self.steps.saturating_add(text.len() / BYTES_A_STEP);
                Value::Text(text)
            }
            Expr::Match(text, pattern, negated) => {
                let text = self.value(text).text();
                let pattern = self.pattern(pattern);
                flag(found(&pattern, &text).is_some() != *negated)
            }
            Expr::Ternary(condition, yes, no) => {
                let chosen = if self.value(condition).holds() { yes } else { no };
                self.value(chosen)
            }
            Expr::Call(name, arguments) => self.call(name, arguments),
        }
    }

    fn pattern(&mut self, expr: &Expr) -> String {
        match expr {
            Expr::Pattern(pattern) => pattern.clone(),
            other => self.value(other).text(),
        }
    }

    fn field(&mut self, number: &Expr) -> Value {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a field's number"
        )]
        let number = self.value(number).number() as usize;
        let text = match number.checked_sub(1) {
            None => self.record.clone(),
            Some(at) => self.fields.get(at).cloned().unwrap_or_default(),
        };
        Value::Read(text)
    }

    fn assign(&mut self, target: &Expr, value: Value) {
        match target {
            Expr::Variable(name) => self.set(name, value),
            Expr::Element(array, index) => {
                let key = self.key(index);
                self.arrays.entry(array.clone()).or_default().insert(key, value);
            }
            Expr::Field(number) => {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "a field's number"
                )]
                let number = self.value(number).number() as usize;
                match number.checked_sub(1) {
                    None => self.read(value.text(), false),
                    Some(at) if at >= WIDEST => self.steps = usize::MAX,
                    Some(at) => {
                        if self.fields.len() <= at {
                            self.fields.resize(at + 1, String::new());
                        }
                        self.fields[at] = value.text();
                        self.record = self.fields.join(&self.get("OFS").text());
                    }
                }
            }
            _ => {}
        }
    }
}

fn calculated(operator: &str, one: f64, other: f64) -> f64 {
    match operator {
        "+" => one + other,
        "-" => one - other,
        "*" => one * other,
        "/" => one / other,
        _ => one % other,
    }
}
