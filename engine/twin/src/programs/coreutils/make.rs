//! Programs that make, copy, move and remove files.

use super::{Words, each};
use crate::files::{ABSENT, Content, EXISTS, Meta, Node, parent};
use crate::process::Process;
use crate::programs::access;

fn octal(text: &str) -> Option<u32> {
    u32::from_str_radix(text, 8).ok()
}

pub(super) fn mkdir(process: &mut Process<'_>) -> i32 {
    let words = Words::of(process, "m");
    let mode = words.value("m").and_then(octal);
    let names = words.names.clone();
    each(process, &names, |process, name| {
        let path = process.path(name);
        let mut meta = process.new_meta(0o777);
        meta.mode = mode.unwrap_or(meta.mode);
        let wrong = |why: &str| format!("mkdir: cannot create directory '{name}': {why}");
        if words.has("p") {
            return process
                .machine_mut()
                .files
                .make_directories(&path, &meta)
                .map_err(wrong);
        }
        if process.machine().files.at(&path).is_some() {
            return Err(wrong(EXISTS));
        }
        access::may_write(process.machine(), process.user, &path).map_err(|why| wrong(&why))?;
        process
            .machine_mut()
            .files
            .put(&path, Node::Directory(meta))
            .map_err(wrong)
    })
}

/// `install -d`, and of one file.
pub(super) fn install(process: &mut Process<'_>) -> i32 {
    let words = Words::of(process, "mog");
    let mut meta = process.new_meta(0o777);
    meta.mode = words.value("m").and_then(octal).unwrap_or(0o755);
    if let Some(owner) = words.value("o") {
        meta.owner = owner.into();
    }
    if let Some(group) = words.value("g") {
        meta.group = group.into();
    }
    if words.has("d") {
        let names = words.names.clone();
        return each(process, &names, |process, name| {
            let path = process.path(name);
            let above = process.new_meta(0o755);
            let files = &mut process.machine_mut().files;
            let wrong = |why: &str| format!("install: cannot create directory '{name}': {why}");
            files.make_directories(parent(&path), &above).map_err(wrong)?;
            match files.at_mut(&path) {
                Some(node) => *node.meta_mut() = meta.clone(),
                None => files.put(&path, Node::Directory(meta.clone())).map_err(wrong)?,
            }
            Ok(())
        });
    }
    let [from, to] = words.names.as_slice() else {
        return 1;
    };
    let (source, target) = (process.path(from), process.path(to));
    let copied = match process.machine().files.followed(&source) {
        Some(Node::File(_, content)) => Ok(Node::File(meta, content.clone())),
        _ => Err(ABSENT),
    };
    let put = copied.and_then(|node| process.machine_mut().files.put(&target, node));
    match put {
        Ok(()) => 0,
        Err(why) => {
            process.complain(format!("install: cannot stat '{from}': {why}\n"));
            1
        }
    }
}

pub(super) fn mktemp(process: &mut Process<'_>) -> i32 {
    let words = Words::of(process, "p");
    let template = words
        .names
        .first()
        .cloned()
        .unwrap_or_else(|| "/tmp/tmp.XXXXXXXXXX".to_owned());
    let marks = template.len() - template.trim_end_matches('X').len();
    let number = format!("{:0>marks$}", process.pid);
    let name = format!("{}{number}", template.trim_end_matches('X'));
    let path = process.path(&name);
    let mut meta = process.new_meta(0o600);
    let node = if words.has("d") {
        meta.mode = 0o700;
        Node::Directory(meta)
    } else {
        Node::File(meta, Content::text(""))
    };
    let allowed = access::may_write(process.machine(), process.user, &path);
    let put = allowed.and_then(|()| {
        process
            .machine_mut()
            .files
            .put(&path, node)
            .map_err(str::to_owned)
    });
    match put {
        Ok(()) => {
            process.say(format!("{name}\n"));
            0
        }
        Err(why) => {
            process.complain(format!(
                "mktemp: failed to create file via template '{template}': {why}\n"
            ));
            1
        }
    }
}

pub(super) fn touch(process: &mut Process<'_>) -> i32 {
    let names = Words::of(process, "dtr").names;
    each(process, &names, |process, name| {
        let path = process.path(name);
        let meta = process.new_meta(0o666);
        let files = &mut process.machine_mut().files;
        if let Some(node) = files.at_mut(&path) {
            node.meta_mut().mtime = meta.mtime;
            return Ok(());
        }
        let put = files.put(&path, Node::File(meta, Content::text("")));
        put.map_err(|why| format!("touch: cannot touch '{name}': {why}"))
    })
}

/// Where something lands: in a directory, under its own name, unless that is not wanted.
fn landing(process: &Process<'_>, from: &str, to: &str, into: bool) -> String {
    let target = process.path(to);
    match process.machine().files.followed(&target) {
        Some(Node::Directory(_)) if into => {
            let name = from.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
            format!("{target}/{name}")
        }
        _ => target,
    }
}

pub(super) fn ln(process: &mut Process<'_>) -> i32 {
    let words = Words::of(process, "");
    let [from, to] = words.names.as_slice() else {
        return 1;
    };
    let target = landing(process, from, to, !words.has("T"));
    if process.machine().files.at(&target).is_some() {
        if !words.has("f") {
            process.complain(format!("ln: failed to create link '{to}': {EXISTS}\n"));
            return 1;
        }
        process.machine_mut().files.remove(&target);
    }
    let node = if words.has("s") {
        // Whatever the umask is.
        let meta = Meta {
            mode: 0o777,
            ..process.new_meta(0o777)
        };
        Some(Node::Link(meta, from.clone()))
    } else {
        process.machine().files.at(&process.path(from)).cloned()
    };
    let put = match node {
        Some(node) => process.machine_mut().files.put(&target, node),
        None => Err(ABSENT),
    };
    match put {
        Ok(()) => 0,
        Err(why) => {
            process.complain(format!("ln: failed to create link '{to}': {why}\n"));
            1
        }
    }
}

pub(super) fn cp(process: &mut Process<'_>) -> i32 {
    let words = Words::of(process, "");
    let Some((to, sources)) = words.names.split_last() else {
        return 1;
    };
    let keeps = words.has("a") || words.has("p");
    let recursive = words.has("a") || words.has("r") || words.has("R");
    each(process, sources, |process, from| {
        let (source, target) = (process.path(from), landing(process, from, to, !words.has("T")));
        let meta = process.new_meta(0o666);
        let wrong = |why: &str| format!("cp: cannot create regular file '{to}': {why}");
        let files = &process.machine().files;
        let node = if keeps {
            files.at(&source)
        } else {
            files.followed(&source)
        };
        let Some(mut node) = node.cloned() else {
            return Err(format!("cp: cannot stat '{from}': {ABSENT}"));
        };
        if matches!(node, Node::Directory(_)) && !recursive {
            return Err(format!("cp: -r not specified; omitting directory '{from}'"));
        }
        let below: Vec<(String, Node)> = files
            .below(&source)
            .map(|(path, node)| (format!("{target}{}", &path[source.len()..]), node.clone()))
            .collect();
        if !keeps {
            let mode = node.meta().mode;
            *node.meta_mut() = meta;
            node.meta_mut().mode = mode;
        }
        let files = &mut process.machine_mut().files;
        files.put(&target, node).map_err(wrong)?;
        for (path, node) in below {
            files.put(&path, node).map_err(wrong)?;
        }
        Ok(())
    })
}

pub(super) fn mv(process: &mut Process<'_>) -> i32 {
    let words = Words::of(process, "");
    let Some((to, sources)) = words.names.split_last() else {
        return 1;
    };
    each(process, sources, |process, from| {
        let (source, target) = (process.path(from), landing(process, from, to, !words.has("T")));
        if words.has("n") && process.machine().files.at(&target).is_some() {
            return Ok(());
        }
        access::may_write(process.machine(), process.user, parent(&target))
            .map_err(|why| format!("mv: cannot move '{from}' to '{to}': {why}"))?;
        let moved = process.machine_mut().files.rename(&source, &target);
        moved.map_err(|why| format!("mv: cannot stat '{from}': {why}"))
    })
}

pub(super) fn rm(process: &mut Process<'_>) -> i32 {
    let words = Words::of(process, "");
    let (force, recursive) = (words.has("f"), words.has("r") || words.has("R"));
    let names = words.names.clone();
    each(process, &names, |process, name| {
        let path = process.path(name);
        match process.machine().files.at(&path) {
            None if force => Ok(()),
            None => Err(format!("rm: cannot remove '{name}': {ABSENT}")),
            Some(Node::Directory(_)) if !recursive => {
                Err(format!("rm: cannot remove '{name}': Is a directory"))
            }
            Some(_) => {
                access::may_write(process.machine(), process.user, parent(&path))
                    .map_err(|why| format!("rm: cannot remove '{name}': {why}"))?;
                process.machine_mut().files.remove(&path);
                Ok(())
            }
        }
    })
}

pub(super) fn rmdir(process: &mut Process<'_>) -> i32 {
    let names = Words::of(process, "").names;
    each(process, &names, |process, name| {
        let path = process.path(name);
        let files = &process.machine().files;
        if files.at(&path).is_none() {
            return Err(format!("rmdir: failed to remove '{name}': {ABSENT}"));
        }
        if files.below(&path).next().is_some() {
            return Err(format!("rmdir: failed to remove '{name}': Directory not empty"));
        }
        process.machine_mut().files.remove(&path);
        Ok(())
    })
}
