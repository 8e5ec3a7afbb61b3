//! Broken input, a folder a case: what an operator is told about it is held to `diagnostics.snap` beside it.
//!
//! A case is a playbook (`playbook.yml` and what it imports), an inventory (`inventory.ini` or `.yml`), or templates
//! (`templates.yml`: variables, and texts and conditions over them). A new case is a new folder; `INSTA_UPDATE=always` writes
//! its snapshot.

#![expect(clippy::unwrap_used, reason = "a case that cannot be read is a broken test")]

mod answers;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use miette::{GraphicalReportHandler, GraphicalTheme};
use nebplay::diagnostics::{Finding, Findings, Source};
use nebplay::inventory::Inventory;
use nebplay::playbook::{self, Disk, Reader};
use nebplay::template::{Binding, Layer, Scope, Templates};
use nebplay::vault::Vault;
use nebplay::yaml;

/// Relative to the package, as tests run: no path of this machine gets into a snapshot.
const CASES: &str = "bad";

fn cases() -> Vec<PathBuf> {
    let entries = fs::read_dir(CASES).unwrap();
    let mut cases: Vec<_> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir() && !path.ends_with("answers"))
        .collect();
    cases.sort();
    cases
}

/// What is wrong with a case.
fn diagnose(case: &Path) -> Findings {
    let file = |name: &str| Some(case.join(name)).filter(|path| path.exists());
    let mut findings = Findings::new();
    if let Some(path) = file("playbook.yml") {
        findings.extend(playbook::load(&path, &Disk).err().unwrap_or_default());
    }
    for name in ["inventory.ini", "inventory.yml"] {
        if let Some(path) = file(name) {
            let source = path.to_string_lossy().into_owned();
            findings.extend(
                Inventory::load(&[source], &[], &Vault::closed())
                    .err()
                    .unwrap_or_default(),
            );
        }
    }
    if let Some(path) = file("templates.yml") {
        findings.extend(render_all(&path));
    }
    findings
}

/// Every error of the templates of a case, one rendering each.
fn render_all(path: &Path) -> Findings {
    let source = Source::new(path.to_string_lossy(), fs::read_to_string(path).unwrap());
    let root = yaml::parse(&source).unwrap().unwrap();
    let part = |name: &str| {
        root.get(name)
            .and_then(|node| node.as_sequence())
            .unwrap_or_default()
            .to_vec()
    };
    let vars: Layer = root
        .get("vars")
        .and_then(|vars| vars.as_mapping())
        .unwrap_or_default()
        .iter()
        .map(|entry| (entry.name().to_owned(), Binding::Node(entry.value.clone())))
        .collect();
    let (scope, templates) = (Scope::new().layer(vars), Templates::new());
    let rendered = part("render")
        .into_iter()
        .map(|node| templates.render_node(&node, &scope).err());
    let held = part("when")
        .into_iter()
        .map(|node| templates.condition(&node, &scope).err());
    rendered
        .chain(held)
        .map(|error| error.unwrap().into_finding())
        .collect()
}

fn shown(findings: &[Finding]) -> String {
    let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor())
        .with_width(110)
        .with_context_lines(1)
        .without_syntax_highlighting();
    let mut text = String::new();
    for finding in findings {
        handler.render_report(&mut text, finding).unwrap();
        text.push('\n');
    }
    let lines: Vec<_> = text.lines().map(str::trim_end).collect();
    lines.join("\n")
}

#[test]
fn every_case_is_told_in_full() {
    let cases = cases();
    assert!(cases.len() >= 20, "only {} cases", cases.len());
    for case in cases {
        let findings = diagnose(&case);
        assert!(
            !findings.is_empty(),
            "{}: nothing is wrong with it",
            case.display()
        );
        let mut settings = insta::Settings::new();
        settings.set_snapshot_path(Path::new("..").join(&case));
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.bind(|| insta::assert_snapshot!("diagnostics", shown(&findings)));
    }
}

/// One file, cut off somewhere; what it imports is not there.
struct CutOff(BTreeMap<PathBuf, String>);

impl Reader for CutOff {
    fn read(&self, path: &Path) -> Result<String, String> {
        self.0
            .get(path)
            .cloned()
            .ok_or_else(|| "there is no such file".to_owned())
    }
}

#[test]
fn no_playbook_that_is_cut_off_or_garbled_panics() {
    for case in cases() {
        let path = case.join("playbook.yml");
        let Ok(text) = fs::read_to_string(&path) else {
            continue;
        };
        let load = |text: String| {
            let findings = playbook::load(&path, &CutOff([(path.clone(), text)].into()))
                .err()
                .unwrap_or_default();
            shown(&findings)
        };
        let cuts = text.char_indices().map(|(at, _)| at).filter(|at| at % 5 == 0);
        for cut in cuts {
            load(text[..cut].to_owned());
            // The same with one character less in the middle.
            let next = text[cut..].chars().next().map_or(cut, |c| cut + c.len_utf8());
            load(format!("{}{}", &text[..cut], &text[next..]));
        }
    }
}
