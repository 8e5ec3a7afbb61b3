//! Names that stand for nothing (yet): undefined, unknown until run, or a fact that was not gathered.
//!
//! Undefined must fail when it is used, and `a.b | default(x)` must not, even when `a` itself is undefined. The template
//! engine cannot tell the two apart (a comparison asks its operands nothing). So every hole that is handed out is noted,
//! and struck off when something is done with it that is fine with holes: taking an attribute (which hands out another),
//! `default`, `is defined`. Whatever is still noted when the expression has been evaluated was used.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use minijinja::value::{Object, ObjectRepr};
use minijinja::{Error, ErrorKind, State, Value};

use super::error::{TemplateError, TemplateErrorKind};
use super::printed::Printing;

/// What was probably meant. Most holes are excused by `default`, so it is worked out only for one that is told of.
#[derive(Clone)]
pub(super) struct Hint(Arc<dyn Fn() -> Option<String> + Send + Sync>);

impl fmt::Debug for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hint")
    }
}

/// Why there is nothing.
#[derive(Debug, Clone)]
pub(super) enum Reason {
    /// Nobody defined it.
    Undefined {
        /// What was probably meant.
        hint: Option<Hint>,
        /// It is defined, by a template that uses something undefined.
        cause: Option<Box<TemplateError>>,
    },
    /// Only a real run can tell.
    Unknown {
        /// Why.
        why: String,
    },
    /// A fact of this host, not gathered.
    Facts {
        /// The host.
        host: String,
    },
}

impl Reason {
    /// A name that nobody defined.
    pub(super) fn undefined(hint: impl Fn() -> Option<String> + Send + Sync + 'static) -> Self {
        Self::Undefined {
            hint: Some(Hint(Arc::new(hint))),
            cause: None,
        }
    }

    /// What matters more when an expression uses several.
    fn rank(&self) -> u8 {
        match self {
            Self::Facts { .. } => 0,
            Self::Undefined { .. } => 1,
            Self::Unknown { .. } => 2,
        }
    }
}

/// A hole that was handed out and not struck off.
#[derive(Debug, Clone)]
pub(super) struct Used {
    id: usize,
    /// As it is written in the template.
    pub(super) name: String,
    /// Why there is nothing.
    pub(super) reason: Reason,
}

/// Under this name, which no template can write, filters find the evaluation's tracker.
pub(super) const TRACKER: &str = "tracker!";

/// What one evaluation keeps an eye on.
#[derive(Debug, Default)]
pub(super) struct Tracker {
    state: Mutex<Noted>,
    pub(super) printing: Printing,
}

#[derive(Debug, Default)]
struct Noted {
    next: usize,
    holes: Vec<Used>,
    rendering: Vec<String>,
}

impl Tracker {
    fn lock(&self) -> MutexGuard<'_, Noted> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// It as a value, for [`TRACKER`].
    pub(super) fn as_value(self: &Arc<Self>) -> Value {
        Value::from_object(Kept(Arc::clone(self)))
    }

    /// What [`Tracker::as_value`] came from.
    pub(super) fn of(value: &Value) -> Option<Arc<Self>> {
        let kept: &Kept = value.downcast_object_ref()?;
        Some(Arc::clone(&kept.0))
    }

    /// Hands out a hole.
    pub(super) fn hole(self: &Arc<Self>, name: &str, reason: Reason) -> Value {
        let mut noted = self.lock();
        noted.next += 1;
        let id = noted.next;
        noted.holes.push(Used {
            id,
            name: name.to_owned(),
            reason: reason.clone(),
        });
        Value::from_object(Hole {
            id,
            name: name.to_owned(),
            reason,
            tracker: Arc::clone(self),
        })
    }

    /// Where an evaluation inside another begins.
    pub(super) fn mark(&self) -> usize {
        self.lock().next
    }

    /// The hole to blame for an evaluation that began at `mark`; forgets all of its holes.
    pub(super) fn settle(&self, mark: usize) -> Option<Used> {
        let mut noted = self.lock();
        let (mine, others): (Vec<_>, Vec<_>) = noted.holes.drain(..).partition(|hole| hole.id > mark);
        noted.holes = others;
        mine.into_iter().min_by_key(|hole| (hole.reason.rank(), hole.id))
    }

    /// Notes that a variable is being rendered, unless it already is: then the way from there to here is the error.
    pub(super) fn enter(&self, variable: &str) -> Result<(), String> {
        /// Deeper than any sane playbook, and shallow enough for a thread's stack.
        const DEEPEST: usize = 48;
        let mut noted = self.lock();
        if let Some(first) = noted.rendering.iter().position(|name| name == variable) {
            let way = noted.rendering[first..].join(" → ");
            return Err(format!("`{variable}` refers to itself: {way} → {variable}"));
        }
        if noted.rendering.len() == DEEPEST {
            return Err(format!(
                "`{variable}` is the end of a chain of more than {DEEPEST} variables"
            ));
        }
        noted.rendering.push(variable.to_owned());
        Ok(())
    }

    /// The variable entered last has been rendered.
    pub(super) fn leave(&self) {
        self.lock().rendering.pop();
    }

    fn excuse(&self, id: usize) {
        self.lock().holes.retain(|hole| hole.id != id);
    }
}

#[derive(Debug)]
struct Kept(Arc<Tracker>);

impl Object for Kept {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }
}

/// The value that stands for nothing.
pub(super) struct Hole {
    id: usize,
    name: String,
    reason: Reason,
    tracker: Arc<Tracker>,
}

impl Hole {
    /// The hole that a value is.
    pub(super) fn of(value: &Value) -> Option<&Self> {
        value.downcast_object_ref()
    }

    /// Whether it is undefined; a fact or an unknown may yet turn out to be there.
    pub(super) fn is_undefined(&self) -> bool {
        matches!(self.reason, Reason::Undefined { .. })
    }

    /// It was looked at in a way that is fine with holes.
    pub(super) fn excuse(&self) {
        self.tracker.excuse(self.id);
    }
}

/// Excuses values that were handed to a filter which did not use them.
pub(super) fn excuse_all<'a>(values: impl IntoIterator<Item = &'a Value>) {
    for hole in values.into_iter().filter_map(Hole::of) {
        hole.excuse();
    }
}

/// Whether a value is undefined, for filters and tests that are fine with it; one that cannot be told stays noted.
pub(super) fn is_undefined(value: &Value) -> bool {
    match Hole::of(value) {
        Some(hole) if hole.is_undefined() => {
            hole.excuse();
            true
        }
        Some(_) => false,
        None => value.is_undefined(),
    }
}

impl fmt::Debug for Hole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Hole").field(&self.name).finish()
    }
}

impl Object for Hole {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.excuse();
        let name = match key.as_str() {
            Some(key) => format!("{}.{key}", self.name),
            None => format!("{}[{key}]", self.name),
        };
        Some(self.tracker.hole(&name, self.reason.clone()))
    }

    fn call(self: &Arc<Self>, _: &mut State<'_, '_>, _: &[Value]) -> Result<Value, Error> {
        if !self.name.contains('.') {
            self.excuse();
        }
        Err(Error::new(
            ErrorKind::UnknownFunction,
            format!("there is no function `{}`", self.name),
        ))
    }
}

impl Used {
    /// The hole as an error; the place is up to whoever knows the template.
    pub(super) fn into_error(self) -> TemplateError {
        let name = self.name;
        match self.reason {
            Reason::Undefined {
                cause: Some(cause), ..
            } => *cause,
            Reason::Undefined { hint, .. } => {
                let message = format!("`{name}` is undefined");
                let error = TemplateError::new(TemplateErrorKind::Undefined { name }, message);
                match hint.and_then(|Hint(suggest)| suggest()) {
                    Some(suggestion) => error.help(suggestion),
                    None => error.help("define it, or say what to take without it: `| default(…)`"),
                }
            }
            Reason::Unknown { why } => {
                let message = format!("`{name}` is not known before it is run: {why}");
                TemplateError::new(TemplateErrorKind::Unknown { why }, message)
            }
            Reason::Facts { host } => {
                let message = format!("`{name}` is a fact of {host}, and its facts were not gathered");
                TemplateError::new(TemplateErrorKind::NeedFacts { host }, message)
            }
        }
    }
}
