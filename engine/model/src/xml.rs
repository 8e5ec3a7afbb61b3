//! Just enough XML: bodies of objects are kept as text, shown indented or as JSON.

use std::fmt::Write as _;

use quick_xml::Reader;
use quick_xml::events::Event;

/// An element: its children, or its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Element {
    /// The tag.
    pub name: String,
    /// The elements inside.
    pub children: Vec<Element>,
    /// The text, when there are no elements inside.
    pub text: String,
    /// Whether the text stands in a CDATA section.
    pub cdata: bool,
}

/// The text is not one well-formed element.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not well-formed XML: {0}")]
pub struct NotXml(String);

impl Element {
    /// Reads a document of one element; white space between elements is dropped.
    pub fn parse(text: &str) -> Result<Self, NotXml> {
        let mut reader = Reader::from_str(text);
        let mut open: Vec<Self> = Vec::new();
        loop {
            let event = reader.read_event().map_err(|error| NotXml(error.to_string()))?;
            let closed = match event {
                Event::Start(tag) => {
                    open.push(Self::new(tag.name().as_ref()));
                    None
                }
                Event::Empty(tag) => Some(Self::new(tag.name().as_ref())),
                Event::End(_) => open.pop(),
                Event::Text(piece) => {
                    add_text(&mut open, &piece, false);
                    None
                }
                Event::CData(piece) => {
                    add_text(&mut open, &piece, true);
                    None
                }
                Event::GeneralRef(name) => {
                    add_text(&mut open, &reference(&name), false);
                    None
                }
                Event::Eof => return Err(NotXml("it ends too early".to_owned())),
                _ => None,
            };
            if let Some(mut element) = closed {
                if !element.children.is_empty() || (!element.cdata && element.text.trim().is_empty()) {
                    element.text.clear();
                }
                match open.last_mut() {
                    Some(parent) => parent.children.push(element),
                    None => return Ok(element),
                }
            }
        }
    }

    fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            children: Vec::new(),
            text: String::new(),
            cdata: false,
        }
    }

    /// The first child of this name.
    pub fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The text of the first child of this name, empty if there is none.
    pub fn text_of(&self, name: &str) -> &str {
        self.child(name).map_or("", |child| child.text.as_str())
    }

    /// Indented by two spaces a level, with a newline at the end, as `-x` prints it.
    pub fn indented(&self) -> String {
        let mut out = String::new();
        self.write_indented(&mut out, 0);
        out
    }

    fn write_indented(&self, out: &mut String, level: usize) {
        let indent = "  ".repeat(level);
        let name = &self.name;
        if !self.children.is_empty() {
            let _ = writeln!(out, "{indent}<{name}>");
            for child in &self.children {
                child.write_indented(out, level + 1);
            }
            let _ = writeln!(out, "{indent}</{name}>");
        } else if self.cdata {
            let _ = writeln!(out, "{indent}<{name}><![CDATA[{}]]></{name}>", self.text);
        } else if self.text.is_empty() {
            let _ = writeln!(out, "{indent}<{name}/>");
        } else {
            let _ = writeln!(out, "{indent}<{name}>{}</{name}>", escape(&self.text));
        }
    }

    /// What `-j` prints for this element's inside: texts as strings, repeated children as arrays.
    pub fn json(&self) -> serde_json::Value {
        use serde_json::Value;
        if self.children.is_empty() && !self.text.is_empty() {
            return Value::String(self.text.clone());
        }
        let mut map = serde_json::Map::new();
        for child in &self.children {
            let value = child.json();
            match map.get_mut(&child.name) {
                None => {
                    map.insert(child.name.clone(), value);
                }
                Some(Value::Array(values)) => values.push(value),
                Some(single) => *single = Value::Array(vec![single.take(), value]),
            }
        }
        Value::Object(map)
    }
}

fn add_text(open: &mut [Element], text: &str, cdata: bool) {
    if let Some(element) = open.last_mut() {
        element.text.push_str(text);
        element.cdata |= cdata;
    }
}

/// What an entity or a character reference stands for; as written if it stands for nothing.
fn reference(name: &str) -> String {
    let number = name
        .strip_prefix('#')
        .and_then(|number| match number.strip_prefix(['x', 'X']) {
            Some(hexadecimal) => u32::from_str_radix(hexadecimal, 16).ok(),
            None => number.parse().ok(),
        });
    match (name, number.and_then(char::from_u32)) {
        (_, Some(character)) => character.to_string(),
        ("lt", _) => "<".to_owned(),
        ("gt", _) => ">".to_owned(),
        ("amp", _) => "&".to_owned(),
        ("quot", _) => "\"".to_owned(),
        ("apos", _) => "'".to_owned(),
        _ => format!("&{name};"),
    }
}

/// `text` with `&`, `<` and `>` escaped.
pub fn escape(text: &str) -> String {
    let mut escaped = String::new();
    escape_into(&mut escaped, text);
    escaped
}

/// Adds `text` with `&`, `<` and `>` escaped.
pub fn escape_into(to: &mut String, text: &str) {
    to.reserve(text.len() + text.len() / 4);
    let mut done = 0;
    for (at, byte) in text.bytes().enumerate() {
        let escaped = match byte {
            b'&' => "&amp;",
            b'<' => "&lt;",
            b'>' => "&gt;",
            _ => continue,
        };
        to.push_str(&text[done..at]);
        to.push_str(escaped);
        done = at + 1;
    }
    to.push_str(&text[done..]);
}

/// The text of the first `<tag>` anywhere in `body`, without CDATA marks; empty if there is none.
///
/// For bodies this model wrote itself, where the first one is the object's own.
pub fn field<'a>(body: &'a str, tag: &str) -> &'a str {
    let text = inside(body, tag)
        .and_then(|(start, end)| body.get(start..end))
        .unwrap_or_default();
    text.strip_prefix("<![CDATA[")
        .and_then(|text| text.strip_suffix("]]>"))
        .unwrap_or(text)
}

/// `body` with the text of the first `<tag>` replaced; unchanged if there is no such tag.
pub fn with_field(body: &str, tag: &str, value: &str) -> String {
    inside(body, tag).map_or_else(
        || body.to_owned(),
        |(start, end)| format!("{}{value}{}", &body[..start], &body[end..]),
    )
}

/// Where the text of the first `<tag>` begins and ends.
fn inside(body: &str, tag: &str) -> Option<(usize, usize)> {
    let start = body.find(&format!("<{tag}>"))? + tag.len() + 2;
    let end = body[start..].find(&format!("</{tag}>"))? + start;
    Some((start, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_as_the_tools_do() -> Result<(), NotXml> {
        let zone = "<ZONE><ID>0</ID><T><E><![CDATA[a&b]]></E></T><SERVER_POOL></SERVER_POOL></ZONE>";
        let element = Element::parse(zone)?;
        let shown =
            "<ZONE>\n  <ID>0</ID>\n  <T>\n    <E><![CDATA[a&b]]></E>\n  </T>\n  <SERVER_POOL/>\n</ZONE>\n";
        assert_eq!(element.indented(), shown);
        assert_eq!(Element::parse(shown)?, element);
        assert_eq!(
            element.json().to_string(),
            r#"{"ID":"0","T":{"E":"a&b"},"SERVER_POOL":{}}"#
        );
        Ok(())
    }

    #[test]
    fn reads_and_replaces_fields() {
        let body = "<A><N><![CDATA[x]]></N><S>0</S><S>1</S></A>";
        assert_eq!(
            (field(body, "N"), field(body, "S"), field(body, "Z")),
            ("x", "0", "")
        );
        assert_eq!(
            with_field(body, "S", "9"),
            "<A><N><![CDATA[x]]></N><S>9</S><S>1</S></A>"
        );
    }

    #[test]
    fn broken_text_is_an_error() {
        for broken in ["", "<A>", "<A></B>", "plain"] {
            assert!(Element::parse(broken).is_err(), "{broken}");
        }
    }
}
