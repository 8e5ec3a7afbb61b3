//! XML as a tree, for answers of oned: small, and suspicious of what it reads.

use quick_xml::Reader;
use quick_xml::escape::resolve_xml_entity;
use quick_xml::events::Event;

/// Deeper than anything OpenNebula prints; what is deeper is not from OpenNebula.
const MAX_DEPTH: usize = 64;

/// An element.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Element {
    /// Its name.
    pub name: String,
    /// All text directly inside it, entities resolved.
    pub text: String,
    /// The elements directly inside it, in order.
    pub children: Vec<Element>,
}

impl Element {
    /// The first child of that name. A direct child only: `STATE` of a VM stands again inside its MONITORING.
    pub fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// All children of that name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The text of a child, which must be there.
    pub fn text_of(&self, name: &str) -> Result<&str, XmlError> {
        match self.child(name) {
            Some(child) => Ok(child.text.trim()),
            None => Err(XmlError(format!("{} has no {name}", self.name))),
        }
    }

    /// The number in a child, which must be there.
    pub fn number_of<T: std::str::FromStr>(&self, name: &str) -> Result<T, XmlError> {
        let text = self.text_of(name)?;
        text.parse()
            .map_err(|_| XmlError(format!("{name} of {} is no number in its range", self.name)))
    }
}

/// A text that is not the XML it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct XmlError(pub String);

/// Reads one document; text that ends early is an error, never a shorter document.
pub fn parse(text: &str) -> Result<Element, XmlError> {
    let mut reader = Reader::from_str(text);
    let mut open: Vec<Element> = Vec::new();
    let mut root = None;
    loop {
        let event = reader
            .read_event()
            .map_err(|error| XmlError(format!("not well-formed XML: {error}")))?;
        match event {
            Event::Start(start) => {
                if root.is_some() {
                    return Err(XmlError("more than one document".to_owned()));
                }
                if open.len() == MAX_DEPTH {
                    return Err(XmlError(format!("nested deeper than {MAX_DEPTH}")));
                }
                open.push(named(start.name().as_ref()));
            }
            Event::Empty(empty) => close(named(empty.name().as_ref()), &mut open, &mut root)?,
            Event::End(_) => {
                // The reader has checked that it ends what is open.
                let Some(element) = open.pop() else {
                    return Err(XmlError("an end without a start".to_owned()));
                };
                close(element, &mut open, &mut root)?;
            }
            Event::Text(text) => add(&text.xml10_content(), &mut open)?,
            Event::CData(text) => add(&text.xml10_content(), &mut open)?,
            Event::GeneralRef(reference) => {
                match (resolve_xml_entity(&reference), reference.resolve_char_ref()) {
                    (Some(text), _) => add(text, &mut open)?,
                    (None, Ok(Some(c))) => add(c.encode_utf8(&mut [0; 4]), &mut open)?,
                    (None, Ok(None)) => return Err(XmlError("an unknown entity".to_owned())),
                    (None, Err(error)) => return Err(XmlError(format!("a character reference: {error}"))),
                }
            }
            Event::DocType(_) => return Err(XmlError("a document type, which oned never sends".to_owned())),
            Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
            Event::Eof => break,
        }
    }
    match root {
        Some(root) if open.is_empty() => Ok(root),
        _ => Err(XmlError("the document ends too early".to_owned())),
    }
}

fn named(name: &str) -> Element {
    Element {
        name: name.to_owned(),
        ..Element::default()
    }
}

fn close(element: Element, open: &mut [Element], root: &mut Option<Element>) -> Result<(), XmlError> {
    match open.last_mut() {
        Some(parent) => parent.children.push(element),
        None if root.is_none() => *root = Some(element),
        None => return Err(XmlError("more than one document".to_owned())),
    }
    Ok(())
}

fn add(text: &str, open: &mut [Element]) -> Result<(), XmlError> {
    match open.last_mut() {
        Some(element) => element.text.push_str(text),
        None if text.trim().is_empty() => {}
        None => return Err(XmlError("text outside of the document".to_owned())),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cdata_and_entities_are_one_text() {
        let root =
            parse("<?xml version=\"1.0\"?>\n<A> x &lt;<![CDATA[<y>&]]>&#233;<B/><B>2</B></A>\n").unwrap();
        assert_eq!(root.text, " x <<y>&é");
        assert_eq!(root.all("B").count(), 2);
        assert_eq!(root.children[1].text, "2");
    }

    #[test]
    fn only_direct_children_are_found() {
        let vm = parse("<VM><MONITORING><STATE>9</STATE></MONITORING><STATE>3</STATE></VM>").unwrap();
        assert_eq!(vm.number_of::<u32>("STATE"), Ok(3));
        assert!(vm.number_of::<u32>("LCM_STATE").is_err());
    }

    #[test]
    fn every_truncation_is_an_error() {
        let text = "<A b=\"1\"><B>x &amp; <![CDATA[y]]></B><C/></A>";
        assert!(parse(text).is_ok());
        for end in 0..text.len() {
            assert!(parse(&text[..end]).is_err(), "{}", &text[..end]);
        }
    }

    #[test]
    fn hostile_documents_are_refused() {
        let deep = "<a>".repeat(100_000);
        let bomb = "<!DOCTYPE a [<!ENTITY b \"x\">]><a>&b;</a>";
        for text in [
            deep.as_str(),
            bomb,
            "<a>&b;</a>",
            "<a></b>",
            "<a/><b/>",
            "<a/>x",
            "x",
            "",
            "<a>&#0;&#x110000;</a>",
        ] {
            assert!(parse(text).is_err(), "{text:.40}");
        }
    }
}
