//! Variables as a template sees them: layers, innermost first, shared between scopes.

use std::fmt;
use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::{Map, Value as Json};

use crate::playbook::Vars;
use crate::yaml::Node;

/// What a name is bound to.
#[derive(Debug, Clone)]
pub enum Binding {
    /// A value: never read as a template again, whatever it contains.
    Value(Json),
    /// As it stands in a YAML file; rendered when it is asked for.
    Node(Node),
    /// From a source without places (INI, `-e`): texts in it may be templates, rendered when asked for.
    Source(Json),
    /// In check mode, what only a real run can tell; says why.
    Unknown(String),
    /// In check mode, a result of which only this much is known; says why the rest is not.
    Partial {
        /// What is known.
        known: Map<String, Json>,
        /// Why the rest is not.
        why: String,
    },
}

/// Variables that came from one place.
pub type Layer = IndexMap<String, Binding>;

/// The variables of a YAML mapping as a layer.
pub fn layer_of(vars: &Vars) -> Layer {
    vars.iter()
        .map(|(name, node)| (name.clone(), Binding::Node(node.clone())))
        .collect()
}

/// The other hosts, for `hostvars`.
pub trait Hosts: Send + Sync {
    /// Names of all hosts of the inventory.
    fn names(&self) -> Vec<String>;
    /// The variables of a host; called when a template asks for that host.
    fn scope(&self, host: &str) -> Option<Scope>;
}

/// What is known of a host's facts.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// The host.
    pub host: String,
    /// Whether `setup` ran on it: if not, a fact that is missing can still be had.
    pub gathered: bool,
    /// Facts by name, without the prefix `ansible_`.
    pub values: Arc<Map<String, Json>>,
}

struct Link {
    layer: Arc<Layer>,
    outer: Option<Arc<Link>>,
}

/// All variables of a template. Cheap to clone and to extend: layers are shared.
#[derive(Clone, Default)]
pub struct Scope {
    inner: Option<Arc<Link>>,
    facts: Option<Facts>,
    hosts: Option<Arc<dyn Hosts>>,
}

impl Scope {
    /// No variables at all.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with a further layer, which wins over all that are there.
    pub fn layer(&self, layer: impl Into<Arc<Layer>>) -> Self {
        let link = Link {
            layer: layer.into(),
            outer: self.inner.clone(),
        };
        Self {
            inner: Some(Arc::new(link)),
            ..self.clone()
        }
    }

    /// The same with one further variable.
    pub fn with(&self, name: &str, binding: Binding) -> Self {
        self.layer(Layer::from([(name.to_owned(), binding)]))
    }

    /// The same with one further variable that is a value.
    pub fn with_value(&self, name: &str, value: impl Into<Json>) -> Self {
        self.with(name, Binding::Value(value.into()))
    }

    /// The same, for a host of which this is known.
    pub fn with_facts(&self, facts: Facts) -> Self {
        Self {
            facts: Some(facts),
            ..self.clone()
        }
    }

    /// The same, with the other hosts.
    pub fn with_hosts(&self, hosts: Arc<dyn Hosts>) -> Self {
        Self {
            hosts: Some(hosts),
            ..self.clone()
        }
    }

    /// What a name is bound to, in the innermost layer that has it.
    pub fn get(&self, name: &str) -> Option<&Binding> {
        self.links().find_map(|link| link.layer.get(name))
    }

    /// Every name, innermost first; a name that is bound twice comes twice.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.links()
            .flat_map(|link| link.layer.keys().map(String::as_str))
    }

    pub(super) fn facts(&self) -> Option<&Facts> {
        self.facts.as_ref()
    }

    pub(super) fn hosts(&self) -> Option<&Arc<dyn Hosts>> {
        self.hosts.as_ref()
    }

    fn links(&self) -> impl Iterator<Item = &Link> {
        std::iter::successors(self.inner.as_deref(), |link| link.outer.as_deref())
    }
}

impl fmt::Debug for Scope {
    /// Names only: values may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.names()).finish()
    }
}
