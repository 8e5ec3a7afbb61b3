//! Rendering for a host, from somewhere in a play.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use super::items::Context;
use super::keywords::Trouble;
use super::outcome::StepResult;
use super::play::{PlayRun, layer};
use super::runner::Runner;
use crate::diagnostics::Span;
use crate::plan::Inherited;
use crate::playbook::Role;
use crate::template::{Layer, SEARCH_PATH, Scope, TemplateErrorKind, layer_of};

/// A place in a play, with the variables that hold there.
pub(super) struct Scoped {
    pub(super) runner: Arc<Runner>,
    pub(super) play: Arc<PlayRun>,
    /// Defaults of the role.
    pub(super) beneath: Vec<Arc<Layer>>,
    /// Variables of role, blocks and task.
    pub(super) middle: Vec<Arc<Layer>>,
    /// What its role was given, and variables of includes and loops around it.
    pub(super) inner: Vec<Arc<Layer>>,
    /// Where its files are looked for: in its role; in the directory of the file it stands in; then in that of its playbook, and of the
    /// one which imports that.
    pub(super) directories: Arc<[PathBuf]>,
    /// The task.
    pub(super) span: Span,
}

/// The variables of a role, for what runs in it.
fn of_role(role: &Role) -> Layer {
    let path = std::path::absolute(&role.path).unwrap_or_else(|_| role.path.clone());
    let mut vars = layer_of(&role.vars);
    vars.extend(layer([
        ("ansible_role_name", Value::from(role.name.as_str())),
        ("role_name", Value::from(role.name.as_str())),
        ("role_path", Value::from(path.display().to_string())),
    ]));
    vars
}

fn directories(runner: &Runner, play: &PlayRun, role: Option<&Role>, span: &Span) -> Arc<[PathBuf]> {
    let of_role = role.map(|role| role.path.clone());
    let of_file = Path::new(&span.source.name).parent().map(Path::to_path_buf);
    let of_playbooks = play
        .directory
        .clone()
        .into_iter()
        .chain([runner.world.directory.clone()]);
    of_role.into_iter().chain(of_file).chain(of_playbooks).collect()
}

/// Whole paths, each once.
pub(super) fn absolute(directories: &[PathBuf]) -> Vec<String> {
    let mut paths: Vec<String> = Vec::new();
    for directory in directories {
        let path = std::path::absolute(directory).unwrap_or_else(|_| directory.clone());
        let path = path.display().to_string();
        if !paths.contains(&path) {
            paths.push(path);
        }
    }
    paths
}

/// The directories as templates see them, and as their lookups use them.
fn search_path(directories: &[PathBuf]) -> Layer {
    layer([(SEARCH_PATH, Value::from(absolute(directories)))])
}

impl Scoped {
    /// Where an item with these keywords is.
    pub(super) fn of(
        runner: &Arc<Runner>,
        play: &Arc<PlayRun>,
        keywords: &Inherited,
        context: &Context,
        span: &Span,
    ) -> Self {
        let role = keywords.role.as_deref();
        let layer_of = |vars| Arc::new(layer_of(vars));
        let takes_part = play.active(|host| runner.books.is_out(host));
        let of_role = role.map(|role| Arc::new(of_role(role)));
        let blocks = keywords.vars.iter().map(|vars| layer_of(vars));
        let directories = directories(runner, play, role, span);
        let place = Arc::new(search_path(&directories));
        // What a role was given is as strong as what an include is.
        let params = role.map(|role| &role.params).filter(|params| !params.is_empty());
        Self {
            runner: Arc::clone(runner),
            play: Arc::clone(play),
            beneath: role.map(|role| layer_of(&role.defaults)).into_iter().collect(),
            middle: [takes_part, place]
                .into_iter()
                .chain(of_role)
                .chain(blocks)
                .collect(),
            inner: params
                .map(layer_of)
                .into_iter()
                .chain(context.inner.iter().cloned())
                .collect(),
            directories,
            span: span.clone(),
        }
    }

    /// What templates see.
    pub(super) fn scope(&self, host: &str, locals: &[Arc<Layer>]) -> Scope {
        let mut middle = self.play.layers(host);
        middle.extend(self.middle.iter().cloned());
        let inner: Vec<_> = self.inner.iter().chain(locals).cloned().collect();
        let beneath: Vec<_> = self.play.defaults().chain(&self.beneath).cloned().collect();
        self.runner.variables.scope(host, &beneath, &middle, &inner)
    }

    /// Renders something, gathering facts if it asks for them.
    pub(super) async fn rendered<T>(
        &self,
        host: &str,
        locals: &[Arc<Layer>],
        render: impl Fn(&Scope) -> Result<T, Trouble> + Send + Sync,
    ) -> Result<(T, Scope), Box<StepResult>> {
        loop {
            let scope = self.scope(host, locals);
            let error = match render(&scope) {
                Ok(value) => return Ok((value, scope)),
                Err(Trouble::Value(failure)) => return Err(Box::new(StepResult::failed(failure))),
                Err(Trouble::Template(error)) => error,
            };
            match &error.kind {
                TemplateErrorKind::NeedFacts { host } if !self.runner.variables.gathered(host) => {
                    let gathered = self.runner.gather(host, &self.span).await;
                    gathered.map_err(|failure| Box::new(StepResult::failed(failure)))?;
                }
                _ => return Err(Box::new(StepResult::template(error))),
            }
        }
    }
}
