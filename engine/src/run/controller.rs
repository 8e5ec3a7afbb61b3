//! Files beside the playbook, for modules that copy, render, include and fetch.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use nebplay_modules::digest::sha256;
use nebplay_modules::module::{Blocks, Controller, Failure};
use serde_json::{Map, Value};

use super::outcome::{findings_failure, template_failure};
use super::world::Loader;
use crate::beside;
use crate::diagnostics::Span;
use crate::events::{Events, What};
use crate::template::{Others, Scope, Templates};

/// Where templates are.
const TEMPLATES: &str = "templates";

/// The controller as one step sees it.
pub(super) struct Files {
    /// Where files are looked for, one after the other.
    pub(super) directories: Arc<[PathBuf]>,
    /// The task.
    pub(super) task: Span,
    /// The variables of the step.
    pub(super) scope: Scope,
    pub(super) templates: Templates,
    pub(super) loader: Arc<dyn Loader>,
    pub(super) events: Arc<Events>,
}

impl Files {
    fn find(&self, name: &str, folder: &str) -> Result<PathBuf, Failure> {
        let directories = self.directories.iter().map(PathBuf::as_path);
        let places = beside::places(directories, folder, Path::new(name));
        let found = places.iter().find(|place| place.is_file());
        found.cloned().ok_or_else(|| {
            if places.iter().any(|place| place.is_dir()) {
                return Failure::failed(format!(
                    "{name} is a directory on the controller, and one file is meant"
                ))
                .hint("`loop` over its files; a whole tree goes through `command: tar …` and `distribute`");
            }
            Failure::failed(format!(
                "{name}: no such file on the controller; looked for {}",
                beside::tried(&places)
            ))
        })
    }

    async fn read_at(&self, path: &Path, name: &str) -> Result<Vec<u8>, Failure> {
        let content = tokio::fs::read(path)
            .await
            .map_err(|error| Failure::failed(format!("failed to read {}: {error}", path.display())))?;
        self.events.emit(What::FileUsed {
            file: path.display().to_string(),
            digest: sha256(&content),
        });
        self.loader
            .opened(name, content)
            .map_err(|why| Failure::failed(format!("{}: {why}", path.display())))
    }
}

impl Files {
    /// Finds the templates that one includes, imports or extends: where a task's are, then beside it.
    fn others(&self, template: &Path) -> Others {
        let own = template.parent().map(Path::to_path_buf);
        let directories: Vec<PathBuf> = self.directories.iter().cloned().chain(own).collect();
        let (loader, events) = (Arc::clone(&self.loader), Arc::clone(&self.events));
        Arc::new(move |name| {
            let directories = directories.iter().map(PathBuf::as_path);
            let places = beside::places(directories, TEMPLATES, Path::new(name));
            let Some(path) = places.iter().find(|place| place.is_file()) else {
                return Ok(None);
            };
            let cannot = |why: String| format!("cannot read {}: {why}", path.display());
            let content = std::fs::read(path).map_err(|error| cannot(error.to_string()))?;
            events.emit(What::FileUsed {
                file: path.display().to_string(),
                digest: sha256(&content),
            });
            let content = loader.opened(name, content).map_err(cannot)?;
            let text =
                String::from_utf8(content).map_err(|_| cannot("a template must be UTF-8 text".to_owned()));
            text.map(Some)
        })
    }
}

#[async_trait]
impl Controller for Files {
    async fn read(&self, name: &str) -> Result<Vec<u8>, Failure> {
        self.read_at(&self.find(name, "files")?, name).await
    }

    async fn render(&self, name: &str, blocks: Blocks) -> Result<String, Failure> {
        let path = self.find(name, TEMPLATES)?;
        let text = String::from_utf8(self.read_at(&path, name).await?)
            .map_err(|_| Failure::failed(format!("{name}: a template must be UTF-8 text")))?;
        let rendered = self
            .templates
            .render_file(&text, blocks, &self.scope, self.others(&path));
        rendered.map_err(|error| {
            let failure = template_failure(error);
            Failure {
                message: format!("{name}: {}", failure.message),
                ..failure
            }
        })
    }

    async fn vars_file(&self, name: &str) -> Result<Map<String, Value>, Failure> {
        let found = self.find(name, "vars")?;
        // From here on it no longer depends on where the task stands.
        let path = std::path::absolute(&found).unwrap_or(found);
        let vars = self
            .loader
            .vars(&path.to_string_lossy(), &self.task)
            .map_err(|findings| findings_failure(&findings))?;
        let source = |(name, node)| {
            let source = self.templates.source_of(node);
            source.map(|source| (String::clone(name), source))
        };
        vars.iter()
            .map(source)
            .collect::<Result<_, _>>()
            .map_err(|findings| findings_failure(&findings))
    }

    async fn write(&self, name: &str, content: &[u8]) -> Result<(), Failure> {
        let base = self.directories.last().cloned().unwrap_or_default();
        let path = base.join(name);
        let fail = |error: std::io::Error| {
            Failure::failed(format!(
                "failed to write {} on the controller: {error}",
                path.display()
            ))
        };
        if let Some(parent) = path.parent() {
            tokio::fs::create_dir_all(parent).await.map_err(fail)?;
        }
        // Written beside it and renamed: no reader, and no interruption, leaves half of it.
        let mut part = path.clone().into_os_string();
        part.push(".part");
        tokio::fs::write(&part, content).await.map_err(fail)?;
        tokio::fs::rename(&part, &path).await.map_err(fail)
    }
}
