//! Paths, as texts: `basename`, `dirname`, `path_join`, `splitext`, `normpath`, `relpath`, `commonpath`.

use minijinja::{Environment, Error, Value};

use super::{invalid, text_of};

pub(super) fn add(environment: &mut Environment<'static>) {
    environment.add_filter("basename", |path: &str| {
        path.rsplit('/').next().unwrap_or_default().to_owned()
    });
    environment.add_filter("dirname", dirname);
    environment.add_filter("normpath", normpath);
    environment.add_filter("relpath", relpath);
    environment.add_filter("commonpath", commonpath);
    environment.add_filter("path_join", path_join);
    environment.add_filter("splitext", |path: &str| {
        let (root, extension) = splitext(path);
        vec![Value::from(root), Value::from(extension)]
    });
}

/// Without `.`, `..` and what is doubled, as far as that can be told from the words alone. Two slashes at the beginning are one more root.
fn normpath(path: &str) -> String {
    let root = match path.find(|c| c != '/').unwrap_or(path.len()) {
        0 => "",
        2 => "//",
        _ => "/",
    };
    let mut kept: Vec<&str> = Vec::new();
    for part in parts(path) {
        match part {
            ".." if kept.last().is_some_and(|last| *last != "..") => _ = kept.pop(),
            ".." if !root.is_empty() => {}
            part => kept.push(part),
        }
    }
    match format!("{root}{}", kept.join("/")) {
        empty if empty.is_empty() => ".".to_owned(),
        path => path,
    }
}

/// The way from one directory to a path. Where nebplay runs has nothing to do with it: both begin at the root.
fn relpath(path: &str, start: &str) -> Result<String, Error> {
    if !path.starts_with('/') || !start.starts_with('/') {
        return Err(invalid("relpath takes two absolute paths"));
    }
    let (path, start) = (normpath(path), normpath(start));
    let (path, start) = (parts(&path), parts(&start));
    let common = in_common(&path, &start);
    let up = vec![".."; start.len() - common];
    match [up.as_slice(), &path[common..]].concat().join("/") {
        here if here.is_empty() => Ok(".".to_owned()),
        way => Ok(way),
    }
}

/// The longest path that all of them are below.
fn commonpath(paths: &Value) -> Result<String, Error> {
    let paths = paths
        .try_iter()?
        .map(|path| text_of(&path))
        .collect::<Result<Vec<_>, _>>()?;
    let is_absolute = |path: &String| path.starts_with('/');
    let Some((first, others)) = paths.split_first() else {
        return Err(invalid("commonpath takes a list of paths"));
    };
    if others
        .iter()
        .any(|other| is_absolute(other) != is_absolute(first))
    {
        return Err(invalid(
            "commonpath takes paths that are all absolute or all relative",
        ));
    }
    let mut common = parts(first);
    for other in others {
        common.truncate(in_common(&common, &parts(other)));
    }
    let root = if is_absolute(first) { "/" } else { "" };
    Ok(format!("{root}{}", common.join("/")))
}

/// The names that a path is made of.
fn parts(path: &str) -> Vec<&str> {
    path.split('/')
        .filter(|part| !matches!(*part, "" | "."))
        .collect()
}

/// How many names two paths begin with alike.
fn in_common(one: &[&str], other: &[&str]) -> usize {
    one.iter()
        .zip(other)
        .take_while(|(one, other)| one == other)
        .count()
}

fn dirname(path: &str) -> String {
    match path.rsplit_once('/') {
        Some((head, _)) if head.trim_end_matches('/').is_empty() => "/".to_owned(),
        Some((head, _)) => head.trim_end_matches('/').to_owned(),
        None => String::new(),
    }
}

/// One path of the parts of a list: an absolute one begins anew.
fn path_join(parts: &Value) -> Result<String, Error> {
    if parts.as_str().is_some() {
        return text_of(parts);
    }
    let mut joined = String::new();
    for part in parts.try_iter()? {
        let part = text_of(&part)?;
        if part.starts_with('/') {
            joined.clear();
        } else if !joined.is_empty() && !joined.ends_with('/') {
            joined.push('/');
        }
        joined.push_str(&part);
    }
    Ok(joined)
}

/// The extension with its dot; a leading dot begins a hidden file's name and no extension.
fn splitext(path: &str) -> (&str, &str) {
    let name = path.rfind('/').map_or(0, |slash| slash + 1);
    match path[name..].rfind('.') {
        Some(dot) if !path[name..name + dot].trim_start_matches('.').is_empty() => path.split_at(name + dot),
        _ => (path, ""),
    }
}
