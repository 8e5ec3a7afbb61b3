//! What the texts print that are being rendered: one that prints a single value and nothing else is that value.

use std::sync::{Mutex, MutexGuard, PoisonError};

use minijinja::Value;

/// The texts under way, innermost last: a variable that is used in a text may be a text itself.
#[derive(Debug, Default)]
pub(super) struct Printing(Mutex<Vec<Printed>>);

/// What a text has printed so far.
#[derive(Debug)]
enum Printed {
    Nothing,
    One(Value),
    Several,
}

impl Printing {
    fn lock(&self) -> MutexGuard<'_, Vec<Printed>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A text begins.
    pub(super) fn begin(&self) {
        self.lock().push(Printed::Nothing);
    }

    /// The innermost text prints a value.
    pub(super) fn print(&self, value: &Value) {
        if let Some(printed) = self.lock().last_mut() {
            *printed = match printed {
                Printed::Nothing => Printed::One(value.clone()),
                _ => Printed::Several,
            };
        }
    }

    /// The innermost text ends: the value it printed, if that was one.
    pub(super) fn end(&self) -> Option<Value> {
        match self.lock().pop() {
            Some(Printed::One(value)) => Some(value),
            _ => None,
        }
    }
}
