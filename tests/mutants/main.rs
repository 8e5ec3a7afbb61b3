//! Playbooks with a mistake, each caught by the rule that it breaks; and the playbooks that are shipped, which break none.
//!
//! A mutant is the guide carried out by hand (`by-hand.yml`) with one mistake. Its first lines say which rule it must be caught by, and
//! which fault it takes, if any.

#![expect(
    clippy::unwrap_used,
    reason = "a rehearsal that cannot be read is a broken test"
)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use serde_json::Value;

const INVENTORY: &str = "../inventories/example.ini";

/// The binary that was built beside this test's own.
fn nebplay() -> PathBuf {
    let this = std::env::current_exe().unwrap();
    this.ancestors().nth(2).unwrap().join("nebplay")
}

fn rehearse(playbook: &Path, options: &[&str]) -> Value {
    let output = Command::new(nebplay())
        .arg("rehearse")
        .arg(playbook)
        .args(["-i", INVENTORY, "--json"])
        .args(options)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(&text).unwrap_or_else(|error| {
        let said = String::from_utf8_lossy(&output.stderr);
        unreachable!("{}: {error}: {text}{said}", playbook.display())
    })
}

/// The names of all rules that were broken, with and without faults.
fn broken(report: &Value) -> Vec<String> {
    let of = |breaches: &Value| -> Vec<String> {
        let names = breaches.as_array().into_iter().flatten();
        names
            .filter_map(|breach| breach["rule"].as_str().map(str::to_owned))
            .collect()
    };
    let rehearsals = report["rehearsals"].as_array().into_iter().flatten();
    let with_faults = rehearsals.flat_map(|one| of(&one["breaches"]));
    of(&report["undisturbed"]["breaches"])
        .into_iter()
        .chain(with_faults)
        .collect()
}

struct Mutant {
    path: PathBuf,
    breaks: String,
    fault: Option<String>,
}

fn mutants(directory: &str) -> Vec<Mutant> {
    let entries = std::fs::read_dir(directory).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "yml"));
    paths.sort();
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).unwrap();
        let says = |what: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(what));
            line.map(str::to_owned)
        };
        Mutant {
            breaks: says("# breaks: ").unwrap(),
            fault: says("# fault: "),
            path,
        }
    };
    paths.into_iter().map(read).collect()
}

/// A playbook of the test's own, rehearsed undisturbed; what is printed.
fn told(playbook: &str) -> String {
    told_in(tempfile::tempdir().unwrap().path(), playbook)
}

/// As [`told`], in a directory that has what it includes.
fn told_in(directory: &Path, playbook: &str) -> String {
    let path = directory.join("play.yml");
    std::fs::write(&path, playbook).unwrap();
    let output = Command::new(nebplay())
        .arg("rehearse")
        .arg(&path)
        .args(["-i", INVENTORY, "--undisturbed"])
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_program_that_the_twin_does_not_know_answers_what_the_task_says() {
    let play = |answer: &str| {
        format!(
            "- hosts: master\n  tasks:\n    - command: weather --tomorrow\n      register: weather\n{answer}    - assert:\n        that: weather.stdout == 'rain'\n"
        )
    };
    let silent = told(&play(""));
    assert!(
        silent.contains("the twin knows nothing of `weather --tomorrow`"),
        "{silent}"
    );
    assert!(silent.contains("does not come to its end"), "{silent}");
    let answered = told(&play("      rehearse: {stdout: rain}\n"));
    assert!(answered.contains("it comes to its end"), "{answered}");
    assert!(!answered.contains("knows nothing"), "{answered}");
}

#[test]
fn a_task_of_an_included_file_says_what_its_program_answers() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(
        directory.path().join("weather.yml"),
        "- block:\n    - command: weather --tomorrow\n      register: weather\n      rehearse: {stdout: rain}\n",
    )
    .unwrap();
    let told = told_in(
        directory.path(),
        "- hosts: master\n  tasks:\n    - include_tasks: weather.yml\n    - assert:\n        that: weather.stdout == 'rain'\n",
    );
    assert!(told.contains("it comes to its end"), "{told}");
    assert!(!told.contains("knows nothing"), "{told}");
}

#[test]
fn hosts_that_are_no_front_ends_are_in_memory_too() {
    // A place that there is on both machines, for everybody who may run this.
    let notice = format!("/tmp/nebplay-notice-{}", std::process::id());
    let told = told(&format!(
        "- hosts: master\n  tasks:\n    - shell: hostname > {notice} && cat {notice}\n      delegate_to: localhost\n      register: there\n    - assert:\n        that: there.stdout == 'localhost'\n"
    ));
    assert!(told.contains("it comes to its end"), "{told}");
    assert!(told.contains("localhost: no front-end of a zone"), "{told}");
    assert!(!Path::new(&notice).exists(), "it was run on this machine");
}

#[test]
fn a_second_fault_after_the_first_breaks_no_rule_either() {
    let pairs = |seed: &str| {
        let mut report = rehearse(
            Path::new("../playbooks/upgrade.yml"),
            &[
                "--fault",
                "fe-eu-ge:onedb_upgrade:hangs-midway",
                "--depth",
                "2",
                "--sample",
                "25",
                "--seed",
                seed,
            ],
        );
        report["seconds"].take();
        report["undisturbed"]["seconds"].take();
        report
    };
    let report = pairs("7");
    let rehearsals = report["rehearsals"].as_array().unwrap();
    let seconds = rehearsals.iter().filter(|one| !one["after"].is_null());
    assert_eq!(seconds.count(), 25);
    assert_eq!(broken(&report), Vec::<String>::new());
    assert_eq!(report, pairs("7"), "the same seed, another night");
    assert_ne!(report["rehearsals"], pairs("8")["rehearsals"]);
}

/// With the parameters of a variable, whose password is nowhere in what is printed.
#[test]
fn zones_on_mysql_are_rehearsed_as_well() {
    const PASSWORD: &str = "tell-nobody";
    let database = format!(
        r#"{{"database": {{"backend": "mysql", "user": "oneadmin", "password": "{PASSWORD}", "name": "cloud"}}}}"#
    );
    let report = rehearse(
        Path::new("../playbooks/upgrade.yml"),
        &["-e", &database, "--sample", "40", "--seed", "3"],
    );
    assert_eq!(report["undisturbed"]["result"], "ok", "{}", report["undisturbed"]);
    assert_eq!(broken(&report), Vec::<String>::new());
    assert!(report["rehearsals"].as_array().unwrap().len() >= 40);
    assert!(!report.to_string().contains(PASSWORD));
}

#[test]
fn of_many_slaves_that_do_the_same_two_stand_for_all() {
    let directory = tempfile::tempdir().unwrap();
    let inventory = directory.path().join("zones.ini");
    let slave = |number: usize| {
        format!("fe{number} ansible_host=10.0.0.{number} zone_id={number} zone_name=S{number}\n")
    };
    let slaves: String = (2..8).map(slave).collect();
    std::fs::write(
        &inventory,
        format!(
            "[master]\nfe1 ansible_host=10.0.0.1 zone_id=0 zone_name=M\n[slaves]\n{slaves}\
             [frontends:children]\nmaster\nslaves\n[frontends:vars]\ntarget_version=7.2\n"
        ),
    )
    .unwrap();
    let output = Command::new(nebplay())
        .args([
            "rehearse",
            "../playbooks/upgrade.yml",
            "--json",
            "--sample",
            "4",
            "-i",
        ])
        .arg(&inventory)
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let left_out = report["left_out"].as_object().unwrap();
    assert_eq!(left_out.keys().collect::<Vec<_>>(), ["fe3", "fe4", "fe5", "fe6"]);
    assert!(left_out.values().all(|like| like == "fe2"));
    let rehearsals = report["rehearsals"].as_array().unwrap();
    assert_eq!(rehearsals.len(), 4);
    assert!(rehearsals.iter().all(|one| one["outcome"] != "violation"));
}

#[test]
fn every_mistake_is_caught_by_the_rule_it_breaks() {
    let mutants = mutants("mutants");
    let (mistakes, right): (Vec<_>, Vec<_>) = mutants.iter().partition(|mutant| mutant.breaks != "nothing");
    assert!(mistakes.len() >= 30, "only {} mutants", mistakes.len());
    let missed = |mutant: &&Mutant| {
        let options = match &mutant.fault {
            Some(fault) => vec!["--fault", fault],
            None => vec!["--undisturbed"],
        };
        let rules = broken(&rehearse(&mutant.path, &options));
        let caught = rules.contains(&mutant.breaks);
        (!caught).then(|| format!("{}: not {}, but {rules:?}", mutant.path.display(), mutant.breaks))
    };
    let halves = mistakes.chunks(mistakes.len().div_ceil(2));
    let missed: Vec<String> = thread::scope(|scope| {
        let running: Vec<_> = halves
            .map(|half| {
                scope.spawn(move || {
                    half.iter()
                        .copied()
                        .filter_map(|mutant| missed(&mutant))
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        running
            .into_iter()
            .flat_map(|half| half.join().unwrap())
            .collect()
    });
    assert!(missed.is_empty(), "{}", missed.join("\n"));
    for mutant in right {
        let report = rehearse(&mutant.path, &["--undisturbed"]);
        assert_eq!(broken(&report), Vec::<String>::new(), "{}", mutant.path.display());
        assert_eq!(report["undisturbed"]["result"], "ok");
    }
}

/// Most rehearsals are ended where nothing tells them from the undisturbed run any more. That changes nothing but the time it takes:
/// here for a sample of the upgrade and for mistakes that only faults bring to light; the bench `rehearsal` compares all faults.
#[test]
fn what_is_ended_early_comes_to_what_it_comes_to_at_its_end() {
    let mutants = mutants("mutants");
    let with_faults = mutants.iter().filter(|mutant| mutant.fault.is_some());
    let paths = with_faults.map(|mutant| mutant.path.as_path());
    for path in paths.chain([Path::new("../playbooks/upgrade.yml")]) {
        let early = rehearse(path, &["--sample", "20"]);
        let whole = rehearse(path, &["--sample", "20", "--to-the-end"]);
        assert_eq!(early["rehearsals"], whole["rehearsals"], "{}", path.display());
        assert_eq!(whole["joined"], 0);
        assert_ne!(early["joined"], 0, "{}", path.display());
    }
}

/// Each is run after an upgrade that was stopped by a fault.
#[test]
fn every_mistake_on_the_way_back_is_caught_by_the_rule_it_breaks() {
    let mutants = mutants("mutants/back");
    assert!(mutants.len() >= 7, "only {} mutants", mutants.len());
    for mutant in mutants {
        let (then, fault) = (mutant.path.display().to_string(), mutant.fault.unwrap());
        let options = ["--then", &then, "--fault", &fault];
        let report = rehearse(Path::new("../playbooks/upgrade.yml"), &options);
        let rules = broken(&report);
        assert!(
            rules.contains(&mutant.breaks),
            "{then}: not {}, but {rules:?}",
            mutant.breaks
        );
    }
}

/// Wherever a sample of so many faults stops the upgrade it is taken back, or where there is nothing to take back gone on with.
fn there_is_a_way_back(sample: usize, options: &[&str]) {
    let size = sample.to_string();
    let back = ["--then", "../playbooks/go-back.yml", "--sample", &size];
    let options: Vec<&str> = back.iter().chain(options).copied().collect();
    let report = rehearse(Path::new("../playbooks/upgrade.yml"), &options);
    assert_eq!(broken(&report), Vec::<String>::new());
    let rehearsals = report["rehearsals"].as_array().unwrap();
    let ended = |outcome: &str| rehearsals.iter().filter(|one| one["outcome"] == outcome).count();
    assert_eq!(
        ended("completed") + ended("resumed") + ended("went_back"),
        rehearsals.len(),
        "some did not come to their end"
    );
    assert!(
        ended("went_back") > sample / 4,
        "{} went back",
        ended("went_back")
    );
}

/// Wherever the upgrade is stopped, there is a way back: whatever single fault stops it, the playbook that leads back leaves every zone
/// as it was; where there is nothing to take back, or clients have written since, it refuses, and `resume` goes on. A sample of them: the
/// bench `rehearsal` goes back from all.
#[test]
fn from_wherever_the_upgrade_is_stopped_there_is_a_way_back() {
    there_is_a_way_back(300, &[]);
}

#[test]
fn from_behind_a_packet_filter_there_is_a_way_back_too() {
    there_is_a_way_back(120, &["-e", "keep_out=api_block"]);
}

/// Rehearses the upgrade: whatever goes wrong, it comes to its end, and if it stopped, at the first `resume` or with --anew when it is
/// run the next time; no rule is broken. Gives how many faults struck.
fn upgrade_comes_to_its_end(options: &[&str]) -> usize {
    let report = rehearse(Path::new("../playbooks/upgrade.yml"), options);
    assert_eq!(report["undisturbed"]["result"], "ok", "{}", report["undisturbed"]);
    assert_eq!(broken(&report), Vec::<String>::new());
    let rehearsals = report["rehearsals"].as_array().unwrap();
    let is_at_its_end = |one: &&Value| {
        let runs = one["runs"].as_array().unwrap();
        runs.len() <= 2 && runs.last().unwrap()["ended"] == "done"
    };
    let others: Vec<_> = rehearsals.iter().filter(|one| !is_at_its_end(one)).collect();
    assert!(others.is_empty(), "{others:#?}");
    rehearsals.iter().filter(|one| one["struck"] == true).count()
}

/// The proof that the upgrade survives whatever single fault: every one of them at every step.
#[test]
fn the_upgrade_breaks_no_rule_whatever_goes_wrong_once() {
    let struck = upgrade_comes_to_its_end(&[]);
    assert!(struck > 800, "{struck} faults struck");
}

/// Where clients write, a slave that fell behind as its master was restarted, or could not be reached, catches up by that. Most nights
/// are quieter.
#[test]
fn nor_where_nothing_but_the_playbook_wakes_a_slave_that_fell_behind() {
    let behind = [
        "fe-eu-fr:zone_disable:zones-apart",
        "fe-us-ca:zone_enable:zones-apart",
        "fe-eu-fr:zone_disable:reboots",
        "fe-us-ca:zone_disable:others-reboot",
        "fe-us-ca:zone_enable:others-reboot",
        "fe-eu-fr:fed_index_check:reboots",
    ];
    let faults = behind.iter().flat_map(|fault| ["--fault", fault]);
    let options: Vec<&str> = ["--no-clients"].into_iter().chain(faults).collect();
    assert!(upgrade_comes_to_its_end(&options) > 5);
}

/// Not everybody resumes: the playbook, run again, sees what is done already.
#[test]
fn nor_where_it_is_run_anew_after_it_stopped() {
    upgrade_comes_to_its_end(&["--anew", "--fault", "fe-eu-fr:package_upgrade:hangs-midway"]);
    let struck = upgrade_comes_to_its_end(&["--anew", "--sample", "60", "--seed", "5"]);
    assert!(struck > 40, "{struck} faults struck");
}

#[test]
fn the_upgrade_behind_a_packet_filter_breaks_no_rule() {
    let struck = upgrade_comes_to_its_end(&["-e", "keep_out=api_block", "--sample", "150"]);
    assert!(struck > 110, "{struck} faults struck");
}

#[test]
fn what_else_is_shipped_breaks_no_rule() {
    for playbook in ["restart-services.yml", "reboot.yml"] {
        let path = Path::new("../playbooks").join(playbook);
        let report = rehearse(&path, &["--sample", "120"]);
        let undisturbed = &report["undisturbed"];
        assert_eq!(undisturbed["result"], "ok", "{playbook}: {undisturbed}");
        assert_eq!(broken(&report), Vec::<String>::new(), "{playbook}");
    }
}
