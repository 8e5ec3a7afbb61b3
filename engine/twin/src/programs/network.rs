//! The network: names, routes, and the packet filter that keeps an API out.

use crate::deeds::Act;
use crate::federation::{At, Federation};
use crate::process::{Process, Program};

/// The programs of this family.
pub(crate) fn find(name: &str) -> Option<Program> {
    Some(match name {
        "getent" => getent,
        "hostname" => hostname,
        "ip" => ip,
        "nft" => nft,
        "iptables" | "iptables-save" | "ip6tables" | "firewall-cmd" | "ufw" => |_| 0,
        "ping" => |_| 0,
        _ => return None,
    })
}

/// The machine that a name or an address leads to, seen from one of them; loopback is that one itself.
pub(crate) fn resolve(federation: &Federation, from: At, name: &str) -> Option<At> {
    let name = name.trim_start_matches('[').trim_end_matches(']');
    if name == "localhost" || name.starts_with("127.") || name == "::1" {
        return Some(from);
    }
    federation.machines().position(|machine| {
        &*machine.name == name
            || machine.hostname == name
            || machine.addresses.iter().any(|address| address == name)
    })
}

/// Whether a packet filter on `to` keeps a connection from `from` to that port out.
pub(crate) fn filtered(federation: &Federation, from: At, to: At, port: u16) -> bool {
    if from == to {
        return false;
    }
    let machine = federation.machine(to);
    let Some(rules) = &machine.filter else {
        return false;
    };
    let peers = &federation.machine(from).addresses;
    let allowed = rules.allowed.iter().any(|address| peers.contains(address));
    rules.ports.contains(&port) && !allowed
}

/// What is kept out, and who is let in all the same.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// The rules as they were loaded.
    pub text: String,
    /// The ports nobody reaches.
    pub ports: Vec<u16>,
    /// But those.
    pub allowed: Vec<String>,
}

impl Filter {
    /// Whether anybody is kept out.
    pub fn keeps_out(&self) -> bool {
        !self.ports.is_empty()
    }

    fn of(text: &str) -> Self {
        let digits = |word: &str| {
            word.trim_matches(|c: char| !c.is_ascii_digit())
                .parse::<u16>()
                .ok()
        };
        let mut filter = Self {
            text: text.to_owned(),
            ..Self::default()
        };
        for line in text.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            if line.contains("drop") || line.contains("reject") || line.contains("dport") {
                let after = words.iter().skip_while(|word| **word != "dport").skip(1);
                filter.ports.extend(
                    after
                        .map_while(|word| if *word == "{" { None } else { Some(*word) })
                        .filter_map(digits),
                );
                let listed = line.split('{').nth(1).and_then(|rest| rest.split('}').next());
                if line.contains("dport") {
                    filter.ports.extend(
                        listed
                            .into_iter()
                            .flat_map(|list| list.split(','))
                            .filter_map(digits),
                    );
                }
            }
            if line.contains("accept") && line.contains("saddr") {
                let addresses = line.split(|c: char| c.is_whitespace() || ",{}".contains(c));
                filter.allowed.extend(
                    addresses
                        .filter(|word| word.contains('.') || word.contains(':'))
                        .map(str::to_owned),
                );
            }
        }
        filter.ports.sort_unstable();
        filter.ports.dedup();
        filter
    }
}

/// Loads a file of rules. The error is nft's.
pub(crate) fn load(federation: &mut Federation, at: At, file: &str) -> Result<(), String> {
    let bytes = federation
        .machine(at)
        .files
        .read(file)
        .map_err(|why| format!("Error: Could not open file \"{file}\": {why}\n"))?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    set(federation, at, Some(Filter::of(&text)));
    Ok(())
}

/// A reboot forgets all rules.
pub(crate) fn forget(federation: &mut Federation, at: At) {
    set(federation, at, None);
}

fn set(federation: &mut Federation, at: At, filter: Option<Filter>) {
    let before = federation.machine(at).filter.is_some();
    let after = filter.is_some();
    federation.machine_mut(at).filter = filter;
    if before != after {
        federation.did(at, Act::ApiFiltered(after));
    }
}

fn nft(process: &mut Process<'_>) -> i32 {
    let words: Vec<&str> = process.args.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["-f", file] | ["-c", "-f", file] if *file != "-" => {
            let path = process.path(file);
            if words.len() == 3 {
                return 0;
            }
            match load(process.federation, process.at, &path) {
                Ok(()) => 0,
                Err(why) => {
                    process.complain(why);
                    1
                }
            }
        }
        ["-f", "-"] => {
            let text = String::from_utf8_lossy(process.stdin).into_owned();
            let at = process.at;
            if text.contains("delete table") && !text.contains('{') {
                set(process.federation, at, None);
            } else {
                set(process.federation, at, Some(Filter::of(&text)));
            }
            0
        }
        ["--version" | "-v"] => {
            process.say("nftables v1.0.6 (Lester Gooch #5)\n");
            0
        }
        ["delete" | "destroy", "table", "inet", "nebplay"] => {
            let was = process.machine().filter.is_some();
            let at = process.at;
            set(process.federation, at, None);
            if was || words[0] == "destroy" {
                return 0;
            }
            process.complain(
                "Error: No such file or directory\ndelete table inet nebplay\n                  ^^^^^^^\n",
            );
            1
        }
        [.., "list", "table", "inet", "nebplay"] => {
            match &process.machine().filter {
                None => {
                    process.complain("Error: No such file or directory\nlist table inet nebplay\n                ^^^^^^^\n");
                    1
                }
                Some(filter) => {
                    let text = if words[0] == "-j" {
                        json_of(filter)
                    } else {
                        filter.text.clone()
                    };
                    process.say(text);
                    0
                }
            }
        }
        ["list", "tables" | "ruleset"] | ["-j", "list", "ruleset" | "tables"] => {
            if process.machine().filter.is_some() {
                process.say("table inet nebplay\n");
            }
            0
        }
        _ => {
            process.did(Act::NotModelled(format!("nft {}", words.join(" "))));
            0
        }
    }
}

/// The rules as `nft -j` lists them, as far as anybody reads them: which ports are dropped.
fn json_of(filter: &Filter) -> String {
    let rules: Vec<String> = filter
        .ports
        .iter()
        .map(|port| {
            format!(
                "{{\"rule\": {{\"family\": \"inet\", \"table\": \"nebplay\", \"chain\": \"input\", \"expr\": [{{\"match\": {{\"op\": \"==\", \
                 \"left\": {{\"payload\": {{\"protocol\": \"tcp\", \"field\": \"dport\"}}}}, \"right\": {port}}}}}, {{\"reject\": {{\"type\": \"tcp reset\"}}}}]}}}}"
            )
        })
        .collect();
    format!(
        "{{\"nftables\": [{{\"table\": {{\"family\": \"inet\", \"name\": \"nebplay\"}}}}, {}]}}\n",
        rules.join(", ")
    )
}

fn getent(process: &mut Process<'_>) -> i32 {
    let words: Vec<&str> = process
        .args
        .iter()
        .map(String::as_str)
        .filter(|word| *word != "--")
        .collect();
    match words.as_slice() {
        ["ahosts" | "hosts" | "ahostsv4", name] => {
            let loopback = name.starts_with("127.") || *name == "localhost" || *name == "::1";
            let addresses: Vec<String> = if loopback {
                vec!["127.0.0.1".to_owned()]
            } else {
                let found = resolve(process.federation, process.at, name);
                match found {
                    Some(at) => process.federation.machine(at).addresses.clone(),
                    None if name.parse::<std::net::IpAddr>().is_ok() => vec![(*name).to_owned()],
                    None => Vec::new(),
                }
            };
            for address in &addresses {
                process.say(format!(
                    "{address:<15} STREAM {name}\n{address:<15} DGRAM  \n{address:<15} RAW    \n"
                ));
            }
            if addresses.is_empty() { 2 } else { 0 }
        }
        ["passwd" | "group", who] => {
            let file = if words[0] == "passwd" {
                "/etc/passwd"
            } else {
                "/etc/group"
            };
            let text = process.machine().files.text(file);
            let line = text.lines().find(|line| line.split(':').next() == Some(*who));
            match line {
                Some(line) => {
                    let line = format!("{line}\n");
                    process.say(line);
                    0
                }
                None => 2,
            }
        }
        _ => 1,
    }
}

fn hostname(process: &mut Process<'_>) -> i32 {
    let text = match process.args.first().map(String::as_str) {
        Some("-I") => format!("{} \n", process.machine().addresses.join(" ")),
        _ => format!("{}\n", process.machine().hostname),
    };
    process.say(text);
    0
}

fn ip(process: &mut Process<'_>) -> i32 {
    let words: Vec<&str> = process
        .args
        .iter()
        .map(String::as_str)
        .filter(|word| !word.starts_with('-'))
        .collect();
    let own = process.machine().addresses.first().cloned().unwrap_or_default();
    match words.as_slice() {
        ["route", "get", to] => {
            let local = resolve(process.federation, process.at, to) == Some(process.at);
            let line = if local {
                format!("local {to} dev lo src {to} uid 0 \n    cache <local> \n")
            } else {
                format!("{to} dev eth0 src {own} uid 0 \n    cache \n")
            };
            process.say(line);
        }
        ["addr" | "a", ..] => {
            process.say(format!(
                "1: lo    inet 127.0.0.1/8 scope host lo\\       valid_lft forever preferred_lft forever\n\
                 2: eth0    inet {own}/24 brd 255.255.255.255 scope global eth0\\       valid_lft forever preferred_lft forever\n"
            ));
        }
        _ => {
            process.did(Act::NotModelled(format!("ip {}", process.args.join(" "))));
        }
    }
    0
}
