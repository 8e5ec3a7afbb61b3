//! What of OpenNebula is on a host and alive: units, processes, the lock. Read-only, in one call.
//!
//! The documented list of services is not enough: hem, ssh-agent and two timers stay up after it, so units are taken as systemd
//! knows them and never from a list of ours.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::host::Command;
use crate::module::{Cx, Failure};

/// Which part of a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Scope {
    /// Everything of OpenNebula, and the proxies in front of it.
    #[default]
    All,
    /// oned and what comes with it: hem, ssh-agent, the timers.
    Core,
    /// What talks to oned: FireEdge, OneFlow, OneGate, …, and the proxies in front of them.
    Related,
}

impl Scope {
    pub(super) fn covers(self, unit: &str) -> bool {
        match self {
            Self::All => true,
            Self::Core => is_core(unit),
            Self::Related => !is_core(unit),
        }
    }
}

/// oned, and what its start pulls up.
fn is_core(unit: &str) -> bool {
    let name = unit.rsplit_once('.').map_or(unit, |(name, _)| name);
    let parts = ["-hem", "-ssh-agent", "-ssh-socks-cleaner", "-showback"];
    name.strip_prefix("opennebula")
        .is_some_and(|rest| rest.is_empty() || parts.contains(&rest))
}

/// A unit as systemd knows it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Unit {
    pub(super) load: String,
    pub(super) active: String,
    pub(super) file: String,
    /// Its file is the administrator's own, in /etc/systemd/system: where it stands, no mask can be put.
    #[serde(default)]
    pub(super) own: bool,
}

impl Unit {
    /// Neither stopped nor failed: something of it runs, or is about to.
    pub(super) fn up(&self) -> bool {
        !matches!(self.active.as_str(), "inactive" | "failed")
    }

    /// It shows in the documented `list-units | grep opennebula`, be it only as failed.
    pub(super) fn listed(&self) -> bool {
        self.active != "inactive"
    }

    pub(super) fn masked(&self) -> bool {
        self.file.starts_with("masked") || self.load == "masked"
    }

    pub(super) fn enabled(&self) -> bool {
        self.file.starts_with("enabled")
    }

    /// Neither a boot nor a package starts it: it is masked, or, where it cannot be, not enabled.
    pub(super) fn held_down(&self) -> bool {
        self.masked() || (self.own && !self.enabled())
    }

    pub(super) fn exists(&self) -> bool {
        self.load != "not-found"
    }
}

/// Units in a few words: `opennebula-flow, -gate, -showback.timer`. What is plainly a service is not called one.
pub(super) fn in_short<'a>(units: impl IntoIterator<Item = &'a str>) -> String {
    let mut words: Vec<&str> = Vec::new();
    let mut family = false;
    for unit in units {
        let name = unit.strip_suffix(".service").unwrap_or(unit);
        match name.strip_prefix("opennebula") {
            Some(rest) if family && rest.starts_with('-') => words.push(rest),
            rest => {
                family = rest.is_some_and(|rest| rest.starts_with('-'));
                words.push(name);
            }
        }
    }
    words.join(", ")
}

/// What was to be done, once it is done: `stop x` becomes `stopped x`.
pub(super) fn done(what: &[String]) -> String {
    let verbs = [
        ("stop ", "stopped "),
        ("mask ", "masked "),
        ("start ", "started "),
        ("unmask ", "unmasked "),
        ("remove ", "removed "),
        ("forget ", "forgot "),
    ];
    let past = what.iter().map(|sentence| {
        let verb = verbs
            .iter()
            .find_map(|(verb, past)| Some((past, sentence.strip_prefix(verb)?)));
        verb.map_or_else(|| sentence.clone(), |(past, rest)| format!("{past}{rest}"))
    });
    past.collect::<Vec<_>>().join("; ")
}

/// The lock file of oned. It is empty: whether it is somebody's only the process table tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lock {
    None,
    /// A oned of this pid runs.
    Live(u32),
    /// Whoever made it is gone: it blocks `onedb` all the same.
    Stale,
}

/// All of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Snapshot {
    pub(super) units: BTreeMap<String, Unit>,
    /// Processes of OpenNebula, `PID ARGS`.
    pub(super) processes: Vec<String>,
    /// An `onedb` at work, `PID ARGS`.
    pub(super) onedb: Vec<String>,
    pub(super) lock: Lock,
}

/// A proxy counts when its configuration points at FireEdge's port.
const LOOK: &str = r#"
export LC_ALL=C
units=$({
  systemctl list-units --all --plain --no-legend --full 'opennebula*'
  systemctl list-unit-files --no-legend --full 'opennebula*'
} 2>/dev/null | awk '{print $1}' | grep -v '@\.'
for proxy in nginx apache2 httpd; do
  grep -RqsE '(127\.0\.0\.1|localhost|\[::1\]):2616' "/etc/$proxy" && echo "$proxy.service"
done
printf '%s\n' "$@")
units=$(printf '%s\n' "$units" | grep . | sort -u)
[ -z "$units" ] || systemctl show --property=Id,LoadState,ActiveState,UnitFileState,FragmentPath -- $units
echo '=== processes'
ps -eo pid=,args=
echo '=== lock'
if [ -e /var/lock/one/one ]; then
  pid=$(pgrep -x oned | head -n 1)
  if [ -n "$pid" ]; then echo "live $pid"; else echo stale; fi
fi
"#;

/// Looks. `also`: further units that belong to the zone.
pub(super) async fn look(cx: &Cx<'_>, also: &[String]) -> Result<Snapshot, Failure> {
    for unit in also {
        check_name(unit)?;
    }
    let also = also.iter().map(|unit| {
        if unit.contains('.') {
            unit.clone()
        } else {
            format!("{unit}.service")
        }
    });
    let output = cx.host.run(&Command::script(LOOK, also).as_root()).await?;
    if !output.exit.success() {
        let words = output.err_text();
        return Err(Failure::failed(format!(
            "{}: failed to ask systemd: {}",
            cx.host.name(),
            words.trim()
        )));
    }
    Ok(read(&output.text()))
}

fn check_name(unit: &str) -> Result<(), Failure> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.@:\\".contains(c);
    if !unit.is_empty() && !unit.starts_with('-') && unit.chars().all(plain) {
        return Ok(());
    }
    Err(Failure::failed(format!("`{unit}` cannot be the name of a unit")))
}

fn read(text: &str) -> Snapshot {
    let (units, rest) = text.split_once("=== processes\n").unwrap_or((text, ""));
    let (processes, lock) = rest.split_once("=== lock\n").unwrap_or((rest, ""));
    let mut snapshot = Snapshot {
        units: read_units(units),
        processes: Vec::new(),
        onedb: Vec::new(),
        lock: Lock::None,
    };
    for line in processes.lines() {
        match kind(line) {
            Kind::Onedb => snapshot.onedb.push(line.trim().to_owned()),
            Kind::OpenNebula => snapshot.processes.push(line.trim().to_owned()),
            Kind::Other => {}
        }
    }
    snapshot.lock = match lock.trim().split_once(' ') {
        Some(("live", pid)) => Lock::Live(pid.parse().unwrap_or(0)),
        _ if lock.trim() == "stale" => Lock::Stale,
        _ => Lock::None,
    };
    snapshot
}

/// `systemctl show` prints a block of `Name=value` lines for each unit, with an empty line between.
fn read_units(text: &str) -> BTreeMap<String, Unit> {
    let mut units = BTreeMap::new();
    for block in text.split("\n\n") {
        let (mut id, mut unit) = (String::new(), Unit::default());
        for (name, value) in block.lines().filter_map(|line| line.split_once('=')) {
            match name {
                "Id" => value.clone_into(&mut id),
                "LoadState" => value.clone_into(&mut unit.load),
                "ActiveState" => value.clone_into(&mut unit.active),
                "UnitFileState" => value.clone_into(&mut unit.file),
                "FragmentPath" => unit.own = value.starts_with("/etc/systemd/system/"),
                _ => {}
            }
        }
        if !id.is_empty() && unit.exists() {
            units.insert(id, unit);
        }
    }
    units
}

enum Kind {
    OpenNebula,
    Onedb,
    Other,
}

/// What a line of `ps -eo pid=,args=` is. Only the program and its first argument decide, so that a shell whose script
/// mentions OpenNebula is not taken for it.
fn kind(line: &str) -> Kind {
    let mut words = line.split_whitespace().skip(1);
    let (program, first) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let base = |word: &str| word.rsplit('/').next().unwrap_or_default().to_owned();
    if base(program) == "onedb" || base(first) == "onedb" {
        return Kind::Onedb;
    }
    let agent = base(program) == "ssh-agent" && line.contains("/run/one/");
    if base(program) == "oned"
        || [program, first]
            .iter()
            .any(|word| word.starts_with("/usr/lib/one/"))
        || agent
    {
        return Kind::OpenNebula;
    }
    Kind::Other
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// What the script prints for these units, `NAME ACTIVE FILE` each.
    pub(in crate::services) fn printed(units: &[(&str, &str, &str)], processes: &str, lock: &str) -> String {
        let unit = |(id, active, file): &(&str, &str, &str)| {
            format!("LoadState=loaded\nActiveState={active}\nUnitFileState={file}\nId={id}\n")
        };
        let units: Vec<String> = units.iter().map(unit).collect();
        format!("{}=== processes\n{processes}=== lock\n{lock}", units.join("\n"))
    }

    #[test]
    fn units_in_few_words() {
        let units = [
            "opennebula-flow.service",
            "opennebula-gate.service",
            "opennebula-showback.timer",
            "opennebula.service",
            "nginx.service",
        ];
        assert_eq!(
            in_short(units),
            "opennebula-flow, -gate, -showback.timer, opennebula, nginx"
        );
        assert_eq!(in_short([]), "");
    }

    #[test]
    fn core_is_what_the_start_of_oned_pulls_up() {
        for (unit, core) in [
            ("opennebula.service", true),
            ("opennebula-hem.service", true),
            ("opennebula-ssh-socks-cleaner.timer", true),
            ("opennebula-showback.timer", true),
            ("opennebula-fireedge.service", false),
            ("opennebula-form.service", false),
            ("nginx.service", false),
        ] {
            assert_eq!(is_core(unit), core, "{unit}");
        }
    }

    #[test]
    fn processes_are_told_by_their_program_alone() {
        let processes = "   56 /usr/bin/ssh-agent -a /var/run/one/ssh-agent.sock\n\
            \x20 305 /usr/bin/ruby /usr/lib/one/onehem/onehem-server.rb\n\
            \x20 949 /usr/bin/oned -f\n\
            \x20 960 ruby /usr/bin/onedb upgrade -v\n\
            \x20 961 sh -c pgrep /usr/bin/oned\n\
            \x20 962 sshd: oneadmin@pts/0\n\
            \x20 963 vi /etc/one/oned.conf\n";
        let snapshot = read(&printed(&[], processes, "live 949\n"));
        assert_eq!(snapshot.processes.len(), 3);
        assert_eq!(snapshot.onedb, ["960 ruby /usr/bin/onedb upgrade -v"]);
        assert_eq!(snapshot.lock, Lock::Live(949));
    }

    #[test]
    fn a_unit_that_is_only_wanted_by_another_is_none() {
        let text = "Id=opennebula-guacd.service\nLoadState=not-found\nActiveState=inactive\nUnitFileState=\n\n\
            Id=opennebula-flow.service\nLoadState=loaded\nActiveState=failed\nUnitFileState=disabled\n";
        let units = read_units(text);
        assert_eq!(units.len(), 1);
        let flow = &units["opennebula-flow.service"];
        assert!(flow.listed() && !flow.up() && !flow.masked());
    }
}
