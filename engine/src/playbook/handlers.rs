//! What can only be said of a play as a whole: handlers that nobody defines, parallelism that a contract forbids.

use nebplay_modules::contract::Concurrency;

use crate::diagnostics::{Finding, suggest};

use super::load::Loader;
use super::syntax::{Item, Keywords, Parallelism, Play, Spanned, Task};

/// Every task of a list, with the keywords around it, outermost first.
pub(super) fn each_task<'p>(
    items: &'p [Item],
    around: &mut Vec<&'p Keywords>,
    visit: &mut dyn FnMut(&'p Task, &[&'p Keywords]),
) {
    for item in items {
        match item {
            Item::Task(task) => visit(task, around),
            Item::Block(block) => {
                around.push(&block.keywords);
                for part in [&block.body, &block.rescue, &block.always] {
                    each_task(part, around, visit);
                }
                around.pop();
            }
            Item::Include(_) => {}
        }
    }
}

fn has_include(items: &[Item]) -> bool {
    items.iter().any(|item| match item {
        Item::Include(_) => true,
        Item::Block(block) => [&block.body, &block.rescue, &block.always]
            .iter()
            .any(|part| has_include(part)),
        Item::Task(_) => false,
    })
}

impl Loader<'_> {
    /// Every handler that is notified must be there; unless handlers were broken, or are included at run time.
    pub(super) fn check_handlers(&mut self, play: &Play, findings_before: usize) {
        let handlers_broken = !play.handlers.is_empty() && self.findings.len() > findings_before;
        if has_include(&play.handlers) || handlers_broken {
            return;
        }
        let mut names: Vec<&str> = Vec::new();
        let mut of_roles: Vec<String> = Vec::new();
        each_task(&play.handlers, &mut Vec::new(), &mut |handler, around| {
            names.push(&handler.name.value);
            names.extend(handler.listen.iter().map(|name| name.value.as_str()));
            let role = around.iter().find_map(|keywords| keywords.role.as_ref());
            of_roles.extend(role.map(|role| role.qualified(&handler.name.value)));
        });
        names.extend(of_roles.iter().map(String::as_str));
        let mut unknown: Vec<&Spanned<String>> = Vec::new();
        for section in [&play.pre_tasks, &play.tasks, &play.post_tasks, &play.handlers] {
            each_task(section, &mut Vec::new(), &mut |task, around| {
                // A block's are met at each of its tasks, and told once.
                let all = around.iter().copied().chain([&task.keywords]);
                unknown.extend(all.flat_map(|keywords| &keywords.notify).filter(|notified| {
                    !notified.value.contains("{{") && !names.contains(&notified.value.as_str())
                }));
            });
        }
        // A name that is rendered may become any.
        if names.iter().any(|name| name.contains("{{")) {
            return;
        }
        for notified in unknown {
            let message = format!("no handler of this play is called `{}`", notified.value);
            let finding = Finding::at(&notified.span, message, "unknown handler");
            let help =
                suggest(&notified.value, names.iter().copied()).unwrap_or_else(|| match names.as_slice() {
                    [] => "the play has no `handlers`".to_owned(),
                    names => format!("handlers are {}", names.join(", ")),
                });
            self.wrong(finding.help(help));
        }
    }

    /// Nobody may ask for more hosts at once than a module's contract allows.
    pub(super) fn check_contracts(&mut self, play: &Play) {
        let mut findings = Vec::new();
        for section in [&play.pre_tasks, &play.tasks, &play.post_tasks, &play.handlers] {
            each_task(section, &mut vec![&play.keywords], &mut |task, around| {
                let own = std::iter::once(&task.keywords);
                let mut innermost = own.chain(around.iter().rev().copied());
                let asked = innermost.find_map(|keywords| keywords.parallel.as_ref());
                if let Some(asked) = asked
                    && asked.value != Parallelism::AtMost(1)
                    && task.module.contract.concurrency == Concurrency::Serial
                {
                    let name = task.module.name;
                    let message = format!("`{name}` works on one host at a time");
                    let mut finding = Finding::at(&asked.span, message, "asks for more");
                    finding
                        .labels
                        .push((task.module_span.clone(), "its contract forbids it".to_owned()));
                    findings.push(finding.help(format!(
                        "it changes OpenNebula's state (`nebplay doc {name}`): say `parallel: 1` at this task"
                    )));
                }
            });
        }
        self.findings.extend(findings);
    }
}
