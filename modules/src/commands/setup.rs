//! `setup`: facts of a host.

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::contract::{Contract, Privilege};
use crate::module::{Cx, Failure, Finding, Module, Outcome};

/// Gathers facts of the host in one call, under Ansible's names.
///
/// Of its environment only what tells who runs there: `HOME`, `LANG`, `LOGNAME`, `PATH`, `SHELL` and `USER`; the rest may be secret.
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
say kernel_version "$(uname -v)"
machine=$(uname -m)
say architecture "$machine"
say machine "$machine"
say machine_id "$(cat /etc/machine-id 2>/dev/null)"
say system "$(uname -s)"
say user_id "$(id -un)"
say user_uid "$(id -u)"
say user_gid "$(id -g)"
say passwd "$(getent passwd "$(id -un)")"
for name in HOME LANG LOGNAME PATH SHELL USER; do eval "say env.$name \"\${$name-}\""; done
say processor_vcpus "$(getconf _NPROCESSORS_ONLN 2>/dev/null)"
awk '
/^MemTotal:/ {print "memtotal_mb=" int($2/1024)}
/^MemFree:/ {print "memfree_mb=" int($2/1024)}
/^SwapTotal:/ {print "swaptotal_mb=" int($2/1024)}
/^SwapFree:/ {print "swapfree_mb=" int($2/1024)}' /proc/meminfo
say uptime_seconds "$(cut -d. -f1 /proc/uptime)"
say boot_id "$(cat /proc/sys/kernel/random/boot_id)"
say now "$(date '+%s %F %T %Z')"
say date_time.iso8601 "$(date -u +%FT%TZ)"
say service_mgr "$([ -d /run/systemd/system ] && echo systemd || cat /proc/1/comm)"
say route "$(ip -4 route get 1.1.1.1 2>/dev/null | head -n 1)"
say all_ipv4_addresses "$(ip -4 -o addr show 2>/dev/null | awk '$2 != "lo" {sub("/.*", "", $4); printf "%s ", $4}')"
. /etc/os-release 2>/dev/null
say distribution "$ID"
say distribution_version "$VERSION_ID"
say distribution_release "$VERSION_CODENAME"
[ "$ID" != debian ] || say debian_version "$(cat /etc/debian_version 2>/dev/null)"
say os_like "$ID $ID_LIKE"
exit 0
"#;

fn read(text: &str) -> Map<String, Value> {
    let mut facts = Map::new();
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    for (name, value) in pairs.filter(|(_, value)| !value.is_empty()) {
        let fact = match name {
            "processor_vcpus" | "memtotal_mb" | "memfree_mb" | "swaptotal_mb" | "swapfree_mb"
            | "uptime_seconds" | "user_uid" | "user_gid" => {
                value.parse::<u64>().map_or_else(|_| value.into(), Value::from)
            }
            "now" => {
                add_time(&mut facts, value);
                continue;
            }
            "route" => {
                add_route(&mut facts, value);
                continue;
            }
            "passwd" => {
                let fields: Vec<&str> = value.split(':').collect();
                if let [_, _, _, _, gecos, home, shell] = fields.as_slice() {
                    for (name, field) in [("gecos", gecos), ("dir", home), ("shell", shell)] {
                        facts.insert(format!("user_{name}"), Value::from(*field));
                    }
                }
                continue;
            }
            // Debian's own file has the point release; before a release it has a name instead.
            "debian_version" => {
                if value.starts_with(|first: char| first.is_ascii_digit()) {
                    facts.insert("distribution_version".to_owned(), value.into());
                }
                continue;
            }
            _ if name.contains('.') => {
                put(&mut facts, name, value);
                continue;
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
    if let Some(Value::String(fqdn)) = facts.get("fqdn") {
        let domain = fqdn.split_once('.').map_or("", |(_, domain)| domain).to_owned();
        facts.insert("domain".to_owned(), domain.into());
    }
    let manager = if facts.get("os_family").is_some_and(|family| family == "RedHat") {
        "dnf"
    } else {
        "apt"
    };
    facts.insert("pkg_mgr".to_owned(), manager.into());
    facts
}

/// A fact inside another: `date_time.epoch`.
fn put(facts: &mut Map<String, Value>, name: &str, value: &str) {
    if let Some((outer, inner)) = name.split_once('.')
        && let Value::Object(group) = facts.entry(outer).or_insert_with(|| Value::Object(Map::new()))
    {
        group.insert(inner.to_owned(), value.into());
    }
}

/// Of `EPOCH YYYY-MM-DD HH:MM:SS ZONE`, in the host's own time zone. All are texts, as Ansible has them.
fn add_time(facts: &mut Map<String, Value>, now: &str) {
    let words: Vec<&str> = now.split_whitespace().collect();
    let [epoch, date, time, zone] = words.as_slice() else {
        return;
    };
    let whole = [("epoch", epoch), ("date", date), ("time", time), ("tz", zone)];
    let of_date = ["year", "month", "day"].into_iter().zip(date.split('-'));
    let of_time = ["hour", "minute", "second"].into_iter().zip(time.split(':'));
    for (name, value) in whole
        .map(|(name, word)| (name, *word))
        .into_iter()
        .chain(of_date)
        .chain(of_time)
    {
        put(facts, &format!("date_time.{name}"), value);
    }
}

/// Of what `ip route get` says of an address far away.
fn add_route(facts: &mut Map<String, Value>, route: &str) {
    let words: Vec<&str> = route.split_whitespace().collect();
    for pair in words.windows(2) {
        let name = match pair[0] {
            "src" => "address",
            "dev" => "interface",
            "via" => "gateway",
            _ => continue,
        };
        put(facts, &format!("default_ipv4.{name}"), pair[1]);
    }
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
        let command = cx.script::<&str>(FACTS, []);
        let facts = read(&cx.host.run(&command).await?.text());
        let registered = facts
            .iter()
            .map(|(name, value)| (format!("ansible_{name}"), value.clone()));
        let registered = Value::Object(registered.collect());
        let mut outcome =
            Outcome::unchanged(format!("{} facts", facts.len())).with("ansible_facts", registered);
        outcome.facts = facts;
        Ok(Finding::NoChange(outcome))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn facts_have_ansible_s_names_and_types() {
        let facts = read(
            "hostname=fe\nprocessor_vcpus=2\nmemtotal_mb=24000\ndistribution=debian\ndistribution_version=12\n\
             debian_version=12.11\nos_like=debian \nall_ipv4_addresses=10.0.0.1 10.0.0.2 \nfqdn=\nenv.HOME=/root\n\
             passwd=root:x:0:0:root:/root:/bin/bash\nnow=1796074958 2026-11-30 21:42:38 UTC\n\
             route=1.1.1.1 via 10.0.0.254 dev eth0 src 10.0.0.1 uid 0 \n",
        );
        assert_eq!(
            facts["default_ipv4"],
            json!({"gateway": "10.0.0.254", "interface": "eth0", "address": "10.0.0.1"})
        );
        assert_eq!(facts["date_time"]["epoch"], "1796074958");
        assert_eq!(facts["date_time"]["month"], "11");
        assert_eq!(facts["date_time"]["second"], "38");
        assert_eq!(facts["user_dir"], "/root");
        assert_eq!(facts["env"], json!({"HOME": "/root"}));
        assert_eq!(facts["processor_vcpus"], 2);
        assert_eq!(facts["distribution"], "Debian");
        assert_eq!(facts["distribution_version"], "12.11");
        assert_eq!(facts["distribution_major_version"], "12");
        assert_eq!(facts["os_family"], "Debian");
        assert_eq!(facts["all_ipv4_addresses"][1], "10.0.0.2");
        assert!(!facts.contains_key("fqdn"), "an empty fact is none");
    }
}
