//! Paths, as texts: `basename`, `dirname`, `path_join`, `splitext`.

use minijinja::{Environment, Error, Value};

use super::text_of;

pub(super) fn add(environment: &mut Environment<'static>) {
    environment.add_filter("basename", |path: &str| {
        path.rsplit('/').next().unwrap_or_default().to_owned()
    });
    environment.add_filter("dirname", dirname);
    environment.add_filter("path_join", path_join);
    environment.add_filter("splitext", |path: &str| {
        let (root, extension) = splitext(path);
        vec![Value::from(root), Value::from(extension)]
    });
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
