//! Playbooks for these tests: what the loader does, without its checks, and with the modules of the tests.

use indexmap::IndexMap;

use super::modules::find;
use crate::diagnostics::Source;
use crate::playbook::{
    Batch, Block, Include, Item, Keywords, Loop, Parallelism, Play, Playbook, Spanned, Task, Vars,
};
use crate::yaml::{self, Node};

pub(super) fn playbook(text: &str) -> Playbook {
    let source = Source::new("test.yml", text);
    let document = yaml::parse(&source).expect("valid YAML").expect("plays");
    let plays = document
        .as_sequence()
        .expect("a list of plays")
        .iter()
        .map(play)
        .collect();
    Playbook { source, plays }
}

pub(super) fn tasks(name: &str, text: &str) -> Vec<Item> {
    let document = yaml::parse(&Source::new(name, text))
        .expect("valid YAML")
        .expect("tasks");
    list(Some(&document))
}

pub(super) fn vars(node: Option<&Node>) -> Vars {
    let entries = node.and_then(Node::as_mapping).unwrap_or_default();
    entries
        .iter()
        .map(|entry| {
            (
                entry.key.as_str().expect("a name").to_owned(),
                entry.value.clone(),
            )
        })
        .collect()
}

fn spanned(node: &Node) -> Spanned<String> {
    Spanned {
        value: node.as_str().expect("a text").to_owned(),
        span: node.span.clone(),
    }
}

fn several(node: Option<&Node>) -> Vec<Node> {
    match node {
        None => Vec::new(),
        Some(node) => node
            .as_sequence()
            .map_or_else(|| vec![node.clone()], <[Node]>::to_vec),
    }
}

fn texts(node: Option<&Node>) -> Vec<Spanned<String>> {
    several(node).iter().map(spanned).collect()
}

fn keywords(node: &Node) -> Keywords {
    let get = |name: &str| node.get(name).cloned();
    Keywords {
        r#become: get("become"),
        become_user: get("become_user"),
        environment: several(node.get("environment")),
        tags: texts(node.get("tags")),
        when: several(node.get("when")),
        vars: vars(node.get("vars")),
        parallel: node.get("parallel").map(|node| Spanned {
            value: match node.as_str() {
                Some("all") => Parallelism::All,
                text => Parallelism::AtMost(text.expect("a number").parse().expect("a number")),
            },
            span: node.span.clone(),
        }),
        ignore_errors: get("ignore_errors"),
        ignore_unreachable: get("ignore_unreachable"),
        no_log: get("no_log"),
        timeout: get("timeout"),
        delegate_to: get("delegate_to"),
        run_once: get("run_once"),
        check_mode: get("check_mode"),
        notify: texts(node.get("notify")),
        role: None,
    }
}

fn play(node: &Node) -> Play {
    let hosts = node.get("hosts").expect("hosts").clone();
    Play {
        name: node.get("name").map_or_else(|| spanned(&hosts), spanned),
        hosts,
        vars: vars(node.get("vars")),
        vars_files: several(node.get("vars_files")),
        defaults: Vars::new(),
        role_vars: Vars::new(),
        keywords: Keywords {
            vars: Vars::new(),
            ..keywords(node)
        },
        serial: several(node.get("serial"))
            .iter()
            .map(|node| Spanned {
                value: match node.as_str().expect("a size").strip_suffix('%') {
                    Some(percent) => Batch::Percent(percent.parse().expect("a number")),
                    None => Batch::Hosts(node.as_str().unwrap_or_default().parse().expect("a number")),
                },
                span: node.span.clone(),
            })
            .collect(),
        any_errors_fatal: node.get("any_errors_fatal").is_some(),
        gather_facts: false,
        pre_tasks: list(node.get("pre_tasks")),
        tasks: list(node.get("tasks")),
        post_tasks: list(node.get("post_tasks")),
        handlers: list(node.get("handlers")),
    }
}

fn list(node: Option<&Node>) -> Vec<Item> {
    node.and_then(Node::as_sequence)
        .unwrap_or_default()
        .iter()
        .map(item)
        .collect()
}

fn item(node: &Node) -> Item {
    if let Some(body) = node.get("block") {
        return Item::Block(Box::new(Block {
            name: node.get("name").map(spanned),
            span: node.span.clone(),
            keywords: keywords(node),
            body: list(Some(body)),
            rescue: list(node.get("rescue")),
            always: list(node.get("always")),
            role: None,
        }));
    }
    let over = node.get("loop").map(|over| Loop {
        over: over.clone(),
        with: None,
        var: "item".to_owned(),
        index_var: None,
        extended: false,
        all_items: true,
        label: None,
        pause: None,
    });
    if let Some(file) = node.get("include_tasks") {
        return Item::Include(Box::new(Include {
            role: None,
            name: node.get("name").map(spanned),
            span: node.span.clone(),
            file: file.clone(),
            keywords: keywords(node),
            r#loop: over,
        }));
    }
    let known = [
        "name",
        "become",
        "become_user",
        "environment",
        "tags",
        "when",
        "vars",
        "parallel",
        "ignore_errors",
        "ignore_unreachable",
        "no_log",
        "timeout",
        "delegate_to",
        "run_once",
        "check_mode",
        "register",
        "loop",
        "until",
        "retries",
        "delay",
        "notify",
        "listen",
        "failed_when",
        "changed_when",
    ];
    let entries = node.as_mapping().expect("a task");
    let module = entries
        .iter()
        .find(|entry| !known.contains(&entry.key.as_str().unwrap_or_default()))
        .expect("a module");
    let name = node.get("name").map_or_else(|| spanned(&module.key), spanned);
    Item::Task(Box::new(Task {
        name,
        span: node.span.clone(),
        module: find(module.key.as_str().unwrap_or_default()),
        module_span: module.key.span.clone(),
        args: match (module.key.as_str(), module.value.as_str()) {
            (Some("command"), Some(_)) => IndexMap::from([("cmd".to_owned(), module.value.clone())]),
            (Some("meta"), Some(_)) => IndexMap::from([("action".to_owned(), module.value.clone())]),
            _ => vars(Some(&module.value)),
        },
        keywords: keywords(node),
        register: node.get("register").map(spanned),
        r#loop: over,
        until: several(node.get("until")),
        retries: node.get("retries").cloned(),
        delay: node.get("delay").cloned(),
        listen: texts(node.get("listen")),
        rehearse: None,
        failed_when: node.get("failed_when").map(|node| several(Some(node))),
        changed_when: node.get("changed_when").map(|node| several(Some(node))),
    }))
}
