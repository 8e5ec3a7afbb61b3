//! `tar`, `gzip` and `zstd`. An archive is a text of the twin's own: lines that say what is in it, and what each file holds.

use crate::deeds::Act;
use crate::files::{ABSENT, Content, Node};
use crate::process::Process;

/// The first line of an archive.
const HEAD: &str = "twin-archive\n";

/// What is in an archive: paths without the leading slash.
fn read(bytes: &[u8]) -> Option<Vec<(String, Node)>> {
    let mut rest = bytes.strip_prefix(HEAD.as_bytes())?;
    let mut entries = Vec::new();
    while !rest.is_empty() {
        let end = rest.iter().position(|byte| *byte == b'\n')?;
        let line = String::from_utf8_lossy(&rest[..end]).into_owned();
        rest = &rest[end + 1..];
        if line == "end" {
            return Some(entries);
        }
        let mut words = line.splitn(7, ' ');
        let kind = words.next()?;
        let meta = crate::files::Meta {
            mode: u32::from_str_radix(words.next()?, 8).ok()?,
            owner: words.next()?.into(),
            group: words.next()?.into(),
            mtime: words.next()?.parse().ok()?,
            inode: 0,
        };
        let length: usize = words.next()?.parse().ok()?;
        let path = words.next()?.to_owned();
        let content = rest.get(..length)?.to_vec();
        rest = &rest[length..];
        let node = match kind {
            "d" => Node::Directory(meta),
            "l" => Node::Link(meta, String::from_utf8_lossy(&content).into_owned()),
            _ => Node::File(meta, Content::Bytes(content.into())),
        };
        entries.push((path, node));
    }
    None
}

fn written(entries: &[(String, Node)]) -> Vec<u8> {
    let mut out = HEAD.as_bytes().to_vec();
    for (path, node) in entries {
        let (kind, content) = match node {
            Node::Directory(_) => ("d", Vec::new()),
            Node::Link(_, target) => ("l", target.clone().into_bytes()),
            Node::File(_, content) => ("f", content.bytes().to_vec()),
        };
        let meta = node.meta();
        let line = format!(
            "{kind} {:o} {} {} {} {} {path}\n",
            meta.mode,
            meta.owner,
            meta.group,
            meta.mtime,
            content.len()
        );
        out.extend(line.bytes());
        out.extend(content);
    }
    out.extend(b"end\n");
    out
}

pub(super) fn tar(process: &mut Process<'_>) -> i32 {
    let words = super::Words::of(process, "fC");
    // Whatever comes behind `-C DIR`.
    let directory = words
        .value("C")
        .map_or_else(|| process.cwd.to_owned(), |directory| process.path(directory));
    let directory = directory.trim_end_matches('/').to_owned();
    let file = words.value("file").or(words.value("f")).unwrap_or("-").to_owned();
    let is = |long: &str, short: &str| words.has(long) || words.has(short);
    if is("create", "c") {
        let (entries, wrong) = collected(process, &directory, &words.names);
        let bytes = written(&entries);
        for why in &wrong {
            process.complain(format!("{why}\n"));
        }
        if file == "-" {
            process.say(bytes);
        } else if let Err(why) = process.write(&file, Content::Bytes(bytes.into())) {
            process.complain(format!("tar: {file}: Cannot write: {why}\n"));
            return 2;
        }
        return if wrong.is_empty() { 0 } else { 2 };
    }
    let bytes = if file == "-" {
        process.stdin.to_vec()
    } else {
        let path = process.path(&file);
        process
            .machine()
            .files
            .read(&path)
            .map(|bytes| bytes.to_vec())
            .unwrap_or_default()
    };
    let Some(entries) = read(&bytes) else {
        process.complain("tar: This does not look like a tar archive\ntar: Exiting with failure status due to previous errors\n");
        return 2;
    };
    if is("list", "t") {
        for (path, node) in &entries {
            let end = if matches!(node, Node::Directory(_)) {
                "/"
            } else {
                ""
            };
            process.say(format!("{path}{end}\n"));
        }
        return 0;
    }
    if is("compare", "d") || words.has("diff") {
        return compare(process, &directory, &entries);
    }
    if is("extract", "x") || words.has("get") {
        for (path, node) in entries {
            let put = process
                .machine_mut()
                .files
                .put(&format!("{directory}/{path}"), node);
            if let Err(why) = put {
                process.complain(format!("tar: {path}: Cannot open: {why}\n"));
                return 2;
            }
        }
        return 0;
    }
    process.did(Act::NotModelled(format!("tar {}", process.args.join(" "))));
    0
}

fn collected(process: &Process<'_>, directory: &str, names: &[String]) -> (Vec<(String, Node)>, Vec<String>) {
    let (mut entries, mut wrong) = (Vec::new(), Vec::new());
    let files = &process.machine().files;
    for name in names {
        let path = format!("{directory}/{name}");
        let Some(node) = files.at(&path) else {
            wrong.push(format!("tar: {name}: Cannot stat: {ABSENT}"));
            continue;
        };
        entries.push((name.clone(), node.clone()));
        let length = directory.len() + 1;
        let below = files
            .below(&path)
            .filter_map(|(path, node)| Some((path.get(length..)?.to_owned(), node.clone())));
        entries.extend(below);
    }
    (entries, wrong)
}

fn compare(process: &mut Process<'_>, directory: &str, entries: &[(String, Node)]) -> i32 {
    let mut status = 0;
    for (path, then) in entries {
        let now = process
            .machine()
            .files
            .at(&format!("{directory}/{path}"))
            .cloned();
        let said = match (now, then) {
            (None, _) => format!("tar: {path}: Warning: Cannot stat: {ABSENT}\n"),
            (Some(Node::File(now_meta, now)), Node::File(meta, content)) => {
                if now.bytes() != content.bytes() {
                    format!("{path}: Contents differ\n")
                } else if now_meta.mode != meta.mode {
                    format!("{path}: Mode differs\n")
                } else {
                    continue;
                }
            }
            _ => continue,
        };
        process.say(said);
        status = 1;
    }
    status
}

/// What a compressed file begins with.
const MARK: &[u8] = b"twin-compressed\n";

/// Whether these bytes are compressed.
pub(crate) fn is_compressed(bytes: &[u8]) -> bool {
    bytes.starts_with(MARK)
}

pub(super) fn compress(process: &mut Process<'_>) -> i32 {
    let words = super::Words::of(process, "");
    let decompress = words.has("d");
    let bytes = match words.names.first() {
        None => process.stdin.to_vec(),
        Some(name) => {
            let path = process.path(name);
            match process.machine().files.read(&path) {
                Ok(bytes) => bytes.to_vec(),
                Err(why) => {
                    process.complain(format!("{name}: {why}\n"));
                    return 1;
                }
            }
        }
    };
    if !decompress {
        process.say(MARK);
        process.say(bytes);
        process.say(b"\nend");
        return 0;
    }
    if let Some(content) = bytes
        .strip_prefix(MARK)
        .and_then(|rest| rest.strip_suffix(b"\nend"))
    {
        process.say(content);
        0
    } else {
        process.complain("unexpected end of file\n");
        1
    }
}
