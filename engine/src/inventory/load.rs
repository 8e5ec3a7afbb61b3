//! Which files an inventory is read from, and how each is to be read.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::draft::Draft;
use super::{Inventory, host_list, ini, resolve, vars_files, yaml_file};
use crate::diagnostics::{Finding, Findings, Source, suggest};
use crate::vault::Vault;

/// Endings of files in an inventory's directory that are none.
const LEFT_OUT: [&str; 9] = [
    "~", ".bak", ".orig", ".retry", ".swp", ".cfg", ".md", ".txt", ".rst",
];

impl Inventory {
    /// Reads sources in order: files, directories of files, or names separated by commas (`fe1,`). Later ones override
    /// earlier ones. Variables in `group_vars` and `host_vars` are looked for beside each, and in `playbook_directories`.
    pub fn load(
        sources: &[String],
        playbook_directories: &[PathBuf],
        vault: &Vault,
    ) -> Result<Self, Findings> {
        let mut draft = Draft::new();
        let mut beside: Vec<(PathBuf, bool)> = Vec::new();
        for source in sources {
            if let Some(directory) = read(source, &mut draft, vault) {
                beside.push((directory, false));
            }
        }
        beside.extend(
            playbook_directories
                .iter()
                .map(|directory| (directory.clone(), true)),
        );
        // A directory counts once, as what it is first: beside the inventory.
        let mut seen = Vec::new();
        beside.retain(|(directory, _)| {
            let real = directory.canonicalize().unwrap_or_else(|_| directory.clone());
            let is_new = !seen.contains(&real);
            seen.push(real);
            is_new
        });
        let mut inventory = resolve::resolve(draft)?;
        let files = vars_files::read(&beside, &inventory, vault)?;
        inventory.add_vars(files);
        Ok(inventory)
    }
}

/// Reads one `-i`; the directory its variables stand in.
fn read(given: &str, draft: &mut Draft, vault: &Vault) -> Option<PathBuf> {
    let path = Path::new(given);
    if path.is_dir() {
        read_directory(path, draft, vault);
        return Some(path.to_owned());
    }
    if given.contains(',') && !path.exists() {
        host_list::read(&Source::new("-i", given), draft);
        return None;
    }
    read_file(path, draft, vault);
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    Some(parent.unwrap_or(Path::new(".")).to_owned())
}

fn read_directory(directory: &Path, draft: &mut Draft, vault: &Vault) {
    let paths = match entries(directory) {
        Ok(paths) => paths,
        Err(finding) => return draft.findings.push(finding),
    };
    for path in paths {
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        if is_left_out(name) || ["group_vars", "host_vars"].contains(&name) {
            continue;
        }
        if path.is_dir() {
            read_directory(&path, draft, vault);
        } else {
            read_file(&path, draft, vault);
        }
    }
}

fn read_file(path: &Path, draft: &mut Draft, vault: &Vault) {
    match source_of(path, vault) {
        Err(finding) => draft.findings.push(finding),
        Ok(source) if source.text.starts_with("#!") => {
            let finding = Finding::nowhere(format!("the inventory {} is a script", path.display()));
            draft
                .findings
                .push(finding.help("run it yourself, and give nebplay the inventory it writes"));
        }
        Ok(source) if is_yaml(path, &source) => yaml_file::read(&source, draft, vault),
        Ok(source) => ini::read(&source, draft),
    }
}

fn is_yaml(path: &Path, source: &Source) -> bool {
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("yml" | "yaml" | "json") => true,
        Some(_) => false,
        None => source.text.lines().any(|line| line.trim_end() == "---"),
    }
}

/// The text of a file, opened if it is encrypted.
pub(super) fn source_of(path: &Path, vault: &Vault) -> Result<Arc<Source>, Finding> {
    let name = path.display().to_string();
    let bytes = std::fs::read(path).map_err(|error| cannot_read(path, &error))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let readable = String::from_utf8_lossy(&error.as_bytes()[..at]);
        let line = readable.matches('\n').count() + 1;
        Finding::nowhere(format!("line {line} of {name} is no UTF-8")).help("save the file as UTF-8")
    })?;
    vault.source(name, text)
}

fn cannot_read(path: &Path, error: &std::io::Error) -> Finding {
    let finding = Finding::nowhere(format!("cannot read {}: {error}", path.display()));
    if error.kind() != std::io::ErrorKind::NotFound {
        return finding;
    }
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let siblings: Vec<String> = entries(directory.unwrap_or(Path::new(".")))
        .unwrap_or_default()
        .iter()
        .map(|sibling| {
            sibling
                .strip_prefix("./")
                .unwrap_or(sibling)
                .display()
                .to_string()
        })
        .collect();
    match suggest(&path.display().to_string(), siblings.iter().map(String::as_str)) {
        Some(help) => finding.help(help),
        None => finding,
    }
}

/// What is in a directory, by name.
pub(super) fn entries(directory: &Path) -> Result<Vec<PathBuf>, Finding> {
    let wrong = |error| {
        Finding::nowhere(format!(
            "cannot read the directory {}: {error}",
            directory.display()
        ))
    };
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(wrong)? {
        paths.push(entry.map_err(wrong)?.path());
    }
    paths.sort_unstable();
    Ok(paths)
}

/// Whether a file of that name is no inventory and no variables: hidden, a backup, a text.
pub(super) fn is_left_out(name: &str) -> bool {
    name.starts_with('.') || LEFT_OUT.iter().any(|ending| name.ends_with(ending))
}
