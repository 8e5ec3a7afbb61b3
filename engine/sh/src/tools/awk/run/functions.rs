//! Calls of functions: awk's, and the program's own.

use std::collections::BTreeMap;

use super::super::text::{formatted, found, split, substituted};
use super::super::tree::{Expr, Function};
use super::super::value::Value;
use super::{DEEPEST, Machine, Stop};

impl Machine<'_> {
    pub(super) fn call(&mut self, name: &str, arguments: &[Expr]) -> Value {
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
                let parts = split(&text, &separator, false);
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
        self.depth += 1;
        let ended = if self.depth <= DEEPEST {
            self.block(&function.body)
        } else {
            self.works(usize::MAX)
        };
        self.depth -= 1;
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
}
