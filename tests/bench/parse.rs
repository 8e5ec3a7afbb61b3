//! Starting, and reading large inventories and playbooks.

use std::fmt::Write as _;
use std::fs;
use std::process::Command;

use crate::Bench;
use crate::measure::{Contender, Fallible, on_path, race};

/// 10,000 hosts in 110 groups: 100 of 100 hosts, 10 of 10 groups.
fn inventory() -> String {
    let mut text = String::new();
    for group in 0..100 {
        let _ = writeln!(
            text,
            "[g{group:03}]\nh{group:03}-[00:99].example ansible_port=22 rack={group}"
        );
    }
    for parent in 0..10 {
        let _ = writeln!(text, "[p{parent}:children]");
        for group in 0..10 {
            let _ = writeln!(text, "g{:03}", parent * 10 + group);
        }
    }
    text
}

pub(crate) fn bench(bench: &Bench) -> Fallible<()> {
    let dir = tempfile::tempdir()?;
    let (hosts, play) = (dir.path().join("hosts.ini"), dir.path().join("play.yml"));
    fs::write(&hosts, inventory())?;
    let task = |number: usize| {
        format!("    - name: task {number}\n      command: echo {{{{ inventory_hostname }}}} {number}\n")
    };
    fs::write(
        &play,
        format!(
            "- hosts: all\n  tasks:\n{}",
            (0..1000).map(task).collect::<String>()
        ),
    )?;
    let command = |program: &std::path::Path, words: &[&str]| {
        let mut command = Command::new(program);
        command
            .args(words)
            .current_dir(dir.path())
            .env("HOME", dir.path());
        command
    };
    let ours = bench.nebplay.as_path();
    let mut all: Vec<(&str, Vec<Contender<'_>>)> = vec![
        (
            "--version",
            vec![Contender::new("nebplay", || command(ours, &["--version"]))],
        ),
        (
            "inventory --list, 10,000 hosts",
            vec![Contender::new("nebplay", || {
                command(ours, &["inventory", "-i", "hosts.ini", "--list"])
            })],
        ),
        (
            "--syntax-check, 1,000 tasks",
            vec![Contender::new("nebplay", || {
                command(ours, &["play.yml", "-i", "hosts.ini", "--syntax-check"])
            })],
        ),
        (
            "--list-tasks, 1,000 tasks, 10,000 hosts",
            vec![Contender::new("nebplay", || {
                command(ours, &["play.yml", "-i", "hosts.ini", "--list-tasks"])
            })],
        ),
    ];
    if on_path("ansible-playbook") {
        let words: [(&str, &[&str]); 4] = [
            ("ansible", &["--version"]),
            ("ansible-inventory", &["-i", "hosts.ini", "--list"]),
            (
                "ansible-playbook",
                &["play.yml", "-i", "hosts.ini", "--syntax-check"],
            ),
            (
                "ansible-playbook",
                &["play.yml", "-i", "hosts.ini", "--list-tasks"],
            ),
        ];
        for ((_, contenders), (program, words)) in all.iter_mut().zip(words) {
            contenders.push(Contender::new(program, move || command(program.as_ref(), words)));
        }
    }
    for (title, contenders) in &mut all {
        race(title, bench.rounds.min(3), contenders)?;
    }
    Ok(())
}
