//! What a task gets from its blocks and its play.

use std::sync::Arc;

use crate::playbook::{Keywords, Parallelism, Role, Spanned, Vars};
use crate::yaml::Node;

/// The keywords that hold for an item. The innermost that says something wins; tags add up, every `when` counts.
#[derive(Debug, Clone, Default)]
pub struct Inherited {
    /// Whether to become another user.
    pub r#become: Option<Node>,
    /// Which one.
    pub become_user: Option<Node>,
    /// Maps of variables of the environment; later ones win.
    pub environment: Vec<Node>,
    /// All tags, without repetitions.
    pub tags: Vec<String>,
    /// Conditions, outermost first.
    pub when: Vec<Node>,
    /// Layers of variables, outermost first.
    pub vars: Vec<Arc<Vars>>,
    /// How many hosts at once.
    pub parallel: Option<Parallelism>,
    /// Go on when it fails.
    pub ignore_errors: Option<Node>,
    /// Go on when the host cannot be reached.
    pub ignore_unreachable: Option<Node>,
    /// Show nothing of arguments and results.
    pub no_log: Option<Node>,
    /// Deadline in seconds.
    pub timeout: Option<Node>,
    /// Act there instead.
    pub delegate_to: Option<Node>,
    /// On the first host of the play only, for all.
    pub run_once: Option<Node>,
    /// Check mode or not, whatever the command line says.
    pub check_mode: Option<Node>,
    /// Handlers to run if something changed.
    pub notify: Vec<Spanned<String>>,
    /// The role it belongs to.
    pub role: Option<Arc<Role>>,
}

impl Inherited {
    /// What holds for something inside that has these keywords of its own.
    pub fn with(&self, inner: &Keywords) -> Self {
        let nearest = |inner: &Option<Node>, outer: &Option<Node>| inner.clone().or_else(|| outer.clone());
        let mut tags = self.tags.clone();
        for tag in &inner.tags {
            if !tags.contains(&tag.value) {
                tags.push(tag.value.clone());
            }
        }
        let mut vars = self.vars.clone();
        if !inner.vars.is_empty() {
            vars.push(Arc::new(inner.vars.clone()));
        }
        Self {
            r#become: nearest(&inner.r#become, &self.r#become),
            become_user: nearest(&inner.become_user, &self.become_user),
            environment: [&self.environment[..], &inner.environment].concat(),
            tags,
            when: [&self.when[..], &inner.when].concat(),
            vars,
            parallel: inner.parallel.as_ref().map(|asked| asked.value).or(self.parallel),
            ignore_errors: nearest(&inner.ignore_errors, &self.ignore_errors),
            ignore_unreachable: nearest(&inner.ignore_unreachable, &self.ignore_unreachable),
            no_log: nearest(&inner.no_log, &self.no_log),
            timeout: nearest(&inner.timeout, &self.timeout),
            delegate_to: nearest(&inner.delegate_to, &self.delegate_to),
            run_once: nearest(&inner.run_once, &self.run_once),
            check_mode: nearest(&inner.check_mode, &self.check_mode),
            role: inner.role.clone().or_else(|| self.role.clone()),
            notify: if inner.notify.is_empty() {
                self.notify.clone()
            } else {
                inner.notify.clone()
            },
        }
    }

    /// The name that a task has where it is written, without its role's.
    pub fn own_name<'n>(&self, name: &'n str) -> &'n str {
        self.role.as_ref().map_or(name, |role| role.own(name))
    }

    /// What the tasks of an included file get from their `include_tasks` (whose keywords `own` are): as in Ansible, its
    /// condition, tags and `run_once` decide about the include alone, and its variables are stronger than those of tasks. What stands
    /// around the include counts in full.
    pub fn into_included(&self, own: &Keywords) -> Self {
        let passed_on = Keywords {
            when: Vec::new(),
            tags: Vec::new(),
            run_once: None,
            vars: Vars::new(),
            ..own.clone()
        };
        self.with(&passed_on)
    }
}
