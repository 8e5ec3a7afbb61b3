use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::diagnostics::Findings;
use crate::inventory::Inventory;
use crate::vault::Vault;

/// A directory with these files.
fn tree(files: &[(&str, &str)]) -> TempDir {
    let directory = TempDir::new().unwrap();
    for (name, text) in files {
        let path = directory.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    directory
}

fn load(directory: &Path, sources: &[&str], playbooks: &[&str]) -> Result<Inventory, Findings> {
    let sources: Vec<String> = sources
        .iter()
        .map(|source| directory.join(source).display().to_string())
        .collect();
    let playbooks: Vec<_> = playbooks
        .iter()
        .map(|playbook| directory.join(playbook))
        .collect();
    Inventory::load(&sources, &playbooks, &Vault::closed())
}

fn value<'a>(inventory: &'a Inventory, host: &str, name: &str) -> &'a str {
    inventory.host_vars(host).unwrap()[name].as_str().unwrap()
}

#[test]
fn variables_beside_inventory_and_playbook() {
    let directory = tree(&[
        (
            "inv/prod.ini",
            "[g]\nh.lab a=1 v6=ini\n[g:vars]\nv1=ini\nv2=ini\nv3=ini\nv4=ini\nv5=ini\nv6=group\n",
        ),
        (
            "inv/group_vars/all.yml",
            "v1: inv-all\nv2: inv-all\nv3: inv-all\nv4: inv-all\nv5: inv-all\n",
        ),
        (
            "play/group_vars/all/x.yml",
            "v2: play-all\nv3: play-all\nv4: play-all\nv5: play-all\n",
        ),
        (
            "inv/group_vars/g/1.yml",
            "v3: inv-g-1\nv4: inv-g-1\nv5: inv-g-1\n",
        ),
        ("inv/group_vars/g/2.yaml", "v3: inv-g-2\n"),
        ("inv/group_vars/g/.hidden", "]"),
        ("inv/group_vars/g/3.yml~", "]"),
        ("inv/group_vars/unknown.yml", "]"),
        ("play/group_vars/g", "v4: play-g\nv5: play-g\n"),
        ("inv/host_vars/h.lab.yml", "v5: inv-h\nv6: inv-h\n"),
        ("play/host_vars/h.lab", "v6: play-h\n"),
    ]);
    let inventory = load(directory.path(), &["inv/prod.ini"], &["play"]).unwrap();
    let values = ["v1", "v2", "v3", "v4", "v5", "v6"].map(|name| value(&inventory, "h.lab", name).to_owned());
    assert_eq!(
        values,
        ["inv-all", "play-all", "inv-g-2", "play-g", "inv-h", "play-h"].map(String::from)
    );
}

#[test]
fn several_sources_and_directories() {
    let directory = tree(&[
        ("a.ini", "h x=a y=a\n"),
        ("b/1.yml", "g: {hosts: {h: {x: b}}}\n"),
        ("b/2.ini", "[g]\ni\n"),
        ("b/notes.txt", "]"),
        ("b/group_vars/g.yml", "z: g\n"),
        ("c", "---\ng: {hosts: {j: }}\n"),
    ]);
    let inventory = load(directory.path(), &["a.ini", "b", "c"], &[]).unwrap();
    assert_eq!(inventory.select("g").unwrap(), ["h", "i", "j"]);
    assert_eq!(
        [
            value(&inventory, "h", "x"),
            value(&inventory, "h", "y"),
            value(&inventory, "h", "z")
        ],
        ["b", "a", "g"]
    );
}

#[test]
fn hosts_on_the_command_line() {
    let inventory = Inventory::load(&["fe1,fe[2:3]:22, ".to_owned()], &[], &Vault::closed()).unwrap();
    assert_eq!(inventory.select("all").unwrap(), ["fe1", "fe2", "fe3"]);
}

#[test]
fn files_that_cannot_be_read() {
    let directory = tree(&[
        ("prod.ini", "h\n"),
        ("script", "#!/bin/sh\n"),
        ("group_vars/all.yml", "a: 1\n"),
        ("group_vars/all/x.yml", "a: 1\n"),
        ("v/hosts", "h\n"),
        ("v/host_vars/h.yml", "$ANSIBLE_VAULT;1.1;AES256\n"),
        ("l/hosts", "h\n"),
        ("l/host_vars/h.yml", "- a\n"),
    ]);
    fs::write(directory.path().join("latin.ini"), b"h a=1\nh b=\xe9\n").unwrap();
    let cases = [
        (
            "prdo.ini",
            "cannot read prdo.ini: No such file or directory (os error 2)",
            "did you mean `prod.ini`?",
        ),
        (
            "latin.ini",
            "line 2 of latin.ini is no UTF-8",
            "save the file as UTF-8",
        ),
        (
            "script",
            "the inventory script is a script",
            "run it yourself, and give nebplay the inventory it writes",
        ),
        (
            "prod.ini",
            "group_vars/all and group_vars/all.yml are both variables of `all`",
            "keep one of them; a directory takes several files",
        ),
        (
            "v",
            "v/host_vars/h.yml is encrypted by ansible-vault",
            "give its password with --vault-password-file FILE, or --ask-vault-password",
        ),
        ("l", "a file of variables is a mapping", ""),
    ];
    let prefix = format!("{}/", directory.path().display());
    for (source, message, help) in cases {
        let finding = load(directory.path(), &[source], &[]).unwrap_err().remove(0);
        let shown = [
            finding.message.replace(&prefix, ""),
            finding.help.unwrap_or_default().replace(&prefix, ""),
        ];
        assert_eq!(shown, [message, help]);
    }
}
