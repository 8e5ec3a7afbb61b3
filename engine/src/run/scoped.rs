//! Rendering for a host, from somewhere in a play.

use std::sync::Arc;

use super::keywords::Trouble;
use super::outcome::StepResult;
use super::play::PlayRun;
use super::runner::Runner;
use crate::diagnostics::Span;
use crate::template::{Layer, Scope, TemplateErrorKind};

/// A place in a play, with the variables that hold there.
pub(super) struct Scoped {
    pub(super) runner: Arc<Runner>,
    pub(super) play: Arc<PlayRun>,
    /// Defaults of the role.
    pub(super) beneath: Vec<Arc<Layer>>,
    /// Variables of role, blocks and task.
    pub(super) middle: Vec<Arc<Layer>>,
    /// Variables of loops around it.
    pub(super) inner: Vec<Arc<Layer>>,
    /// The task.
    pub(super) span: Span,
}

impl Scoped {
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
