//! Template files, as Ansible's module `template` reads them: a first line may say how white space around blocks is treated, and what
//! comes out ends with no fewer newlines than the file.

use std::sync::Arc;

use minijinja::{Error, ErrorKind};
use nebplay_modules::module::Blocks;

use super::error::TemplateError;
use super::evaluation::Evaluation;
use super::{Scope, Templates, environment};

/// What such a first line begins with.
const HEADER: &str = "#jinja2:";

/// Finds another template of that name, and says what is in it; `None`: there is none. The error is why it cannot be read.
pub type Others = Arc<dyn Fn(&str) -> Result<Option<String>, String> + Send + Sync>;

impl Templates {
    /// Renders the text of a template file; what its first line says counts more than `blocks`. `others` finds those that it includes,
    /// imports or extends.
    pub fn render_file(
        &self,
        text: &str,
        blocks: Blocks,
        scope: &Scope,
        others: Others,
    ) -> Result<String, TemplateError> {
        let (blocks, body) = header(text, blocks)?;
        let around = if blocks == Blocks::default() && !names_others(body) {
            self.clone()
        } else {
            let mut environment = environment::build(Arc::clone(&self.lookups), blocks);
            environment.set_loader(move |name| load(name, &others));
            Self {
                environment: Arc::new(environment),
                lookups: Arc::clone(&self.lookups),
            }
        };
        // Variables are rendered as ever, whatever the file says.
        let evaluation = Evaluation::new(self, scope);
        let rendered = around.text(body.strip_suffix('\n').unwrap_or(body), &evaluation)?;
        Ok(ending_as(body, rendered))
    }
}

/// Whether it may ask for other templates.
fn names_others(text: &str) -> bool {
    ["include", "import", "extends"]
        .iter()
        .any(|tag| text.contains(tag))
}

/// What stands in another template, without the newline at its end: as Jinja has it.
fn load(name: &str, others: &Others) -> Result<Option<String>, Error> {
    let mut text = others(name).map_err(|why| Error::new(ErrorKind::InvalidOperation, why))?;
    if let Some(text) = &mut text
        && text.ends_with('\n')
    {
        text.pop();
    }
    Ok(text)
}

/// A text with no fewer newlines at its end than that which it was rendered from.
pub(super) fn ending_as(source: &str, mut rendered: String) -> String {
    let newlines = |text: &str| text.len() - text.trim_end_matches('\n').len();
    let missing = newlines(source).saturating_sub(newlines(&rendered));
    rendered.extend(std::iter::repeat_n('\n', missing));
    rendered
}

/// What the first line says, and the text without it.
fn header(text: &str, mut blocks: Blocks) -> Result<(Blocks, &str), TemplateError> {
    let Some(said) = text.strip_prefix(HEADER) else {
        return Ok((blocks, text));
    };
    let (said, body) = said.split_once('\n').unwrap_or((said, ""));
    for option in said.split(',') {
        let (name, value) = option.split_once(':').unwrap_or((option, ""));
        let value = match value.trim() {
            "True" | "true" => true,
            "False" | "false" => false,
            _ => return Err(not_supported(option)),
        };
        match name.trim() {
            "trim_blocks" => blocks.trim = value,
            "lstrip_blocks" => blocks.lstrip = value,
            _ => return Err(not_supported(option)),
        }
    }
    Ok((blocks, body))
}

fn not_supported(option: &str) -> TemplateError {
    let option = option.trim();
    TemplateError::other(format!("`{HEADER}` cannot set `{option}`"))
        .help("there are `trim_blocks` and `lstrip_blocks`, `True` or `False`")
}
