//! The network: names, routes, and the packet filter that keeps an API out.

mod filter;

pub(crate) use filter::Filter;

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
    federation.known_as(name)
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

/// Whether a user of the machine itself reaches a port of it.
pub(crate) fn open_to_user(federation: &Federation, at: At, user: &str, port: u16) -> bool {
    let filter = federation.machine(at).filter.as_ref();
    !filter.is_some_and(|rules| rules.local_too && user != "root" && rules.ports.contains(&port))
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

/// A reboot forgets all rules. That lets nobody in as long as the machine is down; [`up_again`] tells what it came to.
pub(crate) fn forget(federation: &mut Federation, at: At) {
    federation.machine_mut(at).filter = None;
}

/// The machine is up: what kept an API out before and is not loaded at boot does not any more.
pub(crate) fn up_again(federation: &mut Federation, at: At, kept_out: bool) {
    if kept_out && federation.machine(at).filter.is_none() {
        federation.did(at, Act::ApiFiltered(false));
    }
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
        ["-c" | "--check", "-f" | "--file", _] => 0,
        ["-f" | "--file", file] if *file != "-" => {
            let path = process.path(file);
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
                        filter.json()
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
