//! A table of the packet filter: its rules as text, what they keep out, and how `nft -j` lists them.

use std::collections::BTreeMap;

/// A table that is loaded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// The rules as they were loaded.
    pub text: String,
    /// The ports that only those who are allowed reach.
    pub ports: Vec<u16>,
    /// The addresses that are.
    pub allowed: Vec<String>,
    /// Whether users of the machine itself are kept out too, but for root.
    pub local_too: bool,
}

/// A line of a table.
enum Line<'a> {
    Set(&'a str, &'a str, Vec<&'a str>),
    Chain(&'a str),
    /// Hook, priority, policy.
    Hook(&'a str, &'a str, &'a str),
    Rule(Vec<&'a str>),
    Nothing,
}

impl<'a> Line<'a> {
    fn of(line: &'a str) -> Self {
        let line = line.trim();
        let words: Vec<&str> = line
            .split_whitespace()
            .map(|word| word.trim_end_matches(';'))
            .collect();
        match words.as_slice() {
            ["set", name, "{", "type", kind, ..] => {
                let listed = line
                    .split_once("elements = {")
                    .and_then(|(_, rest)| rest.split_once('}'));
                let elements = listed.map_or("", |(listed, _)| listed).split(',');
                let elements = elements.map(str::trim).filter(|element| !element.is_empty());
                Self::Set(name, kind, elements.collect())
            }
            ["chain", name, "{"] => Self::Chain(name),
            [
                "type",
                "filter",
                "hook",
                hook,
                "priority",
                priority,
                "policy",
                policy,
            ] => Self::Hook(hook, priority, policy),
            [] | ["}" | "#!/usr/sbin/nft" | "#" | "table" | "delete", ..] => Self::Nothing,
            _ => Self::Rule(words),
        }
    }
}

impl Filter {
    /// Whether anybody is kept out.
    pub fn keeps_out(&self) -> bool {
        !self.ports.is_empty()
    }

    /// What a file of rules comes to.
    pub(super) fn of(text: &str) -> Self {
        let mut sets: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        let mut filter = Self {
            text: text.to_owned(),
            ..Self::default()
        };
        for line in text.lines() {
            match Line::of(line) {
                Line::Set(name, _, elements) => _ = sets.insert(name, elements),
                Line::Rule(words) => filter.learn(&words, &sets),
                Line::Chain(_) | Line::Hook(..) | Line::Nothing => {}
            }
        }
        filter.ports.sort_unstable();
        filter.ports.dedup();
        filter
    }

    fn learn(&mut self, words: &[&str], sets: &BTreeMap<&str, Vec<&str>>) {
        let after = |key: &str| -> Vec<String> {
            let mut rest = words.iter().skip_while(|word| **word != key).skip(1);
            match rest.next() {
                Some(&"{") => rest
                    .take_while(|word| **word != "}")
                    .map(|word| word.trim_end_matches(',').to_owned())
                    .collect(),
                Some(name) if name.starts_with('@') => sets
                    .get(&name[1..])
                    .into_iter()
                    .flatten()
                    .map(|element| (*element).to_owned())
                    .collect(),
                Some(one) => vec![(*one).to_owned()],
                None => Vec::new(),
            }
        };
        let ends = |with: &[&str]| words.iter().any(|word| with.contains(word));
        if ends(&["reject", "drop"]) {
            self.ports
                .extend(after("dport").iter().filter_map(|port| port.parse::<u16>().ok()));
            self.local_too |= words.contains(&"skuid");
        } else if ends(&["return", "accept"]) {
            self.allowed.extend(after("saddr"));
        }
    }

    /// As `nft -j list table inet nebplay` prints it.
    pub(super) fn json(&self) -> String {
        let mut objects = vec![object("table", "\"name\": \"nebplay\"")];
        let mut rules = Vec::new();
        let mut chain = "";
        for line in self.text.lines() {
            match Line::of(line) {
                Line::Set(name, kind, elements) => {
                    let elements: Vec<String> = elements.into_iter().map(value).collect();
                    let mut said =
                        format!("\"table\": \"nebplay\", \"name\": \"{name}\", \"type\": \"{kind}\"");
                    if !elements.is_empty() {
                        said.push_str(&format!(", \"elem\": [{}]", elements.join(", ")));
                    }
                    objects.push(object("set", &said));
                }
                Line::Chain(name) => chain = name,
                Line::Hook(hook, priority, policy) => objects.push(object(
                    "chain",
                    &format!(
                        "\"table\": \"nebplay\", \"name\": \"{chain}\", \"type\": \"filter\", \"hook\": \"{hook}\", \
                         \"prio\": {priority}, \"policy\": \"{policy}\""
                    ),
                )),
                Line::Rule(words) => rules.push(object(
                    "rule",
                    &format!(
                        "\"table\": \"nebplay\", \"chain\": \"{chain}\", \"expr\": [{}]",
                        expressions(&words).join(", ")
                    ),
                )),
                Line::Nothing => {}
            }
        }
        objects.extend(rules);
        format!("{{\"nftables\": [{}]}}\n", objects.join(", "))
    }
}

fn object(kind: &str, said: &str) -> String {
    format!("{{\"{kind}\": {{\"family\": \"inet\", {said}}}}}")
}

fn value(word: &str) -> String {
    if word.parse::<u64>().is_ok() {
        word.to_owned()
    } else {
        format!("\"{}\"", word.trim_matches('"'))
    }
}

/// What a rule is made of, in order.
fn expressions(words: &[&str]) -> Vec<String> {
    let matched = |left: String, op: &str, right: &str| {
        format!(
            "{{\"match\": {{\"op\": \"{op}\", \"left\": {left}, \"right\": {}}}}}",
            value(right)
        )
    };
    let meta = |key: &str| format!("{{\"meta\": {{\"key\": \"{key}\"}}}}");
    let mut found = Vec::new();
    let mut rest = words;
    loop {
        rest = match rest {
            [key @ ("iifname" | "oifname"), right, rest @ ..] => {
                found.push(matched(meta(key), "==", right));
                rest
            }
            ["meta", key, op @ "!=", right, rest @ ..] => {
                found.push(matched(meta(key), op, right));
                rest
            }
            [
                protocol @ ("tcp" | "ip" | "ip6"),
                field @ ("dport" | "saddr" | "daddr"),
                right,
                rest @ ..,
            ] => {
                let left =
                    format!("{{\"payload\": {{\"protocol\": \"{protocol}\", \"field\": \"{field}\"}}}}");
                found.push(matched(left, "==", right));
                rest
            }
            ["reject", "with", "tcp", "reset", rest @ ..] => {
                found.push("{\"reject\": {\"type\": \"tcp reset\"}}".to_owned());
                rest
            }
            [verdict @ ("return" | "accept" | "drop"), rest @ ..] => {
                found.push(format!("{{\"{verdict}\": null}}"));
                rest
            }
            [_, rest @ ..] => rest,
            [] => return found,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: &str = "#!/usr/sbin/nft -f\n# kept out\ntable inet nebplay {}\ndelete table inet nebplay\ntable inet nebplay {\n  \
        set ports { type inet_service; elements = { 2633, 2634 }; }\n  \
        set federation4 { type ipv4_addr; elements = { 10.0.0.9 }; }\n  set federation6 { type ipv6_addr; }\n  \
        chain input {\n    type filter hook input priority -10; policy accept;\n    iifname \"lo\" return\n    \
        tcp dport @ports ip saddr @federation4 return\n    tcp dport @ports reject with tcp reset\n  }\n  \
        chain output {\n    type filter hook output priority -10; policy accept;\n    \
        oifname \"lo\" tcp dport @ports meta skuid != 0 reject with tcp reset\n  }\n}\n";

    #[test]
    fn what_rules_keep_out_is_read_from_them() {
        let filter = Filter::of(RULES);
        assert_eq!(filter.ports, [2633, 2634]);
        assert_eq!(filter.allowed, ["10.0.0.9"]);
        assert!(filter.local_too && filter.keeps_out());
        let plain = Filter::of("table inet t {\n chain input {\n  tcp dport { 80, 443 } drop\n }\n}\n");
        assert_eq!(plain.ports, [80, 443]);
        assert!(!plain.local_too && plain.allowed.is_empty());
    }

    #[test]
    fn rules_are_listed_as_nft_lists_them() {
        let json = Filter::of(RULES).json();
        for part in [
            r#"{"set": {"family": "inet", "table": "nebplay", "name": "ports", "type": "inet_service", "elem": [2633, 2634]}}"#,
            r#"{"set": {"family": "inet", "table": "nebplay", "name": "federation6", "type": "ipv6_addr"}}"#,
            r#""name": "input", "type": "filter", "hook": "input", "prio": -10, "policy": "accept"}}"#,
            r#"[{"match": {"op": "==", "left": {"meta": {"key": "iifname"}}, "right": "lo"}}, {"return": null}]"#,
            r#"{"match": {"op": "!=", "left": {"meta": {"key": "skuid"}}, "right": 0}}, {"reject": {"type": "tcp reset"}}]"#,
        ] {
            assert!(json.contains(part), "{part}\n{json}");
        }
    }
}
