//! `dpkg` and `dpkg-query`.

use super::install;
use crate::deeds::Act;
use crate::files::Content;
use crate::machine::Machine;
use crate::process::Process;

/// Where dpkg keeps what it knows.
pub(super) const STATUS: &str = "/var/lib/dpkg/status";

/// Writes the file that says what is installed.
pub(super) fn write_status(machine: &mut Machine) {
    let mut text = String::new();
    for (name, package) in &machine.packages.installed {
        let want = if package.held { "hold" } else { "install" };
        let (error, state) = package.state.words();
        text.push_str(&format!(
            "Package: {name}\nStatus: {want} {error} {state}\nArchitecture: {}\nVersion: {}\n\n",
            package.arch, package.version
        ));
    }
    let meta = machine.meta("root", 0o644, std::time::Duration::ZERO);
    // On a full disk it stays as it was, as dpkg itself would leave it.
    let _ = machine.files.write(STATUS, Content::text(text), &meta);
}

fn is_of(name: &str, pattern: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(front) => name.starts_with(front),
        None => name == pattern,
    }
}

pub(super) fn query(process: &mut Process<'_>) -> i32 {
    let mut words = process.args.iter();
    let mut format = "${Package}\t${Version}\n".to_owned();
    let mut patterns = Vec::new();
    while let Some(word) = words.next() {
        match word.as_str() {
            "-f" => format = words.next().cloned().unwrap_or_default(),
            "-W" | "--show" | "--" | "-l" => {}
            word => match word
                .strip_prefix("-f=")
                .or_else(|| word.strip_prefix("--showformat="))
            {
                Some(given) => given.clone_into(&mut format),
                None => patterns.push(word.to_owned()),
            },
        }
    }
    let mut out = String::new();
    let mut missing = Vec::new();
    for pattern in if patterns.is_empty() {
        vec!["*".to_owned()]
    } else {
        patterns
    } {
        let before = out.len();
        for (name, package) in process
            .machine()
            .packages
            .installed
            .iter()
            .filter(|(name, _)| is_of(name, &pattern))
        {
            let want = if package.held { 'h' } else { 'i' };
            let (error, state) = package.state.words();
            out.push_str(
                &format
                    .replace("${Package}", name)
                    .replace("${binary:Package}", name)
                    .replace("${Version}", &package.version)
                    .replace("${Architecture}", package.arch)
                    .replace(
                        "${db:Status-Abbrev}",
                        &format!("{want}{}", package.state.letters()),
                    )
                    .replace("${db:Status-Status}", state)
                    .replace("${Status}", &format!("install {error} {state}"))
                    .replace("\\t", "\t")
                    .replace("\\n", "\n"),
            );
        }
        if out.len() == before {
            missing.push(pattern);
        }
    }
    process.say(out);
    for pattern in &missing {
        process.complain(format!("dpkg-query: no packages found matching {pattern}\n"));
    }
    i32::from(!missing.is_empty())
}

pub(super) fn dpkg(process: &mut Process<'_>) -> i32 {
    let words: Vec<&str> = process.args.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["--configure", "-a" | "--pending", ..] => install::configure_all(process),
        ["--audit" | "-C"] => {
            for name in install::incomplete(process.machine()) {
                process.say(format!(" {name}\n"));
            }
            0
        }
        ["--print-architecture"] => {
            process.say("amd64\n");
            0
        }
        ["--compare-versions", one, operator, other] => {
            let order = nebplay_modules::opennebula::version::compare_packages(one, other);
            let holds = match *operator {
                "lt" | "<<" => order.is_lt(),
                "le" | "<=" => order.is_le(),
                "eq" | "=" => order.is_eq(),
                "ne" => order.is_ne(),
                "ge" | ">=" => order.is_ge(),
                _ => order.is_gt(),
            };
            i32::from(!holds)
        }
        ["-l" | "--list", patterns @ ..] => {
            let patterns: Vec<String> = patterns.iter().map(|word| (*word).to_owned()).collect();
            let mut out = String::new();
            for (name, package) in &process.machine().packages.installed {
                if patterns.is_empty() || patterns.iter().any(|pattern| is_of(name, pattern)) {
                    out.push_str(&format!(
                        "i{} {name:<24} {:<12} {:<8} part of OpenNebula\n",
                        package.state.letters(),
                        package.version,
                        package.arch
                    ));
                }
            }
            process.say(out);
            0
        }
        _ => {
            process.did(Act::NotModelled(format!("dpkg {}", words.join(" "))));
            0
        }
    }
}
