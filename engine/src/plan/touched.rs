//! What a plan acts on, as far as that is known before it runs.

use indexmap::IndexSet;
use nebplay_modules::registry::Acts;

use super::resolve::{Node, Plan};
use crate::template::Templates;

/// The hosts that a plan acts on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Touched<'a> {
    /// Hosts of its plays, and those that tasks are delegated to by name.
    pub hosts: IndexSet<&'a str>,
    /// A template decides where a task is delegated to: it may be any host.
    pub others_perhaps: bool,
}

impl Plan {
    /// The hosts it acts on; `None`: all its modules only read.
    pub fn touched(&self) -> Option<Touched<'_>> {
        let (mut acts, mut others_perhaps) = (false, false);
        let mut hosts = self.hosts();
        for play in &self.plays {
            let lists = play.sections.iter().map(|section| &section.nodes);
            for nodes in lists.chain([&play.handlers]) {
                Node::walk(nodes, &mut Vec::new(), &mut |node, _| {
                    let keywords = match node {
                        Node::Task(task) if task.chosen => {
                            acts |= task.task.module.acts != Acts::Never;
                            &task.keywords
                        }
                        // What it brings is not known yet.
                        Node::Include(include) if include.chosen => {
                            acts = true;
                            &include.keywords
                        }
                        Node::Task(_) | Node::Include(_) | Node::Block(_) => return,
                    };
                    match &keywords.delegate_to {
                        Some(name) if Templates::is_template(name) => others_perhaps = true,
                        Some(name) => hosts.extend(name.as_str()),
                        None => {}
                    }
                });
            }
        }
        acts.then_some(Touched {
            hosts,
            others_perhaps,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::plan::{self, Options};
    use crate::playbook::{self, Reader};

    struct Text(String);

    impl Reader for Text {
        fn read(&self, path: &Path) -> Result<String, String> {
            let is_playbook = path == Path::new("play.yml");
            Ok(if is_playbook {
                self.0.clone()
            } else {
                "- ping:\n".to_owned()
            })
        }
    }

    /// Names, with `*` where a template may add others; `-` where nothing is acted on.
    fn touched(tasks: &str, tags: &[&str]) -> String {
        let text = Text(format!("- hosts: all\n  {tasks}\n"));
        let playbook = playbook::load(Path::new("play.yml"), &text).unwrap();
        let mut options = Options::default();
        options.tags.only = tags.iter().map(|tag| (*tag).to_owned()).collect();
        let plan = plan::plan(&[playbook], &options, |_| Ok(vec!["s1".to_owned()])).unwrap();
        let Some(touched) = plan.touched() else {
            return "-".to_owned();
        };
        let mut names: Vec<&str> = touched.hosts.into_iter().collect();
        names.extend(touched.others_perhaps.then_some("*"));
        names.join(" ")
    }

    #[test]
    fn what_is_acted_on() {
        let cases = [
            ("tasks: [{ping: }, {debug: {msg: x}}, {set_fact: {a: 1}}]", "-"),
            ("tasks: [{ping: }, {command: id}]", "s1"),
            (
                "tasks: [{block: [{ping: }], rescue: [{ping: }], always: [{command: id}]}]",
                "s1",
            ),
            (
                "tasks: [{ping: , changed_when: true, notify: h}]\n  handlers: [{name: h, command: id}]",
                "s1",
            ),
            ("tasks: [{command: id, delegate_to: m}]", "s1 m"),
            ("tasks: [{command: id, delegate_to: '{{ x }}'}]", "s1 *"),
            ("tasks: [{include_tasks: other.yml}]", "s1"),
        ];
        for (tasks, expected) in cases {
            assert_eq!(touched(tasks, &[]), expected, "{tasks}");
        }
        let tagged = "tasks: [{command: id, tags: t}, {ping: , tags: u}]";
        assert_eq!(touched(tagged, &["u"]), "-");
        assert_eq!(touched(tagged, &["t"]), "s1");
    }
}
