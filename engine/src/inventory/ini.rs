//! Ansible's INI inventories.

use std::sync::Arc;

use super::draft::Draft;
use super::ini_line::{rest_of_line, words};
use super::{ALL, UNGROUPED};
use crate::diagnostics::{Finding, Source, Span, suggest};

/// What the lines of a section are.
#[derive(Clone)]
enum Section {
    Hosts(String),
    Children(String),
    Vars(String),
    /// One with a faulty header: its lines are passed over, or each would be a finding that follows from the first.
    Unknown,
}

/// Reads a file into the draft.
pub(super) fn read(source: &Arc<Source>, draft: &mut Draft) {
    let mut section = Section::Hosts(UNGROUPED.to_owned());
    let mut start = 0;
    for line in source.text.split_inclusive('\n') {
        let span = trimmed(source, start, start + line.len());
        start += line.len();
        let text = span.text();
        if text.is_empty() || text.starts_with(['#', ';']) {
            continue;
        }
        let result = match header(&span) {
            Some(header) => self::section(&header, draft).map(|next| section = next),
            None => entry(&section, &span, draft),
        };
        if let Err(finding) = result {
            if header(&span).is_some() {
                section = Section::Unknown;
            }
            draft.findings.push(finding);
        }
    }
}

/// What stands between the brackets of a section's header.
fn header(line: &Span) -> Option<Span> {
    let text = line.text().strip_prefix('[')?;
    let close = text.find(']')?;
    let behind = text[close + 1..].trim_start();
    // `[a:c].example.com` is a range of hosts.
    (behind.is_empty() || behind.starts_with(['#', ';'])).then(|| Span {
        start: line.start + 1,
        end: line.start + 1 + close,
        ..line.clone()
    })
}

fn section(header: &Span, draft: &mut Draft) -> Result<Section, Finding> {
    let (name, kind) = match header.text().split_once(':') {
        Some((name, kind)) => (name, Some(kind)),
        None => (header.text(), None),
    };
    if name.is_empty() || name.contains(|c: char| c.is_whitespace() || ",:!&~*?[]".contains(c)) {
        return Err(Finding::at(header, format!("no group can be named `{name}`"), "")
            .help("a name has no spaces and none of , : ! & ~ * ? [ ]"));
    }
    let place = Span {
        end: header.start + name.len(),
        ..header.clone()
    };
    let name = name.to_owned();
    match kind {
        None => {
            draft.define_group(&name, &place);
            Ok(Section::Hosts(name))
        }
        Some("children") => {
            draft.define_group(&name, &place);
            Ok(Section::Children(name))
        }
        Some("vars") => {
            draft.refer_to_group(&name, &place);
            Ok(Section::Vars(name))
        }
        Some(other) => {
            let place = Span {
                start: place.end + 1,
                ..header.clone()
            };
            let help = suggest(other, ["children", "vars"])
                .unwrap_or_else(|| format!("known are [{name}], [{name}:children] and [{name}:vars]"));
            Err(Finding::at(&place, format!("`:{other}` is no kind of section"), "unknown").help(help))
        }
    }
}

fn entry(section: &Section, line: &Span, draft: &mut Draft) -> Result<(), Finding> {
    match section {
        Section::Hosts(group) => host(group, line, draft),
        Section::Children(group) => child(group, line, draft),
        Section::Vars(group) => variable(group, line, draft),
        Section::Unknown => Ok(()),
    }
}

fn host(group: &str, line: &Span, draft: &mut Draft) -> Result<(), Finding> {
    let words = words(line)?;
    let Some((first, rest)) = words.split_first() else {
        return Ok(());
    };
    if first.assignment().is_some() {
        return Err(Finding::at(
            &first.span,
            "a line of hosts begins with a host's name",
            "no name",
        )
        .help(format!("variables of the group go to a section [{group}:vars]")));
    }
    let hosts = draft.name_hosts(group, &first.text, &first.span);
    for word in rest {
        match word.assignment() {
            Some((key, place, value)) => draft.set_host_var(&hosts, key, &place, &value),
            None => {
                return Err(Finding::at(
                    &word.span,
                    "behind a host's name stand variables",
                    "no `key=value`",
                )
                .help("one host a line; no spaces around `=`; a value with spaces is in quotes"));
            }
        }
    }
    Ok(())
}

fn child(group: &str, line: &Span, draft: &mut Draft) -> Result<(), Finding> {
    let words = words(line)?;
    let Some((first, rest)) = words.split_first() else {
        return Ok(());
    };
    if let Some(word) = rest.first() {
        return Err(Finding::at(
            &word.span,
            "a line of children is the name of one group",
            "one too many",
        )
        .help(format!(
            "variables of a group go to a section [{}:vars]",
            first.text
        )));
    }
    if first.text == ALL {
        return Err(Finding::at(
            &first.span,
            "`all` holds every group and is in none",
            "not here",
        ));
    }
    draft.refer_to_group(&first.text, &first.span);
    draft
        .define_group(group, &first.span)
        .children
        .insert(first.text.clone(), first.span.clone());
    Ok(())
}

fn variable(group: &str, line: &Span, draft: &mut Draft) -> Result<(), Finding> {
    let Some(equals) = line.text().find('=') else {
        return Err(Finding::at(line, "a line of variables is `key=value`", "no `=`")
            .help(format!("hosts go to a section [{group}]")));
    };
    let key = trimmed(&line.source, line.start, line.start + equals);
    let value = trimmed(&line.source, line.start + equals + 1, line.end);
    let value = rest_of_line(&value)?;
    draft.set_group_var(group, key.text(), &key, &value);
    Ok(())
}

/// A stretch of a source without the space around it.
fn trimmed(source: &Arc<Source>, start: usize, end: usize) -> Span {
    let text = &source.text[start..end];
    let start = start + (text.len() - text.trim_start().len());
    Span {
        source: Arc::clone(source),
        start,
        end: start + text.trim().len(),
    }
}
