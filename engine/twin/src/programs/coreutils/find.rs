//! `find`.

use crate::deeds::Act;
use crate::files::{ABSENT, Node};
use crate::process::Process;
use crate::programs::is_named;

/// A condition on a path.
enum Test {
    Name(String),
    Type(char),
    MaxDepth(usize),
}

pub(super) fn find(process: &mut Process<'_>) -> i32 {
    let args = process.args.to_vec();
    let first = args
        .iter()
        .position(|word| word.starts_with('-'))
        .unwrap_or(args.len());
    let (roots, conditions) = args.split_at(first);
    // Alternatives, each of which holds when all of its tests do.
    let mut alternatives: Vec<Vec<Test>> = vec![Vec::new()];
    let mut end = '\n';
    let mut deletes = false;
    let mut words = conditions.iter();
    while let Some(word) = words.next() {
        let test = match word.as_str() {
            "-name" => words.next().map(|name| Test::Name(name.clone())),
            "-type" => words.next().and_then(|kind| kind.chars().next()).map(Test::Type),
            "-maxdepth" => words
                .next()
                .and_then(|depth| depth.parse().ok())
                .map(Test::MaxDepth),
            "-o" => {
                alternatives.push(Vec::new());
                continue;
            }
            "-print0" => {
                end = '\0';
                continue;
            }
            "-delete" => {
                deletes = true;
                continue;
            }
            "-print" | "-a" | "-xdev" => continue,
            _ => {
                process.did(Act::NotModelled(format!("find {}", args.join(" "))));
                return 0;
            }
        };
        if let (Some(test), Some(last)) = (test, alternatives.last_mut()) {
            last.push(test);
        }
    }
    let mut status = 0;
    for root in roots {
        let path = process.path(root);
        let files = &process.machine().files;
        let Some(node) = files.followed(&path) else {
            process.complain(format!("find: '{root}': {ABSENT}\n"));
            status = 1;
            continue;
        };
        let mut found = Vec::new();
        if alternatives.iter().any(|tests| holds(tests, root, node, 0)) {
            found.push(root.clone());
        }
        for (below, node) in files.below(&path) {
            let rest = &below[path.trim_end_matches('/').len()..];
            let shown = format!("{}{rest}", root.trim_end_matches('/'));
            let depth = rest.matches('/').count();
            if alternatives.iter().any(|tests| holds(tests, &shown, node, depth)) {
                found.push(shown);
            }
        }
        for shown in found {
            if deletes {
                let path = process.path(&shown);
                process.machine_mut().files.remove(&path);
            } else {
                process.say(format!("{shown}{end}"));
            }
        }
    }
    status
}

fn holds(tests: &[Test], path: &str, node: &Node, depth: usize) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    tests.iter().all(|test| match test {
        Test::Name(pattern) => is_named(name, pattern),
        Test::Type('f') => matches!(node, Node::File(..)),
        Test::Type('d') => matches!(node, Node::Directory(_)),
        Test::Type('l') => matches!(node, Node::Link(..)),
        Test::Type(_) => false,
        Test::MaxDepth(most) => depth <= *most,
    })
}
