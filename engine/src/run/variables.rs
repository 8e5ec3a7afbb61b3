//! Everything that is known of the hosts, and the scopes that templates see.
//!
//! From weak to strong, as in Ansible: defaults of roles, inventory, facts, play, files of the play, roles, blocks and task,
//! `include_vars`, `set_fact` and `register`, loop variables, `-e`.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use serde_json::{Map, Value, json};

use super::world::Inventory;
use crate::inventory::LOCALHOST;
use crate::template::{Binding, Facts, Hosts, Layer, Scope};

/// What a run has learned of a host.
#[derive(Default, Clone)]
struct Learned {
    facts: Arc<Map<String, Value>>,
    gathered: bool,
    included: Arc<Layer>,
    set: Arc<Layer>,
}

/// The variables of all hosts.
pub(super) struct Variables {
    me: Weak<Self>,
    inventory: Arc<dyn Inventory>,
    /// All hosts, and the `localhost` that no inventory has to name.
    known: HashSet<String>,
    /// The same for every host.
    common: Arc<Layer>,
    extra: Arc<Layer>,
    /// The inventory's, by host; looked up once.
    base: Mutex<HashMap<String, Arc<Layer>>>,
    learned: Mutex<HashMap<String, Learned>>,
}

impl Variables {
    /// Nothing is learned yet. `common` holds for every host.
    pub(super) fn new(inventory: Arc<dyn Inventory>, mut common: Layer, extra: Layer) -> Arc<Self> {
        common.insert(
            "groups".to_owned(),
            Binding::Value(Value::Object(inventory.groups())),
        );
        Arc::new_cyclic(|me| Self {
            me: me.clone(),
            known: inventory
                .names()
                .into_iter()
                .chain([LOCALHOST.to_owned()])
                .collect(),
            inventory,
            common: Arc::new(common),
            extra: Arc::new(extra),
            base: Mutex::default(),
            learned: Mutex::default(),
        })
    }

    fn learned(&self) -> MutexGuard<'_, HashMap<String, Learned>> {
        self.learned.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn base(&self, host: &str) -> Arc<Layer> {
        let mut base = self.base.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(layer) = base.get(host) {
            return Arc::clone(layer);
        }
        let mut layer = self.inventory.vars(host);
        let short = host.split('.').next().unwrap_or(host);
        let names = [
            ("inventory_hostname", Value::from(host)),
            ("inventory_hostname_short", Value::from(short)),
            ("group_names", Value::from(self.inventory.groups_of(host))),
        ];
        layer.extend(names.map(|(name, value)| (name.to_owned(), Binding::Value(value))));
        layer
            .entry("ansible_host".to_owned())
            .or_insert_with(|| Binding::Value(host.into()));
        let layer = Arc::new(layer);
        base.insert(host.to_owned(), Arc::clone(&layer));
        layer
    }

    /// What a template for this host sees: `beneath` are the layers of roles' defaults, `middle` those of play, blocks and task, `inner`
    /// those of loops.
    pub(super) fn scope(
        &self,
        host: &str,
        beneath: &[Arc<Layer>],
        middle: &[Arc<Layer>],
        inner: &[Arc<Layer>],
    ) -> Scope {
        let learned = self.learned().get(host).cloned().unwrap_or_default();
        let facts = Facts {
            host: host.to_owned(),
            gathered: learned.gathered,
            values: learned.facts,
        };
        let mut scope = Scope::new().layer(Arc::clone(&self.common));
        for layer in beneath {
            scope = scope.layer(Arc::clone(layer));
        }
        scope = scope.layer(self.base(host));
        if let Some(me) = self.me.upgrade() {
            scope = scope.with_hosts(me);
        }
        scope = scope.with_facts(facts);
        for layer in middle {
            scope = scope.layer(Arc::clone(layer));
        }
        scope = scope.layer(learned.included).layer(learned.set);
        for layer in inner {
            scope = scope.layer(Arc::clone(layer));
        }
        scope.layer(Arc::clone(&self.extra))
    }

    /// `set_fact`, `register`: from now on the host has this variable.
    pub(super) fn set(&self, host: &str, name: &str, binding: Binding) {
        let mut learned = self.learned();
        let set = &mut learned.entry(host.to_owned()).or_default().set;
        Arc::make_mut(set).insert(name.to_owned(), binding);
    }

    /// What a `rescue` wants to know of the task that failed.
    pub(super) fn set_failed(&self, host: &str, task: &str, result: Binding) {
        self.set(
            host,
            "ansible_failed_task",
            Binding::Value(json!({ "name": task })),
        );
        self.set(host, "ansible_failed_result", result);
    }

    /// `include_vars`: weaker than what was set, and evaluated when it is used.
    pub(super) fn include(&self, host: &str, name: &str, value: Value) {
        let mut learned = self.learned();
        let included = &mut learned.entry(host.to_owned()).or_default().included;
        Arc::make_mut(included).insert(name.to_owned(), Binding::Source(value));
    }

    /// Facts by name, without the prefix `ansible_`; `gathered` where `setup` read them all.
    pub(super) fn add_facts(&self, host: &str, facts: Map<String, Value>, gathered: bool) {
        let mut learned = self.learned();
        let learned = learned.entry(host.to_owned()).or_default();
        learned.gathered |= gathered;
        Arc::make_mut(&mut learned.facts).extend(facts);
    }

    /// Whether the facts of a host were gathered.
    pub(super) fn gathered(&self, host: &str) -> bool {
        self.learned().get(host).is_some_and(|learned| learned.gathered)
    }
}

impl Hosts for Variables {
    fn names(&self) -> Vec<String> {
        self.inventory.names()
    }

    fn scope(&self, host: &str) -> Option<Scope> {
        self.known
            .contains(host)
            .then(|| Self::scope(self, host, &[], &[], &[]))
    }
}
