//! `chmod`, `chown`, `chgrp`.

use std::borrow::Cow;

use nebplay_modules::symbolic_mode::SymbolicMode;

use super::{Words, each};
use crate::deeds::Act;
use crate::files::{ABSENT, Node};
use crate::process::Process;

/// Changes each file, and what is below it if that is asked for. Without a `change` argument the first word is none of the files.
fn change(process: &mut Process<'_>, names: &[String], recursive: bool, by: impl Fn(&mut Node)) -> i32 {
    each(process, names, |process, name| {
        let path = process.path(name);
        let resolved = process.machine().files.resolved(&path);
        let path = resolved.map_or_else(|| path.clone(), Cow::into_owned);
        let below: Vec<String> = if recursive {
            process
                .machine()
                .files
                .below(&path)
                .map(|(path, _)| path.to_string())
                .collect()
        } else {
            Vec::new()
        };
        let files = &mut process.machine_mut().files;
        by(files
            .at_mut(&path)
            .ok_or_else(|| format!("cannot access '{name}': {ABSENT}"))?);
        for path in below {
            if let Some(node) = files.at_mut(&path) {
                by(node);
            }
        }
        Ok(())
    })
}

/// The words behind the first one, which says what to change; all of them where a reference says it.
fn split(process: &Process<'_>) -> (Words, Option<Node>, String, Vec<String>) {
    let words = Words::of(process, "");
    let reference = words
        .value("reference")
        .and_then(|name| process.machine().files.followed(&process.path(name)).cloned());
    let mut names = words.names.clone();
    let spec = if words.value("reference").is_some() || names.is_empty() {
        String::new()
    } else {
        names.remove(0)
    };
    (words, reference, spec, names)
}

pub(super) fn chmod(process: &mut Process<'_>) -> i32 {
    let (words, reference, spec, names) = split(process);
    let mode = reference
        .map(|node| node.meta().mode)
        .or_else(|| u32::from_str_radix(&spec, 8).ok());
    let recursive = words.has("R");
    if let Some(mode) = mode {
        return change(process, &names, recursive, |node| node.meta_mut().mode = mode);
    }
    let Ok(mode) = spec.parse::<SymbolicMode>() else {
        process.did(Act::NotModelled(format!("chmod {}", process.args.join(" "))));
        return 0;
    };
    change(process, &names, recursive, |node| {
        let is_directory = matches!(node, Node::Directory(_));
        let meta = node.meta_mut();
        meta.mode = mode.apply(meta.mode, is_directory);
    })
}

pub(super) fn chown(process: &mut Process<'_>) -> i32 {
    let (words, reference, spec, names) = split(process);
    let (owner, group) = match &reference {
        Some(node) => (node.meta().owner.to_string(), Some(node.meta().group.to_string())),
        None => match spec.split_once([':', '.']) {
            Some((owner, "")) => (owner.to_owned(), Some(owner.to_owned())),
            Some((owner, group)) => (owner.to_owned(), Some(group.to_owned())),
            None => (spec, None),
        },
    };
    let unknown =
        !owner.is_empty() && !owner.chars().all(|c| c.is_ascii_digit()) && !is_known(process, &owner);
    if unknown {
        process.complain(format!("chown: invalid user: '{owner}'\n"));
        return 1;
    }
    change(process, &names, words.has("R"), |node| {
        let meta = node.meta_mut();
        if !owner.is_empty() {
            meta.owner = owner.as_str().into();
        }
        if let Some(group) = &group {
            meta.group = group.as_str().into();
        }
    })
}

fn is_known(process: &Process<'_>, user: &str) -> bool {
    let text = process.machine().files.text("/etc/passwd");
    text.lines().any(|line| line.split(':').next() == Some(user))
}

pub(super) fn chgrp(process: &mut Process<'_>) -> i32 {
    let (words, _, group, names) = split(process);
    change(process, &names, words.has("R"), |node| {
        node.meta_mut().group = group.as_str().into();
    })
}
