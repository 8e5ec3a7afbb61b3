//! An awk program at work.

use std::collections::{BTreeMap, HashMap};

use super::parse::{Expr, Function, Program, Statement};
use crate::tools::grep::extended;

/// A value: text that may count as a number.
#[derive(Debug, Clone)]
enum Value {
    Number(f64),
    Text(String),
    /// From the input: a number if it looks like one.
    Read(String),
}

impl Value {
    fn text(&self) -> String {
        match self {
            Self::Number(number) => shown(*number),
            Self::Text(text) | Self::Read(text) => text.clone(),
        }
    }

    fn number(&self) -> f64 {
        match self {
            Self::Number(number) => *number,
            Self::Text(text) | Self::Read(text) => leading_number(text),
        }
    }

    fn as_number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(_) => None,
            Self::Read(text) if text.is_empty() => Some(0.0),
            Self::Read(text) => text.trim().parse().ok(),
        }
    }

    fn holds(&self) -> bool {
        match self {
            Self::Number(number) => *number != 0.0,
            Self::Text(text) => !text.is_empty(),
            Self::Read(text) => match text.trim().parse::<f64>() {
                Ok(number) => number != 0.0,
                Err(_) => !text.is_empty(),
            },
        }
    }
}

fn shown(number: f64) -> String {
    #[expect(clippy::cast_possible_truncation, reason = "a whole number of that size fits")]
    if number.fract() == 0.0 && number.abs() < 1e16 {
        (number as i64).to_string()
    } else {
        let text = format!("{number:.6}");
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    }
}

fn leading_number(text: &str) -> f64 {
    let text = text.trim_start();
    let mut end = 0;
    for (at, c) in text.char_indices() {
        let fits = c.is_ascii_digit() || c == '.' || (at == 0 && "+-".contains(c));
        if !fits {
            break;
        }
        end = at + c.len_utf8();
    }
    text[..end].parse().unwrap_or(0.0)
}

fn flag(holds: bool) -> Value {
    Value::Number(f64::from(u8::from(holds)))
}

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
}

/// Runs a program over its input; gives what it printed, and its status.
pub(super) fn run<'a>(
    program: &'a Program,
    variables: &[(String, String)],
    input: &str,
    command: &'a mut Command<'a>,
) -> (String, i32) {
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
    (machine.out, machine.status)
}

fn unescaped(text: &str) -> String {
    text.replace("\\n", "\n").replace("\\t", "\t")
}

fn records<'a>(input: &'a str, separator: &str) -> Vec<&'a str> {
    if separator.is_empty() {
        // Paragraphs.
        return input
            .split("\n\n")
            .map(|part| part.trim_matches('\n'))
            .filter(|part| !part.is_empty())
            .collect();
    }
    let input = input.strip_suffix(separator).unwrap_or(input);
    if input.is_empty() {
        Vec::new()
    } else {
        input.split(separator).collect()
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
        match self.block(body) {
            Ok(()) | Err(Stop::Continue) => Ok(true),
            Err(Stop::Break) => Ok(false),
            Err(stop) => Err(stop),
        }
    }

    fn statement(&mut self, statement: &Statement) -> Result<(), Stop> {
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

    /// Calls a function of the program's own; arrays are not handed over.
    fn call_own(&mut self, function: &Function, arguments: &[Expr]) -> Value {
        let values: Vec<Value> = arguments.iter().map(|expr| self.value(expr)).collect();
        let mut values = values.into_iter();
        let before: Vec<Option<Value>> = function
            .parameters
            .iter()
            .map(|name| {
                let value = values.next().unwrap_or(Value::Read(String::new()));
                self.variables.insert(name.clone(), value)
            })
            .collect();
        let ended = self.block(&function.body);
        for (name, before) in function.parameters.iter().zip(before) {
            match before {
                Some(value) => self.set(name, value),
                None => _ = self.variables.remove(name),
            }
        }
        match ended {
            Err(Stop::Return(value)) => value,
            _ => Value::Read(String::new()),
        }
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

    fn call(&mut self, name: &str, arguments: &[Expr]) -> Value {
        let program = self.program;
        if let Some(function) = program.functions.get(name) {
            return self.call_own(function, arguments);
        }
        match (name, arguments) {
            ("split", [text, Expr::Variable(array), rest @ ..]) => {
                let text = self.value(text).text();
                let separator = match rest.first() {
                    Some(expr) => self.pattern(expr),
                    None => self.get("FS").text(),
                };
                let parts = split(&text, &separator, true);
                #[expect(clippy::cast_precision_loss, reason = "fewer parts than that")]
                let count = Value::Number(parts.len() as f64);
                let numbered = parts
                    .into_iter()
                    .enumerate()
                    .map(|(at, part)| ((at + 1).to_string(), Value::Read(part)));
                self.arrays.insert(array.clone(), numbered.collect());
                return count;
            }
            ("sub" | "gsub", [pattern, with, target @ ..]) => {
                let target = target
                    .first()
                    .cloned()
                    .unwrap_or(Expr::Field(Box::new(Expr::Number(0.0))));
                let pattern = self.pattern(pattern);
                let with = self.value(with).text();
                let text = self.value(&target).text();
                let (new, count) = substituted(&text, &pattern, &with, name == "gsub");
                if count > 0 {
                    self.assign(&target, Value::Text(new));
                }
                #[expect(clippy::cast_precision_loss, reason = "fewer places than that")]
                return Value::Number(count as f64);
            }
            ("match", [text, pattern]) => {
                let text = self.value(text).text();
                let pattern = self.pattern(pattern);
                let at = found(&pattern, &text);
                #[expect(clippy::cast_precision_loss, reason = "shorter texts than that")]
                let (start, length) =
                    at.map_or((0.0, -1.0), |(from, to)| ((from + 1) as f64, (to - from) as f64));
                self.set("RSTART", Value::Number(start));
                self.set("RLENGTH", Value::Number(length));
                return Value::Number(start);
            }
            ("length", [Expr::Variable(array)]) if self.arrays.contains_key(array) => {
                #[expect(clippy::cast_precision_loss, reason = "fewer elements than that")]
                return Value::Number(self.arrays.get(array).map_or(0, BTreeMap::len) as f64);
            }
            _ => {}
        }
        let values: Vec<Value> = arguments.iter().map(|expr| self.value(expr)).collect();
        let text = |at: usize| values.get(at).map(Value::text).unwrap_or_default();
        match name {
            #[expect(clippy::cast_precision_loss, reason = "shorter texts than that")]
            "length" => {
                let text = if values.is_empty() {
                    self.record.clone()
                } else {
                    text(0)
                };
                Value::Number(text.chars().count() as f64)
            }
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "places in a text"
            )]
            "substr" => {
                let from = values.get(1).map_or(1.0, Value::number);
                let length = values.get(2).map_or(f64::MAX, Value::number);
                let skip = (from - 1.0).max(0.0);
                let take = (length + (from - 1.0).min(0.0)).max(0.0);
                Value::Text(text(0).chars().skip(skip as usize).take(take as usize).collect())
            }
            #[expect(clippy::cast_precision_loss, reason = "shorter texts than that")]
            "index" => Value::Number(text(0).find(&text(1)).map_or(0.0, |at| (at + 1) as f64)),
            "tolower" => Value::Text(text(0).to_lowercase()),
            "toupper" => Value::Text(text(0).to_uppercase()),
            "int" => Value::Number(values.first().map_or(0.0, Value::number).trunc()),
            // 0 as of a command that went well, -1 of one that is not open.
            "close" => Value::Number(if self.close(&text(0)) { 0.0 } else { -1.0 }),
            "sprintf" => Value::Text(formatted(&values)),
            _ => Value::Text(String::new()),
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

fn found(pattern: &str, text: &str) -> Option<(usize, usize)> {
    let pattern = extended(pattern)?;
    let found = pattern.find(text.as_bytes())?;
    Some((found.start(), found.end()))
}

fn substituted(text: &str, pattern: &str, with: &str, all: bool) -> (String, usize) {
    let Some(pattern) = extended(pattern) else {
        return (text.to_owned(), 0);
    };
    let mut out = String::new();
    let (mut from, mut count) = (0, 0);
    for place in pattern.find_iter(text.as_bytes()) {
        if count > 0 && !all {
            break;
        }
        count += 1;
        out.push_str(text.get(from..place.start()).unwrap_or_default());
        let whole = text.get(place.range()).unwrap_or_default();
        out.push_str(
            &with
                .replace("\\&", "\x00")
                .replace('&', whole)
                .replace('\x00', "&"),
        );
        from = place.end();
    }
    out.push_str(text.get(from..).unwrap_or_default());
    (out, count)
}

fn split(text: &str, separator: &str, lines_too: bool) -> Vec<String> {
    if separator == " " {
        return text.split_whitespace().map(str::to_owned).collect();
    }
    if text.is_empty() {
        return Vec::new();
    }
    let mut single = separator.chars();
    if let (Some(only), None) = (single.next(), single.next())
        && only != '\\'
    {
        let ends = |c: char| c == only || (lines_too && c == '\n' && only != '\n' && separator == " ");
        return text.split(ends).map(str::to_owned).collect();
    }
    match extended(separator) {
        None => vec![text.to_owned()],
        Some(pattern) => pattern
            .split(text.as_bytes())
            .map(|part| String::from_utf8_lossy(part).into_owned())
            .collect(),
    }
}

fn formatted(values: &[Value]) -> String {
    let mut values = values.iter();
    let format = values.next().map(Value::text).unwrap_or_default();
    let mut out = String::new();
    let mut chars = format.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let mut spec = String::new();
        while let Some(c) = chars
            .peek()
            .filter(|c| "-0+ .".contains(**c) || c.is_ascii_digit())
        {
            spec.push(*c);
            chars.next();
        }
        let Some(verb) = chars.next() else { break };
        if verb == '%' {
            out.push('%');
            continue;
        }
        let empty = Value::Text(String::new());
        let value = values.next().unwrap_or(&empty);
        let (flags, precision) = spec.split_once('.').unwrap_or((&spec, ""));
        let precision = precision.parse::<usize>().ok();
        let text = match verb {
            'd' | 'i' => shown(value.number().trunc()),
            'f' => format!("{:.*}", precision.unwrap_or(6), value.number()),
            'c' => value.text().chars().take(1).collect(),
            _ => value
                .text()
                .chars()
                .take(precision.unwrap_or(usize::MAX))
                .collect(),
        };
        let width: usize = flags
            .trim_start_matches(['-', '+', '0', ' '])
            .parse()
            .unwrap_or(0);
        let fill = width.saturating_sub(text.chars().count());
        if flags.starts_with('-') {
            out.push_str(&text);
            out.extend(std::iter::repeat_n(' ', fill));
        } else {
            let with = if flags.starts_with('0') && verb != 's' {
                '0'
            } else {
                ' '
            };
            out.extend(std::iter::repeat_n(with, fill));
            out.push_str(&text);
        }
    }
    out
}
