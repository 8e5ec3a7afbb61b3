//! `stat`, `ls`, `readlink`, `realpath`, `df`, `du`.

use super::{Words, each};
use crate::files::{ABSENT, Node, parent};
use crate::machine::Machine;
use crate::process::Process;

/// The size of what a node is, as `stat` has it.
pub(super) fn size(node: &Node) -> usize {
    match node {
        Node::Directory(_) => 4096,
        Node::File(_, content) => content.bytes().len(),
        Node::Link(_, target) => target.len(),
    }
}

fn kind(node: &Node) -> &'static str {
    match node {
        Node::Directory(_) => "directory",
        Node::File(_, content) if content.bytes().is_empty() => "regular empty file",
        Node::File(..) => "regular file",
        Node::Link(..) => "symbolic link",
    }
}

fn type_bits(node: &Node) -> u32 {
    match node {
        Node::Directory(_) => 0o040_000,
        Node::File(..) => 0o100_000,
        Node::Link(..) => 0o120_000,
    }
}

/// The number of a user or group.
pub(super) fn number(machine: &Machine, file: &str, name: &str) -> String {
    let text = machine.files.text(file);
    let line = text.lines().find(|line| line.split(':').next() == Some(name));
    line.and_then(|line| line.split(':').nth(2))
        .unwrap_or("0")
        .to_owned()
}

fn formatted(machine: &Machine, node: &Node, name: &str, format: &str) -> String {
    let meta = node.meta();
    let mut out = String::new();
    let mut chars = format.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let mut verb = chars.next().unwrap_or('%');
        if verb == '.' {
            verb = chars.next().unwrap_or('Y');
        }
        match verb {
            's' => out.push_str(&size(node).to_string()),
            'a' => out.push_str(&format!("{:o}", meta.mode)),
            'U' => out.push_str(&meta.owner),
            'G' => out.push_str(&meta.group),
            'u' => out.push_str(&number(machine, "/etc/passwd", &meta.owner)),
            'g' => out.push_str(&number(machine, "/etc/group", &meta.group)),
            'F' => out.push_str(kind(node)),
            'f' => out.push_str(&format!("{:x}", type_bits(node) | meta.mode)),
            'Y' | 'Z' | 'W' => out.push_str(&meta.mtime.to_string()),
            'd' => out.push_str("2049"),
            'i' => out.push_str(&meta.inode.to_string()),
            'n' => out.push_str(name),
            'm' => out.push('/'),
            other => out.push(other),
        }
    }
    out
}

pub(super) fn stat(process: &mut Process<'_>) -> i32 {
    let words = Words::of(process, "c");
    let names = words.names.clone();
    each(process, &names, |process, name| {
        let path = process.path(name);
        let files = &process.machine().files;
        let node = if words.has("L") {
            files.followed(&path)
        } else {
            files.at(&path)
        };
        let Some(node) = node else {
            return Err(format!("stat: cannot statx '{name}': {ABSENT}"));
        };
        let text = match (words.value("c").or(words.value("format")), words.value("printf")) {
            (Some(format), _) => format!("{}\n", formatted(process.machine(), node, name, format)),
            (None, Some(format)) => {
                let format = format
                    .replace("\\0", "\0")
                    .replace("\\n", "\n")
                    .replace("\\t", "\t");
                formatted(process.machine(), node, name, &format)
            }
            // `--printf FORMAT`, as two words.
            (None, None) => format!("  File: {name}\n  Size: {}\n", size(node)),
        };
        process.say(text);
        Ok(())
    })
}

pub(super) fn ls(process: &mut Process<'_>) -> i32 {
    let words = Words::of(process, "");
    let names = if words.names.is_empty() {
        vec![".".to_owned()]
    } else {
        words.names.clone()
    };
    let status = each(process, &names, |process, name| {
        let path = process.path(name);
        let files = &process.machine().files;
        let listed = match files.followed(&path) {
            None => return Err(format!("ls: cannot access '{name}': {ABSENT}")),
            Some(Node::Directory(_)) if !words.has("d") => files.names(&path),
            Some(_) => vec![name.to_owned()],
        };
        let lines = listed
            .iter()
            .filter(|name| words.has("a") || words.has("A") || !name.starts_with('.'));
        let text: String = lines.map(|name| format!("{name}\n")).collect();
        process.say(text);
        Ok(())
    });
    if status == 0 { 0 } else { 2 }
}

pub(super) fn readlink(process: &mut Process<'_>) -> i32 {
    let words = Words::of(process, "");
    let Some(name) = words.names.first() else { return 1 };
    let path = process.path(name);
    let files = &process.machine().files;
    let target = if words.has("f") || words.has("e") {
        files
            .resolved(&path)
            .filter(|path| files.at(parent(path)).is_some())
    } else {
        match files.at(&path) {
            Some(Node::Link(_, target)) => Some(target.into()),
            _ => None,
        }
    };
    match target {
        Some(target) => {
            let end = if words.has("n") { "" } else { "\n" };
            process.say(format!("{target}{end}"));
            0
        }
        None => 1,
    }
}

pub(super) fn realpath(process: &mut Process<'_>) -> i32 {
    let words = Words::of(process, "");
    let names = words.names.clone();
    each(process, &names, |process, name| {
        let path = process.path(name);
        let files = &process.machine().files;
        let found = files
            .resolved(&path)
            .filter(|path| words.has("m") || files.at(parent(path)).is_some());
        let found = found.ok_or_else(|| format!("realpath: {name}: {ABSENT}"))?;
        process.say(format!("{found}\n"));
        Ok(())
    })
}

/// A disk of 100 GiB, half of it free, unless it is full. `-P`: a line each, as scripts read it.
pub(super) fn df(process: &mut Process<'_>) -> i32 {
    let words = Words::of(process, "");
    let total: u64 = 100 * 1024 * 1024;
    let free = if process.machine().files.full {
        0
    } else {
        total / 2
    };
    process.say("Filesystem     1024-blocks      Used Available Capacity Mounted on\n");
    let names = if words.names.is_empty() {
        vec!["/".to_owned()]
    } else {
        words.names.clone()
    };
    each(process, &names, |process, name| {
        let path = process.path(name);
        if process.machine().files.followed(&path).is_none() {
            return Err(format!("df: {name}: {ABSENT}"));
        }
        let used = total - free;
        process.say(format!("/dev/vda1        {total}  {used}  {free}      50% /\n"));
        Ok(())
    })
}

pub(super) fn du(process: &mut Process<'_>) -> i32 {
    let words = Words::of(process, "d");
    let names = words.names.clone();
    each(process, &names, |process, name| {
        let path = process.path(name);
        let files = &process.machine().files;
        let own = files
            .at(&path)
            .ok_or_else(|| format!("du: cannot access '{name}': {ABSENT}"))?;
        let bytes: usize = size(own) + files.below(&path).map(|(_, node)| size(node)).sum::<usize>();
        let shown = if words.has("b") {
            bytes
        } else {
            bytes.div_ceil(1024)
        };
        process.say(format!("{shown}\t{name}\n"));
        Ok(())
    })
}
