//! What plays, blocks and tasks have in common.

use crate::diagnostics::Finding;
use crate::yaml::{Entry, Node};

use super::load::Loader;
use super::syntax::{Keywords, Parallelism, Spanned};

impl Loader<'_> {
    /// Takes a keyword in; false if it is none of those that plays, blocks and tasks have in common.
    pub(super) fn keyword(&mut self, entry: &Entry, keywords: &mut Keywords) -> bool {
        let (name, node) = (entry.name(), &entry.value);
        match name {
            "become" => keywords.r#become = Some(self.boolean(node, name)),
            "become_user" => {
                self.text(node, name);
                keywords.become_user = Some(node.clone());
            }
            "environment" => keywords.environment = self.environment(node),
            "tags" => keywords.tags = self.texts(node, name, true),
            "when" => keywords.when = self.conditions(node),
            "vars" => keywords.vars = self.vars(node),
            "parallel" => keywords.parallel = self.parallelism(node),
            "ignore_errors" => keywords.ignore_errors = Some(self.boolean(node, name)),
            "ignore_unreachable" => keywords.ignore_unreachable = Some(self.boolean(node, name)),
            "no_log" => keywords.no_log = Some(self.boolean(node, name)),
            "timeout" => keywords.timeout = Some(self.number(node, name)),
            "delegate_to" => {
                self.text(node, name);
                keywords.delegate_to = Some(node.clone());
            }
            "run_once" => keywords.run_once = Some(self.boolean(node, name)),
            "check_mode" => keywords.check_mode = Some(self.boolean(node, name)),
            _ => return false,
        }
        true
    }

    /// A mapping, a template that yields one, or a list of them.
    fn environment(&mut self, node: &Node) -> Vec<Node> {
        let parts = match node.as_sequence() {
            Some(parts) => parts.to_vec(),
            None => vec![node.clone()],
        };
        for part in &parts {
            let is_template = part.as_str().is_some() && crate::template::Templates::is_template(part);
            if part.as_mapping().is_some() || is_template {
                self.template(part);
            } else {
                self.expected(part, "a mapping", "environment");
            }
        }
        parts
    }

    fn parallelism(&mut self, node: &Node) -> Option<Spanned<Parallelism>> {
        let value = match node.as_str() {
            Some("all") => Some(Parallelism::All),
            Some(text) => text
                .parse()
                .ok()
                .filter(|hosts| *hosts > 0)
                .map(Parallelism::AtMost),
            None => None,
        };
        if value.is_none() {
            self.wrong(
                Finding::at(
                    &node.span,
                    "`parallel` is a number of hosts or `all`",
                    "expected a number or `all`",
                )
                .help("it is needed before anything runs, and so cannot be a template"),
            );
        }
        value.map(|value| Spanned {
            value,
            span: node.span.clone(),
        })
    }
}
