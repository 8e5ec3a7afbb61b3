//! A plan to look at: `nebplay plan`, `--list-tasks`, `--list-hosts`.

use std::fmt::Write as _;
use std::sync::Arc;

use nebplay_modules::federation_map::Federation;
use serde::{Serialize, Serializer};

use super::inherit::Inherited;
use super::pace::{Pace, pace};
use super::resolve::{Node, Plan, PlayPlan, TaskNode, written};
use crate::playbook::Parallelism;
use crate::prose::fold;

/// All of a plan, as data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listing {
    /// The plays.
    pub plays: Vec<ListedPlay>,
}

/// A play.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ListedPlay {
    /// Its identity.
    pub id: String,
    /// Its name.
    pub name: String,
    /// `file:line`.
    pub place: String,
    /// Its hosts, batch by batch.
    pub batches: Vec<Vec<String>>,
    /// A host that fails ends it for all.
    pub any_errors_fatal: bool,
    /// The chosen tasks, in order; handlers last.
    pub tasks: Vec<ListedTask>,
}

/// A task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ListedTask {
    /// Its identity.
    pub id: String,
    /// Its name, as it was written.
    pub name: String,
    /// Its module; what includes others is called one, too.
    pub module: String,
    /// `file:line`.
    pub place: String,
    /// `pre_tasks`, `tasks`, `post_tasks` or `handlers`.
    pub section: String,
    /// Names of the blocks around it, `rescue` and `always` among them.
    pub path: Vec<String>,
    /// How it goes over the hosts of the play; with `serial`, over those of each batch. `None` for an include.
    #[serde(serialize_with = "as_itself")]
    pub pace: Option<Arc<Pace>>,
    /// Its conditions, as they were written.
    pub when: Vec<String>,
    /// Whether it runs once for each item of a list.
    pub looped: bool,
    /// Where it acts instead of on its hosts, as it was written.
    pub delegate_to: Option<String>,
    /// Whether it runs on the first host for all.
    pub run_once: bool,
    /// Its tags.
    pub tags: Vec<String>,
}

/// A shared pace is written for each task that has it.
#[expect(clippy::ref_option, reason = "serde hands over the field as it is")]
fn as_itself<S: Serializer>(pace: &Option<Arc<Pace>>, serializer: S) -> Result<S::Ok, S::Error> {
    pace.as_deref().serialize(serializer)
}

impl Listing {
    /// Lists a plan.
    pub fn of(plan: &Plan, federation: &Federation, forks: usize) -> Self {
        let plays = plan.plays.iter().map(|play| list_play(play, federation, forks));
        Self {
            plays: plays.collect(),
        }
    }

    /// Every step in order, its hosts, and how many at once and why; lines are folded to that many columns.
    pub fn text(&self, width: usize) -> String {
        let mut out = String::new();
        for (number, play) in (1..).zip(&self.plays) {
            let _ = writeln!(out, "{number}. {}   ({})", play.name, play.place);
            match &play.batches[..] {
                [] => out.push_str("   no hosts\n"),
                [hosts] => {
                    let _ = writeln!(out, "   hosts: {}", hosts.join(", "));
                }
                batches => {
                    let each: Vec<_> = batches.iter().map(|batch| batch.join(", ")).collect();
                    let _ = writeln!(out, "   hosts, batch by batch: {}", each.join(" | "));
                }
            }
            if play.any_errors_fatal {
                out.push_str("   a host that fails ends this play for all\n");
            }
            let mut section = "";
            for (step, task) in (1..).zip(&play.tasks) {
                if section != task.section {
                    section = &task.section;
                    let when = if section == "handlers" {
                        ", each if notified"
                    } else {
                        ""
                    };
                    let _ = writeln!(out, "   {section}{when}:");
                }
                task.write(&mut out, &format!("{number}.{step}"), width);
            }
            out.push('\n');
        }
        out
    }

    /// Names of tasks, as `--list-tasks` shows them.
    pub fn task_names(&self) -> String {
        let mut out = String::new();
        for (number, play) in (1..).zip(&self.plays) {
            let _ = writeln!(out, "play #{number}: {}", play.name);
            for task in play.tasks.iter().filter(|task| task.section != "handlers") {
                let path: String = task.path.iter().map(|name| format!("{name} / ")).collect();
                let _ = writeln!(out, "  {path}{}\tTAGS: [{}]", task.name, task.tags.join(", "));
            }
        }
        out
    }

    /// Hosts of each play, as `--list-hosts` shows them.
    pub fn host_names(&self) -> String {
        let mut out = String::new();
        for (number, play) in (1..).zip(&self.plays) {
            let hosts: Vec<_> = play.batches.iter().flatten().collect();
            let _ = writeln!(out, "play #{number}: {}\n  hosts ({}):", play.name, hosts.len());
            for host in hosts {
                let _ = writeln!(out, "    {host}");
            }
        }
        out
    }
}

impl ListedTask {
    fn write(&self, out: &mut String, number: &str, width: usize) {
        let path: String = self.path.iter().map(|name| format!("{name} / ")).collect();
        let _ = writeln!(out, "     {number:<6} {path}{}   [{}]", self.name, self.module);
        let mut note = |text: String| {
            // What is carried over stands a little further in, so that every note is seen to be one.
            for (number, line) in fold(&text, width.saturating_sub(14).max(30)).iter().enumerate() {
                let margin = if number == 0 { 12 } else { 14 };
                let _ = writeln!(out, "{:margin$}{line}", "");
            }
        };
        if let Some(pace) = &self.pace {
            let separator = if pace.at_once == 1 { " -> " } else { ", " };
            let waves: Vec<_> = pace.waves.iter().map(|wave| wave.join(separator)).collect();
            let hosts = waves.join(" -> ");
            match (self.run_once, pace.hosts().next()) {
                (true, Some(first)) => note(format!("on {first}, once for all")),
                _ => note(format!("on {hosts}   ({})", pace.why)),
            }
        }
        if let Some(other) = &self.delegate_to {
            note(format!("acting on {other}"));
        }
        if self.looped {
            note("for each item of a list".to_owned());
        }
        for condition in &self.when {
            note(format!("when {condition}"));
        }
    }
}

fn list_play(play: &PlayPlan, federation: &Federation, forks: usize) -> ListedPlay {
    let mut tasks = Vec::new();
    let mut paces = Paces {
        hosts: &play.hosts,
        federation,
        forks,
        known: Vec::new(),
    };
    let handlers = std::iter::once(("handlers", &play.handlers));
    let sections = play.sections.iter().map(|section| (section.name, &section.nodes));
    for (section, nodes) in sections.chain(handlers) {
        Node::walk(nodes, &mut Vec::new(), &mut |node, path| {
            tasks.extend(list(node, section, path, &mut paces));
        });
    }
    ListedPlay {
        id: play.id.clone(),
        name: play.play.name.value.clone(),
        place: play.play.name.span.place(),
        batches: play.batches.clone(),
        any_errors_fatal: play.play.any_errors_fatal,
        tasks,
    }
}

/// What a pace depends on, within a play.
type Asked = (&'static str, Option<Parallelism>, bool);

/// The paces of a play's tasks. Most are the same, and each names every host.
struct Paces<'a> {
    hosts: &'a [String],
    federation: &'a Federation,
    forks: usize,
    known: Vec<(Asked, Arc<Pace>)>,
}

impl Paces<'_> {
    fn of(&mut self, node: &TaskNode) -> Arc<Pace> {
        let (module, delegated) = (node.task.module, node.keywords.delegate_to.is_some());
        let asked = (module.name, node.keywords.parallel, delegated);
        if let Some((_, pace)) = self.known.iter().find(|(known, _)| *known == asked) {
            return Arc::clone(pace);
        }
        let pace = pace(
            module,
            node.keywords.parallel,
            delegated,
            self.forks,
            self.hosts,
            self.federation,
        );
        let pace = Arc::new(pace);
        self.known.push((asked, Arc::clone(&pace)));
        pace
    }
}

fn list(node: &Node, section: &str, path: &[String], paces: &mut Paces<'_>) -> Option<ListedTask> {
    let common = |id: &str, name: &str, keywords: &Inherited| ListedTask {
        id: id.to_owned(),
        name: name.to_owned(),
        module: String::new(),
        place: String::new(),
        section: section.to_owned(),
        path: path.to_vec(),
        pace: None,
        when: keywords.when.iter().map(written).collect(),
        looped: false,
        delegate_to: keywords.delegate_to.as_ref().map(written),
        run_once: keywords
            .run_once
            .as_ref()
            .is_some_and(|node| written(node) != "false"),
        tags: keywords.tags.clone(),
    };
    match node {
        Node::Task(node) if node.chosen => Some(ListedTask {
            module: node.task.module.name.to_owned(),
            place: node.task.span.place(),
            pace: Some(paces.of(node)),
            looped: node.task.r#loop.is_some(),
            ..common(&node.id, &node.task.name.value, &node.keywords)
        }),
        Node::Include(node) if node.chosen => Some(ListedTask {
            place: node.include.span.place(),
            looped: node.include.r#loop.is_some(),
            module: node.include.module().to_owned(),
            ..common(&node.id, &node.name, &node.keywords)
        }),
        Node::Task(_) | Node::Include(_) | Node::Block(_) => None,
    }
}
