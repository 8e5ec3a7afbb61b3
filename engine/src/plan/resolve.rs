//! From playbooks to the plan: every item with its identity, its inherited keywords, and whether it is chosen.

use std::sync::Arc;

use indexmap::IndexSet;

use super::identity::Siblings;
use super::inherit::Inherited;
use super::tags::Tags;
use crate::diagnostics::{Findings, Source};
use crate::playbook::{Batch, Block, Include, Item, Play, Playbook, RoleRun, Spanned, Task};
use crate::yaml;

/// What of the command line decides the plan.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Which tasks.
    pub tags: Tags,
}

/// The resolved order of everything.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// The plays, in order.
    pub plays: Vec<PlayPlan>,
}

/// A play with its hosts.
#[derive(Debug, Clone)]
pub struct PlayPlan {
    /// Its identity.
    pub id: String,
    /// What the author wrote; its lists of tasks are in `sections` and `handlers`.
    pub play: Arc<Play>,
    /// The playbook it stands in.
    pub source: Arc<Source>,
    /// Its hosts, in the inventory's order.
    pub hosts: Vec<String>,
    /// Its hosts, as they go through the play: one batch after the other.
    pub batches: Vec<Vec<String>>,
    /// `pre_tasks`, `tasks`, `post_tasks`, without the empty ones.
    pub sections: Vec<Section>,
    /// In the order in which they run when notified.
    pub handlers: Vec<Node>,
}

/// A section of a play.
#[derive(Debug, Clone)]
pub struct Section {
    /// `pre_tasks`, `tasks` or `post_tasks`.
    pub name: &'static str,
    /// Its items.
    pub nodes: Vec<Node>,
}

/// An item of the plan.
#[derive(Debug, Clone)]
pub enum Node {
    /// A task.
    Task(Arc<TaskNode>),
    /// A block.
    Block(Arc<BlockNode>),
    /// An include.
    Include(Arc<IncludeNode>),
}

/// A task of the plan.
#[derive(Debug, Clone)]
pub struct TaskNode {
    /// Its identity.
    pub id: String,
    /// What the author wrote.
    pub task: Task,
    /// The keywords that hold for it.
    pub keywords: Inherited,
    /// Whether the tags of the command line choose it.
    pub chosen: bool,
}

/// A block of the plan.
#[derive(Debug, Clone)]
pub struct BlockNode {
    /// Its identity.
    pub id: String,
    /// Its name, or `block`; none of a role.
    pub name: String,
    /// The tasks.
    pub body: Vec<Node>,
    /// What runs on a host where one of them failed.
    pub rescue: Vec<Node>,
    /// What runs in any case.
    pub always: Vec<Node>,
    /// The role it is.
    pub role: Option<RoleRun>,
}

/// An include of the plan.
#[derive(Debug, Clone)]
pub struct IncludeNode {
    /// Its identity.
    pub id: String,
    /// Its name, or what it includes.
    pub name: String,
    /// What the author wrote.
    pub include: Include,
    /// The keywords that hold for it.
    pub keywords: Inherited,
    /// The keywords that hold for what it includes.
    pub passed_on: Inherited,
    /// Whether the tags of the command line choose it.
    pub chosen: bool,
}

/// Resolves playbooks. `select` turns a play's host pattern, `--limit` included, into hosts.
pub fn plan(
    playbooks: &[Playbook],
    options: &Options,
    mut select: impl FnMut(&yaml::Node) -> Result<Vec<String>, Findings>,
) -> Result<Plan, Findings> {
    let mut plays = Vec::new();
    let mut findings = Findings::new();
    let mut siblings = Siblings::of("");
    for (playbook, play) in playbooks
        .iter()
        .flat_map(|playbook| playbook.plays.iter().map(move |play| (playbook, play)))
    {
        let id = siblings.next(&play.name.value);
        match select(&play.hosts) {
            Ok(hosts) => plays.push(resolve_play(id, play, &playbook.source, hosts, options)),
            Err(wrong) => findings.extend(wrong),
        }
    }
    if findings.is_empty() {
        Ok(Plan { plays })
    } else {
        Err(findings)
    }
}

fn resolve_play(
    id: String,
    play: &Play,
    source: &Arc<Source>,
    hosts: Vec<String>,
    options: &Options,
) -> PlayPlan {
    let inherited = Inherited::default().with(&play.keywords);
    let lists = [
        ("pre_tasks", &play.pre_tasks),
        ("tasks", &play.tasks),
        ("post_tasks", &play.post_tasks),
    ];
    let sections = lists
        .into_iter()
        .filter(|(_, items)| !items.is_empty())
        .map(|(name, items)| Section {
            name,
            nodes: resolve_items(items, &format!("{id}/{name}"), &inherited, &options.tags),
        });
    // Tags do not choose handlers: being notified does.
    let handlers = resolve_items(
        &play.handlers,
        &format!("{id}/handlers"),
        &inherited,
        &Tags::default(),
    );
    PlayPlan {
        sections: sections.collect(),
        handlers,
        batches: batches(&play.serial, &hosts),
        hosts,
        play: Arc::new(play.clone()),
        source: Arc::clone(source),
        id,
    }
}

/// Resolves a list of items below a parent; also what an include loads at run time.
pub fn resolve_items(items: &[Item], parent: &str, inherited: &Inherited, tags: &Tags) -> Vec<Node> {
    let mut siblings = Siblings::of(parent);
    let mut resolve = |item: &Item| match item {
        Item::Task(task) => {
            let keywords = inherited.with(&task.keywords);
            let mut task = (**task).clone();
            task.name.value = called(task.name.value, &keywords);
            Node::Task(Arc::new(TaskNode {
                id: siblings.next(&task.name.value),
                task,
                chosen: tags.choose(&keywords.tags),
                keywords,
            }))
        }
        Item::Block(block) => Node::Block(Arc::new(resolve_block(block, &mut siblings, inherited, tags))),
        Item::Include(include) => {
            let name = include.name.as_ref().map(|name| name.value.clone());
            let keywords = inherited.with(&include.keywords);
            // As in Ansible the role around it is not in front of the name of one that is included.
            let name = match &include.role {
                Some(_) => name.unwrap_or_else(|| format!("include_role : {}", written(&include.file))),
                None => called(
                    name.unwrap_or_else(|| format!("include_tasks {}", written(&include.file))),
                    &keywords,
                ),
            };
            Node::Include(Arc::new(IncludeNode {
                id: siblings.next(&name),
                name,
                chosen: tags.choose(&keywords.tags),
                passed_on: inherited.into_included(&include.keywords),
                keywords,
                include: (**include).clone(),
            }))
        }
    };
    items.iter().map(&mut resolve).collect()
}

/// What a task is called, which in a role has that one's name in front.
fn called(name: String, keywords: &Inherited) -> String {
    match &keywords.role {
        Some(role) => role.qualified(&name),
        None => name,
    }
}

fn resolve_block(
    block: &Block,
    siblings: &mut Siblings<'_>,
    inherited: &Inherited,
    tags: &Tags,
) -> BlockNode {
    let named = block.name.as_ref().map_or("block", |name| name.value.as_str());
    // Its tasks have its name already.
    let (id, name) = match &block.role {
        Some(run) => (siblings.next(&format!("role {}", run.role.name)), ""),
        None => (siblings.next(named), named),
    };
    let inherited = inherited.with(&block.keywords);
    let part = |items: &[Item], part: &str| resolve_items(items, &format!("{id}{part}"), &inherited, tags);
    BlockNode {
        name: name.to_owned(),
        body: part(&block.body, ""),
        rescue: part(&block.rescue, "/[rescue]"),
        always: part(&block.always, "/[always]"),
        role: block.role.clone(),
        id,
    }
}

/// A node as its author wrote it, on one line.
pub(super) fn written(node: &yaml::Node) -> String {
    match &node.value {
        yaml::Value::Scalar { text, .. } => text.clone(),
        _ => node.span.text().split_whitespace().collect::<Vec<_>>().join(" "),
    }
}

/// Cuts hosts into batches; the last size is repeated.
fn batches(sizes: &[Spanned<Batch>], hosts: &[String]) -> Vec<Vec<String>> {
    let mut rest = hosts;
    let mut batches = Vec::new();
    let mut sizes = sizes.iter().peekable();
    while !rest.is_empty() {
        let size = match sizes.peek() {
            None => rest.len(),
            Some(size) => batch_size(size.value, hosts.len()).min(rest.len()),
        };
        if sizes.len() > 1 {
            sizes.next();
        }
        let (batch, others) = rest.split_at(size);
        batches.push(batch.to_vec());
        rest = others;
    }
    batches
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a part of a number of hosts, rounded down, is far from any limit"
)]
fn batch_size(size: Batch, of: usize) -> usize {
    let size = match size {
        Batch::Hosts(n) => n,
        Batch::Percent(percent) => (of as f64 * percent / 100.0).floor() as usize,
    };
    size.max(1)
}

impl Node {
    /// Every task and include below, in order, with the names of the blocks around it.
    pub(super) fn walk<'a>(
        nodes: &'a [Self],
        path: &mut Vec<String>,
        visit: &mut dyn FnMut(&'a Self, &[String]),
    ) {
        for node in nodes {
            let Self::Block(block) = node else {
                visit(node, path);
                continue;
            };
            let depth = path.len();
            path.extend(Some(&block.name).filter(|name| !name.is_empty()).cloned());
            Self::walk(&block.body, path, visit);
            for (name, part) in [("rescue", &block.rescue), ("always", &block.always)] {
                path.push(name.to_owned());
                Self::walk(part, path, visit);
                path.pop();
            }
            path.truncate(depth);
        }
    }
}

impl Node {
    /// Every task of a list, within blocks too; none of included files.
    pub fn each_task<'a>(nodes: &'a [Self], visit: &mut dyn FnMut(&'a TaskNode)) {
        Self::walk(nodes, &mut Vec::new(), &mut |node, _| {
            if let Self::Task(task) = node {
                visit(task);
            }
        });
    }
}

impl Plan {
    /// The task of this identity, handlers too; none of an included file.
    pub fn task(&self, id: &str) -> Option<&TaskNode> {
        let mut found = None;
        self.each_task(&mut |task| {
            if task.id == id {
                found = Some(task);
            }
        });
        found
    }

    /// Every task, handlers too; none of included files.
    pub fn each_task<'p>(&'p self, visit: &mut dyn FnMut(&'p TaskNode)) {
        for play in &self.plays {
            let lists = play.sections.iter().map(|section| &section.nodes);
            for nodes in lists.chain([&play.handlers]) {
                Node::each_task(nodes, visit);
            }
        }
    }

    /// Every tag that an item has, chosen or not; `None` where an `include_tasks` may bring others.
    pub fn tags(&self) -> Option<IndexSet<&str>> {
        let mut tags = IndexSet::new();
        for play in &self.plays {
            let (known, open) = play.known_tags();
            if open {
                return None;
            }
            tags.extend(known);
        }
        Some(tags)
    }

    /// Tags of each play, as `--list-tags` shows them; those of tasks that are included while it runs are not known.
    pub fn tag_names(&self) -> String {
        let mut out = String::new();
        for (number, play) in (1..).zip(&self.plays) {
            let (mut tags, open) = play.known_tags();
            tags.sort_unstable();
            let tags: Vec<_> = tags.into_iter().collect();
            let more = if open {
                " (and those of included files)"
            } else {
                ""
            };
            let name = &play.play.name.value;
            out += &format!("play #{number}: {name}\tTAGS: [{}]{more}\n", tags.join(", "));
        }
        out
    }

    /// Every host that takes part, once, in the order in which they first do.
    pub fn hosts(&self) -> IndexSet<&str> {
        self.plays
            .iter()
            .flat_map(|play| play.hosts.iter().map(String::as_str))
            .collect()
    }
}

impl PlayPlan {
    /// The tags that are known, and whether there may be more.
    fn known_tags(&self) -> (IndexSet<&str>, bool) {
        let mut tags = IndexSet::new();
        let mut open = false;
        for section in &self.sections {
            Node::walk(&section.nodes, &mut Vec::new(), &mut |node, _| match node {
                Node::Task(task) => tags.extend(task.keywords.tags.iter().map(String::as_str)),
                Node::Include(_) => open = true,
                Node::Block(_) => {}
            });
        }
        (tags, open)
    }
}
