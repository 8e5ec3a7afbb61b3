//! `find`.

use super::stat::{number, size};
use crate::deeds::Act;
use crate::files::{ABSENT, Node};
use crate::machine::Machine;
use crate::process::Process;
use crate::programs::is_named;

/// A condition on a path.
enum Test {
    Name(String),
    Type(char),
    MaxDepth(usize),
    MinDepth(usize),
    User(String),
    Group(String),
    Perm(u32),
    Not(Box<Test>),
}

pub(super) fn find(process: &mut Process<'_>) -> i32 {
    let args = process.args.to_vec();
    // It follows no links, as it does by itself.
    let args = match args.split_first() {
        Some((word, rest)) if word == "-P" || word == "-H" => rest,
        _ => &args,
    };
    let begins = |word: &String| word.starts_with('-') || ["(", "!"].contains(&word.as_str());
    let first = args.iter().position(begins).unwrap_or(args.len());
    let (roots, conditions) = args.split_at(first);
    // Alternatives, each of which holds when all of its tests do.
    let mut alternatives: Vec<Vec<Test>> = vec![Vec::new()];
    let mut end = '\n';
    let mut format = None;
    let (mut deletes, mut first_only, mut is_negated) = (false, false, false);
    // What stands in front of alternatives in brackets holds for each of them.
    let mut common: Vec<Test> = Vec::new();
    let mut words = conditions.iter();
    while let Some(word) = words.next() {
        let test = match word.as_str() {
            "-name" => words.next().map(|name| Test::Name(name.clone())),
            "-type" => words.next().and_then(|kind| kind.chars().next()).map(Test::Type),
            "-maxdepth" => words
                .next()
                .and_then(|depth| depth.parse().ok())
                .map(Test::MaxDepth),
            "-mindepth" => words
                .next()
                .and_then(|depth| depth.parse().ok())
                .map(Test::MinDepth),
            "-user" => words.next().cloned().map(Test::User),
            "-group" => words.next().cloned().map(Test::Group),
            "-perm" => words
                .next()
                .and_then(|mode| u32::from_str_radix(mode, 8).ok())
                .map(Test::Perm),
            "!" => {
                is_negated = true;
                continue;
            }
            "(" => {
                common = alternatives.pop().unwrap_or_default();
                alternatives.push(Vec::new());
                continue;
            }
            "-quit" => {
                first_only = true;
                continue;
            }
            "-o" => {
                alternatives.push(Vec::new());
                continue;
            }
            "-print0" => {
                end = '\0';
                continue;
            }
            "-printf" => {
                format = words.next();
                continue;
            }
            "-delete" => {
                deletes = true;
                continue;
            }
            ")" | "-print" | "-a" | "-xdev" => continue,
            _ => {
                process.did(Act::NotModelled(format!("find {}", args.join(" "))));
                return 0;
            }
        };
        if let (Some(test), Some(last)) = (test, alternatives.last_mut()) {
            last.push(if is_negated {
                Test::Not(Box::new(test))
            } else {
                test
            });
        }
        is_negated = false;
    }
    let is_found = |path: &str, node: &Node, depth: usize| {
        let all = |tests: &[Test]| tests.iter().all(|test| holds(test, path, node, depth));
        all(&common) && alternatives.iter().any(|tests| all(tests))
    };
    let mut status = 0;
    for root in roots {
        let path = process.path(root);
        let files = &process.machine().files;
        let Some(node) = files.followed(&path) else {
            process.complain(format!("find: '{root}': {ABSENT}\n"));
            status = 1;
            continue;
        };
        let line = |shown: &str, node: &Node| match format {
            Some(format) => printed(process.machine(), node, shown, format),
            None => format!("{shown}{end}"),
        };
        let mut found = Vec::new();
        if is_found(root, node, 0) {
            found.push((root.clone(), line(root, node)));
        }
        for (below, node) in files.below(&path) {
            let rest = &below[path.trim_end_matches('/').len()..];
            let shown = format!("{}{rest}", root.trim_end_matches('/'));
            let depth = rest.matches('/').count();
            if is_found(&shown, node, depth) {
                let line = line(&shown, node);
                found.push((shown, line));
            }
        }
        if first_only {
            found.truncate(1);
        }
        for (shown, line) in found {
            if deletes {
                let path = process.path(&shown);
                process.machine_mut().files.remove(&path);
            } else {
                process.say(line);
            }
        }
    }
    status
}

/// What `-type` and `%y` call it.
fn letter(node: &Node) -> char {
    match node {
        Node::Directory(_) => 'd',
        Node::File(..) => 'f',
        Node::Link(..) => 'l',
    }
}

/// What `-printf` prints of a path.
fn printed(machine: &Machine, node: &Node, path: &str, format: &str) -> String {
    let meta = node.meta();
    let mut out = String::new();
    let mut chars = format.chars();
    while let Some(c) = chars.next() {
        match (c, chars.as_str().chars().next()) {
            ('\\', Some('0')) => out.push('\0'),
            ('\\', Some('n')) => out.push('\n'),
            ('%', Some('y')) => out.push(letter(node)),
            ('%', Some('m')) => out.push_str(&format!("{:o}", meta.mode)),
            ('%', Some('u')) => out.push_str(&meta.owner),
            ('%', Some('g')) => out.push_str(&meta.group),
            ('%', Some('U')) => out.push_str(&number(machine, "/etc/passwd", &meta.owner)),
            ('%', Some('G')) => out.push_str(&number(machine, "/etc/group", &meta.group)),
            ('%', Some('s')) => out.push_str(&size(node).to_string()),
            ('%', Some('T')) => {
                // `%T@`
                chars.next();
                out.push_str(&meta.mtime.to_string());
            }
            ('%', Some('l')) => {
                if let Node::Link(_, target) = node {
                    out.push_str(target);
                }
            }
            ('%', Some('p')) => out.push_str(path),
            (other, _) => {
                out.push(other);
                continue;
            }
        }
        chars.next();
    }
    out
}

fn holds(test: &Test, path: &str, node: &Node, depth: usize) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    match test {
        Test::Name(pattern) => is_named(name, pattern),
        Test::Type(kind) => letter(node) == *kind,
        Test::MaxDepth(most) => depth <= *most,
        Test::MinDepth(least) => depth >= *least,
        Test::User(user) => *node.meta().owner == **user,
        Test::Group(group) => *node.meta().group == **group,
        Test::Perm(mode) => node.meta().mode == *mode,
        Test::Not(test) => !holds(test, path, node, depth),
    }
}
