//! What is wrong in a file, and where: the text itself underlined, what was expected, a suggestion.

mod excerpt;

use std::fmt;
use std::sync::Arc;

use miette::{Diagnostic, LabeledSpan, SourceCode};

/// A file, or a piece of text that is treated as one (`-e` on the command line).
#[derive(Debug)]
pub struct Source {
    /// What an operator calls it: the path as it was given.
    pub name: String,
    /// Its text.
    pub text: String,
    /// Nobody is to see the text: it was encrypted. The SHA-256 (hex) of the file as it is.
    pub sealed: Option<String>,
}

impl Source {
    /// A named text.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Arc<Self> {
        Arc::new(Self {
            name: name.into(),
            text: text.into(),
            sealed: None,
        })
    }

    /// The text of a file that was encrypted, and the SHA-256 (hex) of that. It is never shown; places in it are told by line.
    pub fn sealed(name: impl Into<String>, text: impl Into<String>, digest: String) -> Arc<Self> {
        Arc::new(Self {
            name: name.into(),
            text: text.into(),
            sealed: Some(digest),
        })
    }
}

/// A stretch of a source, in bytes.
#[derive(Clone)]
pub struct Span {
    /// The text it is a stretch of.
    pub source: Arc<Source>,
    /// First byte.
    pub start: usize,
    /// Byte after the last.
    pub end: usize,
}

impl Span {
    /// The text it covers.
    pub fn text(&self) -> &str {
        self.source.text.get(self.start..self.end).unwrap_or_default()
    }

    /// Line number, from 1.
    pub fn line(&self) -> usize {
        self.source
            .text
            .as_bytes()
            .iter()
            .take(self.start)
            .filter(|&&byte| byte == b'\n')
            .count()
            + 1
    }

    /// `file:line`, as an operator would look it up.
    pub fn place(&self) -> String {
        format!("{}:{}", self.source.name, self.line())
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}..{}]", self.source.name, self.start, self.end)
    }
}

impl PartialEq for Span {
    /// Two spans are equal when they cover the same stretch of a file of the same name.
    fn eq(&self, other: &Self) -> bool {
        (self.start, self.end, &self.source.name) == (other.start, other.end, &other.source.name)
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone)]
pub struct Finding {
    /// What is wrong, one sentence.
    pub message: String,
    /// Where, and what to write under the underlined text. The first is the place to blame.
    pub labels: Vec<(Span, String)>,
    /// What to do about it.
    pub help: Option<String>,
}

impl Finding {
    /// Something wrong at a place.
    pub fn at(span: &Span, message: impl Into<String>, label: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            labels: vec![(span.clone(), label.into())],
            help: None,
        }
    }

    /// Something wrong that has no place in a text (a file that cannot be read).
    pub fn nowhere(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            labels: Vec::new(),
            help: None,
        }
    }

    /// Says what to do about it.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Finding {}

impl Diagnostic for Finding {
    /// The help, after places in other files, of which none can be underlined, and those in files that nobody is to see.
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        let (_, elsewhere) = self.places();
        let elsewhere = elsewhere.map(|(span, label)| match label.as_str() {
            "" => span.place(),
            label => format!("{label}: {}", span.place()),
        });
        let lines: Vec<String> = elsewhere.chain(self.help.clone()).collect();
        (!lines.is_empty()).then(|| Box::new(lines.join("\n")) as _)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        let (mut here, _) = self.places();
        here.next().map(|(span, _)| &*span.source as _)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        /// More ways to one place than this tell nothing that the first do not.
        const MOST: usize = 8;
        let (here, _) = self.places();
        let mut primary = true;
        Some(Box::new(here.take(MOST).map(move |(span, label)| {
            let text = (!label.is_empty()).then(|| label.clone());
            // What goes over lines is shown by its first: a play of two hundred would hide what is wrong with it.
            let line = span.text().lines().next().unwrap_or_default().trim_end();
            let end = span.source.boundary(span.start + line.len().min(excerpt::WIDEST));
            let place = (span.start, end.saturating_sub(span.start));
            if std::mem::take(&mut primary) {
                LabeledSpan::new_primary_with_span(text, place)
            } else {
                LabeledSpan::new_with_span(text, place)
            }
        })))
    }
}

type Label = (Span, String);

impl Finding {
    /// Labels in the file of the first, if that may be shown, and all others.
    fn places(&self) -> (impl Iterator<Item = &Label>, impl Iterator<Item = &Label>) {
        let first = self.labels.first().map(|(span, _)| &span.source);
        let first = first.filter(|source| source.sealed.is_none());
        let is_here = move |label: &&Label| first.is_some_and(|first| Arc::ptr_eq(&label.0.source, first));
        (
            self.labels.iter().filter(is_here),
            self.labels.iter().filter(move |label| !is_here(label)),
        )
    }
}

/// All that is wrong, in one go.
pub type Findings = Vec<Finding>;

/// "did you mean `x`?" for a misspelt name, where one of the candidates is near enough.
pub fn suggest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let scored = candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate));
    let (distance, best) = scored.min_by_key(|(distance, _)| *distance)?;
    let length = name.chars().count();
    // What shares no letter with the name is no misspelling of it, however short both are.
    (distance <= 1.max(length / 3) && distance < length).then(|| format!("did you mean `{best}`?"))
}
