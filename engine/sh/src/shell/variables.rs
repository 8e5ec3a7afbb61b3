//! A shell's variables, and the environment of the programs it runs.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

/// A variable.
#[derive(Debug, Clone, Default)]
pub(super) struct Variable {
    value: Option<String>,
    exported: bool,
}

/// All variables. A copy shares them until one of the two changes: a subshell gets one.
#[derive(Debug, Clone, Default)]
pub(super) struct Variables {
    all: Rc<HashMap<String, Variable>>,
    /// Those that are exported. Programs are run more often than variables change.
    environment: Rc<BTreeMap<String, String>>,
}

impl Variables {
    /// An environment, every variable of which is exported.
    pub(super) fn of(environment: BTreeMap<String, String>) -> Self {
        let exported = |value: &String| Variable {
            value: Some(value.clone()),
            exported: true,
        };
        let all = environment.iter();
        let all = all.map(|(name, value)| (name.clone(), exported(value)));
        Self {
            all: Rc::new(all.collect()),
            environment: Rc::new(environment),
        }
    }

    /// What programs get.
    pub(super) fn environment(&self) -> Rc<BTreeMap<String, String>> {
        Rc::clone(&self.environment)
    }

    /// The value of one.
    pub(super) fn value(&self, name: &str) -> Option<&String> {
        self.all.get(name)?.value.as_ref()
    }

    /// Gives one a value.
    pub(super) fn assign(&mut self, name: &str, value: String) {
        let exported = self.all.get(name).is_some_and(|variable| variable.exported);
        let value = Some(value);
        self.put(name, Some(Variable { value, exported }));
    }

    /// Exports one, with a value if there is one.
    pub(super) fn export(&mut self, name: &str, value: Option<String>) {
        let mut variable = self.kept(name).unwrap_or_default();
        variable.exported = true;
        variable.value = value.or(variable.value);
        self.put(name, Some(variable));
    }

    /// One as it is now, to be put back later; `None`: there is none.
    pub(super) fn kept(&self, name: &str) -> Option<Variable> {
        self.all.get(name).cloned()
    }

    /// Puts one back; `None`: forgets it.
    pub(super) fn put(&mut self, name: &str, variable: Option<Variable>) {
        let exported = variable.as_ref().filter(|variable| variable.exported);
        match exported.and_then(|variable| variable.value.clone()) {
            Some(value) => {
                Rc::make_mut(&mut self.environment).insert(name.to_owned(), value);
            }
            None if self.environment.contains_key(name) => {
                Rc::make_mut(&mut self.environment).remove(name);
            }
            None => {}
        }
        let all = Rc::make_mut(&mut self.all);
        match variable {
            Some(variable) => all.insert(name.to_owned(), variable),
            None => all.remove(name),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_get_what_is_exported_as_it_is_now() {
        let mut variables = Variables::of(BTreeMap::from([("HOME".to_owned(), "/root".to_owned())]));
        variables.assign("own", "1".to_owned());
        variables.assign("HOME", "/".to_owned());
        variables.export("own", None);
        variables.export("empty", None);
        let before = variables.clone();
        variables.assign("own", "2".to_owned());
        variables.put("HOME", None);
        let shown = |variables: &Variables| {
            let all = variables.environment();
            let words = all.iter().map(|(name, value)| format!("{name}={value}"));
            words.collect::<Vec<_>>().join(" ")
        };
        assert_eq!(shown(&before), "HOME=/ own=1");
        assert_eq!(shown(&variables), "own=2");
        assert_eq!(variables.value("own").map(String::as_str), Some("2"));
        assert_eq!(variables.value("HOME"), None);
    }
}
