//! The files of a machine, by absolute path. Small contents are real; what is large in reality is a sample here.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use crate::opennebula::database::Database;

/// Who may do what with a file, and since when it is as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meta {
    /// Permission bits.
    pub mode: u32,
    /// Owner's name.
    pub owner: Arc<str>,
    /// Group's name.
    pub group: Arc<str>,
    /// Last modification, seconds since the epoch.
    pub mtime: i64,
    /// A number no other file of the machine has.
    pub inode: u64,
}

/// What a path names.
#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    /// A directory.
    Directory(Meta),
    /// A regular file.
    File(Meta, Content),
    /// A symbolic link and where it points.
    Link(Meta, String),
}

/// What is in a file.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// These bytes.
    Bytes(Arc<[u8]>),
    /// A database: SQLite's file, or a schema of MySQL's.
    Database(Arc<Database>),
}

impl Content {
    /// Text as content.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Bytes(text.into().into_bytes().into())
    }

    /// As bytes; a database is a header and a digest of what is in it.
    pub fn bytes(&self) -> Arc<[u8]> {
        match self {
            Self::Bytes(bytes) => Arc::clone(bytes),
            Self::Database(database) => database.as_file().into_bytes().into(),
        }
    }
}

/// Why a file cannot be used, in the words of strerror.
pub type FileError = &'static str;

/// No such file.
pub const ABSENT: FileError = "No such file or directory";
/// A directory where a file is wanted.
pub const IS_DIRECTORY: FileError = "Is a directory";
/// A file where a directory is wanted.
pub const NO_DIRECTORY: FileError = "Not a directory";
/// There is one already.
pub const EXISTS: FileError = "File exists";
/// Not allowed.
pub const DENIED: FileError = "Permission denied";
/// The disk is full.
pub const FULL: FileError = "No space left on device";

/// All files of a machine. Paths are absolute and plain: see [`plain`].
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Files {
    nodes: BTreeMap<Arc<str>, Node>,
    /// Which of them are links: there are few, and every path may lead through one.
    links: BTreeSet<Arc<str>>,
    last_inode: u64,
    /// Nothing can be written any more, by anybody.
    pub full: bool,
}

impl Node {
    /// Its metadata.
    pub fn meta(&self) -> &Meta {
        match self {
            Self::Directory(meta) | Self::File(meta, _) | Self::Link(meta, _) => meta,
        }
    }

    /// Its metadata, to be changed.
    pub fn meta_mut(&mut self) -> &mut Meta {
        match self {
            Self::Directory(meta) | Self::File(meta, _) | Self::Link(meta, _) => meta,
        }
    }

    /// Whether it leads nowhere else.
    fn is_end(&self) -> bool {
        !matches!(self, Self::Link(..))
    }
}

impl Files {
    /// Every path, and what it names.
    pub fn all(&self) -> impl Iterator<Item = (&str, &Node)> {
        self.nodes.iter().map(|(path, node)| (&**path, node))
    }

    /// What the path itself names, a link unfollowed.
    pub fn at(&self, path: &str) -> Option<&Node> {
        self.nodes.get(&*self.parents_resolved(path))
    }

    /// As [`Files::at`], to be changed.
    pub fn at_mut(&mut self, path: &str) -> Option<&mut Node> {
        let path = self.parents_resolved(path);
        self.nodes.get_mut(&*path)
    }

    /// What the path leads to, links followed.
    pub fn followed(&self, path: &str) -> Option<&Node> {
        match self.nodes.get(path) {
            Some(node) if node.is_end() => Some(node),
            _ => self.nodes.get(&*self.resolved(path)?),
        }
    }

    /// As [`Files::followed`], to be changed.
    pub fn followed_mut(&mut self, path: &str) -> Option<&mut Node> {
        let path = self.resolved(path)?;
        self.nodes.get_mut(&*path)
    }

    /// The plain path of what `path` leads to, links followed; of what may be made there if the last part is missing.
    /// `None`: links that go in a circle.
    pub fn resolved<'p>(&self, path: &'p str) -> Option<Cow<'p, str>> {
        // Nothing is ever put below a link, nor under a path that is not plain.
        if self.nodes.get(path).is_some_and(Node::is_end) {
            return Some(Cow::Borrowed(path));
        }
        let mut path = self.parents_resolved(path);
        for _ in 0..16 {
            match self.nodes.get(&*path) {
                Some(Node::Link(_, target)) => {
                    let target = if target.starts_with('/') {
                        target.clone()
                    } else {
                        format!("{}/{target}", parent(&path))
                    };
                    path = Cow::Owned(self.parents_resolved(&target).into_owned());
                }
                _ => return Some(path),
            }
        }
        None
    }

    /// The path with all its directories' links followed, and not that of the last part.
    fn parents_resolved<'p>(&self, path: &'p str) -> Cow<'p, str> {
        let path = plain(path);
        let is_through = |link: &Arc<str>| {
            let rest = path.strip_prefix(&**link);
            rest.is_some_and(|rest| rest.starts_with('/'))
        };
        if !self.links.iter().any(is_through) {
            return path;
        }
        let mut done = String::new();
        for part in path.split('/').skip(1) {
            if let Some(Node::Link(_, target)) = self.nodes.get(done.as_str()) {
                done = if target.starts_with('/') {
                    plain(target).into_owned()
                } else {
                    plain(&format!("{}/{target}", parent(&done))).into_owned()
                };
            }
            done = format!("{}/{part}", done.trim_end_matches('/'));
        }
        Cow::Owned(done)
    }

    /// The bytes of a file, links followed.
    pub fn read(&self, path: &str) -> Result<Arc<[u8]>, FileError> {
        match self.followed(path) {
            Some(Node::File(_, content)) => Ok(content.bytes()),
            Some(Node::Directory(_)) => Err(IS_DIRECTORY),
            _ => Err(ABSENT),
        }
    }

    /// The text of a file, links followed; nothing where there is none.
    pub fn text(&self, path: &str) -> String {
        self.read(path)
            .map(|bytes| text_of(&bytes).into_owned())
            .unwrap_or_default()
    }

    /// Puts a content in a file, links followed; a file that is there keeps mode and owner, a new one gets these.
    pub fn write(&mut self, path: &str, content: Content, new: &Meta) -> Result<(), FileError> {
        if self.full {
            return Err(FULL);
        }
        let path = self.resolved(path).ok_or(ABSENT)?;
        match self.nodes.get_mut(&*path) {
            Some(Node::Directory(_)) => Err(IS_DIRECTORY),
            Some(Node::File(meta, old)) => {
                *old = content;
                meta.mtime = new.mtime;
                Ok(())
            }
            _ => self.put(&path, Node::File(new.clone(), content)),
        }
    }

    /// Puts a node at a path, whatever was there; the directory must exist.
    pub fn put(&mut self, path: &str, mut node: Node) -> Result<(), FileError> {
        if self.full {
            return Err(FULL);
        }
        let path = self.parents_resolved(path);
        match self.nodes.get(parent(&path)) {
            Some(Node::Directory(_)) => {}
            Some(_) => return Err(NO_DIRECTORY),
            None if *path == *"/" => {}
            None => return Err(ABSENT),
        }
        self.last_inode += 1;
        node.meta_mut().inode = self.last_inode;
        self.insert(path.into(), node);
        Ok(())
    }

    fn insert(&mut self, path: Arc<str>, node: Node) {
        if matches!(node, Node::Link(..)) {
            self.links.insert(Arc::clone(&path));
        } else {
            self.links.remove(&path);
        }
        self.nodes.insert(path, node);
    }

    fn take(&mut self, path: &str) -> Option<Node> {
        self.links.remove(path);
        self.nodes.remove(path)
    }

    /// Makes a directory and those above it that are missing.
    pub fn make_directories(&mut self, path: &str, new: &Meta) -> Result<(), FileError> {
        let path = plain(path);
        let missing: Vec<String> = ancestors(&path)
            .chain([&*path])
            .filter(|above| self.followed(above).is_none())
            .map(str::to_owned)
            .collect();
        for directory in missing {
            self.put(&directory, Node::Directory(new.clone()))?;
        }
        match self.followed(&path) {
            Some(Node::Directory(_)) => Ok(()),
            _ => Err(EXISTS),
        }
    }

    /// Removes what the path itself names, with everything below it.
    pub fn remove(&mut self, path: &str) -> Option<Node> {
        let path = self.parents_resolved(path);
        let below: Vec<Arc<str>> = self.below(&path).map(|(path, _)| Arc::clone(path)).collect();
        for path in below {
            self.take(&path);
        }
        self.take(&path)
    }

    /// Moves what the path itself names, with everything below it, onto another path.
    pub fn rename(&mut self, from: &str, to: &str) -> Result<(), FileError> {
        let (from, to) = (self.parents_resolved(from), self.parents_resolved(to));
        if !self.nodes.contains_key(&*from) {
            return Err(ABSENT);
        }
        if !matches!(self.nodes.get(parent(&to)), Some(Node::Directory(_))) {
            return Err(ABSENT);
        }
        if from == to {
            return Ok(());
        }
        let below: Vec<Arc<str>> = self.below(&from).map(|(path, _)| Arc::clone(path)).collect();
        self.remove(&to);
        for path in below {
            if let Some(node) = self.take(&path) {
                let moved = format!("{to}{}", &path[from.len()..]);
                self.insert(moved.into(), node);
            }
        }
        if let Some(node) = self.take(&from) {
            self.insert(to.into(), node);
        }
        Ok(())
    }

    /// Everything below a directory, in the order of paths.
    pub fn below(&self, directory: &str) -> impl Iterator<Item = (&Arc<str>, &Node)> {
        let start = format!("{}/", directory.trim_end_matches('/'));
        let end = start.clone();
        self.nodes
            .range::<str, _>((Bound::Excluded(start.as_str()), Bound::Unbounded))
            .take_while(move |(path, _)| path.starts_with(&end))
    }

    /// The names in a directory, in order.
    pub fn names(&self, directory: &str) -> Vec<String> {
        let directory = self.resolved(directory).unwrap_or_default();
        let length = directory.trim_end_matches('/').len() + 1;
        self.below(&directory)
            .filter_map(|(path, _)| path.get(length..))
            .filter(|name| !name.contains('/'))
            .map(str::to_owned)
            .collect()
    }
}

/// An absolute path without empty parts, `.` and `..`. Most are so already.
pub fn plain(path: &str) -> Cow<'_, str> {
    if is_plain(path) {
        return Cow::Borrowed(path);
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    Cow::Owned(format!("/{}", parts.join("/")))
}

fn is_plain(path: &str) -> bool {
    let mut parts = path.split('/');
    let is_part = |part: &str| !matches!(part, "" | "." | "..");
    path == "/" || (parts.next() == Some("") && parts.all(is_part))
}

/// Bytes as text, with a sign for what is none. The standard library's own looks at every byte, and dumps are long.
pub(crate) fn text_of(bytes: &[u8]) -> Cow<'_, str> {
    str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed)
}

/// The directory a plain path is in.
pub fn parent(path: &str) -> &str {
    match path.rsplit_once('/') {
        Some(("", _)) | None => "/",
        Some((above, _)) => above,
    }
}

/// The directories above a plain path, from the root down.
fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/')
        .map(|(at, _)| if at == 0 { "/" } else { &path[..at] })
        .filter(move |above| *above != path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meta() -> Meta {
        Meta {
            mode: 0o644,
            owner: "root".into(),
            group: "root".into(),
            mtime: 7,
            inode: 0,
        }
    }

    #[test]
    fn made_read_moved_and_removed() {
        let mut files = Files::default();
        files.make_directories("/var/lib/one", &meta()).unwrap();
        files
            .write("/var/lib/one/a", Content::text("x"), &meta())
            .unwrap();
        assert_eq!(files.text("/var//lib/./one/../one/a"), "x");
        assert_eq!(files.write("/none/a", Content::text("x"), &meta()), Err(ABSENT));
        assert_eq!(
            files.write("/var/lib", Content::text("x"), &meta()),
            Err(IS_DIRECTORY)
        );
        files
            .put("/lib", Node::Link(meta(), "var/lib".to_owned()))
            .unwrap();
        assert_eq!(files.text("/lib/one/a"), "x");
        files.rename("/var/lib", "/var/other").unwrap();
        assert_eq!(
            (files.text("/lib/one/a"), files.text("/var/other/one/a")),
            (String::new(), "x".to_owned())
        );
        assert_eq!(files.names("/var/other"), ["one"]);
        files.remove("/var");
        assert_eq!(files.names("/"), ["lib"]);
    }

    #[test]
    fn a_full_disk_takes_nothing() {
        let mut files = Files::default();
        files.make_directories("/a", &meta()).unwrap();
        files.full = true;
        assert_eq!(files.write("/a/b", Content::text(""), &meta()), Err(FULL));
    }
}
