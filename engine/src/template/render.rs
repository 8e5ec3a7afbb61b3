//! From nodes and texts to values.

use std::borrow::Cow;
use std::error::Error as _;
use std::sync::Arc;

use indexmap::IndexMap;
use minijinja::{Error, ErrorKind};
use serde_json::{Map, Value as Json};

use crate::diagnostics::{Findings, Span};
use crate::vault::GIVE_A_PASSWORD;
use crate::yaml::{Node, Tag, Value as Yaml};

use super::braces::{has_template, lone_expression};
use super::collections::without_collections;
use super::dict::out_of_template;
use super::error::{TemplateError, TemplateErrorKind, locate, sounds_secret};
use super::evaluation::Evaluation;
use super::file::ending_as;
use super::limits;
use super::literals::keep_backslashes;
use super::subscript::as_attributes;
use super::{OMIT, Scope, Templates};

/// What kind of template a piece of text is.
#[derive(Clone, Copy)]
enum Piece<'a> {
    /// An expression, without braces.
    Expression(&'a str),
    /// Text with templates in it.
    Text(&'a str),
    /// The same, but what prints one value and nothing else is that value.
    Value(&'a str),
}

impl<'a> Piece<'a> {
    /// It as the template engine has to read it.
    fn source(self) -> Cow<'a, str> {
        match self {
            Self::Expression(source) => to_be_read(source, true),
            Self::Text(source) | Self::Value(source) => to_be_read(source, false),
        }
    }
}

/// What an author wrote, as the template engine has to read it.
fn to_be_read(source: &str, is_expression: bool) -> Cow<'_, str> {
    match without_collections(source, is_expression) {
        Cow::Borrowed(source) => keep_backslashes(source, is_expression),
        Cow::Owned(source) => keep_backslashes(&source, is_expression).into_owned().into(),
    }
}

impl Templates {
    /// Renders a node and all below it: templates become values, plain scalars mean what they look like.
    ///
    /// Entries and items that are `omit` are left out.
    pub fn render_node(&self, node: &Node, scope: &Scope) -> Result<Json, TemplateError> {
        self.node_in(node, &Evaluation::new(self, scope))
            .map(without_omitted)
    }

    /// A node as the source of a variable that no longer has a place: templates in it stay templates. What is no template, or
    /// cannot be read, is an error here.
    pub fn source_of(&self, node: &Node) -> Result<Json, Findings> {
        let findings = self.check(node);
        if !findings.is_empty() {
            return Err(findings);
        }
        Ok(match &node.value {
            Yaml::Scalar { .. } if node.tag == Some(Tag::Vault) => {
                return Err(vec![vault(&node.span).into_finding()]);
            }
            Yaml::Scalar { text, .. } if is_literal(node) && has_template(text) => {
                Json::from(format!("{{% raw %}}{text}{{% endraw %}}"))
            }
            Yaml::Scalar { .. } => node.to_value(),
            Yaml::Sequence(items) => items
                .iter()
                .map(|item| self.source_of(item))
                .collect::<Result<_, _>>()?,
            Yaml::Mapping(entries) => {
                let pairs = entries
                    .iter()
                    .map(|entry| Ok((entry.name().to_owned(), self.source_of(&entry.value)?)));
                Json::Object(pairs.collect::<Result<_, Findings>>()?)
            }
        })
    }

    /// Renders the arguments of a task, leaving out those that are `omit`; their names, too, which are those of variables in
    /// `set_fact`.
    pub fn render_args(
        &self,
        args: &IndexMap<String, Node>,
        scope: &Scope,
    ) -> Result<Map<String, Json>, TemplateError> {
        let evaluation = Evaluation::new(self, scope);
        let mut rendered = Map::new();
        for (name, node) in args {
            let value = self.node_in(node, &evaluation)?;
            if value == OMIT {
                continue;
            }
            let name = if has_template(name) {
                match self.template(name, Some(&node.span), &evaluation)? {
                    Json::String(name) => name,
                    other => other.to_string(),
                }
            } else {
                name.clone()
            };
            rendered.insert(name, without_omitted(value));
        }
        Ok(rendered)
    }

    /// Renders a text that stands in no YAML file, to text.
    pub fn render_text(&self, text: &str, scope: &Scope) -> Result<String, TemplateError> {
        self.text(text, &Evaluation::new(self, scope))
    }

    pub(super) fn text(&self, text: &str, evaluation: &Arc<Evaluation>) -> Result<String, TemplateError> {
        match self.piece(Piece::Text(text), None, evaluation)? {
            Json::String(text) => Ok(text),
            other => Ok(other.to_string()),
        }
    }

    /// Renders a node to text, as a name or a label needs it.
    pub fn render_to_text(&self, node: &Node, scope: &Scope) -> Result<String, TemplateError> {
        Ok(match self.render_node(node, scope)? {
            Json::String(text) => text,
            Json::Null => String::new(),
            other => other.to_string(),
        })
    }

    /// Evaluates an expression without braces (`var` of `debug`); one with braces is taken as if it had none, and what is no
    /// text is its own value.
    pub fn evaluate(&self, node: &Node, scope: &Scope) -> Result<Json, TemplateError> {
        let evaluation = Evaluation::new(self, scope);
        match &node.value {
            Yaml::Scalar { text, .. } => {
                let expression = lone_expression(text).map_or(text.as_str(), |range| &text[range]);
                self.piece(Piece::Expression(expression), Some(&node.span), &evaluation)
            }
            _ => self.node_in(node, &evaluation),
        }
    }

    /// Evaluates an expression that stands in no file.
    pub fn evaluate_text(&self, expression: &str, scope: &Scope) -> Result<Json, TemplateError> {
        self.piece(Piece::Expression(expression), None, &Evaluation::new(self, scope))
    }

    pub(super) fn node_in(&self, node: &Node, evaluation: &Arc<Evaluation>) -> Result<Json, TemplateError> {
        let value = self.plain_node_in(node, evaluation)?;
        if node.tag.as_ref().is_some_and(Tag::is_secret) {
            self.lookups.opened(&value);
        }
        Ok(value)
    }

    fn plain_node_in(&self, node: &Node, evaluation: &Arc<Evaluation>) -> Result<Json, TemplateError> {
        match &node.value {
            Yaml::Scalar { text, .. } if is_literal(node) => Ok(Json::from(text.as_str())),
            Yaml::Scalar { .. } if node.tag == Some(Tag::Vault) => Err(vault(&node.span)),
            Yaml::Scalar { text, .. } if has_template(text) => {
                self.template(text, Some(&node.span), evaluation)
            }
            Yaml::Scalar { .. } => Ok(node.to_value()),
            Yaml::Sequence(items) => items.iter().map(|item| self.node_in(item, evaluation)).collect(),
            Yaml::Mapping(entries) => {
                let mut map = Map::new();
                for entry in entries {
                    let key = match self.node_in(&entry.key, evaluation)? {
                        Json::String(key) => key,
                        // A key is what was written: `6.1`, `yes`.
                        _ => entry.name().to_owned(),
                    };
                    map.insert(key, self.node_in(&entry.value, evaluation)?);
                }
                Ok(Json::Object(map))
            }
        }
    }

    /// Renders every text of a value that may be a template.
    pub(super) fn source_in(
        &self,
        source: &Json,
        evaluation: &Arc<Evaluation>,
    ) -> Result<Json, TemplateError> {
        match source {
            Json::String(text) if has_template(text) => self.template(text, None, evaluation),
            Json::Array(items) => items
                .iter()
                .map(|item| self.source_in(item, evaluation))
                .collect(),
            Json::Object(map) => {
                let entries = map.iter().map(|(key, value)| {
                    let value = self.source_in(value, evaluation)?;
                    Ok((key.clone(), value))
                });
                entries.collect::<Result<_, _>>().map(Json::Object)
            }
            plain => Ok(plain.clone()),
        }
    }

    /// A text as the value it comes to. As in Ansible, a newline at its end counts only if that is text.
    fn template(
        &self,
        text: &str,
        span: Option<&Span>,
        evaluation: &Arc<Evaluation>,
    ) -> Result<Json, TemplateError> {
        let body = text.strip_suffix('\n').unwrap_or(text);
        let piece = match lone_expression(body) {
            Some(range) if !body.starts_with(char::is_whitespace) && !body.ends_with(char::is_whitespace) => {
                Piece::Expression(&body[range])
            }
            _ if body.contains("{%") || body.contains("{#") => Piece::Value(body),
            _ => Piece::Text(body),
        };
        Ok(match self.piece(piece, span, evaluation)? {
            Json::String(rendered) if rendered != OMIT => Json::String(ending_as(text, rendered)),
            other => other,
        })
    }

    pub(super) fn expression_in(
        &self,
        expression: &str,
        span: Option<&Span>,
        evaluation: &Arc<Evaluation>,
    ) -> Result<Json, TemplateError> {
        self.piece(Piece::Expression(expression), span, evaluation)
    }

    fn piece(
        &self,
        piece: Piece<'_>,
        span: Option<&Span>,
        evaluation: &Arc<Evaluation>,
    ) -> Result<Json, TemplateError> {
        let source = piece.source();
        let mark = evaluation.tracker.mark();
        let result = self.run(piece, &source, evaluation);
        let used = evaluation.tracker.settle(mark);
        let error = match (result, used) {
            (Ok(value), None) => return Ok(value),
            (Err(error), used) => match (carried(&error), used) {
                (Some(cause), _) => cause.clone(),
                // Whatever went wrong, it went wrong because of what is not there.
                (None, Some(used)) => used.into_error(),
                (None, None) => explain(&error, &source, span),
            },
            (Ok(_), Some(used)) => used.into_error(),
        };
        Err(place(error, &source, span))
    }

    fn run(&self, piece: Piece<'_>, source: &str, evaluation: &Arc<Evaluation>) -> Result<Json, Error> {
        match piece {
            Piece::Expression(_) => {
                limits::check(source, true)?;
                let source = as_attributes(source, true).into_owned();
                let expression = self.environment.compile_expression_owned(source)?;
                out_of_template(&expression.eval(evaluation.root())?)
            }
            Piece::Text(_) | Piece::Value(_) => {
                limits::check(source, false)?;
                let source = as_attributes(source, false);
                evaluation.tracker.printing.begin();
                let rendered = self.environment.render_str(&source, evaluation.root());
                let printed = evaluation.tracker.printing.end();
                let rendered = rendered?;
                match (piece, printed) {
                    (Piece::Value(_), Some(value)) if value.to_string() == rendered => {
                        out_of_template(&value)
                    }
                    _ => Ok(Json::String(rendered)),
                }
            }
        }
    }

    /// Compiles without evaluating.
    pub(super) fn compile(
        &self,
        source: &str,
        as_expression: bool,
        span: Option<&Span>,
    ) -> Result<(), TemplateError> {
        let source = to_be_read(source, as_expression);
        let result = limits::check(&source, as_expression).and_then(|()| {
            if as_expression {
                let source = source.clone().into_owned();
                self.environment.compile_expression_owned(source).map(drop)
            } else {
                self.environment.template_from_str(&source).map(drop)
            }
        });
        result.map_err(|error| place(explain(&error, &source, span), &source, span))
    }
}

/// The error of a variable that was rendered on the way.
fn carried(error: &Error) -> Option<&TemplateError> {
    let mut source = error.source();
    while let Some(error) = source {
        if let Some(error) = error.downcast_ref::<TemplateError>() {
            return Some(error);
        }
        source = error.source();
    }
    None
}

/// What went wrong in a template that another one includes, imports or extends; a place in it is none in that one.
fn in_another(error: &Error) -> Option<TemplateError> {
    let mut inner = None;
    let mut source = error.source();
    while let Some(error) = source {
        inner = error.downcast_ref::<Error>().or(inner);
        source = error.source();
    }
    let inner = inner?;
    let name = inner.name().unwrap_or_default();
    let line = inner.line().map(|line| format!(":{line}")).unwrap_or_default();
    let detail = inner
        .detail()
        .map_or_else(|| inner.kind().to_string(), str::to_owned);
    Some(TemplateError::other(format!("{name}{line}: {detail}")))
}

/// How the template engine begins to say that `'%02d' % number`, which is Python's, is no remainder.
const PERCENT_OF_A_TEXT: &str = "tried to use % operator on unsupported types string";

/// An error of the template engine in our words.
fn explain(error: &Error, source: &str, span: Option<&Span>) -> TemplateError {
    if error.kind() == ErrorKind::BadInclude
        && let Some(explained) = in_another(error)
    {
        return explained;
    }
    let detail = match error.detail() {
        // What the template engine says may quote a value.
        Some(_) if sounds_secret(source) && error.kind() != ErrorKind::SyntaxError => {
            "it does not fit here, and is not shown since it sounds like a secret".to_owned()
        }
        Some(detail) => detail.to_owned(),
        None => error.kind().to_string(),
    };
    // What was given as a text has a name in brackets.
    let another = error.name().filter(|name| !name.starts_with('<'));
    let blamed = error
        .range()
        .filter(|_| another.is_none())
        .map(|range| whole_chain(source, range))
        .unwrap_or_default();
    let (kind, message, help) = match error.kind() {
        ErrorKind::SyntaxError => (
            TemplateErrorKind::Syntax,
            format!("not a valid template: {detail}"),
            syntax_help(source),
        ),
        ErrorKind::UndefinedError => {
            let name = if blamed.is_empty() { source } else { blamed };
            let name = name.trim().to_owned();
            let help = "define it, or say what to take without it: `| default(…)`".to_owned();
            // Compared, or calculated with: which part it is, the template engine does not say. A variable would be named.
            let (message, help) = if blamed.is_empty() && !name.chars().all(in_chain) {
                let message = format!("something in `{name}` is undefined");
                (
                    message,
                    format!("look for a `.name` that a text, a number or a list has not; {help}"),
                )
            } else {
                (format!("`{name}` is undefined"), help)
            };
            (TemplateErrorKind::Undefined { name }, message, Some(help))
        }
        ErrorKind::UnknownFilter | ErrorKind::UnknownTest => (
            TemplateErrorKind::Syntax,
            detail.replace(" is unknown", " does not exist"),
            None,
        ),
        ErrorKind::OutOfFuel => (
            TemplateErrorKind::Other,
            "the template makes more than fits in memory, or has no end".to_owned(),
            Some("look for loops in loops, and for variables that double each other".to_owned()),
        ),
        _ => {
            let help = detail
                .starts_with(PERCENT_OF_A_TEXT)
                .then(|| "values are put into a text by a filter: `'%02d' | format(number)`".to_owned());
            (TemplateErrorKind::Other, detail, help)
        }
    };
    let message = match another {
        Some(name) => format!("{name}:{}: {message}", error.line().unwrap_or_default()),
        None => message,
    };
    let mut explained = TemplateError::new(kind, message);
    explained.help = help;
    if !blamed.is_empty() {
        explained.place = span.map(|span| (locate(span, blamed.trim()), String::new()));
    }
    explained
}

/// Whether it may stand in `a.b['c']`.
fn in_chain(c: char) -> bool {
    c.is_alphanumeric() || "_.[]'\"".contains(c)
}

/// What the template engine blames; of `a.b.c`, where it blames `.c`, all of it.
fn whole_chain(source: &str, range: std::ops::Range<usize>) -> &str {
    let Some(blamed) = source.get(range.clone()) else {
        return "";
    };
    if !blamed.starts_with(['.', '[']) {
        return blamed;
    }
    let before = source[..range.start].trim_end_matches(in_chain).len();
    &source[before..range.end]
}

fn syntax_help(source: &str) -> Option<String> {
    let pairs = [("{{", "}}"), ("{%", "%}"), ("{#", "#}")];
    let open = pairs
        .iter()
        .find(|(open, close)| source.matches(open).count() > source.matches(close).count())?;
    Some(format!("`{}` must be closed by `{}`", open.0, open.1))
}

/// Makes sure that an error has a place, and notes the way to it where it stands in another text.
fn place(mut error: TemplateError, source: &str, span: Option<&Span>) -> TemplateError {
    let Some(span) = span else {
        return error;
    };
    match &error.place {
        None => {
            let place = match &error.kind {
                TemplateErrorKind::Undefined { name } => locate(span, name),
                _ => locate(span, source.trim()),
            };
            error.place = Some((place, String::new()));
        }
        Some((place, _))
            if Arc::ptr_eq(&place.source, &span.source)
                && span.start <= place.start
                && place.end <= span.end => {}
        Some(_) => error.via.push((span.clone(), "used here".to_owned())),
    }
    error
}

/// Whether a scalar is text, whatever it contains.
fn is_literal(node: &Node) -> bool {
    node.tag.as_ref().is_some_and(Tag::is_literal)
}

fn vault(span: &Span) -> TemplateError {
    let error = TemplateError::other("this value is encrypted by ansible-vault");
    error.help(GIVE_A_PASSWORD).at(Some(span.clone()), "encrypted")
}

fn without_omitted(value: Json) -> Json {
    match value {
        Json::Array(items) => items
            .into_iter()
            .filter(|item| item != OMIT)
            .map(without_omitted)
            .collect(),
        Json::Object(map) => map
            .into_iter()
            .filter(|(_, value)| value != OMIT)
            .map(|(key, value)| (key, without_omitted(value)))
            .collect(),
        other => other,
    }
}
