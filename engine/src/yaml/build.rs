//! From the parser's events to the tree.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use saphyr_parser::{Event, Parser, ScalarStyle, Tag as WrittenTag};

use super::explain;
use super::node::{Entry, Node, Style, Tag, Value};
use super::offsets::Offsets;
use crate::diagnostics::{Finding, Source, Span};

/// How deep collections may stand in each other. Far more than anybody writes, far less than a thread's stack.
const DEEPEST: usize = 100;
/// How many nodes aliases may add to a file. Nine lines of aliases to aliases make thousands of millions.
const MOST_BY_ALIAS: usize = 100_000;
/// The key that takes the entries of other mappings in.
const MERGE: &str = "<<";

/// Reads the one document of a source; nothing where it has none or an empty one.
pub fn parse(source: &Arc<Source>) -> Result<Option<Node>, Finding> {
    explain::unreadable_text(source)?;
    let offsets = Offsets::of(&source.text);
    let mut builder = Builder::new(source);
    let mut parser = Parser::new_from_str(&source.text);
    while let Some(event) = parser.next_event() {
        let (event, at) = event.map_err(|error| {
            let byte = offsets.byte(error.marker().index());
            explain::syntax_error(source, byte, error.info())
        })?;
        let span = builder.span(offsets.byte(at.start.index()), offsets.byte(at.end.index()));
        builder.take(event, span)?;
    }
    Ok(builder.root.filter(|root| !root.is_null()))
}

/// A node, and what it costs to repeat it.
#[derive(Clone)]
struct Grown {
    node: Node,
    /// Nodes in it, itself included.
    size: usize,
    /// Levels below it.
    height: usize,
    /// Where it ends in the collection it stands in: for an alias, the end of the alias.
    end: usize,
}

/// A collection that is not closed yet.
struct Open {
    span: Span,
    anchor: usize,
    tag: Option<Tag>,
    size: usize,
    height: usize,
    end: usize,
    inside: Inside,
}

enum Inside {
    Sequence(Vec<Node>),
    Mapping {
        entries: Vec<Entry>,
        /// Where each key stands in `entries`.
        index: HashMap<String, usize>,
        /// A key that has no value yet.
        key: Option<Node>,
        /// What `<<` asks for, taken in at the end: what the mapping says itself wins.
        merges: Vec<Node>,
    },
}

struct Builder<'a> {
    source: &'a Arc<Source>,
    open: Vec<Open>,
    anchors: HashMap<usize, Grown>,
    by_alias: usize,
    root: Option<Node>,
}

impl<'a> Builder<'a> {
    fn new(source: &'a Arc<Source>) -> Self {
        Self {
            source,
            open: Vec::new(),
            anchors: HashMap::new(),
            by_alias: 0,
            root: None,
        }
    }

    fn span(&self, start: usize, end: usize) -> Span {
        // What the parser counts to a scalar (a block's last line break, say) is nothing to underline.
        let covered = self.source.text.get(start..end).unwrap_or_default();
        Span {
            source: Arc::clone(self.source),
            start,
            end: start + covered.trim_end().len(),
        }
    }

    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Finding> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let span = self.beside_key(without_properties(span, style), &text);
                let node = scalar(span, text, style, tag.as_deref())?;
                let grown = Grown {
                    size: 1,
                    height: 0,
                    end: node.span.end,
                    node,
                };
                self.add(grown, anchor)
            }
            Event::SequenceStart(anchor, tag) => {
                self.open(span, anchor, tag.as_deref(), Inside::Sequence(Vec::new()))
            }
            Event::MappingStart(anchor, tag) => {
                let inside = Inside::Mapping {
                    entries: Vec::new(),
                    index: HashMap::new(),
                    key: None,
                    merges: Vec::new(),
                };
                self.open(span, anchor, tag.as_deref(), inside)
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(&span),
            Event::Alias(anchor) => self.alias(anchor, &span),
            Event::DocumentStart(_) => match &self.root {
                Some(first) => Err(second_document(first, &span)),
                None => Ok(()),
            },
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
        }
    }

    /// The place of an empty value is behind its key; the parser says where the next thing begins.
    fn beside_key(&self, span: Span, text: &str) -> Span {
        match self.open.last().map(|open| &open.inside) {
            Some(Inside::Mapping { key: Some(key), .. }) if text.is_empty() && span.start == span.end => {
                Span {
                    start: key.span.end,
                    end: key.span.end,
                    ..span
                }
            }
            _ => span,
        }
    }

    fn open(
        &mut self,
        span: Span,
        anchor: usize,
        tag: Option<&WrittenTag>,
        inside: Inside,
    ) -> Result<(), Finding> {
        if let Some(Inside::Mapping { key: None, .. }) = self.open.last().map(|open| &open.inside) {
            return Err(explain::key_is_a_collection(self.source, span.start));
        }
        if self.open.len() >= DEEPEST {
            return Err(too_deep(&span));
        }
        let tag = own_tag(tag, &span)?;
        self.open.push(Open {
            end: span.end,
            span,
            anchor,
            tag,
            size: 1,
            height: 0,
            inside,
        });
        Ok(())
    }

    fn close(&mut self, end: &Span) -> Result<(), Finding> {
        let Some(open) = self.open.pop() else {
            return Ok(());
        };
        let value = match open.inside {
            Inside::Sequence(items) => Value::Sequence(items),
            Inside::Mapping {
                mut entries,
                mut index,
                merges,
                ..
            } => {
                for merged in merges {
                    merge(merged, &mut entries, &mut index)?;
                }
                Value::Mapping(entries)
            }
        };
        let is_flow = matches!(
            self.source.text.as_bytes().get(open.span.start),
            Some(b'[' | b'{')
        );
        // The end of a block is reported where the next thing begins.
        let span = self.span(open.span.start, if is_flow { end.end } else { open.end });
        let node = Node {
            span,
            tag: open.tag,
            value,
        };
        let grown = Grown {
            size: open.size,
            height: open.height + 1,
            end: node.span.end,
            node,
        };
        self.add(grown, open.anchor)
    }

    fn alias(&mut self, anchor: usize, span: &Span) -> Result<(), Finding> {
        let Some(grown) = self.anchors.get(&anchor) else {
            return Err(Finding::at(
                span,
                "this alias stands inside of what it refers to",
                "refers to itself",
            )
            .help("a value cannot contain itself: write out what is meant"));
        };
        self.by_alias += grown.size;
        if self.by_alias > MOST_BY_ALIAS {
            return Err(Finding::at(
                span,
                format!("aliases make this file larger than {MOST_BY_ALIAS} values"),
                "one alias too many",
            )
            .help("aliases to aliases multiply: write out what is meant"));
        }
        if self.open.len() + grown.height > DEEPEST {
            return Err(too_deep(span));
        }
        let grown = Grown {
            end: span.end,
            ..grown.clone()
        };
        self.add(grown, 0)
    }

    /// Puts a finished node where it belongs.
    fn add(&mut self, grown: Grown, anchor: usize) -> Result<(), Finding> {
        if anchor != 0 {
            self.anchors.insert(anchor, grown.clone());
        }
        let Grown {
            node,
            size,
            height,
            end,
        } = grown;
        let Some(parent) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        parent.size += size;
        parent.end = end;
        parent.height = parent.height.max(height);
        match &mut parent.inside {
            Inside::Sequence(items) => items.push(node),
            Inside::Mapping {
                entries,
                index,
                key: slot,
                merges,
            } => match slot.take() {
                None => *slot = Some(self::key(node, entries, index)?),
                Some(key) if is_merge(&key) => merges.push(node),
                Some(key) => {
                    index.insert(key.as_str().unwrap_or_default().to_owned(), entries.len());
                    entries.push(Entry { key, value: node });
                }
            },
        }
        Ok(())
    }
}

/// A scalar's own place: without the tag before it, and up to its closing quote (the parser goes on to the end of the line).
fn without_properties(mut span: Span, style: ScalarStyle) -> Span {
    if matches!(style, ScalarStyle::Literal | ScalarStyle::Folded) {
        return span; // Begins at its content, which may begin with anything.
    }
    while let Some(rest) = span.text().strip_prefix(['!', '&']) {
        let value = rest.find([' ', '\n']).map_or("", |end| rest[end..].trim_start());
        span.start = span.end - value.len();
    }
    let text = span.text();
    let length = match style {
        ScalarStyle::SingleQuoted => text[1.min(text.len())..]
            .replace("''", "__")
            .find('\'')
            .map(|end| end + 2),
        ScalarStyle::DoubleQuoted => {
            let mut escaped = false;
            text.bytes().enumerate().skip(1).find_map(|(at, byte)| {
                let closes = byte == b'"' && !escaped;
                escaped = byte == b'\\' && !escaped;
                closes.then_some(at + 1)
            })
        }
        _ => None,
    };
    if let Some(length) = length {
        span.end = span.start + length;
    }
    span
}

fn is_merge(key: &Node) -> bool {
    matches!(&key.value, Value::Scalar { text, style: Style::Plain } if text == MERGE)
}

/// Checks that a node can be the next key.
fn key(node: Node, entries: &[Entry], index: &HashMap<String, usize>) -> Result<Node, Finding> {
    let Some(name) = node.as_str() else {
        return Err(explain::key_is_a_collection(&node.span.source, node.span.start));
    };
    let first = index.get(name).and_then(|&at| entries.get(at));
    if let Some(first) = first {
        let mut finding = Finding::at(&node.span, format!("`{name}` is given twice"), "and here again");
        finding
            .labels
            .push((first.key.span.clone(), "here first".to_owned()));
        return Err(finding.help("keep one of them: YAML would silently use the last"));
    }
    if name.is_empty() && node.is_null() {
        return Err(Finding::at(
            &node.span,
            "a key is missing before the `:`",
            "no key",
        ));
    }
    Ok(node)
}

/// Takes in what `<<` refers to: a mapping, or a list of them of which the first that has a key wins.
fn merge(from: Node, entries: &mut Vec<Entry>, index: &mut HashMap<String, usize>) -> Result<(), Finding> {
    match from.value {
        Value::Mapping(merged) => {
            for entry in merged {
                if !index.contains_key(entry.name()) {
                    index.insert(entry.name().to_owned(), entries.len());
                    entries.push(entry);
                }
            }
            Ok(())
        }
        Value::Sequence(list) if list.iter().all(|node| node.as_mapping().is_some()) => {
            list.into_iter().try_for_each(|node| merge(node, entries, index))
        }
        _ => Err(Finding::at(
            &from.span,
            "`<<` takes in a mapping, or a list of mappings",
            format!("this is {}", from.kind()),
        )),
    }
}

fn scalar(
    span: Span,
    text: Cow<'_, str>,
    style: ScalarStyle,
    tag: Option<&WrittenTag>,
) -> Result<Node, Finding> {
    let of_core = tag.filter(|tag| tag.is_yaml_core_schema());
    let style = match of_core.map(|tag| tag.suffix.as_str()) {
        Some("str") => Style::Text,
        Some("int" | "float" | "bool" | "null") => Style::Plain,
        _ if tag.is_some_and(|tag| tag.handle.is_empty() && tag.suffix == "!") => Style::Text,
        _ if style == ScalarStyle::Plain => Style::Plain,
        _ => Style::Text,
    };
    let tag = own_tag(tag, &span)?;
    let text = text.into_owned();
    Ok(Node {
        span,
        tag,
        value: Value::Scalar { text, style },
    })
}

/// An application's tag (`!vault`). YAML's own say nothing that the text doesn't, or are refused.
fn own_tag(tag: Option<&WrittenTag>, span: &Span) -> Result<Option<Tag>, Finding> {
    let Some(tag) = tag else { return Ok(None) };
    if !tag.is_yaml_core_schema() {
        let name = format!("{}{}", tag.handle.trim_start_matches('!'), tag.suffix);
        return Ok(match name.trim_start_matches('!') {
            "" => None,
            "vault" | "vault-encrypted" => Some(Tag::Vault),
            "unsafe" => Some(Tag::Unsafe),
            other => Some(Tag::Other(other.to_owned())),
        });
    }
    match tag.suffix.as_str() {
        "str" | "int" | "float" | "bool" | "null" | "map" | "seq" => Ok(None),
        other => Err(
            Finding::at(span, format!("the tag `!!{other}` is not supported"), "")
                .help("write the value as text, a number, a list or a mapping"),
        ),
    }
}

fn too_deep(span: &Span) -> Finding {
    Finding::at(
        span,
        format!("values stand in each other more than {DEEPEST} levels deep"),
        "too deep",
    )
}

fn second_document(first: &Node, span: &Span) -> Finding {
    let mut finding = Finding::at(
        span,
        "a second document begins, and one file is one document",
        "the second begins here",
    );
    finding.labels.push((first.span.clone(), "the first".to_owned()));
    finding.help("remove the `---`, or make two files of it")
}
