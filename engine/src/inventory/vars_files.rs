//! Variables in files of their own: `group_vars/NAME` and `host_vars/NAME`, with an ending or not, or a directory of files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::Inventory;
use super::draft::check_variable_name;
use super::load::{entries, is_left_out, source_of};
use crate::diagnostics::{Finding, Findings};
use crate::playbook::Vars;
use crate::vault::Vault;

/// What the files of several directories say, those that win last.
#[derive(Default)]
pub(super) struct VarsFiles {
    /// By group; whether the file stands beside a playbook.
    pub(super) groups: Vec<(String, Vars, bool)>,
    /// By host.
    pub(super) hosts: Vec<(String, Vars)>,
}

/// Reads what stands beside inventories, then what stands beside playbooks, as far as it belongs to known hosts and groups.
pub(super) fn read(
    beside: &[(PathBuf, bool)],
    inventory: &Inventory,
    vault: &Vault,
) -> Result<VarsFiles, Findings> {
    let mut found = VarsFiles::default();
    let mut findings = Findings::new();
    for (directory, beside_playbook) in beside {
        let (vars, wrong) = read_all(
            &directory.join("group_vars"),
            &|name| inventory.group(name).is_some(),
            vault,
        );
        found.groups.extend(
            vars.into_iter()
                .map(|(name, vars)| (name, vars, *beside_playbook)),
        );
        findings.extend(wrong);
        let (vars, wrong) = read_all(
            &directory.join("host_vars"),
            &|name| inventory.host(name).is_some(),
            vault,
        );
        found.hosts.extend(vars);
        findings.extend(wrong);
    }
    if findings.is_empty() {
        Ok(found)
    } else {
        Err(findings)
    }
}

type Read = (Vec<(String, Vars)>, Findings);

fn read_all(directory: &Path, is_known: &dyn Fn(&str) -> bool, vault: &Vault) -> Read {
    if !directory.is_dir() {
        return Read::default();
    }
    let files = match files_by_name(directory, is_known) {
        Ok(files) => files,
        Err(findings) => return (Vec::new(), findings),
    };
    let read: Vec<_> = files
        .into_par_iter()
        .map(|(name, files)| {
            let mut vars = Vars::new();
            let mut findings = Findings::new();
            for file in files {
                match vars_of_file(&file, vault) {
                    Ok(more) => vars.extend(more),
                    Err(wrong) => findings.extend(wrong),
                }
            }
            (name, vars, findings)
        })
        .collect();
    let mut out = Read::default();
    for (name, vars, findings) in read {
        out.0.push((name, vars));
        out.1.extend(findings);
    }
    out
}

/// The files of each name. One listing of the directory, whatever the number of hosts.
fn files_by_name(
    directory: &Path,
    is_known: &dyn Fn(&str) -> bool,
) -> Result<BTreeMap<String, Vec<PathBuf>>, Findings> {
    let mut found: BTreeMap<String, PathBuf> = BTreeMap::new();
    let mut findings = Findings::new();
    for path in entries(directory).map_err(|finding| vec![finding])? {
        let file_name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        // A host's name may have dots: only these are endings.
        let stem = [".yml", ".yaml", ".json"]
            .iter()
            .find_map(|ending| file_name.strip_suffix(ending));
        let name = match stem {
            Some(stem) if path.is_file() => stem,
            _ => file_name,
        };
        if is_left_out(file_name) || !is_known(name) {
            continue;
        }
        if let Some(other) = found.insert(name.to_owned(), path.clone()) {
            let message = format!(
                "{} and {} are both variables of `{name}`",
                other.display(),
                path.display()
            );
            findings
                .push(Finding::nowhere(message).help("keep one of them; a directory takes several files"));
        }
    }
    if !findings.is_empty() {
        return Err(findings);
    }
    let mut files = BTreeMap::new();
    for (name, path) in found {
        let mut list = Vec::new();
        gather(path, &mut list).map_err(|finding| vec![finding])?;
        files.insert(name, list);
    }
    Ok(files)
}

fn gather(path: PathBuf, files: &mut Vec<PathBuf>) -> Result<(), Finding> {
    if path.is_dir() {
        for path in entries(&path)? {
            if !is_left_out(
                path.file_name()
                    .and_then(|name| name.to_str())
                    .unwrap_or_default(),
            ) {
                gather(path, files)?;
            }
        }
    } else {
        files.push(path);
    }
    Ok(())
}

/// The variables of a file: a YAML or JSON mapping.
pub fn vars_of_file(path: &Path, vault: &Vault) -> Result<Vars, Findings> {
    let source = source_of(path, vault).map_err(|finding| vec![finding])?;
    let Some(root) = vault.parse(&source).map_err(|finding| vec![finding])? else {
        return Ok(Vars::new());
    };
    let Some(entries) = root.as_mapping() else {
        let finding = Finding::at(
            &root.span,
            "a file of variables is a mapping",
            format!("this is {}", root.kind()),
        );
        return Err(vec![finding]);
    };
    let findings: Findings = entries
        .iter()
        .filter_map(|entry| check_variable_name(entry.name(), &entry.key.span).err())
        .collect();
    if !findings.is_empty() {
        return Err(findings);
    }
    Ok(entries
        .iter()
        .map(|entry| (entry.name().to_owned(), entry.value.clone()))
        .collect())
}
