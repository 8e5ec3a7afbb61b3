//! Commands made of commands.

use std::rc::Rc;
use std::sync::Arc;

use super::{Shell, Stop};
use crate::ast::{Kind, List};
use crate::glob;

impl Shell<'_> {
    pub(super) fn compound(&mut self, kind: &Kind) -> Result<(), Stop> {
        match kind {
            Kind::Simple { .. } => Ok(()),
            Kind::Group(list) => self.list(list),
            Kind::Subshell(list) => {
                self.status = self.apart(|shell| shell.list(list));
                Ok(())
            }
            Kind::If(arms, otherwise) => {
                for (condition, list) in arms {
                    self.condition(condition)?;
                    if self.status == 0 {
                        return self.list(list);
                    }
                }
                if otherwise.0.is_empty() {
                    self.status = 0;
                }
                self.list(otherwise)
            }
            Kind::Loop {
                until,
                condition,
                body,
            } => {
                let mut status = 0;
                loop {
                    self.condition(condition)?;
                    if (self.status == 0) == *until {
                        self.status = status;
                        return Ok(());
                    }
                    if self.turn(body)? {
                        return Ok(());
                    }
                    status = self.status;
                }
            }
            Kind::For { name, words, body } => {
                let values = match words {
                    Some(words) => self.fields(words)?,
                    None => self.arguments.clone(),
                };
                if values.is_empty() {
                    self.status = 0;
                }
                for value in values {
                    self.assign(name, value);
                    if self.turn(body)? {
                        break;
                    }
                }
                Ok(())
            }
            Kind::Case(word, arms) => {
                let text: Vec<char> = self.text(word)?.chars().collect();
                for (patterns, list) in arms {
                    for pattern in patterns {
                        if glob::matches(&self.pattern(pattern)?, &text) {
                            if list.0.is_empty() {
                                self.status = 0;
                            }
                            return self.list(list);
                        }
                    }
                }
                self.status = 0;
                Ok(())
            }
            Kind::Function(name, body) => {
                Rc::make_mut(&mut self.functions).insert(name.clone(), Arc::clone(body));
                self.status = 0;
                Ok(())
            }
        }
    }

    fn condition(&mut self, list: &List) -> Result<(), Stop> {
        self.watched += 1;
        let result = self.list(list);
        self.watched -= 1;
        result
    }

    /// One turn of a loop; whether the loop is over.
    fn turn(&mut self, body: &List) -> Result<bool, Stop> {
        match self.list(body) {
            Ok(()) | Err(Stop::Continue(1)) => Ok(false),
            Err(Stop::Break(1)) => Ok(true),
            Err(Stop::Break(levels)) => Err(Stop::Break(levels - 1)),
            Err(Stop::Continue(levels)) => Err(Stop::Continue(levels - 1)),
            Err(stop) => Err(stop),
        }
    }
}
