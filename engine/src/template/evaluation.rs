//! One evaluation: a scope, what of it has been rendered so far, and the variables the engine itself provides.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use minijinja::value::{Enumerator, Object};
use minijinja::{Error, ErrorKind, Value};
use serde_json::Value as Json;

use crate::diagnostics;

use super::dict::{Missing, into_template, map_into_template};
use super::error::{TemplateError, TemplateErrorKind};
use super::facts;
use super::hole::{Reason, TRACKER, Tracker};
use super::scope::{Binding, Facts, Hosts, Scope};
use super::{OMIT, Templates};

/// A scope while templates are evaluated in it. Each variable is rendered at most once.
pub(super) struct Evaluation {
    pub(super) templates: Templates,
    pub(super) scope: Scope,
    pub(super) tracker: Arc<Tracker>,
    /// What the scope is called in front of a variable: nothing, or `hostvars.fe2.`.
    prefix: String,
    rendered: Mutex<HashMap<String, Value>>,
}

impl Evaluation {
    pub(super) fn new(templates: &Templates, scope: &Scope) -> Arc<Self> {
        Arc::new(Self {
            templates: templates.clone(),
            scope: scope.clone(),
            tracker: Arc::default(),
            prefix: String::new(),
            rendered: Mutex::default(),
        })
    }

    /// The value the template engine starts from.
    pub(super) fn root(self: &Arc<Self>) -> Value {
        Value::from_object(Variables(Arc::clone(self)))
    }

    /// A variable; `None` where there is none of that name.
    fn variable(self: &Arc<Self>, name: &str) -> Option<Value> {
        let rendered = || self.rendered.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(value) = rendered().get(name) {
            return Some(value.clone());
        }
        let value = match self.scope.get(name) {
            Some(binding) => self.bound(name, binding),
            // Never kept: it holds this evaluation, which would then hold itself for ever.
            None if name == "vars" => return Some(self.root()),
            None if name == TRACKER => return Some(self.tracker.as_value()),
            None => self.provided(name)?,
        };
        // A hole is counted by who asks, so it is never kept.
        if super::hole::Hole::of(&value).is_none() {
            rendered().insert(name.to_owned(), value.clone());
        }
        Some(value)
    }

    fn bound(self: &Arc<Self>, name: &str, binding: &Binding) -> Value {
        let full = format!("{}{name}", self.prefix);
        let evaluated = match binding {
            Binding::Unknown(why) => {
                return self.tracker.hole(&full, Reason::Unknown { why: why.clone() });
            }
            Binding::Partial { known, why } => {
                return map_into_template(known, &full, Missing::Unknown(why.clone()), &self.tracker);
            }
            Binding::Value(value) => Ok(Cow::Borrowed(value)),
            Binding::Node(node) => self
                .render(&full, || self.templates.node_in(node, self))
                .map(Cow::Owned),
            Binding::Source(source) => self
                .render(&full, || self.templates.source_in(source, self))
                .map(Cow::Owned),
        };
        match evaluated {
            Ok(value) => {
                self.templates.lookups.evaluated(name, &value);
                into_template(&value, &full, &self.tracker)
            }
            Err(instead) => instead,
        }
    }

    /// Renders a variable that is a template itself; what stands in its place if that cannot be done.
    fn render(
        &self,
        name: &str,
        render: impl FnOnce() -> Result<Json, TemplateError>,
    ) -> Result<Json, Value> {
        if let Err(circle) = self.tracker.enter(name) {
            let error = TemplateError::other(circle).help("one of them must be given a value of its own");
            return Err(invalid(error));
        }
        let result = render();
        self.tracker.leave();
        result.map_err(|error| match error.kind.clone() {
            // As in Ansible, a variable that is made of something undefined counts as undefined itself.
            TemplateErrorKind::Undefined { .. } => self.tracker.hole(
                name,
                Reason::Undefined {
                    hint: None,
                    cause: Some(Box::new(error)),
                },
            ),
            TemplateErrorKind::Unknown { why } => self.tracker.hole(name, Reason::Unknown { why }),
            TemplateErrorKind::NeedFacts { host } => self.tracker.hole(name, Reason::Facts { host }),
            _ => invalid(error),
        })
    }

    /// What the engine provides under this name unless a variable says otherwise.
    fn provided(&self, name: &str) -> Option<Value> {
        match name {
            "omit" => return Some(Value::from(OMIT)),
            "hostvars" => {
                return Some(Value::from_object(HostVars {
                    hosts: Arc::clone(self.scope.hosts()?),
                    templates: self.templates.clone(),
                    tracker: Arc::clone(&self.tracker),
                    made: Mutex::default(),
                }));
            }
            _ => {}
        }
        let known = self.scope.facts()?;
        if name == "ansible_facts" {
            return Some(self.all_facts(known));
        }
        let short = name.strip_prefix("ansible_")?;
        let full = format!("{}{name}", self.prefix);
        match known.values.get(short).or_else(|| known.values.get(name)) {
            Some(value) => Some(into_template(value, &full, &self.tracker)),
            None if !known.gathered && facts::is_fact(short) => Some(self.tracker.hole(
                &full,
                Reason::Facts {
                    host: known.host.clone(),
                },
            )),
            None => None,
        }
    }

    fn all_facts(&self, known: &Facts) -> Value {
        let missing = if known.gathered {
            Missing::Undefined
        } else {
            Missing::Fact(known.host.clone())
        };
        let name = format!("{}ansible_facts", self.prefix);
        map_into_template(&known.values, &name, missing, &self.tracker)
    }

    /// A hole for a name that is not bound.
    fn undefined(&self, name: &str) -> Value {
        let (scope, unknown) = (self.scope.clone(), name.to_owned());
        let hint = move || {
            let provided = ["ansible_facts", "hostvars", "item", "omit", "vars"];
            diagnostics::suggest(&unknown, scope.names().chain(provided))
        };
        self.tracker
            .hole(&format!("{}{name}", self.prefix), Reason::undefined(hint))
    }
}

/// A value that fails as soon as it is touched.
fn invalid(error: TemplateError) -> Value {
    Value::from(Error::new(ErrorKind::InvalidOperation, error.message.clone()).with_source(error))
}

/// All variables of an evaluation, as an object of the template engine.
struct Variables(Arc<Evaluation>);

impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Variables({:?})", self.0.scope)
    }
}

impl Object for Variables {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.0.variable(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        self.0.variable(key).or_else(|| {
            // The template engine looks for its own functions after us.
            let function = self.0.templates.is_function(key);
            (!function).then(|| self.0.undefined(key))
        })
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        let mut names: Vec<_> = self.0.scope.names().collect();
        names.sort_unstable();
        names.dedup();
        Enumerator::Values(names.into_iter().map(Value::from).collect())
    }
}

/// `hostvars`: the variables of every host, made when a template asks for that host. It belongs to an evaluation, and does not hold it.
struct HostVars {
    hosts: Arc<dyn Hosts>,
    templates: Templates,
    tracker: Arc<Tracker>,
    made: Mutex<HashMap<String, Value>>,
}

impl HostVars {
    /// The variables of a host, in the same evaluation.
    fn of(&self, host: &str, scope: Scope) -> Value {
        let evaluation = Arc::new(Evaluation {
            templates: self.templates.clone(),
            scope,
            tracker: Arc::clone(&self.tracker),
            prefix: format!("hostvars.{host}."),
            rendered: Mutex::default(),
        });
        evaluation.root()
    }
}

impl fmt::Debug for HostVars {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("hostvars")
    }
}

impl Object for HostVars {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let name = key.as_str()?;
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(value) = made.get(name) {
            return Some(value.clone());
        }
        let scope = self.hosts.scope(name)?;
        let value = self.of(name, scope);
        made.insert(name.to_owned(), value.clone());
        Some(value)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        self.get_value(&Value::from(key)).or_else(|| {
            let (hosts, unknown) = (Arc::clone(&self.hosts), key.to_owned());
            let hint = move || {
                let names = hosts.names();
                diagnostics::suggest(&unknown, names.iter().map(String::as_str))
            };
            let name = format!("hostvars.{key}");
            Some(self.tracker.hole(&name, Reason::undefined(hint)))
        })
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.hosts.names().into_iter().map(Value::from).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct OneHost;

    impl Hosts for OneHost {
        fn names(&self) -> Vec<String> {
            vec!["fe1".to_owned()]
        }

        fn scope(&self, _: &str) -> Option<Scope> {
            Some(Scope::new().with_hosts(Arc::new(Self)))
        }
    }

    #[test]
    fn an_evaluation_is_gone_when_it_is_over() {
        let evaluation = Evaluation::new(&Templates::new(), &Scope::new().with_hosts(Arc::new(OneHost)));
        let gone = Arc::downgrade(&evaluation);
        for name in ["vars", "hostvars"] {
            assert!(evaluation.variable(name).is_some());
        }
        drop(evaluation);
        assert!(gone.upgrade().is_none());
    }
}
