//! `setup`: facts of a host.

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::contract::{Contract, Privilege};
use crate::host::Command;
use crate::module::{Cx, Failure, Finding, Module, Outcome};

/// Gathers facts of the host in one call, under Ansible's names.
///
/// Facts are gathered by themselves when a template asks for one; a task is needed only to gather them anew.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Setup {}

/// `KEY=VALUE` lines; a value never contains a newline.
const FACTS: &str = r#"
export LC_ALL=C
say() { printf '%s=%s\n' "$1" "$2"; }
say hostname "$(uname -n | cut -d. -f1)"
say nodename "$(uname -n)"
say fqdn "$(hostname -f 2>/dev/null || uname -n)"
say kernel "$(uname -r)"
say architecture "$(uname -m)"
say system "$(uname -s)"
say user_id "$(id -un)"
say processor_vcpus "$(getconf _NPROCESSORS_ONLN 2>/dev/null)"
say memtotal_mb "$(awk '/^MemTotal:/ {print int($2/1024)}' /proc/meminfo)"
say uptime_seconds "$(cut -d. -f1 /proc/uptime)"
say boot_id "$(cat /proc/sys/kernel/random/boot_id)"
say date_time_epoch "$(date +%s)"
say service_mgr "$([ -d /run/systemd/system ] && echo systemd || cat /proc/1/comm)"
say default_ipv4_address "$(ip -4 route get 1.1.1.1 2>/dev/null | sed -n 's/.* src \([^ ]*\).*/\1/p')"
say all_ipv4_addresses "$(ip -4 -o addr show 2>/dev/null | awk '$2 != "lo" {sub("/.*", "", $4); printf "%s ", $4}')"
. /etc/os-release 2>/dev/null
say distribution "$ID"
say distribution_version "$VERSION_ID"
say distribution_release "$VERSION_CODENAME"
say os_like "$ID $ID_LIKE"
exit 0
"#;

fn read(text: &str) -> Map<String, Value> {
    let mut facts = Map::new();
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    for (name, value) in pairs.filter(|(_, value)| !value.is_empty()) {
        let fact = match name {
            "processor_vcpus" | "memtotal_mb" | "uptime_seconds" | "date_time_epoch" => {
                value.parse::<u64>().map_or_else(|_| value.into(), Value::from)
            }
            "all_ipv4_addresses" => value.split_whitespace().collect(),
            "distribution" => capitalized(value).into(),
            "os_like" => {
                facts.insert("os_family".to_owned(), family(value).into());
                continue;
            }
            _ => value.into(),
        };
        facts.insert(name.to_owned(), fact);
    }
    if let Some(Value::String(version)) = facts.get("distribution_version") {
        let major = version.split('.').next().unwrap_or_default().to_owned();
        facts.insert("distribution_major_version".to_owned(), major.into());
    }
    let manager = if facts.get("os_family").is_some_and(|family| family == "RedHat") {
        "dnf"
    } else {
        "apt"
    };
    facts.insert("pkg_mgr".to_owned(), manager.into());
    facts
}

fn capitalized(word: &str) -> String {
    let mut chars = word.chars();
    chars
        .next()
        .map(|first| first.to_ascii_uppercase().to_string() + chars.as_str())
        .unwrap_or_default()
}

fn family(like: &str) -> &'static str {
    let is = |name: &str| like.split_whitespace().any(|word| word == name);
    if is("debian") || is("ubuntu") {
        "Debian"
    } else if is("rhel") || is("fedora") {
        "RedHat"
    } else if is("suse") {
        "Suse"
    } else {
        "Unknown"
    }
}

#[async_trait]
impl Module for Setup {
    const NAME: &'static str = "setup";
    const CONTRACT: Contract = Contract::reads(Privilege::AsTask);
    const EXAMPLE: &'static str = "\
- name: facts, again
  setup:
";

    async fn inspect(&self, cx: &Cx<'_>) -> Result<Finding, Failure> {
        let command = Command {
            argv: Command::script::<&str>(FACTS, []).argv,
            ..cx.command([""])
        };
        let facts = read(&cx.host.run(&command).await?.text());
        let mut outcome = Outcome::unchanged(format!("{} facts", facts.len()));
        outcome.facts = facts;
        Ok(Finding::NoChange(outcome))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_have_ansible_s_names_and_types() {
        let facts = read(
            "hostname=fe\nprocessor_vcpus=2\nmemtotal_mb=24000\ndistribution=debian\ndistribution_version=12\n\
             os_like=debian \nall_ipv4_addresses=10.0.0.1 10.0.0.2 \nfqdn=\n",
        );
        assert_eq!(facts["processor_vcpus"], 2);
        assert_eq!(facts["distribution"], "Debian");
        assert_eq!(facts["distribution_major_version"], "12");
        assert_eq!(facts["os_family"], "Debian");
        assert_eq!(facts["all_ipv4_addresses"][1], "10.0.0.2");
        assert!(!facts.contains_key("fqdn"), "an empty fact is none");
    }
}
