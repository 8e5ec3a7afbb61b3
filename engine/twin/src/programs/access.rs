//! Who may do what with a file.

use nebplay_sh::FileTest;

use crate::files::{ABSENT, DENIED, Node, parent};
use crate::machine::Machine;

const READ: u32 = 4;
const WRITE: u32 = 2;
const EXECUTE: u32 = 1;

/// Whether the user may do that with what the path leads to.
fn allowed(machine: &Machine, user: &str, node: &Node, what: u32) -> bool {
    if user == "root" {
        return what != EXECUTE || matches!(node, Node::Directory(_)) || node.meta().mode & 0o111 != 0;
    }
    let meta = node.meta();
    let shift = if &*meta.owner == user {
        6
    } else if &*meta.group == user {
        3
    } else {
        0
    };
    let _ = machine;
    meta.mode >> shift & what != 0
}

/// Refuses, in the words of strerror, what this user may not read.
pub(crate) fn may_read(machine: &Machine, user: &str, path: &str) -> Result<(), String> {
    match machine.files.followed(path) {
        None => Err(ABSENT.to_owned()),
        Some(node) if allowed(machine, user, node, READ) => Ok(()),
        Some(_) => Err(DENIED.to_owned()),
    }
}

/// Refuses, in the words of strerror, what this user may neither write nor make.
pub(crate) fn may_write(machine: &Machine, user: &str, path: &str) -> Result<(), String> {
    let resolved = machine.files.resolved(path).ok_or(ABSENT)?;
    let node = match machine.files.at(&resolved) {
        Some(node) => node,
        None => machine.files.at(parent(&resolved)).ok_or(ABSENT)?,
    };
    if allowed(machine, user, node, WRITE) {
        Ok(())
    } else {
        Err(DENIED.to_owned())
    }
}

/// What `test` asks of a path.
pub(crate) fn test(machine: &Machine, user: &str, question: FileTest, path: &str) -> bool {
    if path.starts_with("/proc/") || path.starts_with("/dev/") {
        return matches!(question, FileTest::Exists | FileTest::Readable);
    }
    let followed = machine.files.followed(path);
    let may = |what| followed.is_some_and(|node| allowed(machine, user, node, what));
    match question {
        FileTest::Exists => followed.is_some(),
        FileTest::File => matches!(followed, Some(Node::File(..))),
        FileTest::Directory => matches!(followed, Some(Node::Directory(_))),
        FileTest::Link => matches!(machine.files.at(path), Some(Node::Link(..))),
        FileTest::Readable => may(READ),
        FileTest::Writable => may(WRITE),
        FileTest::Executable => may(EXECUTE),
        FileTest::NotEmpty => matches!(followed, Some(Node::File(_, content)) if !content.bytes().is_empty()),
    }
}
