//! Files: playbooks, imported playbooks, files of tasks and of variables.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::diagnostics::{Finding, Findings, Source, Span};
use crate::template::Templates;
use crate::yaml::Node;

use super::reader::{Reader, beside, plain};
use super::roles::Brought;
use super::syntax::{Item, PartFiles, Play, Playbook, Role, Spanned, Vars};

/// Loads a playbook and everything it imports; all that is wrong with any of it, in one go.
pub fn load(path: &Path, reader: &dyn Reader) -> Result<Playbook, Findings> {
    let mut loader = Loader::new(reader);
    let path = plain(path);
    let source = match reader.read(&path) {
        Ok(text) => reader
            .vault()
            .source(path.to_string_lossy(), text)
            .map_err(|finding| vec![finding])?,
        Err(why) => {
            let finding = Finding::nowhere(format!("cannot read the playbook {}: {why}", path.display()));
            return Err(vec![finding]);
        }
    };
    loader.open.push(path);
    let plays = loader.playbook(&source);
    loader.finish(Playbook { source, plays })
}

/// Loads a file of tasks, named in a task that stands at `from`.
pub fn load_tasks(
    file: &str,
    from: &Span,
    reader: &dyn Reader,
) -> Result<(Vec<Item>, Arc<Source>), Findings> {
    let mut loader = Loader::new(reader);
    match loader.tasks_of(file, from) {
        Some(tasks) => loader.finish(tasks),
        None => Err(loader.findings),
    }
}

/// Loads a role by its name, which stands at `from`, among tasks of the role `around` if it is one's: its tasks, and the names of its handlers.
pub fn load_role(
    name: &str,
    files: &PartFiles,
    around: Option<&Role>,
    from: &Span,
    reader: &dyn Reader,
) -> Result<(Vec<Item>, Vec<String>), Findings> {
    let mut loader = Loader::new(reader);
    let name = Spanned {
        value: name.to_owned(),
        span: from.clone(),
    };
    let loaded = loader.included_role(name, files, around);
    loader.finish(loaded)
}

/// Loads a file of variables, named in something that stands at `from`.
pub fn load_vars(file: &str, from: &Span, reader: &dyn Reader) -> Result<Vars, Findings> {
    let mut loader = Loader::new(reader);
    match loader.root(&beside(from, file), from) {
        Some((_, Some(node))) => {
            let vars = loader.vars(&node);
            loader.finish(vars)
        }
        Some((_, None)) => Ok(Vars::new()),
        None => Err(loader.findings),
    }
}

/// Findings file by file, each from top to bottom, and none twice.
fn in_order(mut findings: Findings) -> Findings {
    let place = |finding: &Finding| finding.labels.first().map(|(span, _)| span.clone());
    let mut files: Vec<String> = Vec::new();
    for span in findings.iter().filter_map(place) {
        if !files.contains(&span.source.name) {
            files.push(span.source.name.clone());
        }
    }
    findings.sort_by_key(|finding| {
        place(finding).map(|span| {
            let file = files.iter().position(|name| *name == span.source.name);
            (file, span.start)
        })
    });
    // A file that is brought in twice is wrong once.
    findings.dedup_by(|a, b| a.message == b.message && place(a).is_some() && place(a) == place(b));
    findings
}

/// A file that is no YAML; the finding has been noted.
struct Broken;

/// What loading is in the midst of.
pub(super) struct Loader<'a> {
    pub(super) reader: &'a dyn Reader,
    pub(super) templates: Templates,
    /// Everything that is wrong so far.
    pub(super) findings: Findings,
    /// Files that are being loaded, outermost first: one that imports itself would never end.
    open: Vec<PathBuf>,
    /// Files that are included at run time and have been looked at already.
    pub(super) included: BTreeSet<PathBuf>,
    /// What the roles of the play bring that is being loaded.
    pub(super) brought: Brought,
}

impl<'a> Loader<'a> {
    fn new(reader: &'a dyn Reader) -> Self {
        Self {
            reader,
            templates: Templates::new(),
            findings: Findings::new(),
            open: Vec::new(),
            included: BTreeSet::new(),
            brought: Brought::default(),
        }
    }

    fn finish<T>(self, loaded: T) -> Result<T, Findings> {
        if self.findings.is_empty() {
            Ok(loaded)
        } else {
            Err(in_order(self.findings))
        }
    }

    /// Something is wrong at a place.
    pub(super) fn wrong(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// What stands in a source, if it is YAML at all.
    fn parse(&mut self, source: &Arc<Source>) -> Result<Option<Node>, Broken> {
        self.reader.vault().parse(source).map_err(|finding| {
            self.wrong(finding);
            Broken
        })
    }

    /// A file that something at `from` names.
    pub(super) fn root(&mut self, path: &Path, from: &Span) -> Option<(Arc<Source>, Option<Node>)> {
        match self.reader.read(path) {
            Ok(text) => {
                let source = self.reader.vault().source(path.to_string_lossy(), text);
                let source = source.map_err(|finding| self.wrong(finding)).ok()?;
                let node = self.parse(&source).ok()?;
                Some((source, node))
            }
            Err(why) => {
                let message = format!("cannot read {}: {why}", path.display());
                self.wrong(
                    Finding::at(from, message, "named here")
                        .help("paths are relative to the file that names them"),
                );
                None
            }
        }
    }

    fn playbook(&mut self, source: &Arc<Source>) -> Vec<Play> {
        match self.parse(source) {
            Ok(Some(root)) => self.plays(&root),
            Ok(None) => {
                let finding = Finding::nowhere(format!("{}: no play in it", source.name));
                self.wrong(finding.help("a playbook is a list of plays: `- hosts: all`"));
                Vec::new()
            }
            Err(Broken) => Vec::new(),
        }
    }

    /// The plays of a playbook that another imports.
    pub(super) fn imported_playbook(&mut self, file: &str, from: &Span) -> Vec<Play> {
        let path = beside(from, file);
        self.inside(path.clone(), from, |loader| {
            let (_, root) = loader.root(&path, from)?;
            root.map(|root| loader.plays(&root))
        })
        .unwrap_or_default()
    }

    /// The tasks of a file that a task at `from` imports or includes.
    pub(super) fn tasks_of(&mut self, file: &str, from: &Span) -> Option<(Vec<Item>, Arc<Source>)> {
        let path = beside(from, file);
        self.inside(path.clone(), from, |loader| {
            let (source, root) = loader.root(&path, from)?;
            let items = root.map(|root| loader.items(&root)).unwrap_or_default();
            Some((items, source))
        })
    }

    /// Looks at a file that will be included at run time, for what is wrong with it; once, since it may include itself.
    pub(super) fn look_into(&mut self, file: &str, from: &Span) -> Vec<Item> {
        let path = beside(from, file);
        if self.is_open(&path) || !self.is_new(path) {
            return Vec::new();
        }
        self.tasks_of(file, from)
            .map(|(items, _)| items)
            .unwrap_or_default()
    }

    /// Whether this is being loaded.
    pub(super) fn is_open(&self, path: &Path) -> bool {
        self.open.iter().any(|open| open == path)
    }

    /// Whether something that will be included has not been looked at yet.
    pub(super) fn is_new(&mut self, path: PathBuf) -> bool {
        self.included.insert(path)
    }

    pub(super) fn inside<T>(
        &mut self,
        path: PathBuf,
        from: &Span,
        load: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Option<T> {
        if let Some(first) = self.open.iter().position(|open| *open == path) {
            let way: Vec<_> = self.open[first..]
                .iter()
                .chain([&path])
                .map(|path| path.to_string_lossy())
                .collect();
            let message = format!("{} imports itself: {}", path.display(), way.join(" → "));
            self.wrong(
                Finding::at(from, message, "the circle closes here")
                    .help("include_tasks with a `when` may go round; an import may not"),
            );
            return None;
        }
        self.open.push(path);
        let loaded = load(self);
        self.open.pop();
        loaded
    }
}
