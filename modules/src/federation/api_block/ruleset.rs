//! The nftables table that keeps an API out: written as text, read back as JSON.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde_json::Value;

/// Who may still reach which ports.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Ruleset {
    /// The ports that are kept out.
    pub(crate) ports: BTreeSet<u16>,
    /// The federation's own IPv4 addresses.
    pub(crate) v4: BTreeSet<Ipv4Addr>,
    /// The federation's own IPv6 addresses.
    pub(crate) v6: BTreeSet<Ipv6Addr>,
    /// Users (by number) that may use the API of their own machine: root, and the one nebplay logs in as.
    pub(crate) local_users: BTreeSet<u32>,
    /// Users that may use another zone's API: those above, and oneadmin, as whom oned itself talks to other zones.
    pub(crate) remote_users: BTreeSet<u32>,
}

/// Chains and their rules, as [`read`] tells them.
///
/// What arrives on `lo` was sent on this machine, and is judged by its user when it is sent.
const RULES: [&str; 9] = [
    "chain input: filter input -10 accept",
    "input: iifname == lo; return",
    "input: tcp dport == @ports; ip saddr == @federation4; return",
    "input: tcp dport == @ports; ip6 saddr == @federation6; return",
    "input: tcp dport == @ports; reject tcp reset",
    "chain output: filter output -10 accept",
    "output: oifname == lo; tcp dport == @ports; skuid != @local_users; reject tcp reset",
    "output: tcp dport == @ports; ip daddr == @federation4; skuid != @remote_users; reject tcp reset",
    "output: tcp dport == @ports; ip6 daddr == @federation6; skuid != @remote_users; reject tcp reset",
];

fn list<T: ToString>(items: &BTreeSet<T>) -> String {
    items.iter().map(T::to_string).collect::<Vec<_>>().join(", ")
}

impl Ruleset {
    /// Lets this address through.
    pub(crate) fn allow(&mut self, address: IpAddr) {
        match address {
            IpAddr::V4(address) => self.v4.insert(address),
            IpAddr::V6(address) => self.v6.insert(address),
        };
    }

    /// All addresses that are let through.
    pub(crate) fn addresses(&self) -> Vec<String> {
        let v4 = self.v4.iter().map(ToString::to_string);
        v4.chain(self.v6.iter().map(ToString::to_string)).collect()
    }

    /// As a file for `nft -f`: replaces the table in one transaction, and touches no other.
    pub(crate) fn text(&self) -> String {
        let mut text = "#!/usr/sbin/nft -f\n# Written by nebplay: keeps the API of this zone out. api_unblock removes it.\n\
             table inet nebplay {}\ndelete table inet nebplay\ntable inet nebplay {\n"
            .to_owned();
        let sets = [
            ("ports", "inet_service", list(&self.ports)),
            ("federation4", "ipv4_addr", list(&self.v4)),
            ("federation6", "ipv6_addr", list(&self.v6)),
            ("local_users", "uid", list(&self.local_users)),
            ("remote_users", "uid", list(&self.remote_users)),
        ];
        for (name, kind, elements) in sets {
            let elements = if elements.is_empty() {
                String::new()
            } else {
                format!(" elements = {{ {elements} }};")
            };
            // Writing to a String cannot fail.
            let _ = writeln!(text, "  set {name} {{ type {kind};{elements} }}");
        }
        text.push_str(
            "  chain input {\n    type filter hook input priority -10; policy accept;\n    iifname \"lo\" return\n    \
             tcp dport @ports ip saddr @federation4 return\n    tcp dport @ports ip6 saddr @federation6 return\n    \
             tcp dport @ports reject with tcp reset\n  }\n  chain output {\n    \
             type filter hook output priority -10; policy accept;\n    \
             oifname \"lo\" tcp dport @ports meta skuid != @local_users reject with tcp reset\n    \
             tcp dport @ports ip daddr @federation4 meta skuid != @remote_users reject with tcp reset\n    \
             tcp dport @ports ip6 daddr @federation6 meta skuid != @remote_users reject with tcp reset\n  }\n}\n",
        );
        text
    }

    /// What [`read`] must say of it.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut lines = vec![
            format!("set federation4: {}", list(&self.v4)),
            format!("set federation6: {}", list(&self.v6)),
            format!("set local_users: {}", list(&self.local_users)),
            format!("set ports: {}", list(&self.ports)),
            format!("set remote_users: {}", list(&self.remote_users)),
        ];
        lines.extend(RULES.map(String::from));
        lines
    }
}

/// Reads what `nft -j list table inet nebplay` printed: sets by name, then every chain with its rules in order.
pub(crate) fn read(json: &str) -> Result<Vec<String>, String> {
    let value: Value = serde_json::from_str(json).map_err(|error| format!("not JSON: {error}"))?;
    let objects = value["nftables"]
        .as_array()
        .ok_or("not a list of nftables objects")?;
    let mut sets = Vec::new();
    let mut chains: Vec<(String, Vec<String>)> = Vec::new();
    for object in objects {
        if let Some(set) = object.get("set") {
            let elements = set["elem"].as_array().cloned().unwrap_or_default();
            let mut elements: Vec<String> = elements.iter().map(word).collect();
            elements.sort_by_key(|element| sorting_key(element));
            sets.push(format!("set {}: {}", word(&set["name"]), elements.join(", ")));
        } else if let Some(chain) = object.get("chain") {
            let [name, kind, hook, prio, policy] =
                ["name", "type", "hook", "prio", "policy"].map(|key| word(&chain[key]));
            chains.push((
                name.clone(),
                vec![format!("chain {name}: {kind} {hook} {prio} {policy}")],
            ));
        } else if let Some(rule) = object.get("rule") {
            let name = word(&rule["chain"]);
            let expressions = rule["expr"].as_array().cloned().unwrap_or_default();
            let text: Vec<String> = expressions.iter().map(expression).collect();
            let chain = chains.iter_mut().find(|(chain, _)| *chain == name);
            let (_, lines) = chain.ok_or("a rule of an unknown chain")?;
            lines.push(format!("{name}: {}", text.join("; ")));
        }
    }
    sets.sort();
    chains.sort();
    sets.extend(chains.into_iter().flat_map(|(_, lines)| lines));
    Ok(sets)
}

/// Numbers and addresses as numbers, so that their order is that of a set of ours.
fn sorting_key(element: &str) -> (u128, String) {
    let number = match element.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => u128::from(address.to_bits()),
        Ok(IpAddr::V6(address)) => address.to_bits(),
        Err(_) => element.parse().unwrap_or(u128::MAX),
    };
    (number, element.to_owned())
}

fn word(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn expression(value: &Value) -> String {
    if let Some(matched) = value.get("match") {
        let left = &matched["left"];
        let left = if let Some(meta) = left.get("meta") {
            word(&meta["key"])
        } else if let Some(payload) = left.get("payload") {
            format!("{} {}", word(&payload["protocol"]), word(&payload["field"]))
        } else {
            left.to_string()
        };
        format!("{left} {} {}", word(&matched["op"]), word(&matched["right"]))
    } else if value.get("return").is_some() {
        "return".to_owned()
    } else if let Some(reject) = value.get("reject") {
        format!("reject {}", word(&reject["type"]))
    } else {
        // Anything that is not ours differs from everything that is.
        value.to_string()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// What nft 1.0.6 printed of [`a_ruleset`]'s text.
    pub(crate) const LISTED: &str = include_str!("listed.json");

    pub(crate) fn a_ruleset() -> Ruleset {
        let mut ruleset = Ruleset {
            ports: [2634, 2633].into(),
            local_users: [0, 1000].into(),
            remote_users: [0, 1000, 9869].into(),
            ..Ruleset::default()
        };
        for address in ["10.0.0.10", "10.0.0.9", "fd00::1"] {
            ruleset.allow(address.parse().unwrap());
        }
        ruleset
    }

    #[test]
    fn what_nft_lists_is_what_was_meant() {
        assert_eq!(read(LISTED).unwrap(), a_ruleset().lines());
    }

    #[test]
    fn any_change_of_the_table_is_seen() {
        let changes = [
            ("\"lo\"", "\"eth0\""),
            ("2634", "2635"),
            ("\"hook\": \"output\"", "\"hook\": \"input\""),
            ("\"prio\": -10", "\"prio\": 10"),
            ("\"op\": \"!=\"", "\"op\": \"==\""),
            ("{\"return\": null}", "{\"accept\": null}"),
            ("\"10.0.0.9\", ", ""),
            ("tcp reset", "icmp"),
        ];
        for (from, to) in changes {
            assert!(LISTED.contains(from), "{from}");
            let changed = LISTED.replacen(from, to, 1);
            assert_ne!(read(&changed).unwrap(), a_ruleset().lines(), "{from} -> {to}");
        }
        for bad in ["", "{}", "[]", "{\"nftables\": [{\"rule\": {\"chain\": \"x\"}}]}"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
