//! `apt-get`, `apt-cache` and `apt-mark`.

use std::collections::BTreeMap;

use nebplay_modules::opennebula::version::compare_packages;

use super::{deb, debian, dpkg, install, release, version_of};
use crate::deeds::Act;
use crate::files::{Content, Node};
use crate::machine::Machine;
use crate::process::Process;

/// Where apt keeps what it has fetched.
pub(super) const ARCHIVES: &str = "/var/cache/apt/archives";

/// A package that apt would bring to a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) name: String,
    pub(super) from: Option<String>,
    pub(super) to: String,
    pub(super) arch: &'static str,
    /// From this file, and not from a repository.
    pub(super) file: Option<String>,
}

impl Step {
    fn archive(&self) -> String {
        format!("{ARCHIVES}/{}", deb::file_name(&self.name, &self.to, self.arch))
    }

    /// Whether it is on the machine already.
    fn is_here(&self, machine: &Machine) -> bool {
        self.file.is_some()
            || matches!(machine.files.at(&self.archive()), Some(Node::File(_, content)) if !content.bytes().is_empty())
    }
}

/// What the repositories offer of a package, newest first.
fn offers(machine: &Machine, name: &str) -> Vec<(String, &'static str)> {
    let mut versions = machine.packages.offered.clone();
    versions.sort();
    let found = versions.into_iter().rev().filter_map(|version| {
        let one = release(version).find(|(known, _)| *known == name);
        one.map(|(_, arch)| (debian(version), arch))
    });
    found.collect()
}

pub(super) fn apt_cache(process: &mut Process<'_>) -> i32 {
    let words: Vec<String> = process
        .args
        .iter()
        .filter(|word| !word.starts_with('-'))
        .cloned()
        .collect();
    let [verb, names @ ..] = words.as_slice() else {
        return 0;
    };
    let mut out = String::new();
    let mut status = 0;
    for word in names {
        let (name, exactly) = match word.split_once('=') {
            Some((name, version)) => (name, Some(version)),
            None => (word.as_str(), None),
        };
        let offered = offers(process.machine(), name);
        let chosen = offered
            .iter()
            .filter(|(version, _)| exactly.is_none_or(|exactly| exactly == version));
        match verb.as_str() {
            "madison" => {
                for (version, _) in chosen {
                    out.push_str(&format!("{name:>20} | {version:>10} | https://downloads.example.org/repo stable/opennebula amd64 Packages\n"));
                }
            }
            "show" => {
                let before = out.len();
                for (version, arch) in chosen {
                    out.push_str(&format!("Package: {name}\nArchitecture: {arch}\nVersion: {version}\nDescription: part of OpenNebula\n\n"));
                }
                if out.len() == before {
                    process.complain("E: No packages found\n");
                    status = 100;
                }
            }
            "policy" => {
                let installed =
                    super::version_of(process.machine(), name).unwrap_or_else(|| "(none)".to_owned());
                let candidate = offered.first().map_or("(none)", |(version, _)| version.as_str());
                out.push_str(&format!(
                    "{name}:\n  Installed: {installed}\n  Candidate: {candidate}\n"
                ));
            }
            _ => process.did(Act::NotModelled(format!("apt-cache {}", words.join(" ")))),
        }
    }
    process.say(out);
    status
}

pub(super) fn apt_mark(process: &mut Process<'_>) -> i32 {
    let words: Vec<String> = process.args.to_vec();
    match words.as_slice() {
        [verb] if verb == "showhold" => {
            let held: Vec<String> = process
                .machine()
                .packages
                .installed
                .iter()
                .filter(|(_, package)| package.held)
                .map(|(name, _)| format!("{name}\n"))
                .collect();
            process.say(held.concat());
        }
        [verb, names @ ..] if verb == "hold" || verb == "unhold" => {
            for name in names {
                if let Some(package) = process.machine_mut().packages.installed.get_mut(name) {
                    package.held = verb == "hold";
                    process.say(format!("{name} set on {verb}.\n"));
                }
            }
        }
        _ => {}
    }
    0
}

pub(super) fn apt_get(process: &mut Process<'_>) -> i32 {
    let mut words = process.args.iter();
    let (mut flags, mut rest) = (Vec::new(), Vec::new());
    let (mut options, mut of_dpkg) = (BTreeMap::new(), Vec::new());
    while let Some(word) = words.next() {
        if word == "-o" {
            match words.next().and_then(|option| option.split_once('=')) {
                Some(("Dpkg::Options::", value)) => of_dpkg.push(value.to_owned()),
                Some((name, value)) => {
                    options.insert(name.to_owned(), value.to_owned());
                }
                None => {}
            }
        } else if word.starts_with('-') && word != "--" {
            flags.push(word.clone());
        } else if word != "--" {
            rest.push(word.clone());
        }
    }
    let has = |flag: &str| flags.iter().any(|given| given == flag);
    let Some((verb, names)) = rest.split_first() else {
        return 0;
    };
    match verb.as_str() {
        "update" => {
            let lists = process.federation.rates.lists;
            process.spends(lists);
            process.say("Reading package lists...\n");
            0
        }
        "download" => download(process, names),
        "clean" | "autoclean" => {
            process.machine_mut().files.remove(ARCHIVES);
            let meta = process.new_meta(0o755);
            let _ = process.machine_mut().files.make_directories(ARCHIVES, &meta);
            0
        }
        "install" => {
            let status_file = options.get("Dir::State::status").cloned();
            let (names, removed) = apart(process.machine(), names);
            let is_named = !removed.is_empty() || names.iter().any(|word| !word.contains('/'));
            let may = May {
                downgrade: has("--allow-downgrades"),
                reinstall: has("--reinstall"),
                begin_broken: is_named || has("--fix-broken") || has("-f"),
            };
            let steps = match plan(process, &names, status_file.as_deref(), may) {
                Ok(steps) => steps,
                Err(why) => {
                    process.complain(why);
                    return 100;
                }
            };
            if has("-s") || has("--simulate") || has("--dry-run") {
                for name in &removed {
                    process.say(format!("Remv {name}\n"));
                }
                simulate(process, &steps);
                0
            } else if has("--print-uris") {
                for step in steps
                    .iter()
                    .filter(|step| !step.is_here(process.machine()))
                    .cloned()
                    .collect::<Vec<_>>()
                {
                    let file = deb::file_name(&step.name, &step.to, step.arch);
                    process.say(format!(
                        "'https://downloads.example.org/repo/pool/{file}' {file} 1048576 SHA256:0\n"
                    ));
                }
                0
            } else if has("--download-only") || has("-d") {
                fetch(process, &steps)
            } else {
                let by_force = of_dpkg.iter().any(|option| option == "--force-remove-reinstreq");
                let mut status = fetch(process, &steps);
                if status == 0 {
                    status = install::remove(process, &removed, by_force);
                }
                if status == 0 {
                    status = install::install(process, &steps);
                }
                status
            }
        }
        _ => {
            process.did(Act::NotModelled(format!("apt-get {}", rest.join(" "))));
            0
        }
    }
}

/// What is to be installed, and what removed: installed packages with a minus behind their names.
fn apart(machine: &Machine, words: &[String]) -> (Vec<String>, Vec<String>) {
    let (mut names, mut removed) = (Vec::new(), Vec::new());
    for word in words {
        let minus = word.strip_suffix('-');
        match minus.filter(|name| machine.packages.installed.contains_key(*name)) {
            Some(name) => removed.push(name.to_owned()),
            None => names.push(word.clone()),
        }
    }
    (names, removed)
}

/// Whether dependencies are broken: these depend on opennebula-common in their very own version.
fn is_broken(machine: &Machine) -> bool {
    let names = [
        "opennebula",
        "opennebula-fireedge",
        "opennebula-flow",
        "opennebula-gate",
        "opennebula-guacd",
        "opennebula-tools",
    ];
    let common = version_of(machine, "opennebula-common");
    let versions = names.iter().filter_map(|name| version_of(machine, name));
    versions.map(Some).any(|version| version != common)
}

/// What apt was told that it may do.
#[derive(Clone, Copy)]
struct May {
    downgrade: bool,
    reinstall: bool,
    /// Begin where dependencies are broken: it was told to mend them, or given the name of a package; files are none.
    begin_broken: bool,
}

/// What it takes to install these. The error is apt's.
fn plan(
    process: &Process<'_>,
    names: &[String],
    status: Option<&str>,
    may: May,
) -> Result<Vec<Step>, String> {
    let machine = process.machine();
    if status.is_none() && !may.begin_broken && is_broken(machine) {
        return Err(
            "E: Unmet dependencies. Try 'apt --fix-broken install' with no packages (or specify a solution).\n"
                .to_owned(),
        );
    }
    let installed: BTreeMap<String, String> = match status {
        None => machine
            .packages
            .installed
            .iter()
            .map(|(name, package)| (name.clone(), package.version.clone()))
            .collect(),
        Some(file) => read_status(&machine.files.text(file)),
    };
    let mut steps: Vec<Step> = Vec::new();
    let mut add = |name: &str, to: String, arch: &'static str, file: Option<String>| {
        let from = installed.get(name).cloned();
        let is_there = from.as_deref() == Some(&to) && !may.reinstall;
        if is_there || steps.iter().any(|step| step.name == name) {
            return Ok(());
        }
        let lower = from
            .as_ref()
            .is_some_and(|from| compare_packages(&to, from).is_lt());
        if lower && !may.downgrade {
            return Err(
                "E: Packages were downgraded and -y was used without --allow-downgrades.\n".to_owned(),
            );
        }
        steps.push(Step {
            name: name.to_owned(),
            from,
            to,
            arch,
            file,
        });
        Ok(())
    };
    for word in names {
        if word.contains('/') {
            let path = process.path(word);
            let Some((name, version, arch)) = deb::read(&machine.files.text(&path)) else {
                return Err(format!("E: Unsupported file {word} given on commandline\n"));
            };
            let arch = if arch == "all" { "all" } else { "amd64" };
            add(&name, version, arch, Some(path))?;
            continue;
        }
        let (name, exactly) = match word.split_once('=') {
            Some((name, version)) => (name, Some(version)),
            None => (word.as_str(), None),
        };
        let offered = offers(machine, name);
        let found = offered
            .iter()
            .find(|(version, _)| exactly.is_none_or(|exactly| exactly == version));
        match (found, exactly, installed.get(name)) {
            (Some((version, arch)), ..) => add(name, version.clone(), arch, None)?,
            (None, Some(exactly), Some(installed)) if exactly == installed => {}
            (None, Some(exactly), _) => {
                return Err(format!("E: Version '{exactly}' for '{name}' was not found\n"));
            }
            (None, None, _) => return Err(format!("E: Unable to locate package {name}\n")),
        }
    }
    // What the newest fireedge depends on comes before it.
    let fireedge = steps
        .iter()
        .position(|step| step.name == "opennebula-fireedge" && step.file.is_none());
    if let Some(at) = fireedge {
        let version = steps[at].to.clone();
        let from = installed.get("opennebula-form").cloned();
        let is_offered = || {
            let offered = offers(machine, "opennebula-form");
            offered.iter().any(|(offered, _)| *offered == version)
        };
        let is_there =
            from.as_deref() == Some(&version) || steps.iter().any(|step| step.name == "opennebula-form");
        if !is_there && is_offered() {
            let form = Step {
                name: "opennebula-form".to_owned(),
                from,
                to: version,
                arch: "amd64",
                file: None,
            };
            steps.insert(at, form);
        }
    }
    Ok(steps)
}

/// The packages in a status file, by name.
fn read_status(text: &str) -> BTreeMap<String, String> {
    let paragraph = |text: &str| {
        let value = |key: &str| {
            text.lines()
                .find_map(|line| line.strip_prefix(key))
                .map(str::to_owned)
        };
        Some((value("Package: ")?, value("Version: ")?))
    };
    text.split("\n\n").filter_map(paragraph).collect()
}

fn simulate(process: &mut Process<'_>, steps: &[Step]) {
    for step in steps {
        let from = step
            .from
            .as_ref()
            .map(|from| format!(" [{from}]"))
            .unwrap_or_default();
        process.say(format!(
            "Inst {}{from} ({} OpenNebula:stable [{}])\n",
            step.name, step.to, step.arch
        ));
    }
    for step in steps {
        process.say(format!(
            "Conf {} ({} OpenNebula:stable [{}])\n",
            step.name, step.to, step.arch
        ));
    }
}

/// Brings what is not here yet.
fn fetch(process: &mut Process<'_>, steps: &[Step]) -> i32 {
    let missing: Vec<Step> = steps
        .iter()
        .filter(|step| !step.is_here(process.machine()))
        .cloned()
        .collect();
    let share = process.machine().sizes.packages / u64::try_from(steps.len().max(1)).unwrap_or(1);
    for step in missing {
        let rate = process.federation.rates.fetch;
        if process.works_through(share, rate) < 1.0 {
            return 100;
        }
        let content = Content::text(deb::content(&step.name, &step.to, step.arch));
        if let Err(why) = process.write(&step.archive(), content) {
            process.complain(format!(
                "E: Failed to fetch {}: write ({why})\nE: Some files failed to download\n",
                step.name
            ));
            return 100;
        }
        process.say(format!(
            "Get:1 https://downloads.example.org/repo stable/opennebula {} {}\n",
            step.name, step.to
        ));
    }
    0
}

fn download(process: &mut Process<'_>, names: &[String]) -> i32 {
    for word in names {
        let (name, exactly) = word.split_once('=').unwrap_or((word, ""));
        let offered = offers(process.machine(), name);
        let Some((version, arch)) = offered
            .into_iter()
            .find(|(version, _)| exactly.is_empty() || version == exactly)
        else {
            process.complain(format!("E: Version '{exactly}' for '{name}' was not found\n"));
            return 100;
        };
        let (share, rate) = (
            process.machine().sizes.packages / 8,
            process.federation.rates.fetch,
        );
        if process.works_through(share, rate) < 1.0 {
            return 100;
        }
        let file = deb::file_name(name, &version, arch);
        let content = Content::text(deb::content(name, &version, arch));
        if let Err(why) = process.write(&file, content) {
            process.complain(format!("E: Failed to fetch {file}: write ({why})\n"));
            return 100;
        }
    }
    dpkg::write_status(process.machine_mut());
    0
}
