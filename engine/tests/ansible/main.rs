//! Held to Ansible: small playbooks, and what ansible-core made of them, step by step (`cases/NAME.txt`, told by `told.py`).
//!
//! A line of such a file that begins with `-` is Ansible's alone and one with `+` is nebplay's alone; the line with `#` before them says
//! why, and `docs/differences-from-ansible.md` says it to users. To add a case, write the playbook and run `record.sh NAME`.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

#[test]
fn playbooks_come_to_what_they_do_in_ansible() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ansible/cases");
    let mut held = 0;
    let mut differ = String::new();
    for entry in fs::read_dir(&cases).unwrap() {
        let playbook = entry.unwrap().path();
        if playbook.extension().is_none_or(|extension| extension != "yml") {
            continue;
        }
        let name = playbook.file_stem().unwrap().to_str().unwrap();
        let recorded = fs::read_to_string(playbook.with_extension("txt")).unwrap();
        let came_to = run(&cases, name);
        if came_to != ours(&recorded) {
            write!(differ, "\n{name}:\n{}", side_by_side(&ours(&recorded), &came_to)).unwrap();
        }
        held += 1;
    }
    assert!(differ.is_empty(), "wanted | came to{differ}");
    assert!(held > 10, "{held}");
}

/// What nebplay is to tell.
fn ours(recorded: &str) -> String {
    recorded
        .lines()
        .filter(|line| !line.starts_with(['-', '#']))
        .map(|line| format!("{}\n", line.strip_prefix('+').unwrap_or(line)))
        .collect()
}

fn side_by_side(wanted: &str, came_to: &str) -> String {
    let (mut wanted, mut came_to) = (wanted.lines(), came_to.lines());
    let mut both = String::new();
    loop {
        let (left, right) = (wanted.next(), came_to.next());
        if left.is_none() && right.is_none() {
            return both;
        }
        let (left, right) = (left.unwrap_or_default(), right.unwrap_or_default());
        let sign = if left == right { ' ' } else { '!' };
        writeln!(both, "{sign} {left:<60} | {right}").unwrap();
    }
}

/// Runs a case, and tells it.
fn run(cases: &Path, name: &str) -> String {
    let home = tempfile::tempdir().unwrap();
    let playbook = format!("{name}.yml");
    let text = fs::read_to_string(cases.join(&playbook)).unwrap();
    let arguments = text
        .strip_prefix("# arguments: ")
        .and_then(|text| text.lines().next());
    let output = Command::new(env!("CARGO_BIN_EXE_nebplay"))
        .args([&playbook, "-i", "hosts.ini", "--json", "-f", "1"])
        .args(arguments.unwrap_or_default().split_whitespace())
        .current_dir(cases)
        .env("HOME", home.path())
        .env("TOLD", home.path())
        .env_remove("NEBPLAY_INVENTORY")
        .output()
        .unwrap();
    let mut told = tell(&String::from_utf8(output.stdout).unwrap());
    if told.is_empty() {
        told = String::from_utf8(output.stderr).unwrap();
    }
    writeln!(told, "exit {}", output.status.code().unwrap()).unwrap();
    told
}

/// Events as lines.
fn tell(events: &str) -> String {
    let mut told = Told::default();
    for line in events.lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        told.event(&event["what"]);
    }
    told.lines
}

#[derive(Default)]
struct Told {
    lines: String,
    play: String,
    /// Modules of tasks.
    modules: HashMap<String, String>,
    /// Steps of the task that is under way, by host.
    steps: HashMap<String, usize>,
}

impl Told {
    fn event(&mut self, what: &Value) {
        let text = |name: &str| what[name].as_str().unwrap().to_owned();
        let lines = &mut self.lines;
        match what["event"].as_str().unwrap() {
            "play_started" => {
                self.play = text("name");
                if what["batches"] == 1 {
                    writeln!(lines, "play {}", self.play).unwrap();
                }
            }
            "batch_started" => writeln!(lines, "play {}", self.play).unwrap(),
            "task_started" => {
                self.modules.insert(text("task"), text("module"));
                self.steps.clear();
                if text("module") != "meta" {
                    let kind = if what["handler"] == true {
                        "handler"
                    } else {
                        "task"
                    };
                    writeln!(lines, "{kind} {}", text("name")).unwrap();
                }
            }
            "step_ended" => self.step(&what["step"], &what["end"]),
            "host_ended" if !self.steps.contains_key(&text("host")) && text("status") == "skipped" => {
                writeln!(lines, "  {} skipped", text("host")).unwrap();
            }
            "run_ended" => recap(lines, what),
            _ => {}
        }
    }

    fn step(&mut self, step: &Value, end: &Value) {
        let host = step["host"].as_str().unwrap();
        *self.steps.entry(host.to_owned()).or_default() += 1;
        let module = self.modules[step["task"].as_str().unwrap()].as_str();
        if module == "meta" {
            return;
        }
        let item = step["item"].as_str();
        let status = match end["status"].as_str().unwrap() {
            "failed" if end["ignored"] == true && item.is_none() => "ignored",
            "would_change" => "changed",
            status => status,
        };
        let mut line = format!("  {host} {status}");
        if let Some(item) = item {
            write!(line, " item={item}").unwrap();
        }
        if (module, status) == ("debug", "ok") || module == "fail" && status != "skipped" {
            write!(line, " {}", sorted(&end["result"]["msg"])).unwrap();
        }
        writeln!(self.lines, "{line}").unwrap();
    }
}

fn recap(told: &mut String, what: &Value) {
    told.push_str("recap\n");
    let hosts: BTreeMap<String, BTreeMap<String, u32>> =
        serde_json::from_value(what["hosts"].clone()).unwrap();
    for (host, counts) in hosts {
        write!(told, "  {host}").unwrap();
        for name in [
            "ok",
            "changed",
            "unreachable",
            "failed",
            "skipped",
            "rescued",
            "ignored",
        ] {
            // What check mode would change, Ansible counts as changed.
            let would = if name == "changed" {
                counts["would_change"]
            } else {
                0
            };
            write!(told, " {name}={}", counts[name] + would).unwrap();
        }
        told.push('\n');
    }
}

/// As JSON, keys in order.
fn sorted(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let map: BTreeMap<_, _> = map.iter().collect();
            let entries: Vec<_> = map
                .iter()
                .map(|(key, value)| format!("{}:{}", Value::from(key.as_str()), sorted(value)))
                .collect();
            format!("{{{}}}", entries.join(","))
        }
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(sorted).collect();
            format!("[{}]", items.join(","))
        }
        other => other.to_string(),
    }
}
